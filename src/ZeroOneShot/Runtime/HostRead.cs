using TorchSharp;
using static TorchSharp.torch;

namespace ZeroOneShot.Runtime;

/// <summary>
/// Numbers of tensors brought to the processor. A GPU is then waited for until all that was asked of it is done, and has nothing to do
/// until it is asked again: what a step wants to know is read together, in one call.
/// </summary>
internal static class HostRead
{
    [ThreadStatic]
    private static long t_count;

    /// <summary>How often this thread has read, for those who count the waits of a step.</summary>
    public static long Count => t_count;

    /// <summary>All numbers of some tensors of one device, of any type but complex.</summary>
    public static double[][] Of(params IReadOnlyList<Tensor> tensors)
    {
        t_count++;
        using var scope = NewDisposeScope();
        var flat = tensors.Select(tensor => tensor.detach().to(ScalarType.Float64).reshape(-1)).ToArray();
        return flat[0].device_type == DeviceType.CPU ? [.. flat.Select(Numbers)] : Parts(Numbers(cat(flat).cpu()), flat);
    }

    private static double[] Numbers(Tensor flat) => flat.data<double>().ToArray();

    private static double[][] Parts(double[] all, Tensor[] parts)
    {
        var first = 0L;
        return [.. parts.Select(part => all[(int)first..(int)(first += part.numel())])];
    }
}
