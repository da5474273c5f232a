using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
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
        int seeds, DirectoryInfo? masks, DirectoryInfo? rankings, FileInfo? json, CancellationToken cancellationToken)
    {
        var sets = functions.Select(FunctionSet.Parse).ToArray();
        string[] all = [.. sets.SelectMany(set => set.Functions).Distinct()];
        var parsed = settings.Select(Setting.Parse).ToArray();
        var images = CifarFiles.Read10(data.FullName, CifarPart.Train);
        var computed = new Computed(images.Fingerprint(), Machine.Library,
            all.ToDictionary(name => name, name => FunctionSettings.Of([RankingFunctions.Named(name)])), Ranking: "");
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
            for (var seed = 1; seed <= seeds; seed++)
            {
                cancellationToken.ThrowIfCancellationRequested();
                // One ranking by all functions: the sets differ in what they make of it.
                var timed = all.Select(name => new Timed(RankingFunctions.Named(name), name)).ToArray();
                var start = Stopwatch.GetTimestamp();
                var ranked = Ranked(setting.Options(yardstick.Space, timed, seed), $"{setting} seed {seed}");
                var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
                foreach (var set in sets)
                {
                    var mask = set.Mask(ranked, yardstick.Space);
                    var left = random.Yield(mask, cancellationToken);
                    rows.Add(new(set.Name, setting.ToString(), seed, left.Mean, random.Deviations(left), left.UpperTail,
                        random.UpperTailDeviations(left), setting.FirstOrder
                            ? seconds
                            : timed.Where(function => set.Functions.Contains(function.Name)).Sum(function => function.Seconds)));
                    if (masks is not null)
                    {
                        AtomicFile.Write(InFolder(masks, $"{set.Name} {setting} seed {seed}"),
                            stream => stream.Write(Encoding.UTF8.GetBytes(mask.ToJson())));
                    }
                }
                JsonRows.Write(json, rows);
            }
            foreach (var ofSet in rows.Where(row => row.Setting == setting.ToString()).GroupBy(row => row.Functions))
            {
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"| {ofSet.Key} | {setting} | {Line(ofSet.Select(at => at.Deviations))} | {ofSet.Min(at => at.Deviations):0.0} | " +
                    $"{ofSet.Average(at => at.Mean):0.000} | {Line(ofSet.Select(at => at.UpperTailDeviations))} | " +
                    $"{ofSet.Average(at => at.Seconds):0.0} |"));
            }
        }

        // The ranking of an earlier run, where it is in the folder and has all functions.
        PruningResult Ranked(ZeroShotPruningOptions options, string name)
        {
            var file = rankings is null ? null : InFolder(rankings, name);
            if (File.Exists(file) && Computed.Read(file, computed) is { } known)
                return PruningResult.FromJson(known, yardstick.Space);
            var ranked = ZeroShotPruning.Prune(images, options, cancellationToken: cancellationToken);
            if (file is not null)
                AtomicFile.Write(file, stream => JsonSerializer.Serialize(stream, computed with { Ranking = ranked.ToJson() }));
            return ranked;
        }
    }

    /// <summary>A ranking that was kept, and what it depends on beside the setting and the seed in the file's name.</summary>
    /// <param name="Images">The fingerprint of the images.</param>
    /// <param name="Library">The version that ranked.</param>
    /// <param name="Functions">The settings of the ranking functions, by the names they were asked for.</param>
    /// <param name="Ranking">The result, as JSON.</param>
    internal sealed record Computed(string Images, string Library, IReadOnlyDictionary<string, string> Functions, string Ranking)
    {
        private static readonly JsonSerializerOptions s_strict = new()
        {
            RespectRequiredConstructorParameters = true, RespectNullableAnnotations = true,
        };

        /// <summary>The ranking in a file; null where it lacks one of the functions.</summary>
        /// <exception cref="InvalidDataException">It is of other images, another version or functions with other settings.</exception>
        public static string? Read(string file, Computed expected)
        {
            Computed found;
            try
            {
                found = JsonSerializer.Deserialize<Computed>(File.ReadAllText(file), s_strict) ?? throw new JsonException("it is null");
            }
            catch (JsonException e)
            {
                throw Wrong($"it does not say what it was computed from ({e.Message})");
            }
            if (found.Images != expected.Images)
                throw Wrong("it is of other images");
            if (found.Library != expected.Library)
                throw Wrong($"it is of version {found.Library}, and this is {expected.Library}");
            if (expected.Functions.Keys.FirstOrDefault(name => found.Functions.TryGetValue(name, out var settings)
                && settings != expected.Functions[name]) is { } other)
            {
                throw Wrong($"'{other}' was set as {found.Functions[other]} there, and is {expected.Functions[other]}");
            }
            return expected.Functions.Keys.All(found.Functions.ContainsKey) ? found.Ranking : null;

            InvalidDataException Wrong(string what) => new(
                $"The ranking '{file}' cannot be used: {what}. Give another --rankings folder, or delete the file to rank anew.");
        }
    }

    private static string InFolder(DirectoryInfo folder, string name) =>
        Path.Combine(folder.FullName, $"{name.Replace('/', ' ').Replace(':', ' ')}.json");

    /// <summary>Ranking functions whose changes, or ranks, are summed.</summary>
    internal sealed record FunctionSet(string Name, IReadOnlyList<string> Functions, ImportanceSum Sum)
    {
        private const string OfRanks = "/ranks";

        public static FunctionSet Parse(string text)
        {
            var sum = text.EndsWith(OfRanks, StringComparison.Ordinal) ? ImportanceSum.Ranks : ImportanceSum.RelativeChanges;
            var names = sum == ImportanceSum.Ranks ? text[..^OfRanks.Length] : text;
            return new(text, [.. names.Split('+').Select(Asked)], sum);
        }

        /// <summary>A function's name, with its numbers where it has some, by which it is found again.</summary>
        private static string Asked(string text) =>
            RankingFunctions.Named(text).Name + (text.IndexOf(':') is >= 0 and var numbers ? text[numbers..] : "");

        /// <summary>The mask that these functions leave, after a round in which they and others ranked.</summary>
        public OperationMask Mask(PruningResult ranked, SearchSpace space)
        {
            var places = Functions.Select(name => ranked.Rounds[0].Importances.Functions.ToList().IndexOf(name)).ToArray();
            var values = ranked.Rounds[0].Importances.Candidates.ToDictionary(
                j => ranked.Start.Without(j.Kind, j.Edge, j.Operation), j => Mine(j.Ranks));
            values[ranked.Start] = Mine(ranked.Rounds[0].Importances.Ranks);
            // One round alone is sure to be of masks that were ranked.
            return ranked.Rounds.Count == 1
                ? PartialPruning.Prune(OperationMask.Full(space), mask => values[mask], new() { Sum = Sum }, Functions).Mask
                : throw new NotSupportedException($"Pruning took {ranked.Rounds.Count} rounds; sets of functions are compared after one.");

            IReadOnlyList<double> Mine(IReadOnlyList<double> ranks) => [.. places.Select(place => ranks[place])];
        }
    }

    /// <summary>A function, and how long it takes.</summary>
    private sealed class Timed(IRankingFunction function, string asked) : IRankingFunction
    {
        public string Name => asked;

        public bool NeedsLabels => function.NeedsLabels;

        public FunctionMemory Memory => function.Memory;

        public void Validate(RankingOptions options) => function.Validate(options);

        public Func<TorchSharp.torch.Tensor, TorchSharp.torch.Tensor>? OfLogits => function.OfLogits;

        public double Seconds { get; private set; }

        public double Rank(RankedNetwork network)
        {
            var start = Stopwatch.GetTimestamp();
            var value = function.Rank(network);
            Seconds += Stopwatch.GetElapsedTime(start).TotalSeconds;
            return value;
        }
    }

    private static double[] Any(OperationMask mask) => [mask.AllLive.Sum(j => 1 + 0.1 * j.Edge + 0.01 * j.Operation)];

    private static string Line(IEnumerable<double> deviations) =>
        string.Join(" ", deviations.Select(at => at.ToString("0.0", CultureInfo.InvariantCulture)));

    [GeneratedRegex(@"^(?<channels>\d{1,3})x(?<cells>\d{1,2}):(?<images>\d{1,4})x(?<batches>\d{1,2}):(?<inits>\d{1,2})(?<first>/first)?$")]
    private static partial Regex Form();
}
