using System.Runtime.InteropServices;
using TorchSharp;
using ZeroOneShot.Kernels;
using ZeroOneShot.Runtime;

namespace ZeroOneShot.Experiments;

/// <summary>On what the last bits of a computation depend, beside what is computed.</summary>
/// <param name="Device">For example <c>cpu</c>; of several GPUs in one machine each is another.</param>
/// <param name="Threads">Those of libtorch: sums are cut into as many pieces.</param>
/// <param name="Processor">For example <c>X64</c>.</param>
/// <param name="VectorBits">Width of the processor's registers.</param>
/// <param name="Libtorch">The version; empty where the library does not tell.</param>
internal sealed record Arithmetic(string Device, long Threads, string Processor, int VectorBits, string Libtorch)
{
    /// <summary>That of this process.</summary>
    /// <param name="device">Null is the processor.</param>
    public static Arithmetic Here(string? device)
    {
        var libtorch = TorchRuntime.Libtorch.Version ?? "";
        return new(string.IsNullOrEmpty(device) ? "cpu" : device, torch.get_num_threads(),
            $"{RuntimeInformation.ProcessArchitecture}", Registers.Bits, libtorch);
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Device}, {Threads} thread(s), {Processor}, vectors of {VectorBits} bits, libtorch {Libtorch}";
}
