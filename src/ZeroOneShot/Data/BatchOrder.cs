using ZeroOneShot.Runtime;

namespace ZeroOneShot.Data;

/// <summary>
/// The order in which the images of a set are drawn in batches: a new random permutation for every epoch, which depends only on
/// the seed, the name and the epoch. Any epoch, and any step of the endless sequence of epochs, can be replayed without saved state.
/// </summary>
/// <remarks>Safe to read from several threads.</remarks>
public sealed class BatchOrder
{
    private readonly int _count;
    private readonly int _batchSize;
    private readonly long _seed;
    private readonly string _name;
    private EpochOrder? _latest;

    /// <summary>Describes the order; nothing is drawn yet.</summary>
    /// <param name="count">The number of images; at least 1.</param>
    /// <param name="batchSize">Images in a batch; at least 1.</param>
    /// <param name="seed">The seed of the run.</param>
    /// <param name="name">What the batches are for; two halves of one run have two names, and so independent orders.</param>
    /// <param name="keepLast">
    /// Whether an incomplete last batch is given too. By default it is dropped, and other images are left out in every epoch.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">The count or the batch size is below 1.</exception>
    /// <exception cref="ArgumentException">There are fewer images than one batch takes, and the incomplete batch is dropped.</exception>
    public BatchOrder(int count, int batchSize, long seed, string name, bool keepLast = false)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(batchSize);
        ArgumentNullException.ThrowIfNull(name);
        if (count < batchSize && !keepLast)
            throw new ArgumentException(
                $"{count} images ('{name}') do not fill one batch of {batchSize}; expected at least as many images as the batch size. " +
                $"Lower the batch size to {count} or less, give more images, or keep the incomplete batch (keepLast: true).",
                nameof(batchSize));
        _count = count;
        _batchSize = batchSize;
        _seed = seed;
        _name = name;
        BatchesPerEpoch = keepLast ? (int)Math.Ceiling(count / (double)batchSize) : count / batchSize;
    }

    /// <summary>The number of batches in an epoch; at least 1.</summary>
    public int BatchesPerEpoch { get; }

    /// <summary>The batches of one epoch.</summary>
    /// <param name="epoch">The epoch, counted from 0.</param>
    /// <returns><see cref="BatchesPerEpoch"/> arrays of image indices; no index comes twice in an epoch.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="epoch"/> is negative.</exception>
    public IEnumerable<int[]> Epoch(int epoch)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(epoch);
        var order = Permutation(epoch);
        return Enumerable.Range(0, BatchesPerEpoch).Select(batch => Slice(order, batch));
    }

    /// <summary>One batch of the endless sequence epoch 0, epoch 1, and so on. Walking it in steps of one permutes once an epoch.</summary>
    /// <param name="step">The position in the sequence, counted from 0.</param>
    /// <returns>The indices of the images of the batch.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="step"/> is negative.</exception>
    public int[] Batch(long step)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        var (epoch, batch) = Math.DivRem(step, BatchesPerEpoch);
        var latest = _latest;
        if (latest is null || latest.Epoch != epoch)
            _latest = latest = new EpochOrder(epoch, Permutation(epoch));
        return Slice(latest.Order, (int)batch);
    }

    private int[] Permutation(long epoch)
    {
        using var stream = RandomStream.Of(_seed, $"{_name}, order of epoch {epoch}");
        var order = Enumerable.Range(0, _count).ToArray();
        stream.Random.Shuffle(order);
        return order;
    }

    private int[] Slice(int[] order, int batch)
    {
        var start = batch * _batchSize;
        return order.AsSpan(start, Math.Min(_batchSize, _count - start)).ToArray();
    }

    private sealed record EpochOrder(long Epoch, int[] Order);
}
