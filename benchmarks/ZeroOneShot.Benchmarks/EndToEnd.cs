using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Text.Json.Serialization;
using Spectre.Console;
using ZeroOneShot.Data;
using ZeroOneShot.Networks;
using ZeroOneShot.OneShot;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Training;
using ZeroOneShot.ZeroShot;

namespace ZeroOneShot.Benchmarks;

/// <summary>How a short run divides its time, and how much of it goes by waiting for batches.</summary>
internal static class EndToEnd
{
    private const int Images = 512, Classes = 10;

    /// <summary>Most images in a batch: half of the images search, and a half is one batch at least.</summary>
    public const int LargestBatch = Images / 2;

    /// <summary>Prunes, searches for one epoch and trains for one epoch, on images of noise.</summary>
    public static void Run(SearchMethod[] methods, int[] batches, Shape shape, FileInfo? json)
    {
        var rows = new List<Row>();
        AnsiConsole.Profile.Width = Math.Max(AnsiConsole.Profile.Width, 130);
        AnsiConsole.WriteLine(Machine.Line($"{Images} images of 32x32, {shape.Channels} channels, {shape.Cells} cells, " +
            "one epoch of search and of training; one run."));
        foreach (var (method, batch) in methods.SelectMany(method => batches.Select(batch => (method, batch))))
        {
            rows.AddRange(Stages(method, batch, shape));
            JsonRows.Write(json, rows);
        }
        var table = new Table().Border(TableBorder.Simple);
        foreach (var column in (string[])["method", "batch", "stage", "seconds", "share", "waiting for batches", "making them meanwhile"])
            table.AddColumn(column);
        foreach (var row in rows)
        {
            table.AddRow(row.Method, $"{row.Batch}", row.Stage, $"{row.Seconds:F1}", $"{row.Share:P1}", $"{row.WaitingShare:P2}",
                $"{row.PreparationSeconds / row.Seconds:P2}");
        }
        AnsiConsole.Write(table);
        AnsiConsole.WriteLine("Waiting: while a step had no batch yet, of the stage's time. Making: time of the thread that makes them.");
    }

    private static Row[] Stages(SearchMethod method, int batch, Shape shape)
    {
        var images = Noise();
        var supernet = new SupernetOptions { Channels = shape.Channels, Cells = shape.Cells };
        var stages = new List<Row>();
        using var input = new InputTime();
        var mask = Measure("prune", () => method.Pruning switch
        {
            PruningKind.None => OperationMask.Full(SearchSpace.Darts),
            PruningKind.Random => RandomPruning.Mask(SearchSpace.Darts, 0.5, seed: 1),
            _ => ZeroShotPruning.Prune(
                images, method.Apply(new ZeroShotPruningOptions
                {
                    Supernet = supernet,
                    BatchSize = batch,
                    Batches = 1,
                    Initializations = 1,
                })).Mask,
        });
        var found = Measure("search", () => MaskedDartsSearch.Run(images, mask, method.Apply(new SearchOptions
        {
            Supernet = supernet,
            BatchSize = batch,
            Epochs = 1,
            WarmupEpochs = 0,
        })));
        Measure("train", () => CellNetTraining.Train(images, found.Genotype, new TrainingOptions
        {
            Network = new CellNetOptions { Channels = shape.Channels, Cells = shape.Cells, AuxiliaryHead = false },
            BatchSize = batch,
            Epochs = 1,
        })).Dispose();
        return [.. stages.Select(stage => stage with { Share = stage.Seconds / stages.Sum(other => other.Seconds) })];

        T Measure<T>(string stage, Func<T> run)
        {
            var (start, waiting, preparation) = (Stopwatch.GetTimestamp(), input.Waiting, input.Preparation);
            var result = run();
            var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            waiting = input.Waiting - waiting;
            stages.Add(new Row(method.Name, batch, stage, seconds, Share: 0, waiting, waiting / seconds, input.Preparation - preparation));
            return result;
        }
    }

    private static ImageSet Noise()
    {
        var shape = new ImageShape(3, 32, 32);
        var pixels = new byte[Images * shape.Size];
        new Random(1).NextBytes(pixels);
        var labels = Enumerable.Range(0, Images).Select(i => i % Classes).ToArray();
        return new ImageSet(pixels, labels, shape, [.. Enumerable.Range(0, Classes).Select(c => $"{c}")]);
    }

    /// <summary>Sums up what the streams of batches measure.</summary>
    private sealed class InputTime : IDisposable
    {
        private readonly MeterListener _listener = new();
        private readonly Lock _lock = new();
        private double _waiting, _preparation;

        public InputTime()
        {
            _listener.InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Name == BatchStream.MeterName)
                    listener.EnableMeasurementEvents(instrument);
            };
            _listener.SetMeasurementEventCallback<double>((instrument, seconds, _, _) => Add(instrument.Name, seconds));
            _listener.Start();
        }

        public double Waiting
        {
            get
            {
                lock (_lock)
                    return _waiting;
            }
        }

        public double Preparation
        {
            get
            {
                lock (_lock)
                    return _preparation;
            }
        }

        public void Dispose() => _listener.Dispose();

        private void Add(string instrument, double seconds)
        {
            lock (_lock)
                (instrument == BatchStream.Waiting ? ref _waiting : ref _preparation) += seconds;
        }
    }

    private sealed record Row(
        [property: JsonPropertyName("method")] string Method,
        [property: JsonPropertyName("batch")] int Batch,
        [property: JsonPropertyName("stage")] string Stage,
        [property: JsonPropertyName("seconds")] double Seconds,
        [property: JsonPropertyName("share")] double Share,
        [property: JsonPropertyName("waiting_for_batches_seconds")] double WaitingSeconds,
        [property: JsonPropertyName("waiting_for_batches_share")] double WaitingShare,
        [property: JsonPropertyName("preparing_batches_seconds")] double PreparationSeconds);
}
