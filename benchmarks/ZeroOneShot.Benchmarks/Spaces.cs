using System.Text.Json.Serialization;
using Spectre.Console;
using ZeroOneShot.OneShot;

namespace ZeroOneShot.Benchmarks;

/// <summary>
/// What a search step takes in spaces of different size: of plain DARTS, with ordinary autograd in the planar order of the public code,
/// and of Zero-One-Shot, on half of the operations of every edge. Peaks are the growth of a process over its size with the networks built.
/// </summary>
internal static class Spaces
{
    private const double MiB = 1 << 20;
    private const int Small = 2, Larger = 4;

    /// <summary>Measures every space, and prints and writes what is known so far.</summary>
    public static void Run(string[] spaces, int batch, Shape shape, FileInfo? json)
    {
        var rows = new List<Row>();
        AnsiConsole.Profile.Width = Math.Max(AnsiConsole.Profile.Width, 150);
        AnsiConsole.WriteLine($"{shape.Channels} channels, {shape.Cells} cells, 32x32 images, 10 classes, batch {batch}, " +
            $"{TorchSharp.torch.get_num_threads()} threads. Plain DARTS at batch {batch} is drawn on from batches {Small} and {Larger}.");
        foreach (var space in spaces)
        {
            var plain = Of(SearchMethod.Darts, Measurement.PlainPlanar, Larger);
            var (small, larger) = ((plain with { Batch = Small }).PeakInProcess(), plain.PeakInProcess());
            var (whole, half) = (Of(SearchMethod.Darts, Measurement.Lean, batch), Of(SearchMethod.ZeroOneShot, Measurement.Lean, batch));
            rows.Add(new Row(
                space, whole.Mask.TotalLive, half.Mask.TotalLive, batch, small, larger, whole.PeakInProcess(), Predicted(whole),
                half.PeakInProcess(), Predicted(half)));
            Console.Error.WriteLine(rows[^1]);
            JsonRows.Write(json, rows);

            Measurement Of(SearchMethod method, string evaluation, int images) =>
                new(method.Name, evaluation, images, shape.Channels, shape.Cells, Repetitions: 0, Space: space);
        }
        Print(rows);
    }

    private static double Predicted(Measurement measurement) =>
        SearchMemory.Predict(measurement.Mask, measurement.Options, measurement.Images, Measurement.Classes).Growth / MiB;

    private static void Print(List<Row> rows)
    {
        var table = new Table().Border(TableBorder.Simple);
        foreach (var column in (string[])[
            "space", "operations", "plain DARTS MiB, batch 2", "batch 4", "predicted", "DARTS in little memory", "predicted",
            "operations left", "Zero-One-Shot MiB", "predicted", "plain / Zero-One-Shot"])
        {
            table.AddColumn(column);
        }
        foreach (var row in rows)
        {
            table.AddRow(row.Space, $"{row.Operations}", $"{row.PlainMiBAt2:F0}", $"{row.PlainMiBAt4:F0}", $"{row.PlainMiB:F0}",
                $"{row.LeanMiB:F0}", $"{row.PredictedLeanMiB:F0}", $"{row.OperationsLeft}", $"{row.ZeroOneShotMiB:F0}",
                $"{row.PredictedZeroOneShotMiB:F0}", $"{row.PlainMiB / row.ZeroOneShotMiB:F0}");
        }
        AnsiConsole.Write(table);
    }

    private sealed record Row(
        [property: JsonPropertyName("space")] string Space,
        [property: JsonPropertyName("operations")] int Operations,
        [property: JsonPropertyName("operations_left")] int OperationsLeft,
        [property: JsonPropertyName("batch")] int Batch,
        [property: JsonPropertyName("plain_mib_at_batch_2")] double? PlainMiBAt2,
        [property: JsonPropertyName("plain_mib_at_batch_4")] double? PlainMiBAt4,
        [property: JsonPropertyName("lean_mib")] double? LeanMiB,
        [property: JsonPropertyName("predicted_lean_mib")] double PredictedLeanMiB,
        [property: JsonPropertyName("zero_one_shot_mib")] double? ZeroOneShotMiB,
        [property: JsonPropertyName("predicted_zero_one_shot_mib")] double PredictedZeroOneShotMiB)
    {
        /// <summary>The line through the two measurements: activations grow with the images, the rest does not.</summary>
        [JsonPropertyName("plain_mib_predicted")]
        public double? PlainMiB => PlainMiBAt4 + (PlainMiBAt4 - PlainMiBAt2) / (Larger - Small) * (Batch - Larger);
    }
}
