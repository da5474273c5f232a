using Xunit;
using ZeroOneShot.Kernels;
using ZeroOneShot.Runtime;
using static TorchSharp.torch;

namespace ZeroOneShot.Tests.Kernels;

/// <summary>1x1 convolutions and their gradients, against libtorch's in double precision.</summary>
public sealed class PointwiseKernelTests
{
    static PointwiseKernelTests() => TorchRuntime.EnsureLoaded();

    /// <summary>
    /// Fewer pixels than are computed together, no multiple of them, and more than a tile; blocks that channels do not fill.
    /// </summary>
    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 6)]
    [InlineData(9, 4)]
    [InlineData(18, 13)]
    [InlineData(70, 67)]
    public void All_sizes_give_the_outputs_and_gradients_of_autograd(int channels, int outputs)
    {
        var wrong = from size in (HeightWidth[])[1, (1, 3), 2, (1, 5), (3, 5), 6, (3, 11), (7, 19)]
                    from images in (int[])[3, 17]
                    from rectify in (bool[])[false, true]
                    let deviation = Deviation(channels, outputs, size, images, rectify)
                    where !(deviation < 1e-12)
                    select $"{images} images of {size}, rectify {rectify}: {deviation:E1}";
        Assert.Equal("", string.Join("\n", wrong));
    }

    /// <summary>A state is some channels of a cell's output, and with partial connections those of a node are in two dimensions.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Channels_may_be_parts_of_others(bool shuffled)
    {
        using var scope = NewDisposeScope();
        using var random = RandomStream.Of(1, "pointwise");
        var image = randn([11, 12, 5, 7], ScalarType.Float64, generator: random.Generator);
        var all = Lanes.Of(cat([image, image.neg(), image.mul(2)], 1));
        // Channel c of the part is channel c + 12 of all, or c / 4 + 9 (c % 4).
        var part = shuffled ? all.view(2, 4, 9, 5, 7, 8).transpose(1, 2).narrow(1, 0, 3) : all.narrow(1, 12, 12);
        var packed = shuffled ? part.reshape(2, 12, 5, 7, 8) : part.contiguous();
        var weight = randn([5, 12, 1, 1], ScalarType.Float64, generator: random.Generator);
        var cotangent = Lanes.Of(randn([11, 5, 5, 7], ScalarType.Float64, generator: random.Generator));
        Assert.True(Forward(part).equal(Forward(packed)).all().item<bool>());
        Assert.True(Gradient(part).equal(Gradient(packed)).all().item<bool>());

        Tensor Forward(Tensor x)
        {
            var y = Lanes.EmptyLike(cotangent);
            PointwiseKernel<double>.Forward(x, weight, y, rectify: true);
            return y;
        }

        Tensor Gradient(Tensor x)
        {
            var gradient = zeros_like(weight);
            PointwiseKernel<double>.AddWeightGradient(cotangent, x, gradient, rectify: true);
            return gradient;
        }
    }

    [Fact]
    public void Threads_change_no_bit()
    {
        using var scope = NewDisposeScope();
        using var random = RandomStream.Of(2, "pointwise");
        var x = randn([3, 24, 17, 17, 8], ScalarType.Float64, generator: random.Generator);
        var weight = randn([20, 24, 1, 1], ScalarType.Float64, generator: random.Generator);
        var g = randn([3, 20, 17, 17, 8], ScalarType.Float64, generator: random.Generator);
        var one = All();
        set_num_threads(3);
        try
        {
            foreach (var (alone, together) in one.Zip(All()))
                Assert.True(alone.equal(together).all().item<bool>());
        }
        finally
        {
            set_num_threads(1);
        }

        Tensor[] All()
        {
            var (y, gx, gw) = (zeros_like(g), zeros_like(x), zeros_like(weight));
            PointwiseKernel<double>.Forward(x, weight, y, rectify: true);
            PointwiseKernel<double>.InputGradient(g, weight, gx, rectified: null);
            PointwiseKernel<double>.AddWeightGradient(g, x, gw, rectify: true);
            return [y, gx, gw];
        }
    }

    /// <summary>In every place of a tile: a pixel's outputs and no others, the weights of its channel and no others.</summary>
    [Fact]
    public void A_number_that_is_none_comes_out_where_it_was_read()
    {
        using var scope = NewDisposeScope();
        var weight = ones([5, 10, 1, 1], ScalarType.Float64);
        foreach (var place in (int[])[0, 3, 31, 32, 33, 34])
        {
            var image = ones([3, 10, 5, 7], ScalarType.Float64);
            image[1, 2].view(-1)[place] = double.NaN;
            var (x, y, gradient) = (Lanes.Of(image), Lanes.Of(ones([3, 5, 5, 7], ScalarType.Float64)), zeros_like(weight));
            PointwiseKernel<double>.AddWeightGradient(y, x, gradient, rectify: true);
            PointwiseKernel<double>.Forward(x, weight, y, rectify: true);
            var none = image.isnan().any(1, keepdim: true).expand(3, 5, 5, 7);
            Assert.True(Lanes.ToImages(y, 3).isnan().equal(none).all().item<bool>());
            Assert.True(gradient.isnan().any(0).view(-1).equal(arange(10).eq(2)).all().item<bool>());
        }
    }

    /// <summary>The largest relative deviation of output and gradients.</summary>
    private static double Deviation(int channels, int outputs, HeightWidth size, int images, bool rectify)
    {
        using var scope = NewDisposeScope();
        using var random = RandomStream.Of(channels, $"{outputs} {size} {images}");
        var image = randn([images, channels, size.Height, size.Width], ScalarType.Float64, generator: random.Generator);
        var values = randn([outputs, channels, 1, 1], ScalarType.Float64, generator: random.Generator);
        var cotangent = randn([images, outputs, size.Height, size.Width], ScalarType.Float64, generator: random.Generator);
        var (leaf, weight) = (image.clone().requires_grad_(true), values.clone().requires_grad_(true));
        var expected = nn.functional.conv2d(rectify ? leaf.relu() : leaf, weight);
        expected.backward([cotangent]);

        var (x, g) = (Lanes.Of(image), Lanes.Of(cotangent));
        var (y, gx, gw) = (Lanes.EmptyLike(g), Lanes.EmptyLike(x), zeros_like(values));
        PointwiseKernel<double>.Forward(x, values, y, rectify);
        PointwiseKernel<double>.InputGradient(g, values, gx, rectify ? x : null);
        PointwiseKernel<double>.AddWeightGradient(g, x, gw, rectify);
        (Tensor Ours, Tensor Theirs)[] pairs =
            [(Lanes.ToImages(y, images), expected.detach()), (Lanes.ToImages(gx, images), leaf.grad!), (gw, weight.grad!)];
        return pairs.Max(pair => (pair.Ours - pair.Theirs).norm().item<double>() / Math.Max(pair.Theirs.norm().item<double>(), 1e-3));
    }
}
