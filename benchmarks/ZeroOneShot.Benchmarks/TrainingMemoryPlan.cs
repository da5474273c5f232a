using System.Text.Json;
using System.Text.Json.Serialization;
using Spectre.Console;
using ZeroOneShot.Data;
using ZeroOneShot.Networks;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Training;
using static TorchSharp.torch;

namespace ZeroOneShot.Benchmarks;

/// <summary>
/// What <see cref="TrainingMemory"/> predicts, against what is measured: the growth of a process's resident size over that with the
/// network built.
/// </summary>
internal static class TrainingMemoryPlan
{
    public const string Command = "measure-training";

    private const double MiB = 1 << 20;

    /// <summary>Trainings that differ in all that the prediction depends on.</summary>
    public static IReadOnlyList<Case> Cases { get; } =
    [
        new("DARTS_V2", Channels: 16, Cells: 8, ImageSize: 32, Batch: 32, DropPath: 0),
        new("DARTS_V2", Channels: 16, Cells: 8, ImageSize: 32, Batch: 64, DropPath: 0.3),
        new("DARTS_V1", Channels: 8, Cells: 5, ImageSize: 48, Batch: 32, DropPath: 0.3),
        new("PC_DARTS_cifar", Channels: 36, Cells: 8, ImageSize: 32, Batch: 32, DropPath: 0.3),
        new("PC_DARTS_cifar", Channels: 16, Cells: 20, ImageSize: 32, Batch: 48, DropPath: 0.3),
        new("DARTS_V2", Channels: 36, Cells: 20, ImageSize: 32, Batch: 32, DropPath: 0.3),
        new("DARTS_V1", Channels: 24, Cells: 11, ImageSize: 24, Batch: 100, DropPath: 0.3),
        new("DARTS_V2", Channels: 16, Cells: 8, ImageSize: 32, Batch: 32, DropPath: 0.3, Auxiliary: false),
        new("DARTS_V2", Channels: 16, Cells: 8, ImageSize: 128, Batch: 32, DropPath: 0.3),
        new("DARTS_V2", Channels: 16, Cells: 8, ImageSize: 32, Batch: 96, DropPath: 0.3, Recomputation: Recomputation.All),
        new("DARTS_V1", Channels: 24, Cells: 11, ImageSize: 24, Batch: 100, DropPath: 0.3, Recomputation: Recomputation.All),
        new("PC_DARTS_cifar", Channels: 36, Cells: 20, ImageSize: 32, Batch: 32, DropPath: 0.3, Recomputation: Recomputation.All),
    ];

    /// <summary>Measures and prints every case.</summary>
    public static void Run(FileInfo? json)
    {
        var rows = new List<Row>();
        foreach (var one in Cases)
        {
            var predicted = one.Predict();
            Console.Error.WriteLine($"{one}: {predicted}");
            var measured = one.InProcess();
            rows.Add(new Row(one, (predicted.Growth + predicted.Spare) / MiB, measured.PeakMiB ?? double.NaN,
                measured.InUseMiB ?? double.NaN, measured.HeldMiB ?? double.NaN,
                (predicted.Process + predicted.Network) / MiB, measured.BuiltMiB ?? double.NaN));
            JsonRows.Write(json, rows);
            Console.Error.WriteLine(rows[^1]);
        }
        AnsiConsole.Profile.Width = Math.Max(AnsiConsole.Profile.Width, 120);
        AnsiConsole.WriteLine($"10 classes, {get_num_threads()} threads; growth of the resident size over that with the network built.");
        var table = new Table().Border(TableBorder.Simple);
        foreach (var column in (string[])["genotype", "channels", "cells", "image", "batch", "predicted MiB", "resident MiB", "deviation",
            "features MiB", "held MiB"])
            table.AddColumn(column);
        foreach (var row in rows)
        {
            table.AddRow(row.Case.Genotype, $"{row.Case.Channels}", $"{row.Case.Cells}", $"{row.Case.ImageSize}", $"{row.Case.Batch}",
                $"{row.PredictedMiB:F1}", $"{row.MeasuredMiB:F1}", $"{row.Deviation:+0.0%;-0.0%}", $"{row.InUseMiB:F1}",
                $"{row.HeldMiB:F1}");
        }
        AnsiConsole.Write(table);
    }

    /// <summary>One training.</summary>
    internal sealed record Case(
        string Genotype, int Channels, int Cells, int ImageSize, int Batch, double DropPath, bool Auxiliary = true,
        Recomputation Recomputation = Recomputation.None)
    {
        private ImageShape Images => new(3, ImageSize, ImageSize);

        private Genotype Architecture => PublishedGenotypes.ByName[Genotype];

        private TrainingOptions Options => new()
        {
            Network = new CellNetOptions { Channels = Channels, Cells = Cells, AuxiliaryHead = Auxiliary },
            BatchSize = Batch,
            DropPath = DropPath,
            Recomputation = Recomputation,
        };

        public TrainingMemory Predict() => TrainingMemory.Predict(Architecture, Options, Images, Measurement.Classes);

        public Measurement.Result InProcess() =>
            Measurement.TakeInProcess(Command, JsonSerializer.Serialize(this), static _ => { });

        /// <summary>Takes the measurement in this process: two steps.</summary>
        public Measurement.Result Take()
        {
            TorchRuntime.EnsureLoaded();
            using var network = new CellNet(
                Architecture, Options.Network.WithStem(SearchSpace.Darts, Images), Images.Channels, Measurement.Classes);
            using (var random = RandomStream.Of(1, "weights"))
                Initialization.Default(network, random);
            using var step = new TrainingStep(network, Options, recomputed: Predict().Recomputed);
            network.train();
            var before = Measurement.ResetPeak();
            using var inputs = RandomStream.Of(1, "images");
            using var images = randn([Batch, Images.Channels, Images.Height, Images.Width], generator: inputs.Generator);
            using var labels = randint(Measurement.Classes, Batch, generator: inputs.Generator);
            for (var i = 0; i < 2; i++)
            {
                using var random = RandomStream.Of(1, $"drop path {i}");
                step.LearningRate = 0.01;
                step.Take(images, labels, DropPath, random);
            }
            return Measurement.Result.Of(Measurement.StatusMiB("VmHWM") - before, before, 0, 0, 0);
        }
    }

    private sealed record Row(
        [property: JsonPropertyName("case")] Case Case,
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
