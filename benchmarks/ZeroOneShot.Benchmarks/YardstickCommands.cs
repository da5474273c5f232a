using System.CommandLine;
using ZeroOneShot.Persistence;
using ZeroOneShot.Yardstick;

namespace ZeroOneShot.Benchmarks;

/// <summary>The commands that make the yardstick and measure with it.</summary>
internal static class YardstickCommands
{
    public static IEnumerable<Command> All() => [TrainSurrogate()];

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
        var (folds, trees) = (Options.Count("--folds", "Folds of the cross-validation, at least 2", 10), Options.Count("--trees", "Trees", 400));
        var seed = new Option<long>("--seed") { Description = "Decides folds and trees.", DefaultValueFactory = _ => 1 };
        foreach (var option in (Option[])[table, outFile, folds, trees, seed])
            command.Add(option);
        command.SetAction((parsed, cancellationToken) =>
        {
            var target = parsed.GetRequiredValue(outFile);
            AtomicFile.EnsureWritable(target.DirectoryName!);
            var surrogate = SurrogateTraining.Train(ArchitectureTable.ReadMeasured(parsed.GetRequiredValue(table).FullName),
                parsed.GetValue(folds), parsed.GetValue(trees), parsed.GetValue(seed), new LineProgress(), cancellationToken);
            surrogate.Save(target.FullName);
            Console.WriteLine(FormattableString.Invariant($"""
                {surrogate.Errors.Rows} architectures, {surrogate.Errors.Folds} folds, seed {surrogate.Errors.Seed}; none was predicted by a model that had seen it
                Spearman               {surrogate.Errors.Spearman}
                R2                     {surrogate.Errors.RSquared}
                mean absolute error    {surrogate.Errors.MeanAbsoluteError:0.000} percentage points
                within intervals       {surrogate.Errors.Coverage:p1} (stated {surrogate.Errors.IntervalLevel:p0}); by tenths {string.Join(" ", surrogate.Errors.CoverageByDecile.Select(at => at.ToString("p0")))}
                predicted accuracies of random genotypes: {string.Join(", ", new[] { .01, .1, .5, .9, .99 }.Select(share => FormattableString.Invariant($"{share:p0} {surrogate.RandomGenotypes.Quantile(share):0.00}")))}
                {target.FullName}: {new FileInfo(target.FullName).Length / 1024} KiB
                """));
            return Task.FromResult(0);
        });
        return command;
    }

    private sealed class LineProgress : IProgress<string>
    {
        public void Report(string value) => Console.WriteLine(value);
    }
}
