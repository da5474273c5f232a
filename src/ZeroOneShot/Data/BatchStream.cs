using ZeroOneShot.Runtime;
using static TorchSharp.torch;

namespace ZeroOneShot.Data;

/// <summary>
/// The endless sequence of augmented, normalised batches of a set of images. A batch depends only on the seed, the stream's name and its
/// number, so that a run can go on from any step.
/// </summary>
internal sealed class BatchStream
{
    private readonly ImageSet _images;
    private readonly BatchOrder _order;
    private readonly Augmentation _augmentation;
    private readonly ChannelStatistics _statistics;
    private readonly long _seed;
    private readonly string _name;
    private readonly Device _device;

    public BatchStream(ImageSet images, int batchSize, Augmentation augmentation, ChannelStatistics statistics, long seed, string name, Device device)
    {
        (_images, _augmentation, _statistics, _seed, _name, _device) = (images, augmentation, statistics, seed, name, device);
        _order = new BatchOrder(images.Count, batchSize, seed, name);
    }

    /// <summary>Full batches in the images.</summary>
    public int BatchesPerEpoch => _order.BatchesPerEpoch;

    /// <summary>A batch; images float32 N x C x H x W, labels int64 N.</summary>
    public (Tensor Images, Tensor Labels) Batch(long number)
    {
        using var scope = NewDisposeScope();
        using var random = RandomStream.Of(_seed, $"{_name}: augmentation {number}");
        var indices = _order.Batch(number);
        var pixels = _augmentation.Apply(_images.ImageTensor(indices), random.Random);
        var images = _augmentation.ApplyCutout(_statistics.Normalize(pixels), random.Random);
        return (images.to(_device).MoveToOuterDisposeScope(), _images.LabelTensor(indices).to(_device).MoveToOuterDisposeScope());
    }

}
