using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using ZeroOneShot.Persistence;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Yardstick;

namespace ZeroOneShot.Benchmarks;

/// <summary>The commands that make the yardstick and measure with it.</summary>
internal static class YardstickCommands
{
    public static IEnumerable<Command> All() => [TrainSurrogate(), Surrogate(), Figure(), Yield()];

    /// <summary>Adds commands.</summary>
    public static RootCommand With(this RootCommand root, IEnumerable<Command> commands)
    {
        foreach (var command in commands)
            root.Add(command);
        return root;
    }

    private static Command TrainSurrogate()
    {
        var command = new Command("train-surrogate", "Trains the surrogate of accuracy on measured architectures, and cross-validates it.");
        var table = Options.ExistingFile("--table", "Architectures of the DARTS space with val_accuracy, for example nasbench301.csv");
        var outFile = new Option<FileInfo>("--out") { Description = "The file to write.", Required = true };
        var (folds, trees) = (Options.Count("--folds", "Folds of the cross-validation, at least 2", 10),
            Options.Count("--trees", "Trees", 400));
        var seed = Seed();
        foreach (var option in (Option[])[table, outFile, folds, trees, seed])
            command.Add(option);
        command.SetAction((parsed, cancellationToken) =>
        {
            var target = parsed.GetRequiredValue(outFile);
            AtomicFile.EnsureWritable(target.DirectoryName!);
            var surrogate = SurrogateTraining.Train(ArchitectureTable.ReadMeasured(parsed.GetRequiredValue(table).FullName),
                parsed.GetValue(folds), parsed.GetValue(trees), parsed.GetValue(seed), new LineProgress(), cancellationToken);
            surrogate.Save(target.FullName);
            var errors = surrogate.Errors;
            Console.WriteLine(
                $"{errors.Rows} architectures, {errors.Folds} folds, seed {errors.Seed}; none predicted by a model that had seen it");
            Console.WriteLine($"Spearman {errors.Spearman}, R2 {errors.RSquared}");
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"mean absolute error {errors.MeanAbsoluteError:0.000} percentage points; {errors.Coverage:0.0%} within intervals of " +
                $"{errors.IntervalLevel:0%}, by tenths {string.Join(" ", errors.CoverageByDecile.Select(at => $"{100 * at:0}"))}"));
            Console.WriteLine("predicted accuracies of random genotypes: " + string.Join(", ", ((double[])[.01, .1, .5, .9, .99])
                .Select(share => FormattableString.Invariant($"{share:0%} below {surrogate.RandomGenotypes.Quantile(share):0.00}"))));
            Console.WriteLine($"{target.FullName}: {new FileInfo(target.FullName).Length / 1024} KiB");
            return Task.FromResult(0);
        });
        return command;
    }

    private static Command Surrogate()
    {
        var command = new Command("surrogate", "Predictions for a table of architectures, and how well they agree with its accuracies.");
        var table = new Argument<FileInfo>("table") { Description = "Architectures of the DARTS space, one a line." };
        command.Add(table.AcceptExistingOnly());
        command.SetAction((parsed, cancellationToken) =>
        {
            var predictions = TablePredictions.Of(
                AccuracySurrogate.Load(), parsed.GetRequiredValue(table).FullName, cancellationToken: cancellationToken);
            Console.Write(predictions.ToCsv());
            Console.Error.WriteLine(predictions);
            return Task.FromResult(0);
        });
        return command;
    }

    private static Command Figure()
    {
        var command = new Command("figure1", "Figure 1: accuracies of architectures drawn from the space and from masked spaces.");
        var folder = new Option<DirectoryInfo>("--out") { Description = "A folder for figure1.svg and its tables.", Required = true };
        var masks = new Option<FileInfo[]>("--masks")
        {
            Description = "Masks (JSON) to show as well.", AllowMultipleArgumentsPerToken = true,
        };
        var (count, seed) = (Options.Count("--architectures", "Architectures of each distribution", 100_000), Seed());
        foreach (var option in (Option[])[folder, masks.AcceptExistingOnly(), count, seed])
            command.Add(option);
        command.SetAction((parsed, cancellationToken) =>
        {
            var start = Stopwatch.GetTimestamp();
            var figure = Figure1.Measure(AccuracySurrogate.Load(), new()
            {
                Architectures = parsed.GetValue(count), Seed = parsed.GetValue(seed),
                Masks = (parsed.GetValue(masks) ?? []).ToDictionary(file => Path.GetFileNameWithoutExtension(file.Name),
                    file => OperationMask.FromJson(File.ReadAllText(file.FullName), SearchSpace.Darts)),
            }, new LineProgress(), cancellationToken);
            figure.Write(parsed.GetRequiredValue(folder).FullName);
            Console.WriteLine(figure.ToMarkdown());
            Console.WriteLine($"{Stopwatch.GetElapsedTime(start).TotalSeconds:0.0} seconds");
            return Task.FromResult(0);
        });
        return command;
    }

    private static Command Yield()
    {
        var command = new Command("pruning-yield",
            "What pruning leaves: accuracies of genotypes drawn from pruned masks, in standard deviations of random masks.");
        var (data, json) = (Options.CifarFolder(), Options.Json());
        var functions = new Option<string[]>("--functions")
        {
            Description = "Ranking functions by name; with + between them, sets whose changes are summed, with /ranks behind them whose ranks are.",
            AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => ["nngp-correlation"],
        };
        var settings = new Option<string[]>("--settings")
        {
            Description = "CHANNELSxCELLS:IMAGESxBATCHES:INITIALISATIONS, with /first behind it for importances to first order.",
            AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => ["8x4:32x1:1", "16x8:64x3:1"],
        };
        var table = new Option<FileInfo?>("--nas-bench-201")
        {
            Description = "Its table: prunes that space, and looks the accuracies up in place of predicting them.",
        };
        var masks = new Option<DirectoryInfo?>("--masks") { Description = "A folder to write the masks to, for figure1." };
        var rankings = new Option<DirectoryInfo?>("--rankings")
        {
            Description = "A folder to write all ranks to; those that an earlier run left there are not measured again.",
        };
        var seeds = Options.Count("--seeds", "Prunings of each row", 5);
        foreach (var option in (Option[])[data, functions, settings, table, masks, rankings, seeds, json])
            command.Add(option);
        command.SetAction((parsed, cancellationToken) =>
        {
            IYardstick yardstick = parsed.GetValue(table) is { } file ? NasBench201Table.Read(file.FullName) : AccuracySurrogate.Load();
            PruningYield.Run(yardstick, parsed.GetRequiredValue(data), parsed.GetRequiredValue(functions),
                parsed.GetRequiredValue(settings), parsed.GetValue(seeds), parsed.GetValue(masks), parsed.GetValue(rankings),
                parsed.GetValue(json), cancellationToken);
            return Task.FromResult(0);
        });
        return command;
    }

    private static Option<long> Seed() => new("--seed") { Description = "Decides everything by chance.", DefaultValueFactory = _ => 1 };

    private sealed class LineProgress : IProgress<string>
    {
        public void Report(string value) => Console.WriteLine(value);
    }
}
