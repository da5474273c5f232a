using System.Globalization;
using Microsoft.Extensions.Logging;
using ZeroOneShot.Data;
using ZeroOneShot.Runtime;

namespace ZeroOneShot.ML;

/// <summary>Keeps the reading of images to the time and the memory of a Fit, and says how far it is.</summary>
/// <param name="budget">The time of the whole Fit.</param>
/// <param name="memory">What the process may take, in bytes; null where that is not counted.</param>
/// <param name="clock">The time of the Fit so far.</param>
/// <param name="show">Shows how far it is, after how long, and how long it may yet take; null for nowhere.</param>
/// <param name="log">Told every while.</param>
internal sealed class ReadingLimits(
    TimeSpan budget, long? memory, Func<TimeSpan> clock, Action<Func<string>, TimeSpan, TimeSpan>? show, ILogger log)
{
    // What takes no more is left to the plan, which says what the stages take too.
    private const long FewBytes = 16 << 20;

    private const long BytesBetweenReturns = 64 << 20;

    // Between looks at the clock.
    private const int Rows = 16;

    // The same of time.
    private static readonly TimeSpan s_little = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan s_logInterval = TimeSpan.FromSeconds(30);

    private TimeSpan _logged = clock();
    private long _returned;

    /// <summary>Refuses, before any are read, images that are too many for the memory.</summary>
    /// <param name="count">How many rows there are; null while nobody knows.</param>
    /// <param name="used">How many of them are used: asked where all of them would be too many.</param>
    /// <param name="shape">Of each image.</param>
    /// <exception cref="MemoryLimitException">They do not fit.</exception>
    public void Begin(long? count, Func<long> used, ImageShape shape)
    {
        _returned = 0;
        if (memory is not { } most || count is not { } rows || rows * shape.Size <= FewBytes
            || ResidentMemory.Present + rows * shape.Size <= most)
        {
            return;
        }
        ResidentMemory.ReturnUnused();
        var images = used();
        if (images * shape.Size > FewBytes && ResidentMemory.Present + images * shape.Size > most)
            throw TooMany(most, images * shape.Size, $"{images} images of {shape}");
    }

    /// <summary>Looks at time and memory before one more row is read.</summary>
    /// <param name="images">The images of those that were read.</param>
    /// <param name="row">The row, from 0.</param>
    /// <exception cref="MemoryLimitException">It does not fit any more.</exception>
    /// <exception cref="InvalidOperationException">The time is used up.</exception>
    public void Next(ImageBlocks images, long row)
    {
        if (images.NextBytes > 0 && images.Bytes > FewBytes)
            CheckMemory(images);
        if (row % Rows != 0)
            return;
        var elapsed = clock();
        if (elapsed > budget && elapsed > s_little)
        {
            throw new InvalidOperationException($"TimeBudget, {budget}, was used up when {images.Count} images were read. Allow more " +
                "time, give images that are read faster (smaller files, or resized once and kept), or fewer.");
        }
        show?.Invoke(() => string.Create(CultureInfo.InvariantCulture, $"Reading, {images.Count} images"), elapsed,
            elapsed < budget ? budget - elapsed : TimeSpan.Zero);
        if (elapsed - _logged < s_logInterval)
            return;
        _logged = elapsed;
        log.ReadSoFar(images.Count);
    }

    private void CheckMemory(ImageBlocks images)
    {
        if (memory is not { } most || ResidentMemory.Present + images.NextBytes <= most)
            return;
        // What was decoded and is free does not count, but to give it back takes long.
        if (images.Bytes - _returned < BytesBetweenReturns && _returned > 0)
            return;
        _returned = images.Bytes;
        ResidentMemory.ReturnUnused();
        if (ResidentMemory.Present + images.NextBytes > most)
            throw TooMany(most, images.NextBytes, $"more images than the {images.Count} that were read");
    }

    private static MemoryLimitException TooMany(long most, long bytes, string what) => new(
        $"MaxMemory is {ProcessMemory.InMiB(most)}; {what} take {ProcessMemory.InMiB(bytes)}, beside " +
        $"{ProcessMemory.InMiB(ResidentMemory.Present)} that the process holds already. Allow more, or give fewer or smaller images.");
}
