using ZeroOneShot.Layers;
using static TorchSharp.torch;

namespace ZeroOneShot.Networks;

/// <summary>The channel shuffle of partial connections (PC-DARTS, public code).</summary>
public static class PartialConnection
{
    /// <summary>
    /// Views the channels as groups x (C / groups), transposes the two and flattens them again. The result of an image is channels-last.
    /// </summary>
    /// <param name="image">N x C x H x W, C divisible by <paramref name="groups"/>; or the second of more dimensions.</param>
    /// <param name="groups">K of the paper; 1 changes nothing.</param>
    public static Tensor Shuffle(Tensor image, int groups)
    {
        ArgumentNullException.ThrowIfNull(image);
        var (n, c) = (image.shape[0], image.shape[1]);
        if (groups < 1 || c % groups != 0)
        {
            throw new ArgumentException(
                $"{c} channels cannot be shuffled in {groups} groups; the groups must divide the channels.", nameof(groups));
        }
        using var scope = NewDisposeScope();
        if (MemoryLayout.Planar || image.dim() != 4)
        {
            return image.reshape([n, groups, c / groups, .. image.shape[2..]]).transpose(1, 2).reshape(image.shape)
                .MoveToOuterDisposeScope();
        }
        var (h, w) = (image.shape[2], image.shape[3]);
        var pixels = image.permute(0, 2, 3, 1).reshape(n, h, w, groups, c / groups);
        return pixels.transpose(3, 4).reshape(n, h, w, c).permute(0, 3, 1, 2).MoveToOuterDisposeScope();
    }

    /// <summary>What the channels that bypass an edge's operations pass: with stride 2 a 2x2 maximum, so that the sizes match.</summary>
    internal static IReadOnlyList<Layer> BypassLayers(int stride) => stride == 1 ? [] : [new MaxPool(2, stride)];

    /// <summary>The module of <see cref="BypassLayers"/>.</summary>
    internal static nn.Module<Tensor, Tensor> Bypass(int stride) => LayerModules.Build(BypassLayers(stride), 1, 1, affine: false);

    /// <summary>
    /// Where in shuffled features the channels lie that were the first 1/K before, and the others: views, the others with their channels in
    /// two dimensions, (K - 1) x (C / K).
    /// </summary>
    internal static (Tensor Mixed, Tensor? Bypass) Parts(Tensor shuffled, int groups)
    {
        if (groups == 1)
            return (shuffled.alias(), null);
        using var scope = NewDisposeScope();
        var parts = shuffled.unflatten(1, [shuffled.size(1) / groups, groups]).transpose(1, 2);
        return (parts.select(1, 0).MoveToOuterDisposeScope(), parts.narrow(1, 1, groups - 1).MoveToOuterDisposeScope());
    }
}
