using System.Diagnostics;
using Microsoft.ML;
using Microsoft.ML.Data;
using Spectre.Console;
using ZeroOneShot.Data;
using ZeroOneShot.ML;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.Benchmarks;

/// <summary>
/// How many images a second are scored one by one, in bulk by our transformer, and in bulk by the saved zip in ML.NET's own components.
/// </summary>
internal static class BulkScoring
{
    private const int Classes = 10, TrainImages = 64;

    private static readonly ImageShape s_shape = new(3, 32, 32);

    /// <summary>Trains DARTS_V2 for one epoch on images of noise, since the time to score does not depend on what was learnt.</summary>
    public static void Run(Shape shape, int images, int repetitions, FileInfo? json)
    {
        var ml = new MLContext(seed: 1);
        var train = ml.Data.LoadImages(Noise(TrainImages));
        using var model = ml.MulticlassClassification.Trainers.CellNet(new CellNetTrainer.Options
        {
            Genotype = PublishedGenotypes.DartsV2,
            Settings = new() { Epochs = 1, BatchSize = 32, Network = new() { Channels = shape.Channels, Cells = shape.Cells } },
        }).Fit(train);
        var zip = Path.GetTempFileName();
        ml.Model.Save(model, train.Schema, zip);
        var loaded = ml.Model.Load(zip, out _);
        File.Delete(zip);

        var set = Noise(images);
        var data = ml.Data.LoadImages(set);
        var rows = Enumerable.Range(0, images)
            .Select(i => new Pixels { Features = [.. set.Pixels(i).ToArray().Select(pixel => (float)pixel)] }).ToArray();
        using var engine = ml.Model.CreatePredictionEngine<Pixels, Scores>(model, new PredictionEngineOptions { OwnsTransformer = false });
        var ways = new Dictionary<string, Func<float[][]>>
        {
            ["row by row (PredictionEngine)"] = () => [.. rows.Select(row => engine.Predict(row).Score)],
            ["CellNetTransformer.Transform"] = () => [.. model.Transform(data).GetColumn<float[]>("Score")],
            ["Transform of the loaded zip"] = () => [.. loaded.Transform(data).GetColumn<float[]>("Score")],
        };
        var seconds = ways.Keys.ToDictionary(way => way, _ => new List<double>());
        var expected = ways.First().Value();
        // By turns, so that what else the machine does falls on all alike. The first turn is for compilation and is not counted.
        for (var turn = 0; turn <= repetitions; turn++)
        {
            foreach (var (way, score) in ways)
            {
                var start = Stopwatch.GetTimestamp();
                var scores = score();
                if (turn > 0)
                    seconds[way].Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
                if (!scores.Zip(expected, (one, other) => one.SequenceEqual(other)).All(same => same))
                    throw new InvalidOperationException($"{way} gives other scores than the first way.");
            }
        }
        (loaded as IDisposable)?.Dispose();

        var perSecond = seconds.ToDictionary(way => way.Key, way => images / way.Value.Order().ElementAt(way.Value.Count / 2));
        var slowest = perSecond.First().Value;
        var table = new Table().Border(TableBorder.Simple).AddColumns("way", "images/s", "least", "most", "ratio");
        foreach (var (way, rate) in perSecond)
        {
            var (least, most) = (images / seconds[way].Max(), images / seconds[way].Min());
            table.AddRow(way, $"{rate:F0}", $"{least:F0}", $"{most:F0}", $"{rate / slowest:F2}");
        }
        AnsiConsole.WriteLine($"{images} images of {s_shape}, {shape.Channels} channels, {shape.Cells} cells, " +
            $"{Environment.ProcessorCount} processors; medians of {repetitions}, equal scores.");
        AnsiConsole.Write(table);
        JsonRows.Write(json, [perSecond]);
    }

    private static ImageSet Noise(int images)
    {
        var pixels = new byte[images * s_shape.Size];
        new Random(1).NextBytes(pixels);
        int[] labels = [.. Enumerable.Range(0, images).Select(i => i % Classes)];
        return new ImageSet(pixels, labels, s_shape, [.. Enumerable.Range(0, Classes).Select(c => $"{c}")]);
    }

    private sealed class Pixels
    {
        [VectorType(3, 32, 32)]
        public float[] Features { get; set; } = [];

        [KeyType(Classes)]
        public uint Label { get; set; }
    }

    private sealed class Scores
    {
        public float[] Score { get; set; } = [];
    }
}
