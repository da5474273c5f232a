using System.Numerics;
using TorchSharp;
using ZeroOneShot.Kernels;
using static TorchSharp.torch;

namespace ZeroOneShot.Layers;

/// <summary>Runs a convolution in whichever of its equal forms libtorch computes fastest, and rightly.</summary>
/// <remarks>
/// <para>The oneDNN 3.7.1 inside libtorch 2.10 packs some blocked weights and images without their padding, so that results and gradients
/// are wrong by tens of percent, NaN, or written outside their buffers: dilated depthwise convolutions, strided 1x1 convolutions, those to
/// many channels that are no power of two, a single channel. (A fault of the same release is known as oneDNN issue 3280.) The forms below
/// never reach those kernels; ConvolutionsTests holds each against double precision, which oneDNN does not compute.</para>
/// <para>Dilation by d takes every d-th pixel: the image is d x d interleaved grids, each convolved without dilation. Here they become
/// d x d times as many images. With a stride that equals the dilation only the first grid is asked for. A convolution over all channels is
/// a product of matrices, one row a pixel and its neighbours; at 1x1 with a stride, the pixels that are asked for.</para>
/// </remarks>
internal static class Convolutions
{
    /// <summary>The convolution, N x C x H x W to N x C' x H' x W' with H' = ceil(H / stride).</summary>
    /// <param name="image">Best channels-last, see <see cref="MemoryLayout"/>.</param>
    /// <param name="weight">C' x C x k x k, or C x 1 x k x k where the layer is depthwise.</param>
    /// <param name="layer">Kernel, stride and dilation.</param>
    public static Tensor Run(Tensor image, Tensor weight, Convolution layer)
    {
        using var scope = NewDisposeScope();
        return Equal(image, weight, layer).MoveToOuterDisposeScope();
    }

    private static Tensor Equal(Tensor image, Tensor weight, Convolution layer)
    {
        if (MemoryLayout.Planar || image.device.type != DeviceType.CPU)               // a GPU has kernels of its own
            return Ordinary(image, weight, layer);
        if (layer.Kernel == 1 || layer.Dilation == layer.Stride && layer.Depthwise)
        {
            image = Grid(image, layer.Stride);
            layer = layer with { Stride = 1, Dilation = 1 };
        }
        if (layer.Kernel == 1 && !layer.Depthwise)
            return Pointwise(image, weight);
        if (!layer.Depthwise)
            return Dense(image, weight, layer);
        return layer.Dilation == 1 ? Depthwise(image, weight, layer) : Grid(Dilated(image, weight, layer), layer.Stride);
    }

    /// <summary>Every step-th pixel of every step-th row.</summary>
    private static Tensor Grid(Tensor image, HeightWidth step) =>
        step == 1 ? image : image.slice(2, 0, image.shape[2], step.Height).slice(3, 0, image.shape[3], step.Width);

    private static Tensor Pointwise(Tensor image, Tensor weight)
    {
        var (outputs, inputs) = (weight.shape[0], weight.shape[1]);
        if (BitOperations.IsPow2(outputs) && BitOperations.IsPow2(inputs) && inputs > 1)
            return nn.functional.conv2d(image, weight);
        var (images, height, width) = (image.shape[0], image.shape[2], image.shape[3]);
        var pixels = image.permute(0, 2, 3, 1).reshape(-1, inputs);
        return nn.functional.linear(pixels, weight.view(outputs, inputs)).view(images, height, width, outputs).permute(0, 3, 1, 2);
    }

    private static Tensor Dense(Tensor image, Tensor weight, Convolution layer)
    {
        var (images, outputs) = (image.shape[0], weight.shape[0]);
        var (height, width) = (layer.Window.HeightOf(image.shape[2]), layer.Window.WidthOf(image.shape[3]));
        var neighbours = nn.functional.unfold(image, Pair(layer.Kernel), Pair(layer.Dilation), Pair(layer.Padding), Pair(layer.Stride))
            .transpose(1, 2);
        return nn.functional.linear(neighbours, weight.flatten(1)).view(images, height, width, outputs).permute(0, 3, 1, 2);

        static (long, long) Pair(HeightWidth numbers) => (numbers.Height, numbers.Width);
    }

    /// <summary>The convolution with stride 1.</summary>
    private static Tensor Dilated(Tensor image, Tensor weight, Convolution layer)
    {
        var (rows, columns) = layer.Dilation;
        var (images, channels, height, width) = (image.shape[0], image.shape[1], image.shape[2], image.shape[3]);
        var padded = height % rows == 0 && width % columns == 0
            ? image
            : nn.functional.pad(image, [0, (columns - width % columns) % columns, 0, (rows - height % rows) % rows]);
        var (gridHeight, gridWidth) = (padded.shape[2] / rows, padded.shape[3] / columns);
        var grids = padded.permute(0, 2, 3, 1).reshape(images, gridHeight, rows, gridWidth, columns, channels).permute(0, 2, 4, 1, 3, 5)
            .reshape(images * rows * columns, gridHeight, gridWidth, channels).permute(0, 3, 1, 2);
        var convolved = Depthwise(grids, weight, layer with { Stride = 1, Dilation = 1 });
        return convolved.permute(0, 2, 3, 1).reshape(images, rows, columns, gridHeight, gridWidth, channels).permute(0, 3, 1, 4, 2, 5)
            .reshape(images, gridHeight * rows, gridWidth * columns, channels).permute(0, 3, 1, 2)[.., .., ..(int)height, ..(int)width];
    }

    private static Tensor Depthwise(Tensor image, Tensor weight, Convolution layer)
    {
        var channels = image.shape[1];
        if (channels > 1)
            return Ordinary(image, weight, layer);
        // One channel: in double precision, which oneDNN leaves to others.
        return Ordinary(image.to(ScalarType.Float64), weight.to(ScalarType.Float64), layer).to(image.dtype);
    }

    private static Tensor Ordinary(Tensor image, Tensor weight, Convolution layer) => nn.functional.conv2d(image, weight, null,
        [layer.Stride.Height, layer.Stride.Width], [layer.Padding.Height, layer.Padding.Width],
        [layer.Dilation.Height, layer.Dilation.Width], layer.Depthwise ? image.shape[1] : 1);
}
