using System.Buffers;
using System.IO.Pipelines;
using System.Threading.RateLimiting;

namespace PredictApi;

/// <summary>
/// The body of a request in memory. What it takes is counted against a limit of all bodies together as it arrives, so that clients which
/// announce much and send it slowly hold no more than they have sent.
/// </summary>
internal sealed class HeldBody : IDisposable
{
    /// <summary>What one permit of the limit stands for.</summary>
    public const int BytesPerPermit = 1 << 14;

    private readonly Pipe _pipe = new(new PipeOptions(minimumSegmentSize: BytesPerPermit, pauseWriterThreshold: 0));
    private readonly List<RateLimitLease> _leases = [];

    private HeldBody()
    {
    }

    /// <summary>The whole body, until this is disposed.</summary>
    public ReadOnlySequence<byte> Bytes { get; private set; }

    /// <summary>Reads a body.</summary>
    /// <param name="body">What to read.</param>
    /// <param name="limiters">The limits of all bodies together.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <returns>The body; null where the limits do not allow it.</returns>
    public static async Task<HeldBody?> ReadAsync(Stream body, Limiters limiters, CancellationToken cancellationToken)
    {
        var held = new HeldBody();
        try
        {
            for (long length = 0; ;)
            {
                if (length % BytesPerPermit == 0 && !held.Acquire(length == 0 ? limiters.Beginnings : limiters.Rests))
                {
                    held.Dispose();
                    return null;
                }
                // Whatever is left of a segment, and only then another one.
                var count = await body.ReadAsync(held._pipe.Writer.GetMemory(1), cancellationToken);
                if (count == 0)
                    break;
                held._pipe.Writer.Advance(count);
                length += count;
            }
            await held._pipe.Writer.CompleteAsync();
            held.Bytes = (await held._pipe.Reader.ReadAsync(cancellationToken)).Buffer;
            return held;
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        Bytes = default;
        _pipe.Writer.Complete();
        _pipe.Reader.Complete();
        _leases.ForEach(lease => lease.Dispose());
        _leases.Clear();
    }

    private bool Acquire(RateLimiter limit)
    {
        var lease = limit.AttemptAcquire();
        _leases.Add(lease);
        return lease.IsAcquired;
    }
}
