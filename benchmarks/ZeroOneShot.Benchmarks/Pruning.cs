using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using Spectre.Console;
using ZeroOneShot.Data;
using ZeroOneShot.Lean;
using ZeroOneShot.Networks;
using ZeroOneShot.Runtime;
using ZeroOneShot.ZeroShot;

namespace ZeroOneShot.Benchmarks;

/// <summary>
/// The work, time and resident memory of one round of zero-shot pruning in the space of DARTS by the paper's ranking function: every
/// network by itself, networks that share what they have in common, and to first order; each in a process of its own.
/// </summary>
internal static class Pruning
{
    public const string Command = "measure-pruning", Naive = "naive", Exact = "exact", FirstOrder = "first-order";

    public static IReadOnlyList<string> Ways { get; } = [Naive, Exact, FirstOrder];

    /// <summary>Measures every way, and prints and writes what is known so far.</summary>
    public static void Run(string[] ways, Case setting, FileInfo? json)
    {
        var rows = new List<Row>();
        AnsiConsole.Profile.Width = Math.Max(AnsiConsole.Profile.Width, 130);
        AnsiConsole.WriteLine(Machine.Line(
            $"Space darts without 'none', {setting.Channels} channels, {setting.Cells} cells, K = {setting.PartialChannels}, " +
            $"{setting.Batches} x {setting.Batch} images of 32x32, {setting.Initializations} random weights; one run of each (n = 1)."));
        foreach (var way in ways)
        {
            rows.Add(JsonSerializer.Deserialize<Row>(
                Measurement.OutputOfProcess(Command, JsonSerializer.Serialize(setting with { Way = way }), _ => { }))!);
            Console.Error.WriteLine(rows[^1]);
            JsonRows.Write(json, rows);
        }
        var table = new Table().Border(TableBorder.Simple);
        foreach (var column in (string[])[
            "way", "operation evaluations", "fewer", "seconds", "faster", "processor seconds", "less", "peak MiB", "ranks"])
        {
            table.AddColumn(column);
        }
        foreach (var row in rows)
        {
            table.AddRow(row.Way, $"{row.OperationEvaluations:N0}", $"{(double)rows[0].OperationEvaluations / row.OperationEvaluations:F2}",
                $"{row.Seconds:F1}", $"{rows[0].Seconds / row.Seconds:F2}", $"{row.ProcessorSeconds:F1}",
                $"{rows[0].ProcessorSeconds / row.ProcessorSeconds:F2}", $"{row.PeakMiB:F0}", row.Ranks[..8]);
        }
        AnsiConsole.Write(table);
        AnsiConsole.WriteLine(
            "An evaluation is one run, forwards or backwards, of an operation on a batch; skip connections that copy their input do not " +
            "count. Equal ranks: the same to the last bit. Fewer, faster: than the first row.");
        AnsiConsole.WriteLine(
            "A naive round computes r(N) once for each random weights; Algorithm 1 as printed does so for every operation: twice the " +
            "evaluations.");
    }

    /// <summary>One measurement.</summary>
    internal sealed record Case(
        string Way, int Channels, int Cells, int PartialChannels, int Batch, int Batches, int Initializations)
    {
        /// <summary>Takes the measurement in this process. The peak is the largest resident size of all.</summary>
        public string Take()
        {
            TorchRuntime.EnsureLoaded();
            var counter = new OperationCounter();
            var images = Noise(Batch * Batches);
            using var process = Process.GetCurrentProcess();
            var (start, processor) = (Stopwatch.GetTimestamp(), process.TotalProcessorTime);
            var result = ZeroShotPruning.Prune(images, new ZeroShotPruningOptions
            {
                Supernet = new SupernetOptions { Channels = Channels, Cells = Cells, PartialChannels = PartialChannels },
                BatchSize = Batch, Batches = Batches, Initializations = Initializations, FirstOrder = Way == FirstOrder,
                Runs = Way == Naive ? CandidateRuns.EachByItself : null, Counter = counter, RankingFunctions = [new NngpNorm()],
            });
            var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            process.Refresh();
            var processorSeconds = (process.TotalProcessorTime - processor).TotalSeconds;
            var ranks = Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(result.ToJson())));
            return JsonSerializer.Serialize(new Row(Way, counter.Evaluations, seconds, processorSeconds,
                Measurement.StatusMiB("VmHWM"), Batch, Batches, Initializations, ranks));
        }

        private static ImageSet Noise(int count)
        {
            const int classes = 10;
            var shape = new ImageShape(3, 32, 32);
            var pixels = new byte[count * shape.Size];
            using (var random = RandomStream.Of(1, "benchmark images"))
                random.Random.NextBytes(pixels);
            return new ImageSet(pixels, [.. Enumerable.Range(0, count).Select(i => i % classes)], shape,
                [.. Enumerable.Range(0, classes).Select(label => $"{label}")]);
        }
    }

    private sealed record Row(
        [property: JsonPropertyName("way")] string Way,
        [property: JsonPropertyName("operation_evaluations")] long OperationEvaluations,
        [property: JsonPropertyName("seconds")] double Seconds,
        [property: JsonPropertyName("processor_seconds")] double ProcessorSeconds,
        [property: JsonPropertyName("peak_resident_mib")] double? PeakMiB,
        [property: JsonPropertyName("batch")] int Batch,
        [property: JsonPropertyName("batches")] int Batches,
        [property: JsonPropertyName("initializations")] int Initializations,
        [property: JsonPropertyName("ranks")] string Ranks)
    {
        public override string ToString() =>
            $"{Way}: {OperationEvaluations:N0} evaluations, {Seconds:F1} s, {ProcessorSeconds:F1} of processors, {PeakMiB:F0} MiB, " +
            $"ranks {Ranks[..8]}";
    }
}
