using static TorchSharp.torch;

namespace ZeroOneShot.Networks;

/// <summary>What a network is given.</summary>
internal static class NetworkInput
{
    /// <summary>Refuses images that are none for a network, before kernels compute with the memory of both.</summary>
    /// <param name="images">The images.</param>
    /// <param name="channels">Channels of the images that the network takes.</param>
    /// <param name="weights">Weights of the network, as its others are.</param>
    /// <exception cref="ArgumentException">
    /// The images have another shape, or another type than the weights, or lie on another device.
    /// </exception>
    public static void Check(Tensor images, int channels, Tensor weights)
    {
        if (images.dim() != 4 || images.size(1) != channels)
        {
            throw new ArgumentException($"The images have the shape [{string.Join(", ", images.shape)}]; the network takes " +
                $"N x {channels} x height x width.", nameof(images));
        }
        if (images.dtype != weights.dtype || images.device_type != weights.device_type || images.device_index != weights.device_index)
        {
            throw new ArgumentException($"The images are {images.dtype} on '{images.device}', the weights of the network {weights.dtype} " +
                $"on '{weights.device}'; both need to be the same. Convert either, by images.to(...) or network.to(...).", nameof(images));
        }
    }
}
