using ZeroOneShot.Data;
using static TorchSharp.torch;

namespace ZeroOneShot.ZeroShot;

/// <summary>The images that networks are ranked on, each once, with their labels.</summary>
internal sealed class RankingBatches : IDisposable
{
    /// <exception cref="ArgumentException">There are fewer images than a batch.</exception>
    public RankingBatches(ImageSet images, RankingOptions options, Device device)
    {
        var size = options.BatchSize;
        if (images.Count < size)
        {
            throw new ArgumentException(
                $"There are {images.Count} images, fewer than one batch of {size}; give more images or a smaller BatchSize.",
                nameof(images));
        }
        var statistics = images.Statistics();
        var order = new BatchOrder(images.Count, size, options.Seed, "prune images", keepLast: true);
        var batches = order.Epoch(0).Take(options.Batches).Where(batch => batch.Length > 1).ToArray();
        Count = batches.Sum(batch => batch.Length);
        Images = [.. batches.Select(batch =>
        {
            using var pixels = images.ImageTensor(batch);
            using var normalized = statistics.Normalize(pixels);
            return normalized.to(device, copy: true).DetachFromDisposeScope();
        })];
        Labels = [.. batches.Select(batch =>
        {
            using var labels = images.LabelTensor(batch);
            return labels.to(device, copy: true).DetachFromDisposeScope();
        })];
    }

    /// <summary>Given batches, taken over.</summary>
    public RankingBatches(IReadOnlyList<Tensor> images, IReadOnlyList<Tensor> labels) =>
        (Images, Labels, Count) = (images, labels, images.Sum(batch => (int)batch.shape[0]));

    /// <summary>Batches of normalised images, each N x C x H x W.</summary>
    public IReadOnlyList<Tensor> Images { get; }

    /// <summary>Their classes.</summary>
    public IReadOnlyList<Tensor> Labels { get; }

    /// <summary>Number of images in all batches.</summary>
    public int Count { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in Images.Concat(Labels))
            tensor.Dispose();
    }
}
