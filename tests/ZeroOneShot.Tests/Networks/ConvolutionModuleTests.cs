using TorchSharp;
using Xunit;
using ZeroOneShot.Networks;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using static TorchSharp.torch;

namespace ZeroOneShot.Tests.Networks;

/// <summary>libtorch's fast kernels against its plain ones: some of the fast ones are wrong, see ConvolutionModule.</summary>
public sealed class ConvolutionModuleTests
{
    static ConvolutionModuleTests() => TorchRuntime.EnsureLoaded();

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(6)]
    [InlineData(8)]
    [InlineData(12)]
    [InlineData(16)]
    [InlineData(18)]
    [InlineData(36)]
    public void Gradients_in_single_precision_are_those_in_double_precision_for_every_layout(int channels)
    {
        using var random = RandomStream.Of(channels, "convolutions");
        var wrong = new List<string>();
        foreach (var (kernel, dilation, stride, channelsLast, size) in
            from kernel in (int[])[1, 3, 5]
            from dilation in (int[])[1, 2]
            from stride in (int[])[1, 2]
            from channelsLast in (bool[])[false, true]
            from size in (int[])[16, 15]
            select (kernel, dilation, stride, channelsLast, size))
        {
            using var scope = NewDisposeScope();
            var layer = new Layer.Convolution(kernel, stride, dilation, Depthwise: kernel > 1);
            using var module = new ConvolutionModule(layer, channels, channels);
            var image = randn([8, channels, size, size], generator: random.Generator);
            var weight = randn(module.Weight.shape, generator: random.Generator);
            var reduced = ImageSize.Reduced(size, stride);
            var cotangent = randn([8, channels, reduced, reduced], generator: random.Generator);
            foreach (var (single, twice) in Gradients(ScalarType.Float32).Zip(Gradients(ScalarType.Float64)))
            {
                var deviation = ((single.to(ScalarType.Float64) - twice).norm() / twice.norm()).ToDouble();
                if (!(deviation < 1e-4))
                    wrong.Add($"{layer}, channels last {channelsLast}, {size} pixels: {deviation:E1}");
            }

            Tensor[] Gradients(ScalarType type)
            {
                module.to(type);
                module.zero_grad();
                using (no_grad())
                    module.Weight.copy_(weight);
                var x = Arranged(image.to(type)).detach().requires_grad_(true);
                var y = module.forward(x);
                y.backward([Arranged(cotangent.to(type))]);
                return [y.detach(), x.grad!, module.Weight.grad!.clone()];
            }

            Tensor Arranged(Tensor t) => channelsLast ? t.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2) : t.clone();
        }
        Assert.Empty(wrong);
    }
}
