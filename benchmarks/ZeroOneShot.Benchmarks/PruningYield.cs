using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using ZeroOneShot.Data;
using ZeroOneShot.Persistence;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Yardstick;
using ZeroOneShot.ZeroShot;
using ZeroOneShot.ZeroShot.Functions;

namespace ZeroOneShot.Benchmarks;

/// <summary>What pruning leaves: the yardstick's accuracies of genotypes drawn from pruned masks, against those of random masks.</summary>
internal static partial class PruningYield
{
    /// <summary>How a pruning ranks: a row of the table is one of these with one set of functions.</summary>
    /// <param name="Channels">Of the ranked network.</param>
    /// <param name="Cells">Of the ranked network.</param>
    /// <param name="BatchSize">Images of a batch.</param>
    /// <param name="Batches">Batches.</param>
    /// <param name="Initializations">Random weights.</param>
    /// <param name="FirstOrder">Whether importances are derivatives.</param>
    internal sealed record Setting(int Channels, int Cells, int BatchSize, int Batches, int Initializations, bool FirstOrder)
    {
        /// <exception cref="FormatException">The text is of another form.</exception>
        public static Setting Parse(string text)
        {
            var match = Form().Match(text);
            return !match.Success
                ? throw new FormatException(
                    $"'{text}' is no setting; expected CHANNELSxCELLS:IMAGESxBATCHES:INITIALISATIONS, for example 16x8:128x3:3, with " +
                    "/first behind it for importances to first order.")
                : new(Number("channels"), Number("cells"), Number("images"), Number("batches"), Number("inits"),
                    match.Groups["first"].Success);

            int Number(string group) => int.Parse(match.Groups[group].Value, CultureInfo.InvariantCulture);
        }

        public ZeroShotPruningOptions Options(SearchSpace space, IReadOnlyList<IRankingFunction> functions, long seed) => new()
        {
            Space = space, RankingFunctions = functions, Seed = seed, BatchSize = BatchSize, Batches = Batches,
            Initializations = Initializations, FirstOrder = FirstOrder,
            Supernet = new() { Channels = Channels, Cells = Cells },
        };

        public override string ToString() =>
            $"{Channels}x{Cells}:{BatchSize}x{Batches}:{Initializations}{(FirstOrder ? "/first" : "")}";
    }

    /// <param name="Functions">The ranking functions, whose changes are summed.</param>
    /// <param name="Setting">See <see cref="Setting"/>.</param>
    /// <param name="Seed">Of the pruning.</param>
    /// <param name="Mean">Mean accuracy of genotypes drawn from the mask, in percent.</param>
    /// <param name="Deviations">In standard deviations of random masks, above their mean.</param>
    /// <param name="UpperTail">What a tenth of the genotypes exceed, in percent.</param>
    /// <param name="UpperTailDeviations">The same as for the mean.</param>
    /// <param name="Seconds">Of the pruning.</param>
    internal sealed record Row(string Functions, string Setting, long Seed, double Mean, double Deviations, double UpperTail,
        double UpperTailDeviations, double Seconds);

    public static void Run(IYardstick yardstick, DirectoryInfo data, IReadOnlyList<string> functions, IReadOnlyList<string> settings,
        int seeds, DirectoryInfo? masks, FileInfo? json, CancellationToken cancellationToken)
    {
        var sets = functions.Select(set => (Name: set, Functions: set.Split('+').Select(RankingFunctions.Named).ToArray())).ToArray();
        var parsed = settings.Select(Setting.Parse).ToArray();
        var images = CifarFiles.Read10(data.FullName, CifarPart.Train);
        // Random masks of the size that a pruning leaves, which depends on the space alone.
        var size = PartialPruning.Prune(OperationMask.Full(yardstick.Space), Any, new PruningOptions()).Mask;
        var random = RandomMasks.OfSize(yardstick, size, cancellationToken: cancellationToken);
        var method = RandomMasks.Measure(yardstick, cancellationToken: cancellationToken);
        Console.WriteLine(Machine.Line(string.Create(CultureInfo.InvariantCulture,
            $"CIFAR-10, {yardstick.Space.Name}; {random.Yields.Count} random masks as large as the pruned ones: " +
            $"mean {random.Mean:0.000} (sd {random.MeanDeviation:0.000}), upper tail {random.UpperTail:0.000} (sd " +
            $"{random.UpperTailDeviation:0.000}); " +
            $"masks of the RND methods: mean {method.Mean:0.000} (sd {method.MeanDeviation:0.000}).")));
        Console.WriteLine(
            "| functions | setting | deviations above random masks, by seed | smallest | mean | upper tail, deviations | seconds |");
        Console.WriteLine("|---|---|---|---|---|---|---|");
        var rows = new List<Row>();
        foreach (var setting in parsed)
        {
            foreach (var (name, set) in sets)
            {
                var ofSetting = new List<Row>();
                for (var seed = 1; seed <= seeds; seed++)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    var start = Stopwatch.GetTimestamp();
                    var mask = ZeroShotPruning.Prune(
                        images, setting.Options(yardstick.Space, set, seed), cancellationToken: cancellationToken).Mask;
                    var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
                    var left = random.Yield(mask, cancellationToken);
                    ofSetting.Add(new(name, setting.ToString(), seed, left.Mean, random.Deviations(left), left.UpperTail,
                        random.UpperTailDeviations(left), seconds));
                    if (masks is not null)
                    {
                        var file = Path.Combine(masks.FullName, $"{name} {setting} seed {seed}.json".Replace('/', ' ').Replace(':', ' '));
                        AtomicFile.Write(file, stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(mask.ToJson())));
                    }
                }
                rows.AddRange(ofSetting);
                JsonRows.Write(json, rows);
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"| {name} | {setting} | {Line(ofSetting.Select(at => at.Deviations))} | {ofSetting.Min(at => at.Deviations):0.0} | " +
                    $"{ofSetting.Average(at => at.Mean):0.000} | {Line(ofSetting.Select(at => at.UpperTailDeviations))} | " +
                    $"{ofSetting.Average(at => at.Seconds):0.0} |"));
            }
        }
    }

    private static double[] Any(OperationMask mask) => [mask.AllLive.Sum(j => 1 + 0.1 * j.Edge + 0.01 * j.Operation)];

    private static string Line(IEnumerable<double> deviations) =>
        string.Join(" ", deviations.Select(at => at.ToString("0.0", CultureInfo.InvariantCulture)));

    [GeneratedRegex(@"^(?<channels>\d{1,3})x(?<cells>\d{1,2}):(?<images>\d{1,4})x(?<batches>\d{1,2}):(?<inits>\d{1,2})(?<first>/first)?$")]
    private static partial Regex Form();
}
