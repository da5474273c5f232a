using TorchSharp;
using static TorchSharp.torch;

namespace ZeroOneShot.Layers;

/// <summary>
/// The order of an image tensor in memory: channels-last, in which convolutions and poolings on CPUs are several times faster than in the
/// planar order that libtorch starts from. Batch norms of very few channels are the exception.
/// </summary>
internal static class MemoryLayout
{
    private const int FewestChannelsLast = 8;

    [ThreadStatic]
    private static bool t_planarHere;

    private static bool s_planar;

    /// <summary>
    /// Everything in planar order and by libtorch's ordinary convolutions, as in the public code: what benchmarks compare with. False.
    /// </summary>
    public static bool Planar
    {
        get => s_planar || t_planarHere;
        set => s_planar = value;
    }

    /// <summary>The same for what this thread computes: a GPU's one.</summary>
    public static bool PlanarHere
    {
        get => t_planarHere;
        set => t_planarHere = value;
    }

    /// <summary>The tensor in channels-last order; its shape stays N x C x H x W.</summary>
    public static Tensor ChannelsLast(Tensor image)
    {
        if (Planar)
            return image.contiguous();
        using var pixels = image.permute(0, 2, 3, 1);
        using var packed = pixels.contiguous();
        return packed.permute(0, 3, 1, 2);
    }

    /// <summary>
    /// Runs a batch norm in the order that is faster for its channels. Below 8, libtorch's channels-last batch norm takes ten times as long
    /// on the processor as the planar one, which pays for two copies.
    /// </summary>
    public static Tensor BatchNorm(Tensor image, Func<Tensor, Tensor> norm)
    {
        if (image.shape[1] >= FewestChannelsLast || image.is_contiguous() || image.device_type != DeviceType.CPU)
            return norm(image);
        using var scope = NewDisposeScope();
        return ChannelsLast(norm(image.contiguous())).MoveToOuterDisposeScope();
    }
}
