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

    /// <summary>What the first steps of a search add once, in bytes, besides <see cref="OfAnOperationsFirstStep"/>.</summary>
    public const long FirstSteps = 37L * MiB;

    /// <summary>
    /// What every operation adds in its first step besides momentum, in bytes: in searches of 1,728 and 3,672 operations 4 to 8 KiB each.
    /// </summary>
    public const long OfAnOperationsFirstStep = 5 << 10;

    /// <summary>
    /// What a process holds of a GPU before anything is built, in bytes: CUDA's context, and workspaces of cuDNN and cuBLAS.
    /// </summary>
    public const long OfGpuContext = 700L * MiB;

    /// <summary>
    /// What the record of a step takes of a GPU, in bytes: two took 138 and 154 MiB on an H200. A search has up to four, of two kinds of
    /// steps for batches of two sizes.
    /// </summary>
    public const long OfRecord = 75L * MiB;

    /// <summary>What libtorch holds of a GPU's memory between features, times those in use. An estimate.</summary>
    public const double IdleOnGpu = 0.15;

    /// <summary>Whether that is the name of a GPU; else of the processor.</summary>
    public static bool IsGpu([NotNullWhen(true)] string? device) => device is not (null or "" or "cpu");

    /// <summary>The memory that the process may use, in bytes: the machine's, or the container's limit.</summary>
    public static long MemoryOfTheMachine => MachineMemory.Bytes();

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
