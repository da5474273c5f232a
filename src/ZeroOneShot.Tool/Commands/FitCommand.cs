using System.CommandLine;
using ZeroOneShot.ML;
using ZeroOneShot.OneShot;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Tool.Data;
using ZeroOneShot.Tool.Output;
using ZeroOneShot.Tool.Runs;
using ZeroOneShot.Training;

namespace ZeroOneShot.Tool.Commands;

/// <summary>Finds and trains a network.</summary>
internal static class FitCommand
{
    private static readonly Option<string> s_out = new("--out", "-o")
    {
        Description = "Folder for the results; files of an earlier run in it are replaced.", DefaultValueFactory = _ => "out",
            HelpName = "DIR",
    };

    private static readonly Option<bool> s_anew = new("--anew")
    {
        Description = "Begins anew in a folder where another run was stopped, and gives up what that one had reached.",
    };

    private static readonly Option<string?> s_plan = new("--plan")
    {
        Description = "A plan, of zeroone plan or plan.json of an earlier run, to follow without a look at the clock: the same seed " +
            "gives the same model again. It decides on minutes, memory, method, space and size of the images.",
        HelpName = "FILE",
    };

    public static Command Make()
    {
        var command = new Command("fit", "Finds and trains a network for images within a time and a memory. Leaves model.zip, " +
            "model.onnx, genotype.json, mask.json (with importances.json, where operations were ranked), metrics.json, predictions.csv, " +
            "plan.json and report.html. Ctrl+C stops it; zeroone resume goes on.");
        Asked.AddTo(command);
        command.Add(s_plan);
        command.Add(s_out);
        command.Add(s_anew);
        Display.AddTo(command);
        command.Does((parsed, stop) =>
        {
            var display = Display.Of(parsed);
            var plan = parsed.GetValue(s_plan) is { } file ? RunFolder.ReadPlan(file) : null;
            var asked = Asked.Of(parsed, plan);
            var folder = new RunFolder(Outside(parsed.GetRequiredValue(s_out), asked.Data));
            return FitJob.Run(asked, plan, folder, parsed.GetValue(s_anew) ? FitJob.Start.Anew : FitJob.Start.New, display, stop);
        });
        return command;
    }

    /// <summary>The folder for the results, which would be a class in the folder of images.</summary>
    private static string Outside(string results, string images) => results.Length == 0
        ? throw new ToolException(ExitCode.Arguments, "--out is empty; expected a folder for the results.") :
        Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(results)))
            == Path.TrimEndingDirectorySeparator(Path.GetFullPath(images))
            ? throw new ToolException(ExitCode.Arguments,
                $"--out '{results}' lies in DATA '{images}', where it would be taken for a class; give a folder outside.")
            : results;

    /// <summary>The arguments that say what is to be found, which fit and plan share.</summary>
    internal static class Asked
    {
        private static readonly Argument<string> s_data = new("DATA") { Description = ImageSource.Kinds };

        private static readonly Option<double> s_minutes = new("--minutes", "-m")
        {
            Description = "The time that reading, searching and training may take; testing and saving come on top.",
            DefaultValueFactory = _ => 15,
            CustomParser = Numbers.Parse,
            HelpName = "N",
        };

        private static readonly Option<string?> s_memory = new("--memory")
        {
            Description = "The memory that the process is to keep to, such as 2GB or 800MiB. Default: three quarters of the machine's.",
            HelpName = "SIZE",
        };

        private static readonly Option<string> s_method = new("--method")
        {
            Description = $"One of {string.Join(", ", SearchMethod.All.Select(method => method.Name))}.",
            DefaultValueFactory = _ => SearchMethod.ZeroShot.Name,
            HelpName = "NAME",
        };

        private static readonly Option<string> s_space = new("--space")
        {
            Description = $"What is searched, one of {string.Join(", ", SearchSpace.All.Select(space => space.Name))}.",
            DefaultValueFactory = _ => SearchSpace.Darts.Name,
            HelpName = "NAME",
        };

        private static readonly Option<int> s_seed = new("--seed")
        {
            Description = "Decides weights, batches and the test part, where one is split off.", DefaultValueFactory = _ => 1,
                HelpName = "N",
        };

        private static readonly Option<int> s_imageSize = new("--image-size")
        {
            Description = "Side in pixels, 16 to 256, that all images are resized to.", DefaultValueFactory = _ => 32, HelpName = "N",
        };

        private static readonly Option<bool> s_grey = new("--grey") { Description = "Reads images as grey." };

        private static readonly Option<int?> s_imagesPerClass = new("--images-per-class")
        {
            Description = "Images of every class to train on, at most; a quarter as many are tested on.", HelpName = "N",
        };

        private static readonly Option<long?> s_maxParameters = new("--max-parameters")
        {
            Description = "The most parameters that the found network may have; it gets at least 95 % of them, where time and space " +
                "allow it.", HelpName = "N",
        };

        private static readonly Option<long?> s_maxMultiplyAdds = new("--max-multiply-adds")
        {
            Description = "The most multiply-adds for one image; the found network gets at least 95 % of them, where time and " +
                "space allow it.", HelpName = "N",
        };

        private static readonly Option<string?> s_classWeights = new("--class-weights")
        {
            Description = "How much the classes count in the training: balanced, every class as any other, however few its images; " +
                "square-root, half-way there; equal, the default, every image as any other.",
            HelpName = "KIND",
        };

        private static readonly Option<bool> s_noMirror = new("--no-mirror")
        {
            Description = "Never mirrors images left to right, as search and training do with half of them: for classes whose mirror " +
                "images look like others, such as b and d, or arrows.",
        };

        private static readonly Option<bool> s_linear = new("--linear")
        {
            Description = "Trains a linear classifier of the same pixels too, to compare; its time comes on top.",
        };

        public static void AddTo(Command command)
        {
            command.Add(s_data);
            foreach (var option in (Option[])[s_minutes, s_memory, s_method, s_space, s_seed, s_imageSize, s_grey, s_imagesPerClass,
                s_maxParameters, s_maxMultiplyAdds, s_classWeights, s_noMirror, s_linear])
            {
                command.Add(option);
            }
        }

        /// <param name="parsed">The command line.</param>
        /// <param name="plan">A plan to follow, which the command line must not contradict; null for none.</param>
        public static RunSpecification Of(ParseResult parsed, ZeroOneShotPlan? plan)
        {
            var data = parsed.GetRequiredValue(s_data);
            if (data.Length == 0)
                throw new ToolException(ExitCode.Arguments, $"DATA is empty. {ImageSource.Kinds}");
            var perClass = parsed.GetValue(s_imagesPerClass);
            var minutes = Numbers.Minutes(parsed.GetValue(s_minutes));
            long? memory = parsed.GetValue(s_memory) is { } size ? ByteCount.Parse(size) : null;
            if (plan is not null && plan.Shape.Height != plan.Shape.Width)
            {
                throw new ToolException(ExitCode.Arguments,
                    $"The plan is of images {plan.Shape}; expected as high as wide. Make one with zeroone plan.");
            }
            if (perClass < 2)
                throw new ToolException(ExitCode.Arguments, $"--images-per-class is {perClass}; expected at least 2.");
            if (parsed.GetValue(s_maxParameters) is not null && parsed.GetValue(s_maxMultiplyAdds) is not null)
                throw new ToolException(ExitCode.Arguments, "--max-parameters and --max-multiply-adds are both given; choose one.");
            return new RunSpecification
            {
                Data = data == ImageSource.Sample && !Path.Exists(data) ? data : Path.GetFullPath(data),
                Minutes = OfPlan(parsed, s_minutes, minutes, plan?.TimeBudget.TotalMinutes),
                Memory = plan is null ? memory : OfPlan(parsed, s_memory, memory ?? 0, plan.MaxMemory),
                Method = OfPlan(parsed, s_method, SearchMethod.Parse(parsed.GetRequiredValue(s_method)).Name, plan?.Method),
                Space = OfPlan(parsed, s_space, SearchSpace.Named(parsed.GetRequiredValue(s_space)).Name, plan?.Space),
                Seed = parsed.GetValue(s_seed),
                ImageSize = OfPlan(parsed, s_imageSize, parsed.GetValue(s_imageSize), plan?.Shape.Width),
                Grey = OfPlan(parsed, s_grey, parsed.GetValue(s_grey), plan is null ? null : plan.Shape.Channels == 1),
                ImagesPerClass = perClass,
                MaxParameters = parsed.GetValue(s_maxParameters),
                MaxMultiplyAdds = parsed.GetValue(s_maxMultiplyAdds),
                ClassWeights = parsed.GetValue(s_classWeights) is { } weighting ? Weighting(weighting) : null,
                Mirror = !parsed.GetValue(s_noMirror),
                Linear = parsed.GetValue(s_linear),
                FollowsPlan = plan is not null,
            };
        }

        /// <summary>How the command line calls a weighting of classes.</summary>
        public static string NameOf(ClassWeighting weighting) => weighting switch
        {
            ClassWeighting.Balanced => "balanced",
            ClassWeighting.SquareRoot => "square-root",
            _ => "equal",
        };

        private static ClassWeighting Weighting(string name)
        {
            foreach (var weighting in Enum.GetValues<ClassWeighting>())
            {
                if (NameOf(weighting) == name)
                    return weighting;
            }
            throw new ToolException(ExitCode.Arguments,
                $"--class-weights is '{name}'; expected {string.Join(", ", Enum.GetValues<ClassWeighting>().Select(NameOf))}.");
        }

        // What the plan says holds; to say something else beside it is a slip.
        private static T OfPlan<T>(ParseResult parsed, Option option, T given, object? ofPlan)
            where T : notnull
        {
            if (ofPlan is not T planned)
                return given;
            return parsed.GetResult(option) is not { Implicit: false } || given.Equals(planned) ? planned : throw new ToolException(
                ExitCode.Arguments, FormattableString.Invariant($"{option.Name} is {given}, but the plan says {planned}. Leave ") +
                $"{option.Name} out, or make a plan for it with zeroone plan.");
        }
    }
}
