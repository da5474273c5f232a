using System.Runtime.Intrinsics;

namespace ZeroOneShot.Kernels;

/// <summary>
/// Which registers the kernels compute in: the widest that the processor has. Narrower ones are as good for the same kernels; what .NET
/// would compute number by number, because the processor has no such registers, is a hundred times slower.
/// </summary>
internal static class Registers
{
    /// <summary>Bits of a register: 512, 256 or 128; 0 where the processor has none for vectors.</summary>
    public static int Bits =>
        Vector512.IsHardwareAccelerated ? 512 : Vector256.IsHardwareAccelerated ? 256 : Vector128.IsHardwareAccelerated ? 128 : 0;

    /// <summary>Of the same loops for three registers, those for the one that the processor has.</summary>
    public static TLoops Widest<TLoops>(TLoops for512, TLoops for256, TLoops for128) =>
        Bits switch { 512 => for512, 256 => for256, _ => for128 };
}
