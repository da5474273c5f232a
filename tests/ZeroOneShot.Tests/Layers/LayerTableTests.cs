using TorchSharp;
using Xunit;
using ZeroOneShot.Kernels;
using ZeroOneShot.Layers;
using ZeroOneShot.Networks;
using ZeroOneShot.Onnx;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Tests.Onnx;
using static TorchSharp.torch;
using static ZeroOneShot.Onnx.TensorProto.Types;

namespace ZeroOneShot.Tests.Layers;

/// <summary>
/// Walks the table: every kind of layer of the library and every operation of every space that comes with it. A part that is forgotten in a
/// layer's file, or is wrong, fails here.
/// </summary>
public sealed class LayerTableTests
{
    private const int Channels = 6, Outputs = 10, Images = 11;

    static LayerTableTests() => TorchRuntime.EnsureLoaded();

    /// <summary>Every layer kind, in the forms that the spaces and networks use and some that they do not.</summary>
    private static readonly (string Name, Layer[] Layers, bool KeepsChannels)[] s_kinds =
    [
        ("relu", [new Relu()], true),
        ("zero, stride 2", [new Zero(2)], true),
        ("noise, stride 2", [new Noise(2), new Convolution(3)], true),
        ("batch norm", [new BatchNorm()], true),
        ("max pool 3", [new MaxPool(3, 2)], true),
        ("max pool 2", [new MaxPool(2, 2)], true),
        ("max pool 7", [new MaxPool(7, 1)], true),
        ("average pool 2", [new AveragePool(2, 2)], true),
        ("average pool 5", [new AveragePool(5, 2)], true),
        ("average pool 7", [new AveragePool(7, 1)], true),
        ("factorized reduce", [new FactorizedReduce()], false),
        ("residual reduction", [new ResidualReduction()], false),
        ("convolution 1x1", [new Convolution(1)], false),
        ("convolution 3x3, stride 2", [new Convolution(3) { Stride = 2 }, new BatchNorm()], false),
        ("convolution with bias", [new Relu(), new Convolution(3) { Bias = ConvolutionBias.Always }], false),
        ("convolution of half the channels", [new Convolution(3) { OutputDivisor = 2 }, new BatchNorm(), new Relu()], false),
        ("convolution 1x7 and 7x1", Crossed(stride: 1), false),
        ("convolution 1x7 and 7x1, stride 2", Crossed(stride: 2), false),
        ("depthwise 7x7, dilated", [new Relu(), new Convolution(7) { Depthwise = true, Dilation = 2 }, new Convolution(1)], false),
        ("depthwise 1x7", [new Convolution((1, 7)) { Depthwise = true }], true),
        ("depthwise 5x3, strides 2 and 1", [new Convolution((5, 3)) { Depthwise = true, Stride = (2, 1) }], true),
    ];

    public static TheoryData<string> Names => [.. Rows().Select(row => row.Name)];

    [Fact]
    public void Every_kind_of_layer_stands_in_the_table()
    {
        var kinds = typeof(Layer).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(Layer)) && !type.IsAbstract);
        Assert.Equal([], kinds.Except(Rows().SelectMany(row => row.Layers).Select(layer => layer.GetType())));
        Assert.All(Rows().SelectMany(row => row.Layers), layer => Assert.Equal(
            layer.RunsInLanes, layer.Build(Channels, Channels, affine: true) is ILaneModule));
        // What memory counts on is what the module does.
        Assert.All(Rows().SelectMany(row => row.Layers), layer => Assert.Equal((layer.Rectifies, layer.ReadsRectified),
            layer.Build(Channels, Channels, affine: true) is var module ? (module is IRectifier, module is IRectifyingModule) : default));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_parameter_has_a_start_value_and_runs_differ_where_the_layer_says_so(string name)
    {
        foreach (var layer in Rows().Single(row => row.Name == name).Layers)
        {
            using var scope = NewDisposeScope();
            using var module = layer.Build(Channels, Channels, affine: true);
            using (no_grad())
            {
                foreach (var (_, parameter) in module.named_parameters())
                    parameter.fill_(double.NaN);
            }
            Randomize(module);
            Assert.All(module.named_parameters(), at => Assert.True(at.parameter.isfinite().all().item<bool>(), at.name));
            var x = randn([Images, Channels, 8, 8], generator: new Generator(8));
            using var _ = no_grad();
            Assert.Equal(layer.IsRandom, !module.forward(x).allclose(module.forward(x)));
            Assert.True(!layer.IsRandom || module is IRepeatable, "What is random must come out again as it did.");
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Output_gradients_cost_memory_and_onnx_are_those_of_the_module(string name)
    {
        var (_, layers, keepsChannels) = Rows().Single(row => row.Name == name);
        var outputs = keepsChannels ? Channels : Outputs;
        foreach (var affine in (bool[])[true, false])
        {
            foreach (var (height, width) in ((int, int)[])[(16, 16), (9, 12), (7, 7)])
            {
                var size = new FeatureSize(Channels, height, width);
                using var scope = NewDisposeScope();
                using var module = LayerModules.Build(layers, Channels, outputs, affine);
                Randomize(module);
                var where = $"{name}, affine {affine}, {size}";
                Compare(layers, module, size, outputs, affine, where);
                CompareOnnx(layers, module, size, outputs, where);
            }
        }
    }

    private static void Compare(
        IReadOnlyList<Layer> layers, nn.Module<Tensor, Tensor> module, FeatureSize size, int outputs, bool affine, string where)
    {
        module.to(ScalarType.Float64).train();
        var x = randn([Images, size.Channels, size.Height, size.Width], ScalarType.Float64, generator: new Generator(5)).requires_grad_();
        var y = module.forward(x);
        foreach (var repeatable in module.modules().Append(module).OfType<IRepeatable>())
            repeatable.Tracks = false;                              // noise comes out as it did
        var output = layers.Output(size, outputs);
        Assert.Equal([Images, output.Channels, output.Height, output.Width], y.shape);
        Assert.Equal(module.parameters().Sum(parameter => parameter.numel()), layers.Cost(size, outputs, affine).Parameters);
        Assert.Equal(layers.Cost(size, outputs, affine).MultiplyAdds, MultiplyAdds(module, size));
        var cotangent = randn(y.shape, ScalarType.Float64, generator: new Generator(6));
        if (y.requires_grad)
            y.backward([cotangent]);
        var expected = module.named_parameters().ToDictionary(at => at.name, at => at.parameter.grad!.clone());
        module.zero_grad();

        var lanes = Lanes.Of(x.detach());
        using var run = new LaneRun(Images, recorded: true);
        var inLanes = run.Forward(module, lanes);
        Near(Lanes.ToImages(inLanes, Images), y.detach(), $"{where}: output");
        var weights = module.parameters().Any();
        var memory = RunMemory.Of(layers, size, outputs, affine, weights);
        Assert.Equal(memory.Output, output);
        // What a run holds, in numbers per lane: its output and what it keeps for the way back.
        var groups = lanes.size(0) * lanes.size(4);
        Assert.True(layers.Count == 0 || memory.Held == run.Holds(inLanes) / groups,
            $"{where}: holds {run.Holds(inLanes) / groups}, expected {memory.Held}");

        var gradient = run.Backward(Lanes.Of(cotangent), needed: true)!;
        Near(Lanes.ToImages(gradient, Images), x.grad is { } g ? g : zeros_like(x), $"{where}: gradient of the input");
        foreach (var (parameter, value) in module.named_parameters())
            Near(value.grad!, expected[parameter], $"{where}: gradient of {parameter}");
    }

    private static void CompareOnnx(
        IReadOnlyList<Layer> layers, nn.Module<Tensor, Tensor> module, FeatureSize size, int outputs, string where)
    {
        module.to(ScalarType.Float32).eval();
        using var _ = no_grad();
        var x = randn([3, size.Channels, size.Height, size.Width], generator: new Generator(7));
        var (graph, output) = (new OnnxGraph(), layers.Output(size, outputs));
        var name = graph.Input("x", DataType.Float, OnnxGraph.Batch, size.Channels, size.Height, size.Width);
        name = graph.Export(name, size, layers, module, outputs);
        graph.Output(name, "y", DataType.Float, OnnxGraph.Batch, output.Channels, output.Height, output.Width);
        using var stream = new MemoryStream();
        graph.Write(stream, "layers", "tests", "1");
        var (expected, actual) = (module.forward(x), OnnxInference.Run(stream.ToArray(), x));
        Assert.Equal(expected.shape, actual.shape);
        Assert.True((expected - actual).abs().max().item<float>() < 1e-4, $"{where}: ONNX");
    }

    /// <summary>Counted from the modules: weights of convolutions times the pixels that come out of the layer.</summary>
    private static long MultiplyAdds(nn.Module<Tensor, Tensor> module, FeatureSize size)
    {
        using var _ = no_grad();
        var (count, x) = (0L, zeros([2, size.Channels, size.Height, size.Width], ScalarType.Float64));
        foreach (var layer in module is LayerSequence sequence ? sequence.Layers.Modules : [module])
        {
            x = layer.forward(x);
            count += layer.modules().Append(layer).Distinct().OfType<ConvolutionModule>()
                .Sum(convolution => convolution.Weight.numel() * x.shape[2] * x.shape[3]);
        }
        return count;
    }

    private static IEnumerable<(string Name, Layer[] Layers, bool KeepsChannels)> Rows() => s_kinds.Concat(
        from row in SearchSpace.All.SelectMany(space => space.Operations.Select(operation => (space.Name, Operation: operation)))
            .DistinctBy(row => row.Operation)
        from stride in (int[])[1, 2]
        select ($"{row.Name}: {row.Operation.Name}, stride {stride}", row.Operation.Layers(stride).ToArray(), true));

    private static Layer[] Crossed(int stride) =>
    [
        new Relu(), new Convolution((1, 7)) { Stride = (1, stride) }, new Convolution((7, 1)) { Stride = (stride, 1) }, new BatchNorm(),
    ];

    private static void Randomize(nn.Module module)
    {
        using (var random = RandomStream.Of(1, "weights"))
            Initialization.Default(module, random);
        using var _ = no_grad();
        using var generator = new Generator(2);
        foreach (var norm in module.modules().OfType<BatchNormModule>())
        {
            norm.Weight?.uniform_(0.5, 1.5, generator);
            norm.Bias?.uniform_(-0.5, 0.5, generator);
        }
    }

    private static void Near(Tensor ours, Tensor expected, string what)
    {
        // The gradient of a number in front of a batch norm is rounding alone.
        var difference = (ours - expected).norm().item<double>() / Math.Max(expected.norm().item<double>(), 1);
        Assert.True(difference < 1e-12, $"{what}: {difference:E1}");
    }
}
