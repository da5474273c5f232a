using TorchSharp;
using ZeroOneShot.Runtime;
using static TorchSharp.torch;

namespace ZeroOneShot.Kernels;

/// <summary>
/// The order of image tensors that the kernels of this folder compute in: groups x channels x height x width x lanes. A lane is an image,
/// and the lanes of a pixel (16 in single, 8 in double precision) fill one, two or four vector registers, as wide as the processor has
/// them. Whatever the channels, sizes, strides and dilations, arithmetic on a pixel is then arithmetic on whole registers.
/// </summary>
/// <remarks>
/// Where the images do not fill the last group, its other lanes are zero. Batch norms keep them so; all else maps zeros to zeros.
/// </remarks>
internal static class Lanes
{
    // The widest registers in use, and the lines of most caches. It is the same for narrower registers, so that what a search computes, its
    // groups and its memory do not depend on them.
    private const int PixelBytes = 64;

    /// <summary>Number of lanes.</summary>
    public static int Count(ScalarType type) => type == ScalarType.Float64 ? Count<double>() : Count<float>();

    /// <summary>Number of lanes.</summary>
    public static unsafe int Count<T>() where T : unmanaged => PixelBytes / sizeof(T);

    /// <summary>
    /// Whether the kernels compute with a tensor: single or double precision, on a processor that has vector registers. Without, libtorch's
    /// loops are faster.
    /// </summary>
    public static bool Handle(Tensor images) =>
        Registers.Bits > 0 && images.device.type == DeviceType.CPU && images.dtype is ScalarType.Float32 or ScalarType.Float64;

    /// <summary>
    /// Whether the kernels compute with a tensor, and its images fill at least half of the lanes. With fewer, libtorch classifies faster or
    /// as fast: on two threads from 4 images down with 16 channels and 8 cells, from 8 down with 36 channels and 20 cells.
    /// </summary>
    public static bool AreWorthIt(Tensor images) => Handle(images) && 2 * images.shape[0] >= Count(images.dtype);

    /// <summary>From N x C x H x W.</summary>
    public static Tensor Of(Tensor images)
    {
        using var scope = NewDisposeScope();
        var (n, c, h, w) = (images.shape[0], images.shape[1], images.shape[2], images.shape[3]);
        var lanes = Count(images.dtype);
        var groups = (n + lanes - 1) / lanes;
        var filled = n == groups * lanes ? images : nn.functional.pad(images, [0, 0, 0, 0, 0, 0, 0, groups * lanes - n]);
        var arranged = FeatureMemory.Empty([groups, c, h, w, lanes], images.dtype);
        return arranged.copy_(filled.reshape(groups, lanes, c, h, w).permute(0, 2, 3, 4, 1)).MoveToOuterDisposeScope();
    }

    /// <summary>Back to N x C x H x W.</summary>
    public static Tensor ToImages(Tensor features, long images)
    {
        using var scope = NewDisposeScope();
        var (groups, c, h, w, lanes) = (features.shape[0], features.shape[1], features.shape[2], features.shape[3], features.shape[4]);
        return features.permute(0, 4, 1, 2, 3).reshape(groups * lanes, c, h, w).narrow(0, 0, images).MoveToOuterDisposeScope();
    }

    /// <summary>Global average pooling: images x channels.</summary>
    public static Tensor Pooled(Tensor features, long images)
    {
        using var scope = NewDisposeScope();
        var (groups, channels, lanes) = (features.shape[0], features.shape[1], features.shape[4]);
        return features.mean([2, 3]).permute(0, 2, 1).reshape(groups * lanes, channels).narrow(0, 0, images).MoveToOuterDisposeScope();
    }

    /// <summary>The gradient of features from that of <see cref="Pooled"/>; 0 in lanes that are no image.</summary>
    /// <param name="gradient">Images x channels.</param>
    /// <param name="like">Features of the size of the result.</param>
    public static Tensor PooledGradient(Tensor gradient, Tensor like)
    {
        using var scope = NewDisposeScope();
        var (groups, lanes) = (like.size(0), like.size(4));
        var all = nn.functional.pad(gradient, [0, 0, 0, groups * lanes - gradient.size(0)]).DividedBy(like.size(2) * like.size(3));
        var pixel = all.reshape(groups, lanes, like.size(1)).permute(0, 2, 1).reshape(groups, like.size(1), 1, 1, lanes);
        return EmptyLike(like).copy_(pixel.expand(like.shape)).MoveToOuterDisposeScope();
    }

    /// <summary>One number per image in a form that multiplies features: groups x 1 x 1 x 1 x lanes.</summary>
    public static Tensor OfFactors(Tensor factors)
    {
        using var images = factors.view(-1, 1, 1, 1);
        return Of(images);
    }

    /// <summary>Channels, height and width of features. (TorchSharp's <c>shape</c> costs more than a small kernel.)</summary>
    public static (long Channels, long Height, long Width) SizeOf(Tensor features) =>
        (features.size(1), features.size(2), features.size(3));

    /// <summary>New features of as many images, yet to be filled.</summary>
    public static Tensor Empty(Tensor like, (long Channels, long Height, long Width) size) =>
        FeatureMemory.Empty([like.size(0), size.Channels, size.Height, size.Width, like.size(4)], like.dtype);

    /// <summary>New features of the same size, yet to be filled, without gaps in memory.</summary>
    public static Tensor EmptyLike(Tensor features) => Empty(features, SizeOf(features));

    /// <summary>A copy without gaps in memory.</summary>
    public static Tensor Copy(Tensor features) => EmptyLike(features).copy_(features);
}
