using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;
using TorchSharp;
using ZeroOneShot.Data;
using ZeroOneShot.Layers;
using ZeroOneShot.Lean;
using ZeroOneShot.ML;
using ZeroOneShot.Networks;
using ZeroOneShot.OneShot;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Training;
using ZeroOneShot.ZeroShot;
using static TorchSharp.torch;

namespace ZeroOneShot.Benchmarks.Gpu;

/// <summary>
/// What has to hold on a device as on the processor. The recorded tensors of the public code are compared by the tests themselves.
/// </summary>
internal static class DeviceChecks
{
    private const double Double = 1e-9, Single = 1e-4;

    /// <summary>libtorch is the one that was lent, the device is there and computes.</summary>
    public static PartResult Load(Setting setting)
    {
        var device = TorchRuntime.ResolveDevice(setting.Device);
        using var one = ones([2, 3], device: device);
        using var sum = one.sum();
        var (name, driver) = DriverMemory.Describe(device);
        return new PartResult("load", sum.Value() == 6, $"{TorchRuntime.Libtorch}; {name}, driver {driver}");
    }

    /// <summary>
    /// Losses and gradients in double precision, of the lean evaluation and of autograd through the whole network, against the processor's,
    /// for a network of all channels and one of partial connections.
    /// </summary>
    public static PartResult Lean(Setting setting)
    {
        var device = TorchRuntime.ResolveDevice(setting.Device);
        var (worst, details) = (0.0, new List<string>());
        foreach (var method in (SearchMethod[])[SearchMethod.Darts, SearchMethod.ZeroOneShotRandom])
        {
            var expected = StepInDouble(method, SupernetEvaluation.Plain, CPU, records: false);
            foreach (var (evaluation, records) in ((SupernetEvaluation, bool)[])
                [(SupernetEvaluation.Plain, false), (SupernetEvaluation.Lean, false), (SupernetEvaluation.Lean, true)])
            {
                var found = StepInDouble(method, evaluation, device, records);
                foreach (var (name, numbers) in expected)
                {
                    var deviation = Deviation(numbers, found[name]);
                    worst = double.IsNaN(deviation) ? double.NaN : Math.Max(worst, deviation);
                    if (!(deviation <= Double))
                        details.Add(string.Create(CultureInfo.InvariantCulture,
                            $"{method.Name} {evaluation}{(records ? " recorded" : "")} {name} {deviation:0.0e+00}"));
                }
            }
        }
        var passed = Compared("lean", worst, Double,
            "losses and gradients, lean and by autograd, against the processor's, in double precision");
        return details.Count == 0 ? passed : passed with
        {
            Detail = $"{passed.Detail}. {details.Count} differ: {string.Join("; ", details.Take(12))}",
        };
    }

    /// <summary>What a step computes, by name, and the gradient of each parameter.</summary>
    private static Dictionary<string, double[]> StepInDouble(
        SearchMethod method, SupernetEvaluation evaluation, Device device, bool records)
    {
        using var scope = NewDisposeScope();
        var mask = method.Pruning == PruningKind.None
            ? OperationMask.Full(SearchSpace.Darts) : RandomPruning.Mask(SearchSpace.Darts, 0.5, seed: 1);
        var options = method.Apply(new SearchOptions
        {
            Supernet = new() { Channels = 8, Cells = 3 }, Evaluation = evaluation, Gpu = new() { Records = records },
        });
        using var supernet = new Supernet(mask, options.Supernet, 3, Measurement.Classes);
        using var architecture = new ArchitectureParameters(mask, options.Supernet.EdgeNormalization, ScalarType.Float64, device);
        using (var random = RandomStream.Of(1, "weights"))
            Initialization.Default(supernet, random);
        using (var random = RandomStream.Of(1, "architecture"))
            architecture.Initialize(random);
        supernet.to(ScalarType.Float64).to(device);
        using var step = new BilevelStep(supernet, architecture, options) { Order = FeatureOrder.Pixels };
        using var inputs = RandomStream.Of(1, "images");
        var numbers = new Dictionary<string, double[]>();
        for (var i = 0; i < 2; i++)
        {
            var images = randn([16, 3, 16, 16], ScalarType.Float64, generator: inputs.Generator).to(device);
            var labels = randint(Measurement.Classes, 16, generator: inputs.Generator).to(device);
            numbers[$"loss of architecture step {i}"] = [step.ArchitectureStep(images, labels, new SearchMoment(1, 2, i)).Loss];
            foreach (var (parameter, values) in architecture.Parameters.Index())
                numbers[$"gradient {parameter} of the architecture in step {i}"] = Gradient(values);
            numbers[$"loss of weights step {i}"] = [step.WeightsStep(images, labels, new SearchMoment(1, 2, i)).Loss];
            foreach (var (name, parameter) in supernet.named_parameters())
                numbers[$"gradient of {name} in step {i}"] = Gradient(parameter);
        }
        if (step.IsRecorded != (records && CudaGraph.Records(device)))
            throw new InvalidOperationException($"Found steps that are {(step.IsRecorded ? "" : "not ")}recorded; expected the contrary.");
        return numbers;

        static double[] Gradient(TorchSharp.Modules.Parameter parameter) =>
            parameter.grad is { } gradient ? gradient.cpu().reshape(-1).data<double>().ToArray() : [];
    }

    /// <summary>
    /// Every candidate operation in double precision, forwards and backwards, on features as they lie in a lean step: all channels in both
    /// orders, and the first of more channels.
    /// </summary>
    public static PartResult Operations(Setting setting)
    {
        var device = TorchRuntime.ResolveDevice(setting.Device);
        var (worst, differ) = (0.0, new List<string>());
        foreach (var operation in SearchSpace.DartsLarge.Operations)
        {
            foreach (var stride in (int[])[1, 2])
            {
                foreach (var channels in (int[])[2, 8])
                {
                    foreach (var (name, arrange) in s_arrangements)
                    {
                        var expected = Run(operation, stride, channels, arrange, CPU);
                        var found = Run(operation, stride, channels, arrange, device);
                        var deviations = expected.Zip(found).Select(pair => Deviation(pair.First, pair.Second)).ToArray();
                        if (deviations.Length == 0)
                            continue;
                        worst = Math.Max(worst, deviations.Max());
                        if (!(deviations.Max() <= Double))
                            differ.Add($"{operation.Name} stride {stride} channels {channels} {name} " +
                                $"{string.Join(' ', deviations.Select(d => $"{d:0.0e+00}"))}");
                    }
                }
            }
        }
        return new PartResult("operations", differ.Count == 0,
            $"largest relative deviation from the processor {worst:0.0e+00}, bound {Double:0e+00}. {string.Join("; ", differ)}");

        static List<double[]> Run(CandidateOperation operation, int stride, int channels, Func<Tensor, Tensor> arrange, Device device)
        {
            using var scope = NewDisposeScope();
            if (operation.IsZero(stride))
                return [];
            using var module = LayerModules.Build(operation.Layers(stride), channels, channels, affine: false);
            using (var random = RandomStream.Of(1, "weights"))
                Initialization.Default(module, random);
            module.to(ScalarType.Float64).to(device);
            using var stream = RandomStream.Of(1, "features");
            var x = arrange(randn([4, channels, 9, 9], ScalarType.Float64, generator: stream.Generator).to(device));
            using var run = FeatureOrder.Pixels.Run(module, x, needed: true);
            var g = randn(run.Output.shape, ScalarType.Float64, generator: stream.Generator).to(device);
            var gradient = FeatureOrder.Pixels.Sum(run.Output, [(arrange(g), 0.5)]);
            var output = Numbers(run.Output);
            var ofInput = Numbers(run.Backward(gradient)!);
            return [output, ofInput, .. module.parameters().Select(parameter => Numbers(parameter.grad!))];
        }

        static double[] Numbers(Tensor tensor) => tensor.cpu().reshape(-1).data<double>().ToArray();
    }

    private static readonly (string Name, Func<Tensor, Tensor> Arrange)[] s_arrangements =
    [
        ("planar", x => x.contiguous()),
        ("channels-last", MemoryLayout.ChannelsLast),
        ("first of more", x => MemoryLayout.ChannelsLast(cat([x, x, x, x], 1)).narrow(1, 0, x.shape[1])),
        ("every fourth",
            x => MemoryLayout.ChannelsLast(x.repeat_interleave(4, 1)).unflatten(1, [x.shape[1], 4]).transpose(1, 2).select(1, 0)),
    ];

    /// <summary>What <see cref="GpuPrecision"/> says is what convolutions round to.</summary>
    public static PartResult Precision(Setting setting)
    {
        var device = TorchRuntime.ResolveDevice(setting.Device);
        using var scope = NewDisposeScope();
        using var stream = RandomStream.Of(1, "features");
        var x = randn([8, 64, 16, 16], ScalarType.Float64, generator: stream.Generator).to(device);
        var weight = randn([64, 64, 3, 3], ScalarType.Float64, generator: stream.Generator).to(device);
        var exact = Numbers(nn.functional.conv2d(x, weight));
        var deviations = Enum.GetValues<GpuPrecision>().Where(precision => precision != GpuPrecision.BFloat16).ToDictionary(
            precision => precision, precision =>
            {
                using var arithmetic = GpuArithmetic.Begin(new() { Precision = precision }, device);
                return Deviation(exact, Numbers(nn.functional.conv2d(x.to(ScalarType.Float32), weight.to(ScalarType.Float32))));
            });
        return new PartResult("precision", deviations[GpuPrecision.Float32] < 1e-5, "a convolution deviates from double precision by " +
            string.Join(", ", deviations.Select(of => string.Create(CultureInfo.InvariantCulture, $"{of.Value:0.0e+00} ({of.Key})"))));

        static double[] Numbers(Tensor tensor) => tensor.to(ScalarType.Float64).cpu().reshape(-1).data<double>().ToArray();
    }

    /// <summary>Which evaluation a search at the setting would take.</summary>
    public static PartResult Choice(string method, Setting setting)
    {
        var shape = setting.Search;
        var measurement = new Measurement(method, Measurement.Lean, setting.SearchBatch, shape.Channels, shape.Cells, 0, setting.ImageSize);
        var choice = EvaluationChoice.For(measurement.Mask, measurement.Options with
        {
            Evaluation = SupernetEvaluation.Automatic, Device = setting.Device,
        }, measurement.Images, Measurement.Classes);
        return new PartResult("choice", true, $"{choice.Evaluation}: {choice.Reason}") { Method = method };
    }

    /// <summary>A search stopped on one device goes on on the other from its checkpoint, and ends as if it had never moved.</summary>
    public static PartResult Checkpoint(Setting setting)
    {
        var images = Noise.Images(48, 16, 3);
        var mask = RandomPruning.Mask(SearchSpace.Darts, 0.5, seed: 1);
        var whole = Search(images, mask, "cpu", "cpu");
        var worst = Math.Max(Deviation(whole, Search(images, mask, setting.Device, "cpu")),
            Deviation(whole, Search(images, mask, "cpu", setting.Device)));
        // Two epochs of steps in single precision amplify what the devices round differently.
        return Compared("checkpoint", worst, bound: 0.05, "alphas of a search that moved from device to processor, and back, " +
            "against one that stayed");
    }

    private static double[] Search(ImageSet images, OperationMask mask, string first, string second)
    {
        var folder = Directory.CreateTempSubdirectory("zerooneshot-");
        try
        {
            var options = SearchMethod.ZeroOneShotRandom.Apply(new SearchOptions
            {
                Supernet = new() { Channels = 4, Cells = 3 }, BatchSize = 8, Epochs = 2, WarmupEpochs = 0, LearningRate = 0.01, Seed = 1,
                Gpu = new() { Precision = GpuPrecision.Float32 },
            });
            var checkpoint = Path.Combine(folder.FullName, "search");
            using var stop = new CancellationTokenSource();
            try
            {
                MaskedDartsSearch.Run(images, mask, options with { Device = first }, new StopAfter(4, stop), checkpoint, stop.Token);
            }
            catch (OperationCanceledException)
            {
                // as meant
            }
            var result = MaskedDartsSearch.Run(images, mask, options with { Device = second }, checkpoint: checkpoint);
            return [.. result.Alphas.Values.SelectMany(alphas => alphas.Select(alpha => (double)alpha))];
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>A pipeline of all three stages on the device; its zip predicts on the processor what the network there does.</summary>
    public static PartResult Pipeline(Setting setting)
    {
        var folder = Directory.CreateTempSubdirectory("zerooneshot-");
        try
        {
            var ml = new MLContext(seed: 1);
            var images = Noise.Images(60, 16, 3);
            var data = ml.Data.LoadImages(images);
            var supernet = new SupernetOptions { Channels = 4, Cells = 3 };
            using var model = ml.Transforms.ZeroShotPrune(new ZeroShotPruneEstimator.Options
                {
                    Method = SearchMethod.ZeroOneShotRandom, Device = setting.Device,
                    Settings = new() { BatchSize = 8, Batches = 1, Initializations = 1, Supernet = supernet },
                })
                .Append(ml.Transforms.MaskedDartsSearch(new MaskedDartsSearchEstimator.Options
                {
                    Device = setting.Device, Settings = new() { BatchSize = 8, Epochs = 2, WarmupEpochs = 1, Supernet = supernet },
                }))
                .Append(ml.MulticlassClassification.Trainers.CellNet(new CellNetTrainer.Options
                {
                    Device = setting.Device,
                    Settings = new() { BatchSize = 8, Epochs = 2, Network = new() { Channels = 4, Cells = 3, AuxiliaryHead = false } },
                }))
                .Fit(data);
            var path = Path.Combine(folder.FullName, "model.zip");
            ml.Model.Save(model.LastTransformer, data.Schema, path);
            double[] here = [.. ml.Model.Load(path, out _).Transform(data).GetColumn<float[]>("Score")
                .SelectMany(scores => scores).Select(score => (double)score)];
            return Compared("pipeline", Deviation(Scores(model.LastTransformer.Weights, images, setting.Device), here), Single,
                "scores of the zip, by ONNX Runtime on the processor, against those of libtorch's network on the device");
        }
        finally
        {
            folder.Delete(recursive: true);
        }

        // What was trained, where it was trained: transformers score on the processor.
        static double[] Scores(CellNetWeights weights, ImageSet images, string? where)
        {
            using var noGradient = no_grad();
            using var scope = NewDisposeScope();
            var device = TorchRuntime.ResolveDevice(where);
            using var network = new CellNet(weights.Genotype, weights.Network, images.Shape.Channels, images.ClassCount, weights.Space);
            weights.CopyTo(network, images.ClassNames);
            network.to(device);
            network.eval();
            var pixels = weights.Statistics.Normalize(images.ImageTensor([.. Enumerable.Range(0, images.Count)])).to(device);
            using var exact = GpuArithmetic.Begin(new GpuOptions { Precision = GpuPrecision.Float32 }, device);
            return [.. nn.functional.softmax(network.forward(pixels), 1).cpu().data<float>().Select(score => (double)score)];
        }
    }

    /// <summary>Too large a batch is refused with a sentence, and the next step of a small one runs.</summary>
    public static PartResult OutOfMemory(Setting setting)
    {
        var device = TorchRuntime.ResolveDevice(setting.Device);
        using var scope = NewDisposeScope();
        var mask = OperationMask.Full(SearchSpace.Darts);
        var options = new SearchOptions { Supernet = new() { Channels = 4, Cells = 3 } };
        using var supernet = new Supernet(mask, options.Supernet, 3, Measurement.Classes);
        using var architecture = new ArchitectureParameters(mask, edgeNormalization: false, device: device);
        using (var random = RandomStream.Of(1, "weights"))
            Initialization.Default(supernet, random);
        supernet.to(device);
        using var step = new BilevelStep(supernet, architecture, options);
        var message = "";
        try
        {
            // One image, seen as many: 12 TB where it is written out.
            const long many = 1L << 30;
            step.ArchitectureStep(zeros([1, 3, 32, 32], device: device).expand(many, 3, 32, 32),
                zeros([1], ScalarType.Int64, device).expand(many));
        }
        catch (InsufficientMemoryException e)
        {
            message = e.Message;
        }
        var (loss, _) = step.ArchitectureStep(zeros([8, 3, 32, 32], device: device), zeros([8], ScalarType.Int64, device));
        return new PartResult("out-of-memory", message.Contains("smaller BatchSize", StringComparison.Ordinal) && double.IsFinite(loss),
            message.Length > 0 ? message : "No error was thrown.");
    }

    /// <summary>The device's memory and the number of tensors after many steps are those after a few.</summary>
    public static PartResult Flat(Setting setting)
    {
        var device = TorchRuntime.ResolveDevice(setting.Device);
        var images = Noise.Images(96, 16, 3);
        var watch = new Watch(device, setting.FlatSteps);
        MaskedDartsSearch.Run(images, RandomPruning.Mask(SearchSpace.Darts, 0.5, seed: 1), SearchMethod.ZeroOneShotRandom.Apply(
            new SearchOptions
            {
                Supernet = new() { Channels = 4, Cells = 3 }, BatchSize = 8, Epochs = setting.FlatSteps / 6 + 1, WarmupEpochs = 0, Seed = 1,
                LearningRate = 0.01, Device = setting.Device,
            }), watch);
        var (early, late) = (watch.Early!.Value, watch.Late!.Value);
        // The processor's resident size wavers; a GPU's count is exact, and may grow by one block of libtorch's cache.
        var slack = device.type == DeviceType.CPU ? 64 : 2;
        const int batchesBeingMade = 16;
        return new PartResult("flat-memory", late.MiB - early.MiB <= slack && late.Tensors <= early.Tensors + batchesBeingMade,
            $"{early.MiB:F0} MiB and {early.Tensors} tensors after {setting.FlatSteps / 4} steps, {late.MiB:F0} MiB and {late.Tensors} " +
            $"after {setting.FlatSteps}");
    }

    private static PartResult Compared(string part, double deviation, double bound, string what) =>
        new(part, deviation <= bound, $"{what}: largest relative deviation {deviation:0.0e+00}, bound {bound:0e+00}");

    private static double Deviation(double[] a, double[] b)
    {
        if (a.Length != b.Length || a.Length == 0)
            return double.NaN;
        var norm = Math.Sqrt(a.Sum(value => value * value));
        return Math.Sqrt(a.Zip(b).Sum(pair => (pair.First - pair.Second) * (pair.First - pair.Second))) / Math.Max(norm, 1e-30);
    }

    /// <summary>Stops a run after so many steps.</summary>
    private sealed class StopAfter(int steps, CancellationTokenSource stop) : IProgress<RunProgress>
    {
        private int _steps;

        public void Report(RunProgress value)
        {
            if (++_steps == steps)
                stop.Cancel();
        }
    }

    /// <summary>Counts between steps, after a quarter of them and at the end.</summary>
    private sealed class Watch(Device device, int steps) : IProgress<RunProgress>
    {
        private int _steps;

        public (double MiB, long Tensors)? Early { get; private set; }

        public (double MiB, long Tensors)? Late { get; private set; }

        public void Report(RunProgress value)
        {
            _steps++;
            if (_steps == steps / 4)
                Early = Count();
            if (_steps == steps)
                Late = Count();
        }

        private (double MiB, long Tensors) Count()
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            return (DriverMemory.UsedMiB(device), Tensor.TotalCount);
        }
    }
}
