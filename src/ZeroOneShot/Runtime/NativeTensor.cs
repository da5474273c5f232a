using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace ZeroOneShot.Runtime;

/// <summary>
/// Functions of TorchSharp's native library that its managed side does not offer: tensors on memory of somebody else's, and the memory of
/// tensors without the objects that TorchSharp makes on the way, which cost more than a small kernel. Where one is missing, callers do
/// without it.
/// </summary>
internal static unsafe class NativeTensor
{
    private static readonly delegate* unmanaged<nint, delegate* unmanaged<nint, void>, long*, int, sbyte, sbyte, int, int, byte, nint>
        s_new = (delegate* unmanaged<nint, delegate* unmanaged<nint, void>, long*, int, sbyte, sbyte, int, int, byte, nint>)
            Find("THSTensor_new");

    private static readonly delegate* unmanaged<nint, nint> s_data = (delegate* unmanaged<nint, nint>)Find("THSTensor_data");

    /// <summary>Whether there are tensors on memory of somebody else's.</summary>
    public static bool CanWrap => s_new != null;

    /// <summary>A tensor on the processor; null where libtorch refuses.</summary>
    /// <param name="data">Its memory.</param>
    /// <param name="giveBack">Called with the memory when the last tensor on it is gone.</param>
    /// <param name="sizes">The sizes of its dimensions.</param>
    /// <param name="dimensions">How many.</param>
    /// <param name="type">The type of its numbers.</param>
    public static Tensor? Wrap(nint data, delegate* unmanaged<nint, void> giveBack, long* sizes, int dimensions, ScalarType type)
    {
        var handle = s_new(data, giveBack, sizes, dimensions, (sbyte)type, (sbyte)type, (int)DeviceType.CPU, -1, 0);
        return handle == 0 ? null : Tensor.UnsafeCreateTensor(handle);
    }

    /// <summary>The first number of a tensor on the processor; 0 where it is not to be had.</summary>
    public static nint Data(Tensor tensor)
    {
        if (s_data == null)
            return 0;
        var data = s_data(tensor.Handle);
        GC.KeepAlive(tensor);
        return data;
    }

    private static nint Find(string function) =>
        NativeLibrary.TryLoad(Library, typeof(torch).Assembly, null, out var library) &&
        NativeLibrary.TryGetExport(library, function, out var found) ? found : 0;

    private static string Library => OperatingSystem.IsLinux() ? "libLibTorchSharp.so" : "LibTorchSharp";
}
