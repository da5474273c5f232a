using System.Runtime.InteropServices;
using TorchSharp;
using ZeroOneShot.Runtime;

namespace ZeroOneShot.Kernels;

/// <summary>On what the last bits of a computation depend, beside what is computed.</summary>
/// <param name="Device"><c>cpu</c>, or <c>cuda</c>, whichever GPU it is.</param>
/// <param name="Threads">Those of libtorch, into as many pieces as which sums are cut; 0 on a GPU.</param>
/// <param name="Processor">For example <c>X64</c>; empty on a GPU.</param>
/// <param name="VectorBits">Width of the processor's registers; 0 on a GPU.</param>
/// <param name="Libtorch">The version; empty where the library does not tell.</param>
internal sealed record Arithmetic(string Device, long Threads, string Processor, int VectorBits, string Libtorch)
{
    /// <summary>That of this process.</summary>
    /// <param name="device">Null is the processor.</param>
    public static Arithmetic Here(string? device)
    {
        var libtorch = TorchRuntime.Libtorch.Version ?? "";
        return ProcessMemory.IsGpu(device)
            ? new("cuda", 0, "", 0, libtorch)
            : new("cpu", torch.get_num_threads(), $"{RuntimeInformation.ProcessArchitecture}", Registers.Bits, libtorch);
    }

    /// <inheritdoc/>
    public override string ToString() => Threads == 0 ? $"{Device}, libtorch {Libtorch}"
        : $"{Device}, {Threads} thread(s), {Processor}, vectors of {VectorBits} bits, libtorch {Libtorch}";
}
