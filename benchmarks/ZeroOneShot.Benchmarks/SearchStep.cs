using System.Text.Json.Serialization;
using Spectre.Console;
using ZeroOneShot.OneShot;

namespace ZeroOneShot.Benchmarks;

/// <summary>Memory and time of one architecture and one weights step.</summary>
internal static class SearchStep
{
    public static IReadOnlyList<SearchMethod> OneShotMethods { get; } =
        [.. SearchMethod.All.Where(method => method is { Pruning: not PruningKind.ZeroShotToGenotype, Search: SearchKind.OneShot })];

    /// <summary>Measures every combination, and prints and writes what is known so far.</summary>
    public static void Run(
        SearchMethod[] methods, string[] evaluations, int[] batches, string[] allocators, int[] vectors, Shape shape, int repetitions,
        FileInfo? json)
    {
        var rows = new List<Row>();
        AnsiConsole.Profile.Width = Math.Max(AnsiConsole.Profile.Width, 130);
        AnsiConsole.WriteLine(Machine.Line(
            $"{shape.Channels} channels, {shape.Cells} cells, 32x32 images, 10 classes; medians of n = {repetitions} steps. Memory is " +
            "the growth over the built networks: peak, in use in one step; resident, of the process that was timed; " +
            "features, in use and held."));
        foreach (var (method, evaluation) in methods.SelectMany(method => evaluations.Select(evaluation => (method, evaluation))))
        {
            var peaks = Sizes(batches).ToDictionary(batch => batch, batch => Of(batch).PeakInProcess());
            var slope = Slope(peaks);
            var widths = evaluation is Measurement.PlainPlanar or Measurement.PlainChannelsLast ? vectors[..1] : vectors;
            foreach (var (batch, allocator) in batches.SelectMany(batch => allocators.Select(allocator => (batch, allocator))))
            {
                foreach (var bits in widths)
                {
                    var time = (Of(batch) with { Vectors = bits }).TimeInProcess(allocator);
                    rows.Add(new Row(method.Name, evaluation, batch, peaks[batch], slope, time.ArchitectureSeconds, time.WeightsSeconds,
                        allocator, bits, time.ProcessorSeconds, time.PeakMiB, time.InUseMiB,
                        time.HeldMiB));
                    Console.Error.WriteLine(rows[^1]);
                    JsonRows.Write(json, rows);
                }
            }

            Measurement Of(int batch) => new(method.Name, evaluation, batch, shape.Channels, shape.Cells, repetitions);
        }
        Print(rows);
        PrintAllocators(rows);
        PrintVectors(rows);
    }

    private static void Print(List<Row> rows)
    {
        var table = new Table().Border(TableBorder.Simple);
        string[] columns =
            ["method", "evaluation", "batch", "peak MiB", "MiB/image", "architecture s", "weights s", "sum s", "allocator", "vectors",
            "processor s", "resident MiB", "features", "held"];
        foreach (var column in columns)
            table.AddColumn(column);
        foreach (var row in rows)
        {
            table.AddRow(row.Method, row.Evaluation, $"{row.Batch}", $"{row.PeakMiB:F0}", $"{row.MiBPerImage:F2}",
                $"{row.ArchitectureSeconds:F2}", $"{row.WeightsSeconds:F2}", $"{row.Seconds:F2}", row.Allocator, $"{row.Vectors}",
                $"{row.ProcessorSeconds:F2}", $"{row.ResidentMiB:F0}", $"{row.InUseMiB:F0}", $"{row.HeldMiB:F0}");
        }
        AnsiConsole.Write(table);
    }

    /// <summary>What the allocator setting alone gives, where both were measured.</summary>
    private static void PrintAllocators(List<Row> rows)
    {
        foreach (var same in rows.GroupBy(row => (row.Method, row.Evaluation, row.Batch, row.Vectors)))
        {
            if (same.ToDictionary(row => row.Allocator) is { Count: 2 } both)
            {
                var (library, glibc) = (both[Measurement.LibraryAllocator].Seconds, both[Measurement.GlibcAllocator].Seconds);
                AnsiConsole.WriteLine($"{same.Key.Method}, {same.Key.Evaluation}, batch {same.Key.Batch}: " +
                    $"the allocator setting alone makes a step {glibc / library:F2} times as fast.");
            }
        }
    }

    /// <summary>How much longer a step takes with narrower vectors, where they were measured.</summary>
    private static void PrintVectors(List<Row> rows)
    {
        foreach (var same in rows.GroupBy(row => (row.Method, row.Evaluation, row.Batch, row.Allocator)))
        {
            var widest = same.First();
            foreach (var row in same.Skip(1))
            {
                AnsiConsole.WriteLine($"{row.Method}, {row.Evaluation}, batch {row.Batch}: a step takes " +
                    $"{row.Seconds / widest.Seconds:F2} times as long with " +
                    $"{Machine.Vectors(row.Vectors)} as with {Machine.Vectors(widest.Vectors)}.");
            }
        }
    }

    /// <summary>The batch sizes of which memory is measured: a slope needs two.</summary>
    private static int[] Sizes(int[] batches) => batches is [var only] ? [only, only < 4 ? 2 * only : only / 2] : batches;

    /// <summary>The slope of the line of least squares; null where there are no peaks.</summary>
    private static double? Slope(Dictionary<int, double?> peaks)
    {
        var (x, y) = (peaks.Keys.Average(), peaks.Values.Average());
        return y is null ? null : peaks.Sum(p => (p.Key - x) * (p.Value - y)) / peaks.Sum(p => (p.Key - x) * (p.Key - x));
    }

    private sealed record Row(
        [property: JsonPropertyName("method")] string Method,
        [property: JsonPropertyName("evaluation")] string Evaluation,
        [property: JsonPropertyName("batch")] int Batch,
        [property: JsonPropertyName("peak_mib")] double? PeakMiB,
        [property: JsonPropertyName("mib_per_image")] double? MiBPerImage,
        [property: JsonPropertyName("architecture_seconds")] double ArchitectureSeconds,
        [property: JsonPropertyName("weights_seconds")] double WeightsSeconds,
        [property: JsonPropertyName("allocator")] string Allocator,
        [property: JsonPropertyName("vectors")] int Vectors,
        [property: JsonPropertyName("processor_seconds")] double ProcessorSeconds,
        [property: JsonPropertyName("resident_mib")] double? ResidentMiB,
        [property: JsonPropertyName("features_in_use_mib")] double? InUseMiB,
        [property: JsonPropertyName("features_held_mib")] double? HeldMiB)
    {
        [JsonIgnore]
        public double Seconds => ArchitectureSeconds + WeightsSeconds;

        public override string ToString() =>
            $"{Method}, {Evaluation}, batch {Batch}, {Allocator}, {Machine.Vectors(Vectors)}: {PeakMiB:F0} MiB, " +
            $"{ResidentMiB:F0} MiB resident, " +
            $"{Seconds:F2} s, {ProcessorSeconds:F2} s of the processor";
    }
}
