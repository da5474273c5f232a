using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace ZeroOneShot.Runtime;

/// <summary>The memory of a GPU, all processes together, in bytes.</summary>
/// <param name="Free">What is free.</param>
/// <param name="Total">What there is.</param>
internal readonly record struct GpuMemory(long Free, long Total)
{
    /// <summary>What is taken where nobody tells: that much every GPU has for which there is a libtorch with CUDA.</summary>
    public const long Unknown = 4L << 30;

    private const int MiB = 1 << 20;

    // Each asks in a way of its own, and gives null where that is not possible.
    private static readonly Func<int, GpuMemory?>[] s_ways = [OfRuntime, OfTool];

    /// <summary>
    /// The memory of a device, which TorchSharp does not tell: by CUDA's runtime, which libtorch has loaded, or else by nvidia-smi. Null
    /// where neither answers.
    /// </summary>
    /// <param name="device"><c>cuda</c> or <c>cuda:N</c>; nvidia-smi counts devices from 0 whatever CUDA_VISIBLE_DEVICES says.</param>
    /// <param name="ways">Whom to ask, given the number of the device; the first answer counts. Null: those two.</param>
    public static GpuMemory? Of(string device, IEnumerable<Func<int, GpuMemory?>>? ways = null)
    {
        _ = int.TryParse(device[(device.IndexOf(':', StringComparison.Ordinal) + 1)..], out var number);
        return (ways ?? s_ways).Select(way => way(number)).FirstOrDefault(memory => memory is not null);
    }

    /// <summary>What nvidia-smi prints when it is asked for free and total memory of one device: <c>24000, 24576</c>, in MiB.</summary>
    /// <returns>Null where it prints anything else.</returns>
    public static GpuMemory? Parse(string printed)
    {
        var numbers = printed.Trim().Split(',', StringSplitOptions.TrimEntries);
        return numbers is [var free, var total]
            && long.TryParse(free, NumberStyles.None, CultureInfo.InvariantCulture, out var freeMiB)
            && long.TryParse(total, NumberStyles.None, CultureInfo.InvariantCulture, out var totalMiB)
            ? new GpuMemory(freeMiB * MiB, totalMiB * MiB)
            : null;
    }

    private static unsafe GpuMemory? OfRuntime(int device)
    {
        if (ProcessMaps.FileOf(name => name.StartsWith("libcudart", StringComparison.Ordinal)) is not { } file
            || !NativeLibrary.TryLoad(file, out var runtime)
            || !NativeLibrary.TryGetExport(runtime, "cudaGetDevice", out var get)
            || !NativeLibrary.TryGetExport(runtime, "cudaSetDevice", out var set)
            || !NativeLibrary.TryGetExport(runtime, "cudaMemGetInfo", out var info))
        {
            return null;
        }
        var choose = (delegate* unmanaged<int, int>)set;
        int before;
        nuint free, total;
        if (((delegate* unmanaged<int*, int>)get)(&before) != 0 || choose(device) != 0)
            return null;
        var told = ((delegate* unmanaged<nuint*, nuint*, int>)info)(&free, &total) == 0;
        _ = choose(before);
        return told ? new GpuMemory((long)free, (long)total) : null;
    }

    private static GpuMemory? OfTool(int device)
    {
        var start = new ProcessStartInfo("nvidia-smi",
            ["--query-gpu=memory.free,memory.total", "--format=csv,noheader,nounits", $"--id={device}"])
        {
            RedirectStandardOutput = true, RedirectStandardError = true,
        };
        try
        {
            using var process = Process.Start(start)!;
            var errors = process.StandardError.ReadToEndAsync();
            var printed = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            _ = errors.Result;
            return process.ExitCode == 0 ? Parse(printed) : null;
        }
        catch (Win32Exception)
        {
            return null;                                                    // there is no such program
        }
    }
}
