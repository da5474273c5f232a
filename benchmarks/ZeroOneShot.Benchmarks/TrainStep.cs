using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Serialization;
using Spectre.Console;
using ZeroOneShot.Data;
using ZeroOneShot.Layers;
using ZeroOneShot.Networks;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Training;
using static TorchSharp.torch;

namespace ZeroOneShot.Benchmarks;

/// <summary>
/// Time and resident memory of training a found network (DARTS V2, with drop path and auxiliary head, images of 32x32 pixels), each
/// measurement in a process of its own. The evaluations of a network are measured in turn, so that what else the machine does meets all.
/// </summary>
internal static class TrainStep
{
    public const string Command = "measure-train-step";

    public const string Recompute = "lean-recompute";

    private const double DropPath = 0.2;

    public static IReadOnlyList<string> Evaluations { get; } =
        [Measurement.PlainPlanar, Measurement.PlainChannelsLast, Measurement.Lean, Recompute];

    /// <summary>Networks by name: channels and cells, and the batch that the paper's settings or the public code's give it.</summary>
    public static IReadOnlyDictionary<string, (Shape Shape, int Batch)> Networks { get; } = new Dictionary<string, (Shape, int)>
    {
        ["16x8"] = (new Shape(16, 8), 96),
        ["36x20"] = (new Shape(36, 20), 128),
    };

    /// <summary>Measures every combination, and prints and writes what is known so far.</summary>
    /// <param name="networks">Some of <see cref="Networks"/>.</param>
    /// <param name="evaluations">Some of <see cref="Evaluations"/>.</param>
    /// <param name="batch">Images of a step; 0: what belongs to the network.</param>
    /// <param name="repetitions">Steps that are timed, after five seconds of warm-up.</param>
    /// <param name="json">A file for the rows.</param>
    public static void Run(string[] networks, string[] evaluations, int batch, int repetitions, FileInfo? json)
    {
        var rows = new List<Row>();
        AnsiConsole.Profile.Width = Math.Max(AnsiConsole.Profile.Width, 130);
        AnsiConsole.WriteLine(Machine.Line($"DARTS V2, 32x32 images, 10 classes; medians of n = {repetitions} steps; memory is resident."));
        foreach (var (name, evaluation) in networks.SelectMany(name => evaluations.Select(evaluation => (name, evaluation))))
        {
            var (shape, usual) = Networks[name];
            var images = batch > 0 ? batch : usual;
            var one = new Case(evaluation, shape.Channels, shape.Cells, images, repetitions);
            var measured = Measurement.TakeInProcess(Command, JsonSerializer.Serialize(one), _ => { });
            rows.Add(new Row(name, evaluation, images, images / measured.WeightsSeconds, measured.ProcessorSeconds,
                measured.PeakMiB, measured.BuiltMiB));
            Console.Error.WriteLine(rows[^1]);
            JsonRows.Write(json, rows);
        }
        var table = new Table().Border(TableBorder.Simple);
        foreach (var column in (string[])["network", "evaluation", "batch", "images/s", "peak MiB", "built MiB", "time", "growth",
            "processor s"])
            table.AddColumn(column);
        foreach (var row in rows)
        {
            var first = rows.First(other => other.Network == row.Network);
            table.AddRow(row.Network, row.Evaluation, $"{row.Batch}", $"{row.ImagesPerSecond:F1}",
                $"{row.PeakMiB:F0}", $"{row.BuiltMiB:F0}",
                $"{first.ImagesPerSecond / row.ImagesPerSecond:F2}", $"{row.Growth / first.Growth:F2}",
                $"{row.ProcessorSeconds:F2}");
        }
        AnsiConsole.Write(table);
        AnsiConsole.WriteLine("Time, and growth over the built network, relative to the first row of the network.");
    }

    /// <summary>One measurement.</summary>
    internal sealed record Case(string Evaluation, int Channels, int Cells, int Batch, int Repetitions)
    {
        private static readonly ImageShape s_images = new(3, 32, 32);

        /// <summary>Takes the measurement in this process. The peak is the largest resident size of all.</summary>
        public Measurement.Result Take()
        {
            TorchRuntime.EnsureLoaded();
            MemoryLayout.Planar = Evaluation == Measurement.PlainPlanar;
            var options = new TrainingOptions
            {
                Network = new CellNetOptions { Channels = Channels, Cells = Cells }.WithStem(SearchSpace.Darts, s_images),
                BatchSize = Batch,
            };
            using var network = new CellNet(PublishedGenotypes.DartsV2, options.Network, s_images.Channels, Measurement.Classes);
            using (var random = RandomStream.Of(1, "weights"))
                Initialization.Default(network, random);
            using var step = new TrainingStep(network, options,
                plain: Evaluation is Measurement.PlainPlanar or Measurement.PlainChannelsLast,
                recomputed: Evaluation == Recompute ? network.Plan.Items.Count : 0) { LearningRate = 0.01 };
            network.train();
            var built = Measurement.ResetPeak();
            using var inputs = RandomStream.Of(1, "images");
            using var images = randn([Batch, s_images.Channels, s_images.Height, s_images.Width], generator: inputs.Generator);
            using var labels = randint(Measurement.Classes, Batch, generator: inputs.Generator);
            var (seconds, processor) = (new List<double>(), new List<double>());
            using var process = Process.GetCurrentProcess();
            var warmUp = Measurement.Repeat(Repetitions, i =>
            {
                using var random = RandomStream.Of(1, $"drop path {i}");
                process.Refresh();
                var used = process.TotalProcessorTime;
                var start = Stopwatch.GetTimestamp();
                step.Take(images, labels, DropPath, random);
                seconds.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
                process.Refresh();
                processor.Add((process.TotalProcessorTime - used).TotalSeconds);
            });
            return Measurement.Result.Of(Measurement.StatusMiB("VmHWM"), built, 0, Measurement.Median(seconds[warmUp..]),
                Measurement.Median(processor[warmUp..]));
        }
    }

    private sealed record Row(
        [property: JsonPropertyName("network")] string Network,
        [property: JsonPropertyName("evaluation")] string Evaluation,
        [property: JsonPropertyName("batch")] int Batch,
        [property: JsonPropertyName("images_per_second")] double ImagesPerSecond,
        [property: JsonPropertyName("processor_seconds")] double ProcessorSeconds,
        [property: JsonPropertyName("peak_resident_mib")] double? PeakMiB,
        [property: JsonPropertyName("built_resident_mib")] double? BuiltMiB)
    {
        [JsonIgnore]
        public double? Growth => PeakMiB - BuiltMiB;

        public override string ToString() =>
            $"{Network}, {Evaluation}, batch {Batch}: {ImagesPerSecond:F1} images/s, {PeakMiB:F0} MiB, " +
            $"of which {BuiltMiB:F0} before the first, " +
            $"{ProcessorSeconds:F2} s of the processor a step";
    }
}
