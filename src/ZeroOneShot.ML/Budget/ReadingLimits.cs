using System.Globalization;
using Microsoft.Extensions.Logging;
using ZeroOneShot.Data;
using ZeroOneShot.Runtime;

namespace ZeroOneShot.ML;

/// <summary>Keeps the reading of images to the time and the memory of a Fit, and says how far it is.</summary>
/// <param name="budget">The time of the whole Fit.</param>
/// <param name="memory">What the process may take, in bytes; null where that is not counted.</param>
/// <param name="clock">Counts the time.</param>
/// <param name="display">Shows how far it is; null for nowhere.</param>
/// <param name="log">Told every while.</param>
internal sealed class ReadingLimits(TimeSpan budget, long? memory, BudgetClock clock, ConsoleProgress? display, ILogger log)
{
    // What takes no more is left to the plan, which says what the stages take too.
    private const long FewBytes = 16 << 20;

    // Between looks at the clock.
    private const int Images = 16;

    // The same of time.
    private static readonly TimeSpan s_little = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan s_logInterval = TimeSpan.FromSeconds(30);

    private TimeSpan _logged = clock.Elapsed;

    /// <summary>Refuses, before any are read, images that are too many for the memory.</summary>
    /// <param name="count">How many there are; null while nobody knows.</param>
    /// <param name="shape">Of each.</param>
    /// <exception cref="MemoryLimitException">They do not fit.</exception>
    public void Begin(long? count, ImageShape shape)
    {
        if (count is { } known && known * shape.Size > FewBytes)
            CheckMemory(known * shape.Size, $"{known} images of {shape}");
    }

    /// <summary>Looks at time and memory before one more image is read.</summary>
    /// <param name="images">Those that were read.</param>
    /// <exception cref="MemoryLimitException">It does not fit any more.</exception>
    /// <exception cref="InvalidOperationException">The time is used up.</exception>
    public void Next(ImageBlocks images)
    {
        if (images.NextBytes > 0 && images.Bytes > FewBytes)
            CheckMemory(images.NextBytes, $"more images than the {images.Count} that were read");
        if (images.Count % Images != 0)
            return;
        var elapsed = clock.Elapsed;
        if (elapsed > budget && elapsed > s_little)
        {
            throw new InvalidOperationException($"TimeBudget, {budget}, was used up when {images.Count} images were read. Allow more " +
                "time, give images that are read faster (smaller files, or resized once and kept), or fewer.");
        }
        display?.Show(() => string.Create(CultureInfo.InvariantCulture, $"Reading, {images.Count} images"), elapsed, budget - elapsed);
        if (elapsed - _logged < s_logInterval)
            return;
        _logged = elapsed;
        log.ReadSoFar(images.Count);
    }

    private void CheckMemory(long bytes, string what)
    {
        if (memory is not { } most || ResidentMemory.Present + bytes <= most)
            return;
        // What was decoded and is free does not count.
        ResidentMemory.ReturnUnused();
        if (ResidentMemory.Present + bytes <= most)
            return;
        throw new MemoryLimitException($"MaxMemory is {ProcessMemory.InMiB(most)}; {what} take {ProcessMemory.InMiB(bytes)}, beside " +
            $"{ProcessMemory.InMiB(ResidentMemory.Present)} that the process holds already. Allow more, or give fewer or smaller images.");
    }
}
