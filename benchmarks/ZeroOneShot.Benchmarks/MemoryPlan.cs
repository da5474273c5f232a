using System.Text.Json.Serialization;
using Spectre.Console;
using ZeroOneShot.OneShot;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.Benchmarks;

/// <summary>
/// What <see cref="SearchMemory"/> predicts, against what is measured: the growth of a process's resident size over that with the
/// networks built.
/// </summary>
internal static class MemoryPlan
{
    private const double MiB = 1 << 20;

    /// <summary>Searches that differ in all that the prediction depends on, and two in every other space.</summary>
    public static IReadOnlyList<Measurement> Configurations { get; } =
    [
        Of(SearchMethod.Darts, batch: 16, channels: 16, cells: 8, imageSize: 32),
        Of(SearchMethod.Darts, batch: 32, channels: 8, cells: 5, imageSize: 48),
        Of(SearchMethod.Darts, batch: 64, channels: 16, cells: 8, imageSize: 32),
        Of(SearchMethod.Darts, batch: 32, channels: 32, cells: 5, imageSize: 24),
        Of(SearchMethod.PcDarts, batch: 128, channels: 8, cells: 8, imageSize: 32),
        Of(SearchMethod.PcDarts, batch: 32, channels: 16, cells: 5, imageSize: 48),
        Of(SearchMethod.PcDarts, batch: 48, channels: 32, cells: 8, imageSize: 24),
        Of(SearchMethod.DartsRandom, batch: 32, channels: 16, cells: 8, imageSize: 32),
        Of(SearchMethod.DartsRandom, batch: 64, channels: 8, cells: 5, imageSize: 32, operations: 2),
        Of(SearchMethod.ZeroOneShot, batch: 64, channels: 16, cells: 8, imageSize: 32),
        Of(SearchMethod.ZeroOneShot, batch: 100, channels: 8, cells: 5, imageSize: 24),
        Of(SearchMethod.ZeroOneShot, batch: 16, channels: 32, cells: 8, imageSize: 48, operations: 2),
        Of(SearchMethod.Darts, batch: 16, channels: 16, cells: 8, imageSize: 128),
        Of(SearchMethod.ZeroOneShot, batch: 32, channels: 16, cells: 8, imageSize: 160),
        .. SearchSpace.All.Where(space => space != SearchSpace.Darts).SelectMany(space => (Measurement[])
        [
            Of(SearchMethod.Darts, batch: 32, channels: 16, cells: 8, imageSize: 32, space: space),
            Of(SearchMethod.ZeroOneShot, batch: 48, channels: 16, cells: 8, imageSize: 32, space: space),
        ]),
    ];

    /// <summary>Measures and prints the configurations of some spaces.</summary>
    public static void Run(string[] spaces, FileInfo? json)
    {
        var rows = new List<Row>();
        var configurations = Configurations.Where(c => spaces.Contains(c.Mask.Space.Name)).ToArray();
        var predictions = configurations.Select(c => SearchMemory.Predict(c.Mask, c.Options, c.Images, Measurement.Classes)).ToArray();
        foreach (var (configuration, predicted) in configurations.Zip(predictions))
            Console.Error.WriteLine($"{configuration.Mask.Space.Name}, {configuration.Method}, {configuration.Channels} channels, " +
                $"{configuration.Cells} cells, {configuration.Images}, batch {configuration.Batch}: {predicted}");
        foreach (var (configuration, predicted) in configurations.Zip(predictions))
        {
            var measured = configuration.TimeInProcess(Measurement.LibraryAllocator);
            rows.Add(new Row(
                configuration.Mask.Space.Name,
                configuration.Method, configuration.Channels, configuration.Cells, configuration.ImageSize, configuration.Batch,
                (double)configuration.Mask.TotalLive / configuration.Mask.AllEdges.Count(),
                (predicted.Growth + predicted.Spare) / MiB, measured.PeakMiB ?? double.NaN,
                measured.InUseMiB ?? double.NaN, measured.HeldMiB ?? double.NaN,
                (predicted.Process + predicted.Network) / MiB, measured.BuiltMiB ?? double.NaN));
            JsonRows.Write(json, rows);
            Console.Error.WriteLine(rows[^1]);
        }
        Print(rows);
    }

    private static void Print(List<Row> rows)
    {
        AnsiConsole.Profile.Width = Math.Max(AnsiConsole.Profile.Width, 120);
        AnsiConsole.WriteLine(Machine.Line("10 classes; growth of the resident size over that with the networks built; one run each."));
        var table = new Table().Border(TableBorder.Simple);
        foreach (var column in (string[])[
            "space", "method", "channels", "cells", "image", "batch", "operations/edge", "predicted MiB", "resident MiB", "deviation",
            "features MiB", "held MiB"])
        {
            table.AddColumn(column);
        }
        foreach (var row in rows)
        {
            table.AddRow(
                row.Space, row.Method, $"{row.Channels}", $"{row.Cells}", $"{row.ImageSize}", $"{row.Batch}", $"{row.Operations:F0}",
                $"{row.PredictedMiB:F1}", $"{row.MeasuredMiB:F1}", $"{row.Deviation:+0.0%;-0.0%}", $"{row.InUseMiB:F1}",
                $"{row.HeldMiB:F1}");
        }
        AnsiConsole.Write(table);
    }

    private static Measurement Of(SearchMethod method, int batch, int channels, int cells, int imageSize, int? operations = null,
        SearchSpace? space = null) =>
        new(method.Name, Measurement.Lean, batch, channels, cells, Repetitions: 2, imageSize, operations, Space: space?.Name);

    private sealed record Row(
        [property: JsonPropertyName("space")] string Space,
        [property: JsonPropertyName("method")] string Method,
        [property: JsonPropertyName("channels")] int Channels,
        [property: JsonPropertyName("cells")] int Cells,
        [property: JsonPropertyName("image_size")] int ImageSize,
        [property: JsonPropertyName("batch")] int Batch,
        [property: JsonPropertyName("operations_per_edge")] double Operations,
        [property: JsonPropertyName("predicted_mib")] double PredictedMiB,
        [property: JsonPropertyName("measured_mib")] double MeasuredMiB,
        [property: JsonPropertyName("features_in_use_mib")] double InUseMiB,
        [property: JsonPropertyName("features_held_mib")] double HeldMiB,
        [property: JsonPropertyName("predicted_built_mib")] double PredictedBuiltMiB,
        [property: JsonPropertyName("measured_built_mib")] double MeasuredBuiltMiB)
    {
        [JsonPropertyName("deviation")]
        public double Deviation => PredictedMiB / MeasuredMiB - 1;
    }
}
