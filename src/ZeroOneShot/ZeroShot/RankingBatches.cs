using ZeroOneShot.Data;
using static TorchSharp.torch;

namespace ZeroOneShot.ZeroShot;

/// <summary>The images that networks are ranked on, each once, with their labels.</summary>
internal sealed class RankingBatches : IDisposable
{
    /// <exception cref="ArgumentException">There are fewer images than are asked for, or only one.</exception>
    public RankingBatches(ImageSet images, RankingOptions options, Device device)
    {
        ThrowIfFewer(images, options);
        var size = Math.Min(options.BatchSize, images.Count);
        var statistics = images.Statistics();
        var order = new BatchOrder(images.Count, size, options.Seed, "prune images", keepLast: true);
        var batches = order.Epoch(0).Take(options.Batches).Where(batch => batch.Length > 1).ToArray();
        Count = batches.Sum(batch => batch.Length);
        if (Count < Asked(options))
        {
            Warning = $"Networks are ranked on {Count} images, not on {Asked(options)} ({InWords(options)}): there are no more. Scores " +
                "of few images vary more from seed to seed.";
        }
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

    /// <summary>What to tell where there are fewer images than were asked for; else null.</summary>
    public string? Warning { get; }

    /// <exception cref="ArgumentException">There are fewer images than are asked for, or only one.</exception>
    public static void ThrowIfFewer(ImageSet images, RankingOptions options)
    {
        if (images.Count < 2)
        {
            throw new ArgumentException(
                $"There is {images.Count} image to rank on; expected at least 2, since batch norms need more than one. Give more images.",
                nameof(images));
        }
        if (images.Count < Asked(options) && !options.TakesFewerImages)
        {
            throw new ArgumentException(
                $"There are {images.Count} images, and networks are to be ranked on {Asked(options)} ({InWords(options)}); expected at " +
                "least as many. Give more images, set a smaller BatchSize or fewer Batches, or set TakesFewerImages to rank on those " +
                "that there are.", nameof(images));
        }
    }

    private static long Asked(RankingOptions options) => (long)options.BatchSize * options.Batches;

    private static string InWords(RankingOptions options) =>
        $"{options.Batches} {(options.Batches == 1 ? "batch" : "batches")} of {options.BatchSize}";

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
