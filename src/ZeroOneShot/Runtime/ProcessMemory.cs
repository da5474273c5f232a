using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace ZeroOneShot.Runtime;

/// <summary>What predictions of memory share: what the process takes besides features, and how images are counted.</summary>
internal static class ProcessMemory
{
    /// <summary>Images that are computed together, and take as much where they are fewer.</summary>
    public const int LanesOfAGroup = 16;

    // Measured with .NET 10 and libtorch 2.10 on Linux x64.

    /// <summary>.NET, libtorch and this library, before anything is built, in bytes.</summary>
    public const long ProcessBefore = 178L * MiB;

    /// <summary>What an operation of a network takes besides its numbers, in bytes.</summary>
    public const long OfAnOperation = 27 << 10;

    /// <summary>What the first steps of a search add once, in bytes: 32 to 56 MiB in 21 of 22 searches, 41 in the median.</summary>
    public const long FirstSteps = 39L * MiB;

    /// <summary>
    /// What a process holds of a GPU before anything is built, in bytes: CUDA's context, and workspaces of cuDNN and cuBLAS.
    /// </summary>
    public const long OfGpuContext = 700L * MiB;

    /// <summary>What the records of a search's two steps take of a GPU, in bytes: 138 and 154 MiB on an H200.</summary>
    public const long OfRecords = 150L * MiB;

    /// <summary>
    /// What libtorch holds of a GPU's memory between features, times those in use. An estimate: with it, what a search takes of an H200 was
    /// predicted within 5 % in five networks.
    /// </summary>
    public const double IdleOnGpu = 0.15;

    /// <summary>Whether that is the name of a GPU; else of the processor.</summary>
    public static bool IsGpu([NotNullWhen(true)] string? device) => device is not (null or "" or "cpu");

    /// <summary>The memory that the process may use, in bytes: the machine's, or the container's limit.</summary>
    public static long MemoryOfTheMachine => GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;

    /// <summary>The memory of a device, in bytes: of a GPU <see cref="GpuMemory.Unknown"/> where nobody tells.</summary>
    public static long MemoryOf(string? device) =>
        IsGpu(device) ? GpuMemory.Of(device)?.Total ?? GpuMemory.Unknown : MemoryOfTheMachine;

    /// <summary>
    /// What is in use of a device's memory, in bytes: the resident size of the process, or of a GPU what all processes hold, 0 where nobody
    /// tells.
    /// </summary>
    public static long InUse(string? device) =>
        !IsGpu(device) ? Environment.WorkingSet : GpuMemory.Of(device) is { } memory ? memory.Total - memory.Free : 0;

    private const int MiB = 1 << 20;

    /// <summary>Bytes as a text in MiB.</summary>
    public static string InMiB(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{(double)bytes / MiB:F1} MiB");
}
