using TorchSharp;
using Xunit;
using ZeroOneShot.Kernels;
using ZeroOneShot.Layers;
using ZeroOneShot.Networks;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using static TorchSharp.torch;

namespace ZeroOneShot.Tests.Kernels;

/// <summary>
/// Every layer in the order of <see cref="Lanes"/>, forwards and backwards, against libtorch's autograd in double precision.
/// </summary>
public sealed class LaneLayersTests
{
    static LaneLayersTests() => TorchRuntime.EnsureLoaded();

    /// <summary>
    /// Operations of the table at both strides, with batch norm behind poolings, as in the search network, or with learned scales.
    /// </summary>
    public static TheoryData<string> Operations =>
        [.. SearchSpace.Darts.Operations.Where(operation => operation.CanBeChosen).Select(operation => operation.Name)];

    [Theory]
    [MemberData(nameof(Operations))]
    public void Operations_give_the_outputs_and_gradients_of_autograd(string name)
    {
        var operation = SearchSpace.Darts.Operations.Single(operation => operation.Name == name);
        var wrong = from stride in (int[])[1, 2]
                    from channels in (int[])[3, 5, 8]
                    from size in (int[])[16, 11, 7]
                    from images in (int[])[1, 8, 19, 32]
                    from affine in (bool[])[false, true]
                    from type in (ScalarType[])[ScalarType.Float64, ScalarType.Float32]
                    // Few numbers in a batch norm tell too little in single precision: what is divided by their
                    // deviation is mostly rounding.
                    where type == ScalarType.Float64 || images > 8 && channels > 3
                    let deviation = Deviation(() => Build(operation, channels, stride, affine), channels, size, images, type)
                    where !(deviation < (type == ScalarType.Float64 ? 1e-10 : 1e-4))
                    select $"stride {stride}, {channels} channels, {images} images of {size}, affine {affine}, {type}: {deviation:E1}";
        Assert.Equal("", string.Join("\n", wrong));
    }

    [Theory]
    [InlineData(3, 7, 3)]
    [InlineData(16, 4, 1)]
    [InlineData(9, 33, 1)]
    [InlineData(4, 6, 5)]
    public void Convolutions_over_all_channels_give_the_outputs_and_gradients_of_autograd(int channels, int outputs, int kernel)
    {
        var wrong = from stride in (int[])[1, 2]
                    from size in (int[])[16, 11, 3]
                    from images in (int[])[2, 19]
                    from type in (ScalarType[])[ScalarType.Float64, ScalarType.Float32]
                    let deviation = Deviation(
                        () => new ModuleChain([new ConvolutionModule(new Convolution(kernel) { Stride = stride }, channels, outputs),
                            new ReluModule(), new BatchNormModule(outputs, affine: true), new ReluModule()]), channels, size, images, type)
                    where !(deviation < (type == ScalarType.Float64 ? 1e-10 : 1e-4))
                    select $"stride {stride}, {images} images of {size}, {type}: {deviation:E1}";
        Assert.Equal("", string.Join("\n", wrong));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_normalised_identity_gives_the_outputs_and_gradients_of_autograd_and_leaves_what_it_reads(bool affine)
    {
        var wrong = from rectified in (bool[])[false, true]
                    from images in (int[])[8, 19]
                    let deviation = Deviation(() => new ModuleChain([.. rectified ? [new ReluModule()] : (nn.Module<Tensor, Tensor>[])[],
                        new IdentityModule(), new BatchNormModule(5, affine)]), 5, 11, images, ScalarType.Float64)
                    where !(deviation < 1e-10)
                    select $"rectified {rectified}, {images} images: {deviation:E1}";
        Assert.Equal("", string.Join("\n", wrong));
        using var scope = NewDisposeScope();
        using var module = new ModuleChain([new IdentityModule(), new BatchNormModule(5, affine)]);
        var (image, read) = (randn(8, 5, 4, 4), Lanes.Of(randn(8, 5, 4, 4)));
        read.copy_(Lanes.Of(image));
        using var run = new LaneRun(8, recorded: false);
        run.Forward(module, read).Dispose();
        run.ForwardToAdd(module, read).Dispose();
        Assert.True(Lanes.ToImages(read, 8).equal(image).all().item<bool>());
    }

    [Fact]
    public void Weights_of_another_type_than_the_features_are_refused()
    {
        using var scope = NewDisposeScope();
        foreach (var layer in (Layer[])[new Convolution(1), new Convolution(3) { Depthwise = true }, new BatchNorm()])
        {
            using var module = layer.Build(5, 5, affine: true);
            using var run = new LaneRun(8, recorded: false);
            var error = Assert.Throws<ArgumentException>(() => run.Forward(module, Lanes.Of(randn([8, 5, 4, 4], ScalarType.Float64))));
            Assert.Contains("A tensor is Float32 on 'cpu'; expected Float64", error.Message);
        }
    }

    /// <summary>Windows of three and five columns have loops of their own, where their dilation is once or twice their stride.</summary>
    [Theory]
    [InlineData(1, 3)]
    [InlineData(5, 3)]
    [InlineData(3, 5)]
    [InlineData(7, 1)]
    public void Windows_that_are_no_squares_give_the_outputs_and_gradients_of_autograd(int rows, int columns)
    {
        var wrong = from stride in (HeightWidth[])[1, 2, (1, 2)]
                    from dilation in (HeightWidth[])[1, 2, (1, 2), (2, 1), 4]
                    from size in (int[])[24, 9]
                    from images in (int[])[3, 19]
                    from type in (ScalarType[])[ScalarType.Float64, ScalarType.Float32]
                    let layer = new Convolution((rows, columns)) { Stride = stride, Dilation = dilation, Depthwise = true }
                    let deviation = Deviation(() => new ModuleChain([new ReluModule(), new ConvolutionModule(layer, 3, 3),
                        new BatchNormModule(3, affine: true)]), 3, size, images, type, width: size + 5)
                    where !(deviation < (type == ScalarType.Float64 ? 1e-10 : 1e-4))
                    select $"stride {stride}, dilation {dilation}, {images} images of {size}x{size + 5}, {type}: {deviation:E1}";
        Assert.Equal("", string.Join("\n", wrong));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(16)]
    [InlineData(19)]
    public void Images_survive_the_change_of_order(int count)
    {
        using var scope = NewDisposeScope();
        var images = randn([count, 3, 5, 4]);
        var lanes = Lanes.Of(images);
        Assert.True(Lanes.ToImages(lanes, count).equal(images).all().item<bool>());
        Assert.Equal(0, (Lanes.Pooled(lanes, count) - images.mean([2, 3])).abs().max().item<float>(), 1e-6);
    }

    public static TheoryData<string, int> PlacesOfNaN => new(
        from layer in (string[])["convolution", "depthwise convolution", "max pooling"]
        from place in (int[])[0, 27, 63]
        select (layer, place));

    [Theory]
    [MemberData(nameof(PlacesOfNaN))]
    public void A_number_that_is_none_comes_out_wherever_it_was_looked_at(string layer, int place)
    {
        using var scope = NewDisposeScope();
        var layers = layer switch
        {
            "convolution" => (Layer[])[new Relu(), new Convolution(1)],
            "depthwise convolution" => [new Relu(), new Convolution(3) { Depthwise = true }],
            _ => [new MaxPool(3, 1)],
        };
        using var module = LayerModules.Build(layers, 5, 5, affine: false);
        using var random = RandomStream.Of(place, "number that is none");
        Initialization.Default(module, random);
        var image = randn([3, 5, 8, 8], generator: random.Generator);
        image[1, 2].view(-1)[place] = float.NaN;
        var none = image.isnan().to(ScalarType.Float32);
        var expected = layer == "convolution" ? none.amax([1], keepdim: true).expand_as(none) : nn.functional.max_pool2d(none, 3, 1, 1);
        using var run = new LaneRun(3, recorded: false);
        var output = Lanes.ToImages(run.Forward(module, Lanes.Of(image)), 3);
        Assert.True(output.isnan().to(ScalarType.Float32).equal(expected).all().item<bool>());
    }

    private static nn.Module<Tensor, Tensor> Build(CandidateOperation operation, int channels, int stride, bool affine)
    {
        var module = LayerModules.Build(operation.Layers(stride), channels, channels, affine);
        return operation.IsNormalizedInSearch && !affine ? new ModuleChain([module, new BatchNormModule(channels, affine: false)]) : module;
    }

    /// <summary>The largest relative deviation of output, running statistics, and gradients of input and weights.</summary>
    private static double Deviation(Func<nn.Module<Tensor, Tensor>> build, int channels, int size, int images, ScalarType type,
        int? width = null)
    {
        using var scope = NewDisposeScope();
        using var random = RandomStream.Of(channels, $"{size} {images}");
        using var definition = build();
        using var module = build();
        foreach (var (parameter, same) in definition.parameters().Zip(module.parameters()))
        {
            using var _ = no_grad();
            parameter.normal_(0, 1, random.Generator);
            same.copy_(parameter);
        }
        definition.to(ScalarType.Float64).train();
        module.to(type).train();
        var image = randn([images, channels, size, width ?? size], ScalarType.Float64, generator: random.Generator);

        var x = image.clone().requires_grad_(true);
        var y = definition.forward(x);
        var cotangent = randn(y.shape, ScalarType.Float64, generator: random.Generator);
        y.backward([cotangent]);

        using var run = new LaneRun(images, recorded: true);
        var read = Lanes.Of(image.to(type));
        var output = run.Forward(module, read);
        var gradient = run.Backward(Lanes.Of(cotangent.to(type)), needed: true)!;
        var pairs = new List<(Tensor Ours, Tensor Definition)>
        {
            (Lanes.ToImages(output, images), y.detach()),
            (Lanes.ToImages(gradient, images), x.grad!),
            (Lanes.ToImages(read, images), image.to(type).to(ScalarType.Float64)),
        };
        pairs.AddRange(module.parameters().Zip(definition.parameters()).Select(pair => (pair.First.grad!, pair.Second.grad!)));
        pairs.AddRange(module.buffers().Zip(definition.buffers()));
        return pairs.Max(pair => Relative(pair.Ours, pair.Definition));
    }

    private static double Relative(Tensor ours, Tensor definition)
    {
        var deviation = (ours.to(ScalarType.Float64) - definition).norm().item<double>();
        return double.IsNaN(deviation) ? double.MaxValue : deviation / Math.Max(definition.norm().item<double>(), 1e-3);
    }
}
