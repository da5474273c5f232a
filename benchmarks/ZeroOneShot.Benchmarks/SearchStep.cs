using System.Text.Json;
using System.Text.Json.Serialization;
using Spectre.Console;
using ZeroOneShot.OneShot;

namespace ZeroOneShot.Benchmarks;

/// <summary>Memory and time of one architecture and one weights step.</summary>
internal static class SearchStep
{
    public static IReadOnlyList<SearchMethod> OneShotMethods { get; } =
        [.. SearchMethod.All.Where(method => method.Pruning != PruningKind.ZeroShotToGenotype)];

    /// <summary>Measures and prints every combination, row by row.</summary>
    public static void Run(IReadOnlyList<SearchMethod> methods, string[] evaluations, int[] batches, Shape shape, int repetitions, FileInfo? json)
    {
        var rows = new List<Row>();
        var unit = TorchSharp.torch.get_num_threads();
        AnsiConsole.Profile.Width = Math.Max(AnsiConsole.Profile.Width, 120);
        AnsiConsole.WriteLine($"{shape.Channels} channels, {shape.Cells} cells, 32x32 images, 10 classes, {unit} threads; median of {repetitions} steps.");
        foreach (var method in methods)
        {
            foreach (var evaluation in evaluations)
            {
                var measured = batches.Order().Select(batch =>
                {
                    var measurement = new Measurement(method.Name, evaluation, batch, shape.Channels, shape.Cells, repetitions);
                    var peak = (measurement with { Repetitions = 0 }).TakeInProcess(forMemory: true).PeakMiB;
                    var time = measurement.TakeInProcess(forMemory: false);
                    Console.Error.WriteLine($"{method}, {evaluation}, batch {batch}: {peak:F0} MiB, {time.ArchitectureSeconds + time.WeightsSeconds:F2} s");
                    return (Batch: batch, Peak: peak, Time: time);
                }).ToArray();
                var slope = Slope([.. measured.Select(m => ((double)m.Batch, m.Peak))]);
                rows.AddRange(measured.Select(m => new Row(
                    method.Name, evaluation, m.Batch, m.Peak, slope, m.Time.ArchitectureSeconds, m.Time.WeightsSeconds)));
            }
        }
        Print(rows);
        if (json is not null)
            File.WriteAllText(json.FullName, JsonSerializer.Serialize(rows, new JsonSerializerOptions { WriteIndented = true }));
    }

    private static void Print(List<Row> rows)
    {
        var table = new Table().Border(TableBorder.Simple);
        foreach (var column in (string[])["method", "evaluation", "batch", "peak MiB", "MiB/image", "architecture s", "weights s", "sum s"])
            table.AddColumn(column);
        foreach (var row in rows)
        {
            table.AddRow(row.Method, row.Evaluation, $"{row.Batch}", $"{row.PeakMiB:F0}", $"{row.MiBPerImage:F2}", $"{row.ArchitectureSeconds:F2}",
                $"{row.WeightsSeconds:F2}", $"{row.ArchitectureSeconds + row.WeightsSeconds:F2}");
        }
        AnsiConsole.Write(table);
    }

    /// <summary>The slope of the line of least squares; not a number for a single point.</summary>
    private static double Slope((double X, double Y)[] points)
    {
        var (x, y) = (points.Average(p => p.X), points.Average(p => p.Y));
        return points.Sum(p => (p.X - x) * (p.Y - y)) / points.Sum(p => (p.X - x) * (p.X - x));
    }

    private sealed record Row(
        [property: JsonPropertyName("method")] string Method,
        [property: JsonPropertyName("evaluation")] string Evaluation,
        [property: JsonPropertyName("batch")] int Batch,
        [property: JsonPropertyName("peak_mib")] double PeakMiB,
        [property: JsonPropertyName("mib_per_image"), JsonNumberHandling(JsonNumberHandling.AllowNamedFloatingPointLiterals)] double MiBPerImage,
        [property: JsonPropertyName("architecture_seconds")] double ArchitectureSeconds,
        [property: JsonPropertyName("weights_seconds")] double WeightsSeconds);
}
