using System.Runtime.InteropServices;
using TorchSharp;

namespace ZeroOneShot.Runtime;

/// <summary>What libtorch says where memory does not suffice, as a sentence that names what to do.</summary>
internal static class OutOfMemory
{
    /// <summary>Computes, and explains a failure for want of memory. What was computed so far is let go of; the process goes on.</summary>
    /// <param name="what">For example <c>A search step of 256 images</c>.</param>
    /// <param name="device">Where.</param>
    /// <param name="compute">The computation.</param>
    /// <exception cref="InsufficientMemoryException">There is not enough memory.</exception>
    public static T Explain<T>(string what, torch.Device device, Func<T> compute)
    {
        try
        {
            return compute();
        }
        catch (ExternalException e) when (Is(e))
        {
            throw new InsufficientMemoryException(
                $"{what} needs more memory than {(device.type == DeviceType.CPU ? "this machine" : $"device '{device}'")} has left. " +
                "Take a smaller BatchSize, fewer channels or cells, or a method that holds less, or end what else computes there. " +
                $"libtorch says: {e.Message.Split('\n')[0]}", e);
        }
    }

    /// <summary>
    /// Has libtorch give back the memory of a GPU that it keeps for tensors to come. TorchSharp has no call for it; libtorch does so where
    /// a tensor does not fit, as this one does on no GPU.
    /// </summary>
    public static void ReleaseCache(torch.Device device)
    {
        const long tooMuch = 12L << 40;
        if (device.type != DeviceType.CUDA)
            return;
        try
        {
            torch.empty(tooMuch, torch.ScalarType.Byte, device).Dispose();
        }
        catch (ExternalException e) when (Is(e))
        {
            // as meant
        }
    }

    /// <summary>Whether that is why libtorch failed.</summary>
    public static bool Is(ExternalException e) =>
        e.Message.Contains("out of memory", StringComparison.OrdinalIgnoreCase) ||              // CUDA
        e.Message.Contains("can't allocate memory", StringComparison.OrdinalIgnoreCase);        // the processor
}
