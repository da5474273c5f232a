using System.Threading.RateLimiting;
using ZeroOneShot.ML;

namespace PredictApi;

/// <summary>
/// What the service takes on at a time: bytes of bodies, and images whose turn it is. Small and large images have turns of their own, since
/// a few large ones would otherwise hold up everybody.
/// </summary>
internal sealed class Limiters(ServiceSettings settings) : IDisposable
{
    private readonly ConcurrencyLimiter _small = Turns(settings.Concurrency, settings.Queue);
    private readonly ConcurrencyLimiter _large = Turns(settings.LargeConcurrency, settings.LargeQueue);
    private readonly ConcurrencyLimiter _beginnings = Turns(Permits(settings, 1), 0), _rests = Turns(Permits(settings, 3), 0);

    /// <summary>The first permit of each body, of <see cref="HeldBody.BytesPerPermit"/> bytes: a quarter of what may be held.</summary>
    public RateLimiter Beginnings => _beginnings;

    /// <summary>All others; however long these bodies are kept, short ones find room.</summary>
    public RateLimiter Rests => _rests;

    public long BytesHeld => HeldBody.BytesPerPermit * (Permits(settings, 1) + Permits(settings, 3)
        - _beginnings.GetStatistics()!.CurrentAvailablePermits - _rests.GetStatistics()!.CurrentAvailablePermits);

    public long SmallWaiting => _small.GetStatistics()!.CurrentQueuedCount;

    public long LargeWaiting => _large.GetStatistics()!.CurrentQueuedCount;

    /// <summary>Whether small images are turned away.</summary>
    public bool IsFull => SmallWaiting >= settings.Queue && _small.GetStatistics()!.CurrentAvailablePermits == 0;

    /// <summary>Waits for the turn of an image; the lease is not acquired where too many wait already.</summary>
    public ValueTask<RateLimitLease> TurnAsync(ImageHeader image, CancellationToken cancellationToken) =>
        (image.Work < settings.LargePixels ? _small : _large).AcquireAsync(cancellationToken: cancellationToken);

    public void Dispose()
    {
        _small.Dispose();
        _large.Dispose();
        _beginnings.Dispose();
        _rests.Dispose();
    }

    private static int Permits(ServiceSettings settings, int quarters) =>
        (int)Math.Min(settings.MaxBytesHeld / 4 * quarters / HeldBody.BytesPerPermit + 1, int.MaxValue);

    private static ConcurrencyLimiter Turns(int permits, int queue) => new(new ConcurrencyLimiterOptions
    {
        PermitLimit = permits, QueueLimit = queue, QueueProcessingOrder = QueueProcessingOrder.OldestFirst,
    });
}
