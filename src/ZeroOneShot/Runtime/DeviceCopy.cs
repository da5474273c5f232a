using TorchSharp;
using static TorchSharp.torch;

namespace ZeroOneShot.Runtime;

/// <summary>Brings what was made on the processor to where it is needed.</summary>
internal static class DeviceCopy
{
    /// <summary>
    /// The tensor on a device. A GPU fetches it from pinned memory when it comes to that, and nobody waits: an ordinary copy would wait
    /// until all that was asked of the GPU before is done. What is computed from the result comes after it in any case.
    /// </summary>
    /// <param name="tensor">On the processor.</param>
    /// <param name="device">Where it is to be.</param>
    public static Tensor ToDevice(this Tensor tensor, Device device)
    {
        if (device.type != DeviceType.CUDA)
            return tensor.to(device);
        using var pinned = tensor.pin_memory();                 // libtorch keeps it until it has been fetched
        return pinned.to(device, non_blocking: true);
    }
}
