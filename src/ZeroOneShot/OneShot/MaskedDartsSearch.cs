using TorchSharp;
using ZeroOneShot.Data;
using ZeroOneShot.Networks;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Training;
using static TorchSharp.torch;

namespace ZeroOneShot.OneShot;

/// <summary>
/// Differentiable architecture search over the live operations of a mask: DARTS, and with the options of <see cref="SearchOptions"/> PC-DARTS,
/// beta-DARTS and the paper's masked forms of them.
/// </summary>
public static class MaskedDartsSearch
{
    /// <summary>Searches an architecture for a set of images.</summary>
    /// <param name="images">The images; split by class into a train and a search part.</param>
    /// <param name="mask">Which operations are live; every node needs two edges that a genotype can choose.</param>
    /// <param name="options">Settings.</param>
    /// <param name="progress">Told after every step.</param>
    /// <param name="cancellation">Stops the run within one step.</param>
    /// <exception cref="ArgumentException">An option is out of its range, the mask leaves no genotype, or a part has fewer images than a batch.</exception>
    /// <exception cref="OperationCanceledException">The run was cancelled.</exception>
    public static SearchResult Run(
        ImageSet images, OperationMask mask, SearchOptions options, IProgress<RunProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(images);
        ArgumentNullException.ThrowIfNull(mask);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        mask.ThrowIfNoGenotype();
        cancellation.ThrowIfCancellationRequested();
        var device = TorchRuntime.ResolveDevice(options.Device);

        var (trainImages, searchImages) = images.Split(options.TrainFraction, options.Seed);
        var trainBatches = new BatchStream(trainImages, options.BatchSize, Augment(options, images), images.Statistics(), options.Seed, "search: train half", device);
        var searchBatches = new BatchStream(searchImages, options.BatchSize, Augment(options, images), images.Statistics(), options.Seed, "search: search half", device);
        using var supernet = new Supernet(mask, options.Supernet, images.Shape.Channels, images.ClassCount);
        using var architecture = new ArchitectureWeights(mask, options.Supernet.EdgeNormalization, device: device);
        using (var random = RandomStream.Of(options.Seed, "search: weights"))
            Initialization.Default(supernet, random);
        using (var random = RandomStream.Of(options.Seed, "search: architecture"))
            architecture.Initialize(random);
        supernet.to(device);

        using var step = new BilevelStep(supernet, architecture, options);
        var clock = new StageClock(RunStage.Search, options.Epochs, progress);
        var epochs = new List<SearchEpoch>();
        for (var epoch = 0; epoch < options.Epochs; epoch++)
        {
            step.LearningRate = CosineSchedule.At(options.LearningRate, options.FinalLearningRate, epoch, options.Epochs);
            var betaDecay = BetaDecay.Lambda(options.BetaDecay, epoch, options.Epochs);
            var (loss, right, searchLoss) = (0.0, 0L, 0.0);
            var steps = trainBatches.BatchesPerEpoch;
            for (var i = 0; i < steps; i++)
            {
                cancellation.ThrowIfCancellationRequested();
                using var scope = NewDisposeScope();
                var number = (long)epoch * steps + i;
                if (epoch >= options.WarmupEpochs)
                {
                    var search = searchBatches.Batch(number);
                    searchLoss += step.ArchitectureStep(search.Images, search.Labels, betaDecay).Loss;
                }
                var train = trainBatches.Batch(number);
                var outcome = step.WeightsStep(train.Images, train.Labels);
                (loss, right) = (loss + outcome.Loss, right + outcome.Right);
                clock.Report(epoch, i + 1, steps, loss / (i + 1), (double)right / ((i + 1) * options.BatchSize));
            }
            epochs.Add(new SearchEpoch(loss / steps, (double)right / (steps * options.BatchSize),
                epoch >= options.WarmupEpochs ? searchLoss / steps : null, architecture.Genotype()));
        }
        return new SearchResult(architecture.Genotype(), mask, architecture.AlphaValues(), architecture.BetaValues(), epochs);
    }

    private static Augmentation Augment(SearchOptions options, ImageSet images) =>
        options.Augmentation ?? Augmentation.ForSize(Math.Min(images.Shape.Height, images.Shape.Width));
}
