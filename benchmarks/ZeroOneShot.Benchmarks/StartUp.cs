using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.ML;
using Microsoft.ML.Data;
using Spectre.Console;
using ZeroOneShot.Data;
using ZeroOneShot.ML;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.Benchmarks;

/// <summary>
/// The time from the start of a process to the end of its first search step, and to the first prediction of a model that it loads from a
/// zip. To see what compiled libraries bring, publish this program with <c>-p:PublishReadyToRun=true</c> and run it from there.
/// </summary>
internal static class StartUp
{
    public const string Command = "measure-start-up", Step = "first search step", Prediction = "first prediction of a loaded zip";

    private const int Side = 32, Classes = 10;

    /// <summary>Starts processes by turns, so that what else the machine does falls on all alike, and prints medians.</summary>
    public static void Run(Shape shape, int repetitions, FileInfo? json)
    {
        AnsiConsole.WriteLine(Machine.Line($"{shape.Channels} channels, {shape.Cells} cells, images of {Side}x{Side}; a step of " +
            $"Zero-One-Shot at batch 16; medians of n = {repetitions} processes after one of warm-up."));
        var zip = Path.GetTempFileName();
        try
        {
            Save(zip, shape);
            var step = JsonSerializer.Serialize(
                new Measurement("Zero-One-Shot", Measurement.Lean, Batch: 16, shape.Channels, shape.Cells, Repetitions: 0));
            var seconds = new Dictionary<string, List<double>> { [Step] = [], [Prediction] = [] };
            for (var turn = 0; turn <= repetitions; turn++)
            {
                foreach (var (what, argument) in ((string, string)[])[(Step, step), (Prediction, zip)])
                {
                    var taken = Measurement.OutputOfProcess(Command, argument, _ => { });
                    if (turn > 0)                                                   // the first brings files into memory
                        seconds[what].Add(double.Parse(taken, CultureInfo.InvariantCulture));
                }
            }
            Row[] rows = [.. seconds.Select(at => new Row(at.Key, Measurement.Median(at.Value), at.Value.Min(), at.Value.Max()))];
            var table = new Table().Border(TableBorder.Simple).AddColumns("what", "seconds", "least", "most");
            foreach (var row in rows)
                table.AddRow(row.What, $"{row.Seconds:F2}", $"{row.Least:F2}", $"{row.Most:F2}");
            AnsiConsole.Write(table);
            JsonRows.Write(json, rows);
        }
        finally
        {
            File.Delete(zip);
        }
    }

    /// <summary>Does in this process what is timed.</summary>
    /// <param name="argument">A measurement of a search step, or the path of a zip.</param>
    /// <returns>Seconds since the process began.</returns>
    public static string Take(string argument)
    {
        if (argument.StartsWith('{'))
        {
            Measurement.Parse(argument).Take();
        }
        else
        {
            var ml = new MLContext();
            var model = ml.Model.Load(argument, out _);
            using var engine = ml.Model.CreatePredictionEngine<Pixels, Scores>(model);
            engine.Predict(new Pixels { Features = new float[3 * Side * Side] });
        }
        using var process = Process.GetCurrentProcess();
        return (DateTime.Now - process.StartTime).TotalSeconds.ToString("F3", CultureInfo.InvariantCulture);
    }

    private static void Save(string zip, Shape shape)
    {
        const int images = 64;
        var size = new ImageShape(3, Side, Side);
        var pixels = new byte[images * size.Size];
        new Random(1).NextBytes(pixels);
        var ml = new MLContext(seed: 1);
        var train = ml.Data.LoadImages(new ImageSet(pixels, [.. Enumerable.Range(0, images).Select(i => i % Classes)], size,
            [.. Enumerable.Range(0, Classes).Select(c => $"{c}")]));
        using var model = ml.MulticlassClassification.Trainers.CellNet(new CellNetTrainer.Options
        {
            Genotype = PublishedGenotypes.DartsV2,
            Settings = new() { Epochs = 1, BatchSize = 32, Network = new() { Channels = shape.Channels, Cells = shape.Cells } },
        }).Fit(train);
        ml.Model.Save(model, train.Schema, zip);
    }

    private sealed class Pixels
    {
        [VectorType(3, Side, Side)]
        public float[] Features { get; set; } = [];

        [KeyType(Classes)]
        public uint Label { get; set; }
    }

    private sealed class Scores
    {
        public float[] Score { get; set; } = [];
    }

    private sealed record Row(
        [property: JsonPropertyName("what")] string What,
        [property: JsonPropertyName("seconds")] double Seconds,
        [property: JsonPropertyName("least")] double Least,
        [property: JsonPropertyName("most")] double Most);
}
