using System.Runtime.InteropServices;
using TorchSharp;

namespace ZeroOneShot.Runtime;

/// <summary>
/// libtorch's autocast to bfloat16 on this thread, until it is disposed. TorchSharp 0.107.0 does not offer it; these are libtorch's own
/// functions, by the names that its Linux builds give them.
/// </summary>
internal sealed unsafe class Autocast : IDisposable
{
    private static readonly Lazy<nint[]?> s_functions = new(Find);

    private readonly sbyte _device;
    private readonly byte _before, _cachedBefore;
    private readonly sbyte _typeBefore;

    /// <param name="device">Whose operations are cast.</param>
    /// <exception cref="InvalidOperationException">This libtorch has no such functions.</exception>
    public Autocast(DeviceType device)
    {
        Check();
        _device = (sbyte)device;
        (_before, _typeBefore, _cachedBefore) = (IsEnabled(_device), Type(_device), IsCacheEnabled());
        SetEnabled(_device, 1);
        SetType(_device, (sbyte)torch.ScalarType.BFloat16);
        // A step runs modules again, with a graph and without: what was cast for one run is of no use to another.
        SetCacheEnabled(0);
    }

    private static delegate* unmanaged<sbyte, byte> IsEnabled => (delegate* unmanaged<sbyte, byte>)s_functions.Value![0];

    private static delegate* unmanaged<sbyte, byte, void> SetEnabled => (delegate* unmanaged<sbyte, byte, void>)s_functions.Value![1];

    private static delegate* unmanaged<sbyte, sbyte> Type => (delegate* unmanaged<sbyte, sbyte>)s_functions.Value![2];

    private static delegate* unmanaged<sbyte, sbyte, void> SetType => (delegate* unmanaged<sbyte, sbyte, void>)s_functions.Value![3];

    private static delegate* unmanaged<byte> IsCacheEnabled => (delegate* unmanaged<byte>)s_functions.Value![4];

    private static delegate* unmanaged<byte, void> SetCacheEnabled => (delegate* unmanaged<byte, void>)s_functions.Value![5];

    /// <exception cref="InvalidOperationException">This libtorch has no such functions.</exception>
    public static void Check()
    {
        TorchRuntime.EnsureLoaded();
        if (s_functions.Value is null)
        {
            throw new InvalidOperationException("Gpu.Precision is BFloat16, which needs libtorch's autocast; TorchSharp 0.107.0 has " +
                "none, and libtorch shows its own on Linux alone. Choose TensorFloat32.");
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        SetCacheEnabled(_cachedBefore);
        SetType(_device, _typeBefore);
        SetEnabled(_device, _before);
    }

    private static nint[]? Find()
    {
        if (ProcessMaps.FileOf("libtorch_cpu.so") is not { } file || !NativeLibrary.TryLoad(file, out var library))
            return null;
        string[] names =
        [
            "_ZN2at8autocast19is_autocast_enabledEN3c1010DeviceTypeE", "_ZN2at8autocast20set_autocast_enabledEN3c1010DeviceTypeEb",
            "_ZN2at8autocast18get_autocast_dtypeEN3c1010DeviceTypeE",
            "_ZN2at8autocast18set_autocast_dtypeEN3c1010DeviceTypeENS1_10ScalarTypeE",
            "_ZN2at8autocast25is_autocast_cache_enabledEv", "_ZN2at8autocast26set_autocast_cache_enabledEb",
        ];
        var functions = names.Select(name => NativeLibrary.TryGetExport(library, name, out var found) ? found : 0).ToArray();
        return functions.Contains(0) ? null : functions;
    }
}
