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
    private readonly ConcurrencyLimiter _bodies = Turns((int)Math.Min(settings.MaxBytesHeld / HeldBody.BytesPerPermit + 1, int.MaxValue), 0);
    private readonly long _mostBodies = Math.Min(settings.MaxBytesHeld / HeldBody.BytesPerPermit + 1, int.MaxValue);

    /// <summary>A permit is <see cref="HeldBody.BytesPerPermit"/> bytes.</summary>
    public RateLimiter Bodies => _bodies;

    public long BytesHeld => (_mostBodies - _bodies.GetStatistics()!.CurrentAvailablePermits) * HeldBody.BytesPerPermit;

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
        _bodies.Dispose();
    }

    private static ConcurrencyLimiter Turns(int permits, int queue) => new(new ConcurrencyLimiterOptions
    {
        PermitLimit = permits, QueueLimit = queue, QueueProcessingOrder = QueueProcessingOrder.OldestFirst,
    });
}
