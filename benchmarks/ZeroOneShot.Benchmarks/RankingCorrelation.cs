using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Serialization;
using Spectre.Console;
using ZeroOneShot.Data;
using ZeroOneShot.Networks;
using ZeroOneShot.Persistence;
using ZeroOneShot.Runtime;
using ZeroOneShot.Yardstick;
using ZeroOneShot.ZeroShot;
using ZeroOneShot.ZeroShot.Functions;

namespace ZeroOneShot.Benchmarks;

/// <summary>
/// How well ranking functions order networks whose accuracy was measured, beside scores that were published for the same networks; and the
/// set of few functions whose ranks together order them best, chosen on one half of the networks and measured on the other.
/// </summary>
internal static class RankingCorrelation
{
    private const int FewestNetworks = 3;

    // Of so many networks drawn the best is taken, so many times.
    private const int Choices = 100, Draws = 1000;

    /// <summary>What is scored.</summary>
    public sealed record Settings
    {
        /// <summary>As <see cref="RankingFunctions.Parse"/> reads them.</summary>
        public required string Functions { get; init; }

        public int? Networks { get; init; }

        public long Seed { get; init; }

        public int? Channels { get; init; }

        public int? Cells { get; init; }

        public int ImageSize { get; init; } = 32;

        public int BatchSize { get; init; } = 32;

        public int Batches { get; init; } = 1;

        public int Initializations { get; init; } = 1;

        public RandomWeights Weights { get; init; } = RandomWeights.Default;

        public int SetSize { get; init; }

        /// <summary>A table whose networks are left out.</summary>
        public FileInfo? Except { get; init; }
    }

    /// <summary>Scores a table's networks, and prints and writes what came out.</summary>
    public static void Run(FileInfo table, Settings settings, FileInfo? values, FileInfo? json)
    {
        var read = ScoredNetworks.Read(table);
        using var random = RandomStream.Of(settings.Seed, "networks");
        var rows = read.Rows.ToArray();
        if (settings.Except is { } except)
        {
            var known = ScoredNetworks.Read(except).Rows.Select(row => row.Genotype).ToHashSet();
            rows = [.. rows.Where(row => !known.Contains(row.Genotype))];
        }
        if (settings.Networks > rows.Length)
        {
            throw new ArgumentException($"--networks is {settings.Networks}, and '{table.Name}' has {rows.Length} networks; expected no " +
                "more than there are. Leave it out to score all.");
        }
        if (settings.Networks < rows.Length)
        {
            random.Random.Shuffle(rows);
            rows = rows[..settings.Networks.Value];
        }
        var needed = settings.SetSize > 0 ? 2 * FewestNetworks : FewestNetworks;
        if (rows.Length < needed)
        {
            throw new ArgumentException(
                $"There are {rows.Length} networks to correlate{(settings.SetSize > 0 ? ", and --sets halves them" : "")}; " +
                $"expected at least {needed}. Give a larger --networks or table.");
        }
        if (RankingFunctions.Parse(settings.Functions).Count is var functions && settings.SetSize > functions)
        {
            throw new ArgumentException(
                $"--sets is {settings.SetSize}, of {functions} function(s); expected no more than there are functions.");
        }
        var shape = read.Network with
        {
            Channels = settings.Channels ?? read.Network.Channels, Cells = settings.Cells ?? read.Network.Cells, AuxiliaryHead = false,
        };
        var (images, what) = Images(settings);
        Console.Error.WriteLine($"{rows.Length} networks of {read.Name}, {shape.Channels} channels, {shape.Cells} cells; {what}.");
        var names = settings.Functions.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        var timed = RankingFunctions.Parse(settings.Functions).Zip(names, (function, name) => new Timed(function, name)).ToArray();
        var scores = timed.Select(_ => new double[rows.Length]).ToArray();
        var options = new RankingOptions
        {
            BatchSize = settings.BatchSize, Batches = settings.Batches, Initializations = settings.Initializations,
            Weights = settings.Weights, Seed = settings.Seed,
        };
        var start = Stopwatch.GetTimestamp();
        for (var i = 0; i < rows.Length; i++)
        {
            foreach (var function in timed)
                function.Begin();
            Ranking.Scores(images, rows[i].Genotype, timed, options, shape, read.Space);
            foreach (var (place, function) in timed.Index())
                scores[place][i] = function.Value;
            if ((i + 1) % 10 == 0 || i + 1 == rows.Length)
            {
                Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture,
                    $"{i + 1} of {rows.Length} networks, {Stopwatch.GetElapsedTime(start).TotalSeconds:F0} s"));
                Write(values, [.. timed.Select(function => function.Name)], rows[..(i + 1)], scores);
            }
        }
        // In processes of their own, where what others have left in this one does not count.
        foreach (var function in timed)
        {
            function.PeakMiB = new RankingMemory.Case(
                function.Asked, shape.Channels, shape.Cells, settings.ImageSize, settings.BatchSize, settings.Batches)
            {
                Table = table.FullName, Genotype = rows[0].Genotype.ToString(),
            }.TakeInProcess().PeakMiB;
        }
        Report(read, rows, timed, scores, settings, what, shape, json);
    }

    /// <summary>The real images, of CIFAR_DIR, or noise, and what they are.</summary>
    private static (ImageSet Images, string What) Images(Settings settings)
    {
        var count = settings.BatchSize * settings.Batches;
        var folder = Environment.GetEnvironmentVariable("CIFAR_DIR");
        foreach (var path in folder is { Length: > 0 } ? (string[])[folder, Path.Combine(folder, "cifar-10-batches-bin")] : [])
        {
            if (!CifarFiles.TryDetect(path, out var kind) || kind != CifarKind.Cifar10)
                continue;
            var all = CifarFiles.Read10(path, CifarPart.Train);
            var some = all.Take((count + all.ClassCount - 1) / all.ClassCount, settings.Seed);
            return (Reduced(some, settings.ImageSize), $"{count} CIFAR-10 images of {settings.ImageSize}x{settings.ImageSize} pixels");
        }
        var shape = new ImageShape(3, settings.ImageSize, settings.ImageSize);
        using var random = RandomStream.Of(settings.Seed, "noise images");
        var pixels = new byte[count * shape.Size];
        random.Random.NextBytes(pixels);
        var noise = new ImageSet(pixels, [.. Enumerable.Range(0, count).Select(i => i % 10)], shape,
            [.. Enumerable.Range(0, 10).Select(i => $"class {i}")]);
        return (noise, $"{count} images of noise, since CIFAR_DIR names no folder with CIFAR-10");
    }

    /// <summary>Smaller images, by averaging.</summary>
    private static ImageSet Reduced(ImageSet images, int size)
    {
        var (from, shape) = (images.Shape, images.Shape with { Height = size, Width = size });
        if (from == shape)
            return images;
        var factor = from.Height / size;
        var pixels = new byte[images.Count * shape.Size];
        for (var (image, to) = (0, 0); image < images.Count; image++)
        {
            var source = images.Pixels(image);
            for (var i = 0; i < shape.Size; i++, to++)
            {
                var (channel, y, x) = (i / (size * size), i / size % size * factor, i % size * factor);
                var sum = 0;
                for (var tap = 0; tap < factor * factor; tap++)
                    sum += source[(channel * from.Height + y + tap / factor) * from.Width + x + tap % factor];
                pixels[to] = (byte)(sum / (factor * factor));
            }
        }
        return new ImageSet(pixels, [.. Enumerable.Range(0, images.Count).Select(images.Label)], shape, images.ClassNames);
    }

    private static void Write(FileInfo? file, string[] functions, ScoredNetworks.Row[] rows, double[][] scores)
    {
        if (file is null)
            return;
        AtomicFile.Write(file.FullName, stream =>
        {
            using var writer = new StreamWriter(stream, leaveOpen: true);
            writer.WriteLine($"genotype,val_accuracy,{string.Join(",", functions)}");
            for (var i = 0; i < rows.Length; i++)
            {
                writer.WriteLine(string.Create(CultureInfo.InvariantCulture, $"\"{rows[i].Genotype}\",{rows[i].Accuracy:R},") +
                    string.Join(",", scores.Select(ofFunction => ofFunction[i].ToString("R", CultureInfo.InvariantCulture))));
            }
        });
    }

    private static void Report(
        ScoredNetworks table, ScoredNetworks.Row[] rows, Timed[] functions, double[][] scores, Settings settings, string images,
        CellNetOptions shape, FileInfo? json)
    {
        double[] accuracy = [.. rows.Select(row => row.Accuracy)];
        var reported = new List<Row>();
        foreach (var (place, function) in functions.Index())
        {
            var column = table.Scores.ToList().IndexOf(Published(function.Name));
            double[]? published = column < 0 ? null : [.. rows.Select(row => row.Scores[column])];
            reported.Add(Of(function.Name, [scores[place]], accuracy) with
            {
                PublishedSpearman = published is null ? null : Finite(RankCorrelation.Spearman(published, accuracy)),
                Agreement = published is null ? null : Finite(RankCorrelation.Spearman(scores[place], published)),
                SecondsPerNetwork = function.Seconds / rows.Length / settings.Initializations,
                MiBPerNetwork = function.PeakMiB,
                Failed = function.Failed,
            });
        }
        if (functions.Length > 1)
            reported.Add(Of("all together", scores, accuracy));
        if (settings.SetSize > 0)
            reported.AddRange(Sets());
        JsonRows.Write(json, reported);
        Print();

        Row Of(string name, IReadOnlyList<double[]> together, IReadOnlyList<double> measured)
        {
            var ours = together is [var alone] ? alone : Ranking.SumOfRanks(together);
            var interval = RankCorrelation.Bootstrap(ours, measured, RankCorrelation.Spearman, settings.Seed);
            return new Row(name, table.Name, measured.Count, Finite(interval.Value), Finite(interval.Low), Finite(interval.High),
                Finite(RankCorrelation.Kendall(ours, measured)))
            {
                Seed = settings.Seed, Images = images,
                BestOf100 = measured.Count < 2 * Choices ? null
                    : RankCorrelation.PercentileOfBest(together, measured, Choices, settings.Seed, Draws),
                Network = $"{shape.Channels} channels, {shape.Cells} cells, weights {settings.Weights}, {settings.Initializations} drawn",
            };
        }

        // Chosen on the first half, measured on the second, with what was published for the networks of that half beside it.
        IEnumerable<Row> Sets()
        {
            var half = rows.Length / 2;
            foreach (var (column, name) in table.Scores.Index())
                yield return Of($"second half, published: {name}", [[.. rows[half..].Select(row => row.Scores[column])]], accuracy[half..]);
            var first = scores.Select(ofFunction => ofFunction[..half]).ToArray();
            var second = scores.Select(ofFunction => ofFunction[half..]).ToArray();
            foreach (var size in Enumerable.Range(1, settings.SetSize))
            {
                var best = Subsets(functions.Length, size)
                    .MaxBy(set => Comparable(RankCorrelation.Spearman(
                        Ranking.SumOfRanks([.. set.Select(f => first[f])]), accuracy[..half])))!;
                var name = string.Join(" + ", best.Select(f => functions[f].Name));
                yield return Of($"first half: {name}", [.. best.Select(f => first[f])], accuracy[..half]);
                yield return Of($"second half: {name}", [.. best.Select(f => second[f])], accuracy[half..]);
            }
        }

        void Print()
        {
            AnsiConsole.Profile.Width = Math.Max(AnsiConsole.Profile.Width, 170);
            AnsiConsole.WriteLine(Machine.Line(
                $"{rows.Length} networks of {table.Name}, {shape.Channels} channels, {shape.Cells} cells, weights {settings.Weights}, " +
                $"{settings.Initializations} drawn; {images}, in batches of {settings.BatchSize}; seed {settings.Seed}."));
            var printed = new Table().Border(TableBorder.Simple);
            foreach (var column in (string[])[
                "function", "n", "Spearman", "95 %", "Kendall", "published", "agreement", "s", "MiB", "no number",
                $"best of {Choices}"])
                printed.AddColumn(column);
            foreach (var row in reported)
            {
                printed.AddRow(row.Function, $"{row.N}", $"{row.Spearman:F3}", $"{row.Low:F3} to {row.High:F3}", $"{row.Kendall:F3}",
                    $"{row.PublishedSpearman:F3}", $"{row.Agreement:F3}", $"{row.SecondsPerNetwork:F3}", $"{row.MiBPerNetwork:F0}",
                    row.Failed > 0 ? $"{row.Failed}" : "", $"{row.BestOf100:F1}");
            }
            AnsiConsole.Write(printed);
            if (reported.Any(row => row.BestOf100 is not null))
            {
                AnsiConsole.WriteLine($"Best of {Choices}: where the best by the function stands among them by measured accuracy, in " +
                    $"percentiles; the mean of {Draws} draws.");
            }
        }
    }

    private static IEnumerable<int[]> Subsets(int count, int size, int first = 0) => size == 0
        ? [[]]
        : Enumerable.Range(first, count - first).SelectMany(f => Subsets(count, size - 1, f + 1).Select(rest => (int[])[f, .. rest]));

    private static string Published(string function) => function switch
    {
        "parameters" => "params",
        "multiply-adds" => "flops",
        "naswot" => "nwot",
        _ => function.Replace('-', '_'),
    };

    private static double? Finite(double value) => double.IsFinite(value) ? value : null;

    private static double Comparable(double value) => double.IsNaN(value) ? double.NegativeInfinity : value;

    /// <summary>A function, how long it takes, how much memory, and of how many networks it gave no number.</summary>
    private sealed class Timed(IRankingFunction function, string asked) : IRankingFunction
    {
        private double _sum;

        /// <summary>By what name it was asked for.</summary>
        public string Asked => asked;

        public string Name => function.Name;

        public bool NeedsLabels => function.NeedsLabels;

        public FunctionMemory Memory => function.Memory;

        public void Validate(RankingOptions options) => function.Validate(options);

        /// <summary>The sum over the random weights of a network; NaN where it is no finite number.</summary>
        public double Value => double.IsFinite(_sum) ? _sum : double.NaN;

        public double Seconds { get; private set; }

        /// <summary>What it adds to a process with the first network built.</summary>
        public double? PeakMiB { get; set; }

        /// <summary>Networks for which there is no finite number; they rank lowest.</summary>
        public int Failed { get; private set; }

        public void Begin() => _sum = 0;

        public double Rank(RankedNetwork network)
        {
            var start = Stopwatch.GetTimestamp();
            var value = function.Rank(network);
            Seconds += Stopwatch.GetElapsedTime(start).TotalSeconds;
            if (!double.IsFinite(value))
                Failed++;
            _sum += value;
            return 0;                                               // the value is kept here, where it may be no number
        }
    }

    internal sealed record Row(
        [property: JsonPropertyName("function")] string Function,
        [property: JsonPropertyName("table")] string Table,
        [property: JsonPropertyName("n")] int N,
        [property: JsonPropertyName("spearman")] double? Spearman,
        [property: JsonPropertyName("low")] double? Low,
        [property: JsonPropertyName("high")] double? High,
        [property: JsonPropertyName("kendall")] double? Kendall)
    {
        [JsonPropertyName("published_spearman")]
        public double? PublishedSpearman { get; init; }

        [JsonPropertyName("agreement")]
        public double? Agreement { get; init; }

        [JsonPropertyName("seconds_per_network")]
        public double? SecondsPerNetwork { get; init; }

        [JsonPropertyName("mib_per_network")]
        public double? MiBPerNetwork { get; init; }

        [JsonPropertyName("best_of_100")]
        public double? BestOf100 { get; init; }

        [JsonPropertyName("failed")]
        public int Failed { get; init; }

        [JsonPropertyName("seed")]
        public long Seed { get; init; }

        [JsonPropertyName("network")]
        public string Network { get; init; } = "";

        [JsonPropertyName("images")]
        public string Images { get; init; } = "";
    }
}
