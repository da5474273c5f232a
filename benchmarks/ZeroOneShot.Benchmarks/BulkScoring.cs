using System.Diagnostics;
using Microsoft.ML;
using Microsoft.ML.Data;
using Spectre.Console;
using ZeroOneShot.Data;
using ZeroOneShot.ML;
using ZeroOneShot.Networks;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Training;
using static TorchSharp.torch;

namespace ZeroOneShot.Benchmarks;

/// <summary>
/// How many images a second are scored one by one, in bulk by our transformer, and in bulk by the saved zip in ML.NET's own components; and
/// how many the processors could at most, if they did nothing but a network's multiplications and additions.
/// </summary>
internal static class BulkScoring
{
    private const int Classes = 10, TrainImages = 64;

    private const string Torch = "row by row (TorchSharp)";

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
        using var network = Network(model.Weights);
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
            [Torch] = () => [.. rows.Select(row => TorchScores(network, model.Weights.Statistics, row))],
            ["row by row (PredictionEngine)"] = () => [.. rows.Select(row => engine.Predict(row).Score)],
            ["CellNetTransformer.Transform"] = () => [.. model.Transform(data).GetColumn<float[]>("Score")],
            ["Transform of the loaded zip"] = () => [.. loaded.Transform(data).GetColumn<float[]>("Score")],
        };
        var seconds = ways.Keys.ToDictionary(way => way, _ => new List<double>());
        var expected = ways.Last().Value();
        // By turns, so that what else the machine does falls on all alike. The first turn is for compilation and is not counted.
        for (var turn = 0; turn <= repetitions; turn++)
        {
            foreach (var (way, score) in ways)
            {
                var start = Stopwatch.GetTimestamp();
                var scores = score();
                if (turn > 0)
                    seconds[way].Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
                var tolerance = way == Torch ? 1e-4 : 0;
                if (scores.SelectMany(score => score).Zip(expected.SelectMany(score => score))
                    .Any(pair => Math.Abs(pair.First - pair.Second) > tolerance))
                {
                    throw new InvalidOperationException($"{way} gives other scores than the last way.");
                }
            }
        }
        (loaded as IDisposable)?.Dispose();

        var perSecond = seconds.ToDictionary(way => way.Key, way => images / way.Value.Order().ElementAt(way.Value.Count / 2));
        string[] columns = ["way", "images/s", "least", "most", .. perSecond.Keys.Take(2).Select(way => $"/ {way}")];
        var table = new Table().Border(TableBorder.Simple).AddColumns(columns);
        foreach (var (way, rate) in perSecond)
        {
            var (least, most) = (images / seconds[way].Max(), images / seconds[way].Min());
            table.AddRow(
                [way, $"{rate:F0}", $"{least:F0}", $"{most:F0}", .. perSecond.Values.Take(2).Select(other => $"{rate / other:F2}")]);
        }
        AnsiConsole.Profile.Width = Math.Max(AnsiConsole.Profile.Width, 130);
        AnsiConsole.WriteLine(Machine.Line($"{images} images of {s_shape}, {shape.Channels} channels, {shape.Cells} cells, " +
            $"{Environment.ProcessorCount} processors; medians of {repetitions}; {Torch}: equal to 1e-4, all others bit for bit."));
        AnsiConsole.Write(table);
        var cost = NetworkCost.Of(PublishedGenotypes.DartsV2, network.Options, s_shape, Classes).MultiplyAdds;
        var peak = Machine.MultiplyAddsPerSecond(Environment.ProcessorCount);
        AnsiConsole.WriteLine($"An image takes {cost / 1e6:F1} million multiply-adds. " +
            $"A loop of nothing else does {peak / 1e9:F0} thousand million a second: enough for {peak / cost:F0} images.");
        JsonRows.Write(json, [perSecond]);
    }

    private static CellNet Network(CellNetWeights weights)
    {
        var network = new CellNet(weights.Genotype, weights.Network, s_shape.Channels, Classes);
        weights.CopyTo(network, weights.ClassNames);
        network.eval();
        return network;
    }

    /// <summary>What an application does that uses the TorchSharp module as it is.</summary>
    private static float[] TorchScores(CellNet network, ChannelStatistics statistics, Pixels row)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var image = tensor(row.Features, [1, s_shape.Channels, s_shape.Height, s_shape.Width]);
        return network.forward(statistics.Normalize(image)).softmax(1).data<float>().ToArray();
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
