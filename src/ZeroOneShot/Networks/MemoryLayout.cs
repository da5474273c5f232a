using static TorchSharp.torch;

namespace ZeroOneShot.Networks;

/// <summary>The order of an image tensor in memory. Channels-last makes small convolutions several times faster on CPUs.</summary>
internal static class MemoryLayout
{
    // Below 8 channels batch normalisation is several times slower in channels-last than what the convolutions gain.
    private const int FewestChannelsLast = 8;

    /// <summary>The tensor in the layout that is faster for operations of so many channels; its shape stays N x C x H x W.</summary>
    public static Tensor Arrange(Tensor image, int operationChannels)
    {
        if (operationChannels < FewestChannelsLast)
            return image.contiguous();
        using var pixels = image.permute(0, 2, 3, 1);
        using var packed = pixels.contiguous();
        return packed.permute(0, 3, 1, 2);
    }
}
