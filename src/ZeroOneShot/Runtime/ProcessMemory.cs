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

    /// <summary>What the first steps of a search add once, in bytes.</summary>
    public const long FirstSteps = 28L * MiB;

    /// <summary>The memory that the process may use, in bytes: the machine's, or the container's limit.</summary>
    public static long MemoryOfTheMachine => GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;

    private const int MiB = 1 << 20;

    /// <summary>Bytes as a text in MiB.</summary>
    public static string InMiB(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{(double)bytes / MiB:F1} MiB");
}
