using TorchSharp;

namespace ZeroOneShot.Tests;

/// <summary>The tensors there are, of all threads.</summary>
internal static class LiveTensors
{
    /// <summary>
    /// Their number, without those that earlier tests forgot, which the garbage collector would otherwise take in the middle of a test.
    /// </summary>
    public static long Count()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        return torch.Tensor.TotalCount;
    }
}
