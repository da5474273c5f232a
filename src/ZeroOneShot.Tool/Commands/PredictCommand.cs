using System.Collections.Concurrent;
using System.CommandLine;
using System.Globalization;
using ZeroOneShot.ML;
using ZeroOneShot.Tool.Output;

namespace ZeroOneShot.Tool.Commands;

/// <summary>Classifies image files, a line each, as they come.</summary>
internal static class PredictCommand
{
    private static readonly Argument<string> s_model = new("MODEL") { Description = "A saved model, model.zip, or the folder of a run." };

    private static readonly Argument<string[]> s_files = new("FILES")
    {
        Description = "Images, folders of images, or - for a list of paths on standard input, a line each.",
        Arity = ArgumentArity.OneOrMore,
    };

    private static readonly Option<int> s_top = new("--top")
    {
        Description = "How many classes to name for each image, the best first.", DefaultValueFactory = _ => 3, HelpName = "N",
    };

    private static readonly Option<bool> s_json = new("--json") { Description = "One JSON object a line." };

    private static readonly Option<bool> s_csv = new("--csv") { Description = "Comma-separated values, with a line of headings." };

    private static readonly Option<string> s_column = new("--column")
    {
        Description = "The image column of a model that was trained elsewhere.",
        DefaultValueFactory = _ => new ImageClassifierPoolOptions().ImageColumnName,
        HelpName = "NAME",
    };

    public static Command Make()
    {
        var command = new Command("predict", "Classifies images with a saved model. Images that cannot be read are named on standard " +
            "error (with --json and --csv beside the others), the rest is done, and the exit code is 3.")
        {
            s_model, s_files, s_top, s_json, s_csv, s_column,
        };
        command.Does((parsed, stop) =>
        {
            var (json, csv, top) = (parsed.GetValue(s_json), parsed.GetValue(s_csv), parsed.GetValue(s_top));
            if (json && csv)
                throw new ToolException(ExitCode.Arguments, "--json and --csv are both given; choose one.");
            if (top < 1)
                throw new ToolException(ExitCode.Arguments, $"--top is {top}; expected at least 1.");
            var model = SavedModels.Zip(parsed.GetRequiredValue(s_model));
            using var pool = SavedModels.Load(model, parsed.GetRequiredValue(s_column));
            top = Math.Min(top, pool.ClassNames.Count);
            if (csv)
                Console.Out.WriteLine(CsvText.Line([.. "image,error".Split(','), .. Enumerable.Range(1, top).SelectMany(
                    i => new[] { $"label_{i}", $"score_{i}" })]));
            // In order, as they come, and no more images in memory than are worked on.
            using var window = new BlockingCollection<Task<Answer>>(2 * Environment.ProcessorCount);
            var naming = Task.Run(() =>
            {
                try
                {
                    foreach (var file in Files(parsed.GetRequiredValue(s_files)))
                        window.Add(Task.Run(() => Answer.Of(pool, file, top)), stop.Token);
                }
                finally
                {
                    window.CompleteAdding();
                }
            });
            var faulty = false;
            foreach (var answer in window.GetConsumingEnumerable(stop.Token).Select(task => task.GetAwaiter().GetResult()))
            {
                if (Reader.IsGone)
                    return ExitCode.Done;
                faulty |= answer.Error is not null;
                if (json)
                    Console.Out.WriteLine(JsonText.Line(answer));
                else if (csv)
                    Console.Out.WriteLine(CsvText.Line([answer.Image, answer.Error ?? "", .. Enumerable.Range(0, top).SelectMany(
                        i => i < answer.Classes.Count ? new[] { answer.Classes[i].Label, Score(answer.Classes[i].Score) } : ["", ""])]));
                else if (answer.Error is { } error)
                    Console.Error.WriteLine(Terminal.Printable(error));
                else
                    Console.Out.WriteLine($"{Terminal.Printable(answer.Image)}: {string.Join(", ", answer.Classes.Select(
                        of => $"{Terminal.Printable(of.Label)} {Score(of.Score)}"))}");
            }
            naming.GetAwaiter().GetResult();
            return faulty ? ExitCode.Data : ExitCode.Done;
        });
        return command;
    }

    private static string Score(float score) => score.ToString("0.00000", CultureInfo.InvariantCulture);

    private static IEnumerable<Named> Files(IEnumerable<string> named)
    {
        foreach (var name in named)
        {
            if (name == "-")
            {
                while (Console.In.ReadLine() is { } line)
                {
                    if (line.Length > 0)
                        yield return new Named(line);
                }
            }
            else if (Directory.Exists(name))
            {
                var some = false;
                foreach (var file in Under(name))
                {
                    some = true;
                    yield return file;
                }
                if (!some)
                    yield return new Named(name, $"'{name}' has no images; expected {string.Join(", ", ImageFolder.Extensions)} in it.");
            }
            else
            {
                yield return new Named(name);
            }
        }
    }

    // As they lie there, without a list of all. Links to folders may lead round in a circle.
    private static IEnumerable<Named> Under(string top)
    {
        var folders = new Stack<string>([top]);
        while (folders.TryPop(out var folder))
        {
            IEnumerable<FileSystemInfo> entries = [];
            string? fault = null;
            try
            {
                entries = new DirectoryInfo(folder).EnumerateFileSystemInfos();
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                fault = $"Folder '{folder}' cannot be read. {e.Message}";
            }
            if (fault is not null)
                yield return new Named(folder, fault);
            foreach (var entry in entries)
            {
                var path = Path.Combine(folder, entry.Name);
                if (entry is not DirectoryInfo)
                {
                    if (ImageFolder.IsImage(path))
                        yield return new Named(path);
                }
                else if (entry.LinkTarget is null && !entry.Name.StartsWith('.'))
                {
                    folders.Push(path);
                }
            }
        }
    }

    /// <param name="Path">An image, or what was to have some.</param>
    /// <param name="Fault">Why there are none; null where there may be one.</param>
    private readonly record struct Named(string Path, string? Fault = null);

    private sealed record Answer(string Image, string? Error, IReadOnlyList<ClassScore> Classes)
    {
        public static Answer Of(ImageClassifierPool pool, Named named, int top)
        {
            if (named.Fault is { } fault)
                return new Answer(named.Path, fault, []);
            try
            {
                return new Answer(named.Path, null, [.. pool.Classify(named.Path).Take(top)]);
            }
            catch (ImageFaultException e)
            {
                return new Answer(named.Path, e.Message, []);
            }
        }
    }
}
