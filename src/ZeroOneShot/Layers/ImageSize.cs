using ZeroOneShot.Kernels;
using static TorchSharp.torch;

namespace ZeroOneShot.Layers;

/// <summary>Image sizes under stride 2. Every operation rounds up, so that odd sizes work too.</summary>
internal static class ImageSize
{
    public static long Reduced(long size, int stride) => (size + stride - 1) / stride;

    /// <summary>
    /// The padding behind an image with which a pooling that is padded by (kernel - 1) / 2 before it gives a size rounded up.
    /// </summary>
    public static HeightWidth PaddingAfter(FeatureSize input, int kernel, int stride)
    {
        return kernel % 2 == 1 ? (kernel - 1) / 2 : (After(input.Height), After(input.Width));

        int After(long size) => (int)Math.Max(0, (Reduced(size, stride) - 1) * stride + kernel - (kernel - 1) / 2 - size);
    }

    /// <summary>
    /// The image with a row and a column of zeros more where its height or width is odd; the same tensor if both are even.
    /// </summary>
    public static Tensor PaddedToEven(Tensor image)
    {
        var (height, width) = (image.shape[^2], image.shape[^1]);
        return height % 2 == 0 && width % 2 == 0 ? image : nn.functional.pad(image, [0, width % 2, 0, height % 2]);
    }
}
