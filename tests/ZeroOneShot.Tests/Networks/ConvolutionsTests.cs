using TorchSharp;
using Xunit;
using ZeroOneShot.Kernels;
using ZeroOneShot.Layers;
using ZeroOneShot.Runtime;
using static TorchSharp.torch;

namespace ZeroOneShot.Tests.Networks;

/// <summary>
/// Every form of <see cref="Convolutions"/> against libtorch's plain convolution in double precision, which no fast kernel computes.
/// </summary>
public sealed class ConvolutionsTests
{
    private const double Tolerance = 1e-4;

    static ConvolutionsTests() => TorchRuntime.EnsureLoaded();

    public static TheoryData<int> Channels => [1, 2, 3, 4, 6, 8, 9, 12, 16, 18, 20, 32, 36, 40, 64, 72];

    [Theory]
    [MemberData(nameof(Channels))]
    public void Depthwise_convolutions_give_the_outputs_and_gradients_of_the_definition(int channels)
    {
        var wrong = from kernel in (int[])[1, 3, 5]
                    from dilation in (int[])[1, 2, 3]
                    from stride in (int[])[1, 2]
                    from size in (int[])[16, 15, 8, 4]
                    from images in (int[])[1, 2, 8]
                    from channelsLast in (bool[])[false, true]
                    let layer = new Convolution(kernel) { Stride = stride, Dilation = dilation, Depthwise = true }
                    let deviation = Deviation(layer, images, channels, channels, size, channelsLast)
                    where !(deviation < Tolerance)
                    select $"{layer}, {images} images of {size}, channels-last {channelsLast}: {deviation:E1}";
        Assert.Empty(wrong);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(9)]
    [InlineData(36)]
    public void Convolutions_that_are_not_square_give_the_outputs_and_gradients_of_the_definition(int channels)
    {
        var wrong = from kernel in (HeightWidth[])[(1, 7), (7, 1), (3, 5), (5, 3)]
                    from depthwise in (bool[])[false, true]
                    from dilation in (int[])[1, 2]
                    from stride in (HeightWidth[])[1, (1, 2), (2, 1), 2]
                    from size in (int[])[16, 7]
                    from images in (int[])[3]
                    from channelsLast in (bool[])[false, true]
                    let layer = new Convolution(kernel) { Stride = stride, Dilation = dilation, Depthwise = depthwise }
                    let deviation = Deviation(layer, images, channels, channels, size, channelsLast)
                    where !(deviation < Tolerance)
                    select $"{layer}, {images} images of {size}, channels-last {channelsLast}: {deviation:E1}";
        Assert.Empty(wrong);
    }

    [Theory]
    [MemberData(nameof(Channels))]
    public void Pointwise_convolutions_give_the_outputs_and_gradients_of_the_definition(int channels)
    {
        var wrong = from outputs in (int[])[channels, Math.Max(1, channels / 2), 2 * channels, 4 * channels, 4 * channels + 1, 128]
                    from stride in (int[])[1, 2]
                    from size in (int[])[16, 15, 4]
                    from images in (int[])[1, 2, 8]
                    from channelsLast in (bool[])[false, true]
                    let layer = new Convolution(1) { Stride = stride }
                    let deviation = Deviation(layer, images, channels, outputs, size, channelsLast)
                    where !(deviation < Tolerance)
                    select $"{layer} to {outputs}, {images} images of {size}, channels-last {channelsLast}: {deviation:E1}";
        Assert.Empty(wrong);
    }

    [Theory]
    [InlineData(3, 1, new[] { 3, 12, 24, 48, 108 })]     // stems
    [InlineData(3, 3, new[] { 3, 12, 24, 48, 108 })]
    [InlineData(2, 128, new[] { 768 })]                  // the auxiliary head
    public void Other_convolutions_give_the_outputs_and_gradients_of_the_definition(int kernel, int channels, int[] outputs)
    {
        var wrong = from output in outputs
                    from size in (int[])[32, 17, 2]
                    where channels < 128 || size == 2
                    from images in (int[])[2, 8]
                    from channelsLast in (bool[])[false, true]
                    let deviation = Deviation(
                        new Convolution(kernel), images, channels, output, size, channelsLast, inputGradient: channels == 128)
                    where !(deviation < Tolerance)
                    select $"{kernel}x{kernel} to {output}, {images} images of {size}, channels-last {channelsLast}: {deviation:E1}";
        Assert.Empty(wrong);
    }

    /// <summary>The largest relative deviation of output, input gradient and weight gradient.</summary>
    private static double Deviation(
        Convolution layer, int images, int channels, int outputs, int size, bool channelsLast, bool inputGradient = true)
    {
        using var scope = NewDisposeScope();
        using var random = RandomStream.Of(channels, $"{layer} {images} {size}");
        var image = randn([images, channels, size, size], ScalarType.Float64, generator: random.Generator);
        var weight = randn(
            [outputs, layer.Depthwise ? 1 : channels, layer.Kernel.Height, layer.Kernel.Width],
            ScalarType.Float64, generator: random.Generator);
        var definition = Gradients(ScalarType.Float64, (x, w) => nn.functional.conv2d(
            x, w, null, [layer.Stride.Height, layer.Stride.Width], [layer.Padding.Height, layer.Padding.Width],
            [layer.Dilation.Height, layer.Dilation.Width], layer.Depthwise ? channels : 1));
        var ours = Gradients(ScalarType.Float32, (x, w) => Convolutions.Run(x, w, layer));
        return ours.Zip(definition, (a, b) => ((a.to(ScalarType.Float64) - b).norm() / b.norm()).ToDouble())
            .Max(d => double.IsNaN(d) ? double.MaxValue : d);

        Tensor[] Gradients(ScalarType type, Func<Tensor, Tensor, Tensor> convolve)
        {
            var x = Arranged(image.to(type)).detach().requires_grad_(inputGradient);
            var w = weight.to(type).detach().clone().requires_grad_(true);
            var y = convolve(x, w);
            using var same = RandomStream.Of(channels, "cotangent");
            y.backward([Arranged(randn(y.shape, ScalarType.Float64, generator: same.Generator).to(type))]);
            return inputGradient ? [y.detach(), x.grad!, w.grad!] : [y.detach(), w.grad!];
        }

        Tensor Arranged(Tensor t) => channelsLast ? t.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2) : t.clone();
    }
}
