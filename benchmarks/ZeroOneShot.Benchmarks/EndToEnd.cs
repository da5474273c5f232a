using System.Diagnostics;
using System.Text.Json;
using Spectre.Console;
using ZeroOneShot.Data;
using ZeroOneShot.Networks;
using ZeroOneShot.OneShot;
using ZeroOneShot.Training;
using ZeroOneShot.ZeroShot;

namespace ZeroOneShot.Benchmarks;

/// <summary>How a short run of Zero-One-Shot divides its time.</summary>
internal static class EndToEnd
{
    private const int Images = 512, Classes = 10, Batch = 32;

    /// <summary>Prunes, searches for one epoch and trains for one epoch, on images of noise.</summary>
    public static void Run(Shape shape, FileInfo? json)
    {
        var images = Noise();
        var method = SearchMethod.ZeroOneShot;
        var supernet = new SupernetOptions { Channels = shape.Channels, Cells = shape.Cells };
        var seconds = new Dictionary<string, double>();
        var mask = Measure("prune", () => ZeroShotPruning.Prune(images, method.Apply(new ZeroShotPruningOptions
        {
            Supernet = supernet,
            BatchSize = Batch,
            Batches = 1,
        })));
        var found = Measure("search", () => MaskedDartsSearch.Run(images, mask, method.Apply(new SearchOptions
        {
            Supernet = supernet,
            BatchSize = Batch,
            Epochs = 1,
            WarmupEpochs = 0,
        })));
        Measure("train", () => CellNetTraining.Train(images, found.Genotype, new TrainingOptions
        {
            Network = new CellNetOptions { Channels = shape.Channels, Cells = shape.Cells, AuxiliaryHead = false },
            BatchSize = Batch,
            Epochs = 1,
        })).Dispose();

        var table = new Table().Border(TableBorder.Simple).AddColumn("stage").AddColumn("seconds").AddColumn("share");
        foreach (var (stage, time) in seconds)
            table.AddRow(stage, $"{time:F1}", $"{time / seconds.Values.Sum():P0}");
        AnsiConsole.WriteLine($"{Images} images, {shape.Channels} channels, {shape.Cells} cells, one epoch of search and of training.");
        AnsiConsole.Write(table);
        if (json is not null)
            File.WriteAllText(json.FullName, JsonSerializer.Serialize(seconds, new JsonSerializerOptions { WriteIndented = true }));

        T Measure<T>(string stage, Func<T> run)
        {
            var start = Stopwatch.GetTimestamp();
            var result = run();
            seconds[stage] = Stopwatch.GetElapsedTime(start).TotalSeconds;
            return result;
        }
    }

    private static ImageSet Noise()
    {
        var shape = new ImageShape(3, 32, 32);
        var pixels = new byte[Images * 3 * 32 * 32];
        new Random(1).NextBytes(pixels);
        return new ImageSet(pixels, [.. Enumerable.Range(0, Images).Select(i => i % Classes)], shape, [.. Enumerable.Range(0, Classes).Select(c => $"{c}")]);
    }
}
