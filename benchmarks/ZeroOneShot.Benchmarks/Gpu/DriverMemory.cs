using System.Runtime.InteropServices;
using System.Text;
using ZeroOneShot.Runtime;
using static TorchSharp.torch;

namespace ZeroOneShot.Benchmarks.Gpu;

/// <summary>A GPU as its driver sees it: what it is, and how much of its memory all processes hold.</summary>
internal static unsafe partial class DriverMemory
{
    private const string Driver = "libcuda.so.1";

    /// <summary>
    /// Memory in use, in MiB: of the device that this thread computes on as the driver counts it, with the caches of libtorch, or on the
    /// processor the resident size of the process.
    /// </summary>
    public static double UsedMiB(Device device)
    {
        if (device.type == TorchSharp.DeviceType.CPU)
            return Measurement.StatusMiB("VmRSS") ?? 0;
        cuda.synchronize(device);                           // this also makes the device's context that of this thread
        Check(MemoryInfo(out var free, out var total));
        return (total - free) / 1048576.0;
    }

    /// <summary>The most that was in use. libtorch gives nothing back to the driver: on a GPU that is what is in use at the end.</summary>
    public static double PeakMiB(Device device) =>
        device.type == TorchSharp.DeviceType.CPU ? Measurement.StatusMiB("VmHWM") ?? 0 : UsedMiB(device);

    /// <summary>Forgets the peak so far; returns what is in use.</summary>
    public static double Reset(Device device) =>
        device.type == TorchSharp.DeviceType.CPU ? Measurement.ResetPeak() ?? 0 : UsedMiB(device);

    /// <summary>The name of the device, and the driver's CUDA version.</summary>
    public static (string Name, string Driver) Describe(Device device)
    {
        if (device.type == TorchSharp.DeviceType.CPU)
            return (Machine.Processor, "none");
        using (var one = ones(1, device: device))
            _ = one.Value();
        Check(CurrentDevice(out var number));
        var name = stackalloc byte[256];
        Check(DeviceName(name, 256, number));
        Check(DriverVersion(out var version));
        return (Encoding.UTF8.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(name)),
            $"CUDA {version / 1000}.{version % 1000 / 10}");
    }

    private static void Check(int result)
    {
        if (result != 0)
            throw new InvalidOperationException($"The CUDA driver answers with error {result}.");
    }

    [LibraryImport(Driver, EntryPoint = "cuMemGetInfo_v2")]
    private static partial int MemoryInfo(out nuint free, out nuint total);

    [LibraryImport(Driver, EntryPoint = "cuCtxGetDevice")]
    private static partial int CurrentDevice(out int device);

    [LibraryImport(Driver, EntryPoint = "cuDeviceGetName")]
    private static partial int DeviceName(byte* name, int length, int device);

    [LibraryImport(Driver, EntryPoint = "cuDriverGetVersion")]
    private static partial int DriverVersion(out int version);
}
