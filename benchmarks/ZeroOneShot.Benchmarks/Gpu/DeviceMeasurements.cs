using System.Diagnostics;
using TorchSharp;
using ZeroOneShot.Data;
using ZeroOneShot.Layers;
using ZeroOneShot.Lean;
using ZeroOneShot.Networks;
using ZeroOneShot.OneShot;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Training;
using ZeroOneShot.ZeroShot;
using static TorchSharp.torch;

namespace ZeroOneShot.Benchmarks.Gpu;

/// <summary>Memory and time of the methods' steps on a device.</summary>
internal static class DeviceMeasurements
{
    /// <summary>What is measured beside the default: recorded, planar, convolutions in TF32.</summary>
    public static IReadOnlyDictionary<string, (SupernetEvaluation Evaluation, GpuOptions Gpu)> Ways { get; } =
        new Dictionary<string, (SupernetEvaluation, GpuOptions)>
        {
            [Launched] = (SupernetEvaluation.Lean, new() { Records = false }),
            ["lean-channels-last"] = (SupernetEvaluation.Lean, new() { ChannelsLast = true }),
            ["lean-float32"] = (SupernetEvaluation.Lean, new() { Precision = GpuPrecision.Float32 }),
            ["lean-tf32"] = (SupernetEvaluation.Lean, new() { Precision = GpuPrecision.TensorFloat32 }),
            ["lean-autocast"] = (SupernetEvaluation.Lean, new() { Precision = GpuPrecision.BFloat16 }),
            ["plain-autocast"] = (SupernetEvaluation.Plain, new() { Precision = GpuPrecision.BFloat16 }),
        };

    /// <summary>A lean step that is not recorded.</summary>
    public const string Launched = "lean-launched";

    /// <summary>Orders of features in memory.</summary>
    public const string Planar = "nchw", ChannelsLast = "channels-last";

    private const double MiB = 1 << 20;

    // The first step makes optimizer states and chooses algorithms.
    private const int WarmUp = 2;

    /// <summary>One architecture and one weights step.</summary>
    public static PartResult SearchStep(string method, string evaluation, Setting setting)
    {
        var device = TorchRuntime.ResolveDevice(setting.Device);
        var shape = setting.Search;
        var measurement = new Measurement(method, evaluation, setting.SearchBatch, shape.Channels, shape.Cells, setting.Repetitions,
            setting.ImageSize);
        var (mask, options) = (measurement.Mask, measurement.Options);
        options = options with { Device = setting.Device };
        if (Ways.TryGetValue(evaluation, out var way))
            options = options with { Evaluation = way.Evaluation, Gpu = way.Gpu };
        if (evaluation == Measurement.PlainChannelsLast)
            options = options with { Gpu = new() { ChannelsLast = true } };
        MemoryLayout.Planar = evaluation == Measurement.PlainPlanar;

        using var supernet = new Supernet(mask, options.Supernet.WithStem(mask.Space, measurement.Images), 3, Measurement.Classes);
        using var architecture = new ArchitectureParameters(mask, options.Supernet.EdgeNormalization, device: device);
        using (var random = RandomStream.Of(1, "weights"))
            Initialization.Default(supernet, random);
        using (var random = RandomStream.Of(1, "architecture"))
            architecture.Initialize(random);
        supernet.to(device);
        using var step = new BilevelStep(supernet, architecture, options) 
        {
            // Also where the processor stands for a GPU.
            Order = options.Gpu.Precision == GpuPrecision.BFloat16 ? FeatureOrder.AutocastPixels : FeatureOrder.Pixels,
        };
        var before = DriverMemory.Reset(device);
        using var inputs = RandomStream.Of(1, "images");
        using var images = randn([setting.SearchBatch, 3, setting.ImageSize, setting.ImageSize], generator: inputs.Generator).to(device);
        using var labels = randint(Measurement.Classes, setting.SearchBatch, generator: inputs.Generator).to(device);

        var (ofArchitecture, ofWeights) = (new List<double>(), new List<double>());
        for (var i = 0; i < WarmUp + setting.Repetitions; i++)
        {
            var moment = new SearchMoment(Epoch: 1, Epochs: 2, Step: i);
            ofArchitecture.Add(Seconds(device, () => step.ArchitectureStep(images, labels, moment)));
            ofWeights.Add(Seconds(device, () => step.WeightsStep(images, labels, moment)));
        }
        var (a, w) = (Median(ofArchitecture), Median(ofWeights));
        var peak = DriverMemory.PeakMiB(device);
        return new PartResult("search-step", true, $"{setting.Repetitions} steps, medians{(step.IsRecorded ? ", recorded" : "")}")
        {
            Method = method, Evaluation = evaluation, PeakMiB = peak - before, DeviceMiB = peak,
            PredictedMiB = setting.IsSmall || options.Evaluation == SupernetEvaluation.Plain
                ? null : SearchMemory.Predict(mask, options, measurement.Images, Measurement.Classes).Peak / MiB,
            ArchitectureSeconds = a, WeightsSeconds = w, SearchSeconds = setting.SecondsOfSearch(a, w),
        };
    }

    /// <summary>One ranking of the whole space by a method that does not search, and what all its rankings would take.</summary>
    public static PartResult Ranking(string method, Setting setting)
    {
        var device = TorchRuntime.ResolveDevice(setting.Device);
        var supernet = new SupernetOptions { Channels = setting.Search.Channels, Cells = setting.Search.Cells };
        var options = SearchMethod.Parse(method).Apply(new ZeroShotPruningOptions { Supernet = supernet });
        var ranking = new RankingOptions
        {
            BatchSize = setting.IsSmall ? 16 : options.BatchSize, Batches = options.Batches, Initializations = 1, Device = setting.Device,
        };
        var mask = PartialPruning.Start(OperationMask.Full(SearchSpace.Darts), options.Pruning);
        var images = Noise.Images(ranking.BatchSize * ranking.Batches, setting.ImageSize, Measurement.Classes);
        using (var one = ones(1, device: device))
            _ = one.Value();
        var before = DriverMemory.Reset(device);
        var seconds = new List<double>();
        for (var i = 0; i < 1 + Math.Min(setting.Repetitions, 3); i++)
        {
            seconds.Add(Seconds(device, () =>
                ZeroShot.Ranking.Score(images, mask, new NngpNorm(), ranking, options.Supernet)));
        }
        var (peak, median) = (DriverMemory.PeakMiB(device), Median(seconds[1..], skip: 0));
        return new PartResult("ranking", true,
            $"one ranking of the whole space, {ranking.Batches} batches of {ranking.BatchSize}; later ones, of fewer operations, take less")
        {
            Method = method, Evaluation = Measurement.Lean, PeakMiB = peak - before, DeviceMiB = peak,
            SearchSeconds = median * new PruningPlan(options, toGenotype: true).Networks,
        };
    }

    /// <summary>Steps of training the found network: a published genotype.</summary>
    public static PartResult Training(string order, Setting setting)
    {
        var device = TorchRuntime.ResolveDevice(setting.Device);
        var network = new CellNetOptions
        {
            Channels = setting.Train.Channels, Cells = setting.Train.Cells, AuxiliaryHead = !setting.IsSmall,
        };
        var options = new TrainingOptions
        {
            Network = network, BatchSize = setting.TrainBatch, Device = setting.Device,
            Gpu = new() { ChannelsLast = order == ChannelsLast },
        };
        using var built = new CellNet(PublishedGenotypes.DartsV2, network, 3, Measurement.Classes);
        using (var random = RandomStream.Of(1, "weights"))
            Initialization.Default(built, random);
        built.to(device);
        built.train();
        using var step = new TrainingStep(built, options) { LearningRate = options.LearningRate };
        var before = DriverMemory.Reset(device);
        using var stream = RandomStream.Of(1, "training");
        using var images = randn([setting.TrainBatch, 3, setting.ImageSize, setting.ImageSize], generator: stream.Generator).to(device);
        using var labels = randint(Measurement.Classes, setting.TrainBatch, generator: stream.Generator).to(device);
        var seconds = Median([.. Enumerable.Range(0, WarmUp + setting.Repetitions)
            .Select(_ => Seconds(device, () => step.Take(images, labels, dropPath: 0.1, stream)))]);
        var peak = DriverMemory.PeakMiB(device);
        return new PartResult("training", true,
            $"{setting.Repetitions} steps, median; {seconds:0.000} s a step of {setting.TrainBatch} images")
        {
            Evaluation = order, PeakMiB = peak - before, DeviceMiB = peak, WeightsSeconds = seconds,
            PredictedMiB = setting.IsSmall ? null : TrainingMemory.Predict(PublishedGenotypes.DartsV2, options,
                new ImageShape(3, setting.ImageSize, setting.ImageSize), Measurement.Classes).Peak / MiB,
            ImagesPerSecond = setting.TrainBatch / seconds,
        };
    }

    private static double Seconds<T>(Device device, Func<T> compute)
    {
        Synchronize(device);
        var start = Stopwatch.GetTimestamp();
        compute();
        Synchronize(device);
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static void Synchronize(Device device)
    {
        if (device.type != TorchSharp.DeviceType.CPU)
            cuda.synchronize(device);
    }

    private static double Median(List<double> seconds, int skip = WarmUp)
    {
        var sorted = seconds[skip..].Order().ToArray();
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
