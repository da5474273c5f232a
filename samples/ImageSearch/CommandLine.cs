using System.CommandLine;
using System.CommandLine.Invocation;
using System.Reflection;
using System.Runtime.InteropServices;
using ZeroOneShot.OneShot;

namespace ImageSearch;

/// <summary>The options of this application, its exit codes, and how it stops.</summary>
internal static class CommandLine
{
    private const int Failed = 1, BadUsage = 2, Cancelled = 130;

    private static readonly Option<string?> s_data = new("--data")
    {
        Description = "Folder of CIFAR-10 or CIFAR-100 (binary version), or of images: with one subfolder per class, or with such folders "
            + "called train and test. Default: 2,500 images of Fashion-MNIST that this application brings along.",
        HelpName = "DIR",
    };

    private static readonly Option<string> s_method = new("--method")
    {
        Description = $"One of {string.Join(", ", SearchMethod.All.Select(method => method.Name))}.",
        DefaultValueFactory = _ => SearchMethod.ZeroOneShot.Name,
        HelpName = "NAME",
    };

    private static readonly Option<string> s_preset = new("--preset")
    {
        Description = $"{string.Join("; ", Preset.All.Select(preset => $"{preset.Name}: {preset.Purpose}"))}.",
        DefaultValueFactory = _ => "quick",
        HelpName = "NAME",
    };

    private static readonly Option<int> s_seed = new("--seed")
    {
        Description = "Decides the result: the same seed on the same machine gives the same files.",
        DefaultValueFactory = _ => 1,
        HelpName = "N",
    };

    private static readonly Option<string> s_out = new("--out")
    {
        Description = "Folder for the results; files of an earlier run in it are replaced.",
        DefaultValueFactory = _ => "out/",
        HelpName = "DIR",
    };

    private static readonly Option<int?> s_epochs = Number("--epochs", "Epochs of training, in place of the preset's.");
    private static readonly Option<int?> s_searchEpochs = Number("--search-epochs", "Epochs of the search, in place of the preset's.");
    private static readonly Option<int?> s_channels =
        Number("--channels", "Channels of the first cells in both networks, in place of the preset's.");
    private static readonly Option<int?> s_cells = Number("--cells", "Cells of both networks, in place of the preset's.");

    private static readonly Option<long?> s_maxParameters = Limit("--max-parameters", "parameters");
    private static readonly Option<long?> s_maxMultiplyAdds = Limit("--max-multiply-adds", "multiply-adds");

    private static readonly Option<int?> s_imagesPerClass =
        Number("--images-per-class", "Images of every class to train on, in place of the preset's number; a quarter of it is tested on.");

    private static readonly Option<int> s_imageSize = new("--image-size")
    {
        Description = "Side in pixels, 16 to 256, that all images are resized to.",
        DefaultValueFactory = _ => 32,
        HelpName = "N",
    };

    private static readonly Option<bool> s_grey = new("--grey")
    {
        Description = "Reads images of a folder as grey. The default data set is grey anyway.",
    };

    /// <summary>Runs the application and turns errors into one sentence.</summary>
    /// <param name="args">The command line.</param>
    /// <param name="run">What to do.</param>
    /// <returns>The exit code: 0, 1 after an error, 2 for options that are not understood, 130 when cancelled.</returns>
    public static int Run(string[] args, Action<RunSettings, CancellationToken> run)
    {
        var command = new RootCommand("Searches a convolutional network for your images, trains it, and saves it as an ML.NET model.")
        {
            s_data, s_method, s_preset, s_seed, s_out, s_epochs, s_searchEpochs, s_channels, s_cells, s_maxParameters,
            s_maxMultiplyAdds, s_imagesPerClass, s_imageSize, s_grey,
        };
        command.SetAction(parsed => Run(parsed, run));
        var parsed = command.Parse(args);
        if (parsed.Action is ParseErrorAction)
        {
            foreach (var error in parsed.Errors)
                Console.Error.WriteLine(error.Message);
            Console.Error.WriteLine("--help lists the options.");
            return BadUsage;
        }
        return parsed.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
    }

    private static int Run(ParseResult parsed, Action<RunSettings, CancellationToken> run)
    {
        var stop = new CancellationTokenSource();           // never disposed: a signal may come as the run ends
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        RunSettings settings;
        try
        {
            settings = Settings(parsed);
        }
        catch (ArgumentException e)
        {
            Console.Error.WriteLine(Sentence(e));
            return BadUsage;
        }
        try
        {
            run(settings, stop.Token);
            return 0;
        }
        catch (Exception e) when (Cause(e) is OperationCanceledException)
        {
            Console.Error.WriteLine("Cancelled; no results were written.");
            return Cancelled;
        }
        catch (Exception e) when (Cause(e) is IOException or UnauthorizedAccessException or ArgumentException or InvalidOperationException
            or InvalidDataException or FormatException or DllNotFoundException)
        {
            Console.Error.WriteLine(Sentence(Cause(e)));
            return Failed;
        }

        void Stop(PosixSignalContext signal)
        {
            // The second signal ends the process at once.
            signal.Cancel = !stop.IsCancellationRequested;
            stop.Cancel();
        }
    }

    private static RunSettings Settings(ParseResult parsed) => new()
    {
        Data = parsed.GetValue(s_data),
        Method = SearchMethod.Parse(parsed.GetRequiredValue(s_method)),
        Preset = Preset.Parse(parsed.GetRequiredValue(s_preset)).With(
            parsed.GetValue(s_epochs), parsed.GetValue(s_searchEpochs), parsed.GetValue(s_channels), parsed.GetValue(s_cells),
            AtLeastOne(s_imagesPerClass, parsed.GetValue(s_imagesPerClass)))
            .KeptTo(parsed.GetValue(s_maxParameters), parsed.GetValue(s_maxMultiplyAdds)),
        Seed = parsed.GetValue(s_seed),
        Out = Outside(parsed.GetRequiredValue(s_out), parsed.GetValue(s_data)),
        ImageSize = parsed.GetValue(s_imageSize),
        Grey = parsed.GetValue(s_grey),
    };

    private static Option<int?> Number(string name, string description) => new(name) { Description = description, HelpName = "N" };

    private static Option<long?> Limit(string name, string what) => new(name)
    {
        Description = $"The most {what} that the found network may have; it gets at least 95 % of them.", HelpName = "N",
    };

    private static int? AtLeastOne(Option<int?> option, int? value) =>
        value is < 1 ? throw new ArgumentException($"{option.Name} is {value}; expected at least 1.") : value;

    /// <summary>The folder for the results, which would be a class in the folder of images.</summary>
    private static string Outside(string results, string? images) =>
        images is not null && Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(results)))
            == Path.TrimEndingDirectorySeparator(Path.GetFullPath(images))
            ? throw new ArgumentException(
                $"--out '{results}' lies in --data '{images}', where it would be taken for a class; give a folder outside.")
            : results;

    // ML.NET reads rows on several threads, and wraps what goes wrong there.
    private static Exception Cause(Exception e) => e switch
    {
        AggregateException or TargetInvocationException when e.InnerException is { } inner => Cause(inner),
        InvalidOperationException { InnerException: { } inner } when e.Message.StartsWith("Splitter", StringComparison.Ordinal) =>
            Cause(inner),
        _ => e,
    };

    private static string Sentence(Exception e)
    {
        var end = e is ArgumentException ? e.Message.IndexOf(" (Parameter '", StringComparison.Ordinal) : -1;
        return end < 0 ? e.Message : e.Message[..end];
    }
}
