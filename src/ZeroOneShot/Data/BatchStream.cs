using System.Diagnostics;
using System.Diagnostics.Metrics;
using ZeroOneShot.Runtime;
using static TorchSharp.torch;

namespace ZeroOneShot.Data;

/// <summary>
/// The endless sequence of augmented, normalised batches of a set of images. A batch depends only on the seed, the stream's name and its
/// number, so that a run can go on from any step.
/// </summary>
/// <remarks>
/// A thread of its own prepares batch n + 1, and has it copied to its device, while the caller uses batch n. That changes when a batch is
/// made, not what is in it. For one caller at a time.
/// </remarks>
internal sealed class BatchStream : IDisposable
{
    /// <summary>Name of the meter whose two instruments say how long callers waited for batches and how long they took to make.</summary>
    public const string MeterName = "ZeroOneShot.Batches";

    /// <summary>Name of the instrument that is told, for every batch handed over, the seconds the caller spent getting it.</summary>
    public const string Waiting = "zerooneshot.batch.waiting";

    /// <summary>Name of the instrument that is told, for every batch made, the seconds that took, on whichever thread.</summary>
    public const string Preparation = "zerooneshot.batch.preparation";

    private static readonly Meter s_meter = new(MeterName);
    private static readonly Histogram<double> s_waiting = s_meter.CreateHistogram<double>(Waiting, "s");
    private static readonly Histogram<double> s_preparation = s_meter.CreateHistogram<double>(Preparation, "s");

    private readonly ImageSet _images;
    private readonly BatchOrder _order;
    private readonly Augmentation _augmentation;
    private readonly ChannelStatistics _statistics;
    private readonly long _seed;
    private readonly string _name;
    private readonly Device _device;
    private Worker? _worker;
    private Task<Batch>? _next;
    private long _nextNumber;
    private bool _disposed;

    /// <param name="images">At least as many as a batch takes.</param>
    /// <param name="batchSize">Images in a batch.</param>
    /// <param name="augmentation">What is done to the pixels.</param>
    /// <param name="statistics">How they are normalised.</param>
    /// <param name="seed">The seed of the run.</param>
    /// <param name="name">What the batches are for.</param>
    /// <param name="device">Where they go.</param>
    /// <param name="keepLast">
    /// Whether the incomplete last batch of an epoch is given too, as the public code trains with. One of a single image is not, since
    /// batch norms need two; then, as without this, another image is left out in every epoch.
    /// </param>
    /// <exception cref="ArgumentException">There are fewer images than a batch takes.</exception>
    public BatchStream(
        ImageSet images, int batchSize, Augmentation augmentation, ChannelStatistics statistics, long seed, string name, Device device,
        bool keepLast)
    {
        (_images, _augmentation, _statistics, _seed, _name, _device) = (images, augmentation, statistics, seed, name, device);
        _order = new BatchOrder(images.Count, batchSize, seed, name,
            keepLast && images.Count > batchSize && images.Count % batchSize != 1);
    }

    /// <summary>Batches of an epoch.</summary>
    public int BatchesPerEpoch => _order.BatchesPerEpoch;

    /// <summary>A batch. Walking in steps of one, it is ready or nearly so.</summary>
    /// <remarks>Whatever went wrong when the batch was made is thrown here, not before the batch is asked for.</remarks>
    public Batch Batch(long number)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        var start = Stopwatch.GetTimestamp();
        if (_next is not null && _nextNumber != number)
            Drop();
        if (_next is null)
            Begin(number);
        var batch = End();
        Begin(number + 1);
        using var scope = NewDisposeScope();                            // scopes belong to threads: the batch came without one
        foreach (var tensor in Tensors(batch))
        {
            scope.Attach(tensor);
            scope.MoveToOuter(tensor);
        }
        s_waiting.Record(Stopwatch.GetElapsedTime(start).TotalSeconds);
        return batch;
    }

    /// <summary>Waits for the batch under way, drops it and ends the thread.</summary>
    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        Drop();
        _worker?.Dispose();
    }

    private void Begin(long number)
    {
        _worker ??= new Worker($"ZeroOneShot batches ({_name})");
        _nextNumber = number;
        var next = _next = new Task<Batch>(() => Make(number));      // keeps the result or the exception for End
        _worker.Begin(() =>
        {
            var start = Stopwatch.GetTimestamp();
            next.RunSynchronously();
            s_preparation.Record(Stopwatch.GetElapsedTime(start).TotalSeconds);
        });
    }

    private Batch End()
    {
        var next = _next!;
        _next = null;
        _worker!.Wait();
        return next.GetAwaiter().GetResult();
    }

    /// <summary>Lets go of a batch that nobody asked for, and of its failure if it has one.</summary>
    private void Drop()
    {
        if (_next is not { } next)
            return;
        _next = null;
        _worker!.Wait();
        if (!next.IsCompletedSuccessfully)
            return;
        foreach (var tensor in Tensors(next.Result))
            tensor.Dispose();
    }

    private static IEnumerable<Tensor> Tensors(Batch batch) =>
        batch.Weights is { } weights ? [batch.Images, batch.Labels, weights] : [batch.Images, batch.Labels];

    private Batch Make(long number)
    {
        using var scope = NewDisposeScope();
        using var random = RandomStream.Of(_seed, $"{_name}: augmentation {number}");
        var indices = _order.Batch(number);
        var pixels = _augmentation.Apply(_images.ImageTensor(indices), random.Random);
        var images = _augmentation.ApplyCutout(_statistics.Normalize(pixels), random.Random).ToDevice(_device);
        var labels = _images.LabelTensor(indices).ToDevice(_device);
        var weights = _images.WeightTensor(indices)?.ToDevice(_device);
        return new(images.DetachFromDisposeScope(), labels.DetachFromDisposeScope(), weights?.DetachFromDisposeScope());
    }
}
