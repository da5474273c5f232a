using ZeroOneShot.Data;
using ZeroOneShot.Networks;
using static TorchSharp.torch;

namespace ZeroOneShot.Training;

/// <summary>A trained network and what is needed to use it.</summary>
/// <param name="network">The network, in evaluation mode; owned.</param>
/// <param name="statistics">The normalisation it was trained with.</param>
/// <param name="shape">The shape of the images.</param>
/// <param name="classNames">The names of the classes, in the order of the logits.</param>
/// <param name="epochs">The course of the training.</param>
public sealed class TrainedCellNet(
    CellNet network, ChannelStatistics statistics, ImageShape shape, IReadOnlyList<string> classNames, IReadOnlyList<TrainingEpoch> epochs) : IDisposable
{
    private const int EvaluationBatch = 100;

    /// <summary>The network, in evaluation mode.</summary>
    public CellNet Network => network;

    /// <summary>The normalisation the network expects.</summary>
    public ChannelStatistics Statistics => statistics;

    /// <summary>The shape of the images.</summary>
    public ImageShape Shape => shape;

    /// <summary>The names of the classes, in the order of the logits.</summary>
    public IReadOnlyList<string> ClassNames => classNames;

    /// <summary>The course of the training.</summary>
    public IReadOnlyList<TrainingEpoch> Epochs => epochs;

    /// <summary>The class of every image.</summary>
    /// <param name="images">Images of the network's shape.</param>
    /// <param name="cancellation">Stops within one batch.</param>
    /// <exception cref="ArgumentException">The images have another shape.</exception>
    public IReadOnlyList<int> Classify(ImageSet images, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(images);
        if (images.Shape != shape)
            throw new ArgumentException($"The images are {images.Shape}; the network was trained on {shape}. Resize them first.", nameof(images));
        var classes = new List<int>(images.Count);
        using var _ = no_grad();
        network.eval();
        foreach (var batch in Enumerable.Range(0, images.Count).Chunk(EvaluationBatch))
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            var normalized = statistics.Normalize(images.ImageTensor(batch)).to(network.parameters().First().device);
            classes.AddRange(network.forward(normalized).argmax(1).cpu().data<long>().Select(label => (int)label));
        }
        return classes;
    }

    /// <summary>The share of images classified rightly, 0 to 1.</summary>
    /// <param name="images">Labelled images of the network's shape.</param>
    /// <param name="cancellation">Stops within one batch.</param>
    public double Accuracy(ImageSet images, CancellationToken cancellation = default) =>
        (double)Classify(images, cancellation).Where((label, i) => label == images.Label(i)).Count() / images.Count;

    /// <inheritdoc/>
    public void Dispose() => network.Dispose();
}
