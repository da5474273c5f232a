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
    /// <param name="checkpoint">
    /// A file written after every epoch and when the run is cancelled. If it exists, the search goes on from it, and ends as if it had never
    /// stopped, bit for bit. Null: nothing is written.
    /// </param>
    /// <exception cref="InvalidDataException">The checkpoint is damaged, or is of other images, another mask or other settings.</exception>
    /// <exception cref="ArgumentException">
    /// An option is out of its range, the mask leaves no genotype, a part has fewer images than a batch, or not even the smallest batch fits into
    /// <see cref="SearchOptions.MaxMemory"/>.
    /// </exception>
    /// <exception cref="OperationCanceledException">The run was cancelled.</exception>
    public static SearchResult Run(
        ImageSet images, OperationMask mask, SearchOptions options, IProgress<RunProgress>? progress = null, CancellationToken cancellation = default,
        string? checkpoint = null)
    {
        ArgumentNullException.ThrowIfNull(images);
        ArgumentNullException.ThrowIfNull(mask);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        mask.ThrowIfNoGenotype();
        cancellation.ThrowIfCancellationRequested();
        var device = TorchRuntime.ResolveDevice(options.Device);

        // Sizes decide on it, not the memory that is free at the moment: the same search takes the same batches everywhere and every time.
        options = options.WithBatchSize(SearchMemory.LargestBatch(mask, options, images.Shape, images.ClassCount, images.Count));

        var (trainImages, searchImages) = images.Split(options.TrainFraction, options.Seed);
        var (trainBatches, searchBatches) = (Batches(trainImages, "search: train half"), Batches(searchImages, "search: search half"));
        using var supernet = new Supernet(mask, options.Supernet, images.Shape.Channels, images.ClassCount);
        using var architecture = new ArchitectureWeights(mask, options.Supernet.EdgeNormalization, device: device);
        using (var random = RandomStream.Of(options.Seed, "search: weights"))
            Initialization.Default(supernet, random);
        using (var random = RandomStream.Of(options.Seed, "search: architecture"))
            architecture.Initialize(random);
        supernet.to(device);

        using var step = new BilevelStep(supernet, architecture, options);
        var clock = new StageClock(RunStage.Search, options.Epochs, progress);
        var file = checkpoint is null ? null : new SearchCheckpoint(checkpoint, images, mask, options);
        var state = file?.Load(step) ?? new SearchState();
        var steps = trainBatches.BatchesPerEpoch;
        for (; state.Epoch < options.Epochs; state.Epoch++)
        {
            var epoch = state.Epoch;
            step.LearningRate = CosineSchedule.At(options.LearningRate, options.FinalLearningRate, epoch, options.Epochs);
            var betaDecay = BetaDecay.Lambda(options.BetaDecay, epoch, options.Epochs);
            while (state.Step < steps)
            {
                if (cancellation.IsCancellationRequested)
                {
                    file?.Save(step, state);
                    cancellation.ThrowIfCancellationRequested();
                }
                using var scope = NewDisposeScope();
                var number = (long)epoch * steps + state.Step;
                if (epoch >= options.WarmupEpochs)
                {
                    var search = searchBatches.Batch(number);
                    state.SearchLoss += step.ArchitectureStep(search.Images, search.Labels, betaDecay).Loss;
                    state.Updates++;
                }
                var train = trainBatches.Batch(number);
                var outcome = step.WeightsStep(train.Images, train.Labels);
                (state.Loss, state.Right, state.Step) = (state.Loss + outcome.Loss, state.Right + outcome.Right, state.Step + 1);
                clock.Report(epoch, state.Step, steps, state.Loss / state.Step, (double)state.Right / (state.Step * options.BatchSize));
            }
            state.Finished.Add(new SearchState.FinishedEpoch(state.Loss / steps, (double)state.Right / (steps * options.BatchSize),
                epoch >= options.WarmupEpochs ? state.SearchLoss / steps : null, architecture.Genotype().ToString()));
            (state.Step, state.Loss, state.Right, state.SearchLoss) = (0, 0, 0, 0);
            file?.Save(step, state with { Epoch = epoch + 1 });
        }
        return new SearchResult(architecture.Genotype(), mask, architecture.AlphaValues(), architecture.BetaValues(),
            [.. state.Finished.Select(e => new SearchEpoch(e.Loss, e.Accuracy, e.SearchLoss, Genotype.Parse(e.Genotype)))],
            options);

        BatchStream Batches(ImageSet half, string name) => new(half, options.BatchSize,
            options.Augmentation ?? Augmentation.ForSize(Math.Min(images.Shape.Height, images.Shape.Width)),
            images.Statistics(), options.Seed, name, device);
    }
}
