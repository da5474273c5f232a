using ZeroOneShot.Data;
using ZeroOneShot.Networks;
using ZeroOneShot.Runtime;
using static TorchSharp.torch;

namespace ZeroOneShot.Training;

/// <summary>A trained network and what is needed to use it.</summary>
/// <param name="network">The network, in evaluation mode; owned.</param>
/// <param name="statistics">The normalisation it was trained with.</param>
/// <param name="shape">The shape of the images.</param>
/// <param name="classNames">The names of the classes, in the order of the logits.</param>
/// <param name="epochs">The course of the training.</param>
public sealed class TrainedCellNet(
    CellNet network, ChannelStatistics statistics, ImageShape shape, IReadOnlyList<string> classNames,
    IReadOnlyList<TrainingEpoch> epochs) : IDisposable
{
    // Eight times as many as fill the lanes: two, four or eight threads get equal shares. Of large images fewer, which would take more
    // memory than the training's.
    private const int EvaluationBatch = 128, EvaluatedBytes = 16 << 20;

    private const double LargestTemperature = 10;

    private static readonly double s_goldenRatio = (1 + Math.Sqrt(5)) / 2;

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

    /// <summary>
    /// The epoch, from 1, whose weights were kept because its validation was the best; null where the last weights were kept. See
    /// <see cref="TrainingOptions.EarlyStopping"/> and <see cref="TrainingOptions.TimeLimit"/>.
    /// </summary>
    public int? BestEpoch { get; internal set; }

    /// <summary>
    /// The epoch, from 1, in which the training diverged (its loss or its weights were no finite numbers any more), so that it ended and
    /// went back to the weights of <see cref="BestEpoch"/>; null where it did not. Only with <see cref="TrainingOptions.EarlyStopping"/> or
    /// a <see cref="TrainingOptions.TimeLimit"/>: without them, a training that diverges ends with an error.
    /// </summary>
    public int? DivergedEpoch { get; internal set; }

    /// <summary>Whether the time limit made its schedule another one than its epochs make.</summary>
    internal bool Rescheduled { get; set; }

    /// <summary>
    /// What the logits are divided by, by way of the classifier's weights (<see cref="TrainingOptions.TemperatureScaling"/>); null where
    /// they are not.
    /// </summary>
    public double? Temperature { get; private set; }

    /// <summary>A copy of the weights, to save them or to train on from them.</summary>
    /// <param name="metadata">Texts to keep with them, under keys of one's own.</param>
    /// <exception cref="ArgumentException">A key is one of the weights' own.</exception>
    public CellNetWeights Weights(IReadOnlyDictionary<string, string>? metadata = null) => CellNetWeights.Of(this, metadata);

    /// <summary>The class of every image.</summary>
    /// <param name="images">Images of the network's shape.</param>
    /// <param name="cancellationToken">Stops within one batch.</param>
    /// <exception cref="ArgumentException">The images have another shape.</exception>
    public IReadOnlyList<int> Classify(ImageSet images, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(images);
        var classes = new List<int>(images.Count);
        ForEachBatch(images, cancellationToken, (_, logits) =>
            classes.AddRange(logits.argmax(1).cpu().data<long>().Select(label => (int)label)));
        return classes;
    }

    /// <summary>The share of images classified rightly, 0 to 1.</summary>
    /// <param name="images">Labelled images of the network's shape.</param>
    /// <param name="cancellationToken">Stops within one batch.</param>
    /// <exception cref="ArgumentException">The images have another shape.</exception>
    public double Accuracy(ImageSet images, CancellationToken cancellationToken = default) => Measure(images, cancellationToken).Accuracy;

    /// <summary>The mean cross entropy of images and the share of them classified rightly, 0 to 1.</summary>
    /// <param name="images">Labelled images of the network's shape, at least one.</param>
    /// <param name="cancellationToken">Stops within one batch.</param>
    /// <exception cref="ArgumentException">The images have another shape.</exception>
    public (double Loss, double Accuracy) Measure(ImageSet images, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(images);
        var (loss, correct) = (0.0, 0L);
        ForEachBatch(images, cancellationToken, (batch, logits) =>
        {
            var labels = images.LabelTensor(batch).to(logits.device);
            loss += nn.functional.cross_entropy(logits, labels, reduction: nn.Reduction.Sum).Value();
            correct += (long)logits.argmax(1).eq(labels).sum().Value();
        });
        return (loss / images.Count, (double)correct / images.Count);
    }

    /// <summary>
    /// Divides the logits by the number that makes the loss of images smallest, where as many as the rule of succession expects, one of two
    /// more than there are, turn out wrong: without it, images that are all classified rightly would have probabilities of 1.
    /// </summary>
    internal void ScaleTemperature(ImageSet images, CancellationToken cancellationToken)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var (logits, labels) = (new List<Tensor>(), images.LabelTensor([.. Enumerable.Range(0, images.Count)]));
        ForEachBatch(images, cancellationToken, (_, batch) => logits.Add(batch.cpu().MoveToOuterDisposeScope()));
        var all = cat(logits);
        // Of what is smoothed away, the right class gets its part back.
        var smoothing = classNames.Count / (classNames.Count - 1.0) / (images.Count + 2);
        // The loss falls and then rises with the temperature: a golden section of its logarithm finds the lowest point.
        var (low, high) = (-Math.Log(LargestTemperature), Math.Log(LargestTemperature));
        while (high - low > 1e-3)
        {
            var (first, second) = (high - (high - low) / s_goldenRatio, low + (high - low) / s_goldenRatio);
            if (Loss(first) < Loss(second))
                high = second;
            else
                low = first;
        }
        Temperature = Math.Exp((low + high) / 2);
        foreach (var parameter in network.Classifier.parameters())
            parameter.Scale(1 / Temperature.Value);

        double Loss(double logarithm)
        {
            using var inner = NewDisposeScope();
            return nn.functional.cross_entropy(all.Times(Math.Exp(-logarithm)), labels, label_smoothing: smoothing).Value();
        }
    }

    private void ForEachBatch(ImageSet images, CancellationToken cancellationToken, Action<int[], Tensor> act)
    {
        if (images.Shape != shape)
        {
            throw new ArgumentException(
                $"The images are {images.Shape}; the network was trained on {shape}. Resize them first.", nameof(images));
        }
        using var _ = no_grad();
        network.eval();
        var most = EvaluatedBytes / (sizeof(float) * shape.Size) / ProcessMemory.LanesOfAGroup * ProcessMemory.LanesOfAGroup;
        foreach (var batch in Enumerable.Range(0, images.Count).Chunk(Math.Clamp(most, ProcessMemory.LanesOfAGroup, EvaluationBatch)))
        {
            cancellationToken.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            act(batch, network.forward(statistics.Normalize(images.ImageTensor(batch)).to(network.parameters().First().device)));
        }
    }

    /// <inheritdoc/>
    public void Dispose() => network.Dispose();
}
