using System.Globalization;
using System.Runtime;
using System.Runtime.InteropServices;

namespace ZeroOneShot.Runtime;

/// <summary>
/// The memory of the process as the system counts it. What a stage has freed stays in the process, so that steps need not fault it in
/// anew: features, glibc's heap (<see cref="TorchRuntime.DefaultAllocatorSwitch"/>), .NET's. Between stages it is given back.
/// </summary>
internal static partial class ResidentMemory
{
    private const string LargestField = "VmHWM:";

    /// <summary>The resident size, in bytes.</summary>
    public static long Present => Environment.WorkingSet;

    /// <summary>The largest resident size since the process began, in bytes; null where the system does not tell.</summary>
    public static long? Largest
    {
        get
        {
            if (!OperatingSystem.IsLinux())
                return null;
            var line = File.ReadLines("/proc/self/status").FirstOrDefault(line => line.StartsWith(LargestField, StringComparison.Ordinal));
            return line is null ? null : 1024 * long.Parse(
                line.AsSpan(LargestField.Length).Trim().TrimEnd(" kB"), CultureInfo.InvariantCulture);
        }
    }

    /// <summary>Gives what is free back to the system.</summary>
    public static void ReturnUnused()
    {
        GCSettings.LargeObjectHeapCompactionMode = GCLargeObjectHeapCompactionMode.CompactOnce;
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        // Finalizers free tensors that nobody disposed.
        GC.WaitForPendingFinalizers();
        FeatureMemory.ReturnUnused();
        if (!OperatingSystem.IsLinux())
            return;
        try
        {
            _ = Trim(0);
        }
        catch (EntryPointNotFoundException)
        {
            // musl, which keeps little.
        }
    }

    [LibraryImport("libc", EntryPoint = "malloc_trim")]
    private static partial int Trim(nuint pad);
}
