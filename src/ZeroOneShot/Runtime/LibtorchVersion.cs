using System.Runtime.InteropServices;

namespace ZeroOneShot.Runtime;

/// <summary>The version that a loaded libtorch tells.</summary>
internal static class LibtorchVersion
{
    /// <summary>For example <c>2.10.0</c>; null before 2.10.</summary>
    /// <param name="torchCpu">The library <c>torch_cpu</c>.</param>
    public static unsafe string? Of(nint torchCpu)
    {
        if (!NativeLibrary.TryGetExport(torchCpu, "aoti_torch_abi_version", out var version))
            return null;
        var number = ((delegate* unmanaged<ulong>)version)();
        return $"{number >> 56}.{number >> 48 & 0xff}.{number >> 40 & 0xff}";
    }
}
