using System.Text.Json;
using TorchSharp;
using ZeroOneShot.Data;
using ZeroOneShot.Layers;
using ZeroOneShot.Networks;
using ZeroOneShot.Optimization;
using ZeroOneShot.Persistence;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using static TorchSharp.torch;

namespace ZeroOneShot.OneShot;

/// <summary>
/// Differentiable architecture search over the live operations of a mask: DARTS, and with the options of <see cref="SearchOptions"/>
/// PC-DARTS, beta-DARTS, FairDARTS, GDAS, the paper's masked forms of them, and methods of one's own (<see cref="SearchMethod"/>).
/// </summary>
public static class MaskedDartsSearch
{
    // In time: once the architecture is trained too, a step has twice the work.
    private const double CostOfWarmup = 1, CostOfBoth = 2;

    private const string TrainHalf = "search: train half", SearchHalf = "search: search half";

    /// <summary>Searches an architecture for a set of images.</summary>
    /// <param name="images">The images; split by class into a train and a search part.</param>
    /// <param name="mask">Which operations are live; every node needs two edges that a genotype can choose.</param>
    /// <param name="options">Settings.</param>
    /// <param name="progress">Told after every step.</param>
    /// <param name="cancellationToken">Stops the run within one step.</param>
    /// <param name="checkpoint">
    /// A file written every 20 seconds, after every epoch, when the run is cancelled and when its time is up, and the one before beside
    /// it. If it exists, the search goes on from it, and ends as if it had never stopped, bit for bit, unless <see
    /// cref="SearchOptions.TimeLimit"/> has made its schedule shorter. Null: nothing is written.
    /// </param>
    /// <exception cref="InvalidDataException">
    /// The checkpoint and the one before are damaged, or are of other images, another mask or other settings.
    /// </exception>
    /// <exception cref="IOException">Another run has the checkpoint, or it cannot be written.</exception>
    /// <exception cref="ArgumentException">
    /// An option is out of its range, the mask leaves no genotype or none that meets <see cref="SearchOptions.CostTarget"/>, a part has
    /// fewer images than a batch, or not even the smallest batch fits into <see cref="SearchOptions.MaxMemory"/>.
    /// </exception>
    /// <exception cref="InvalidOperationException">
    /// There is no such device, or the search diverged: loss, weights or alphas are no finite numbers any more.
    /// </exception>
    /// <exception cref="DllNotFoundException">libtorch cannot be loaded.</exception>
    /// <exception cref="OperationCanceledException">The run was cancelled.</exception>
    public static SearchResult Run(
        ImageSet images, OperationMask mask, SearchOptions options, IProgress<RunProgress>? progress = null,
        string? checkpoint = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(images);
        ArgumentNullException.ThrowIfNull(mask);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        images.ThrowIfOneClass();
        mask.ThrowIfNoGenotype();
        options = options with { Supernet = options.Supernet.WithStem(mask.Space, images.Shape) };
        var costs = options.CostTarget?.Costs(mask, options.Relaxation, images.Shape, images.ClassCount);
        var parameters = new Lazy<GenotypeCosts>(
            () => new GenotypeCosts(mask, new CostTarget { Parameters = long.MaxValue }, images.Shape, images.ClassCount));
        cancellationToken.ThrowIfCancellationRequested();
        var device = TorchRuntime.ResolveDevice(options.Device);
        GpuArithmetic.Check(options.Gpu, device);

        // Sizes decide on it, not the memory that is free at the moment: the same search takes the same batches everywhere and every time.
        options = options.WithBatchSize(SearchMemory.LargestBatch(mask, options, images.Shape, images.ClassCount, images.Count));

        options = options with { Evaluation = EvaluationChoice.For(mask, options, images.Shape, images.ClassCount).Evaluation };

        var (trainImages, searchImages) = images.Split(options.TrainFraction, options.Seed);
        using var trainBatches = Batches(trainImages, TrainHalf, keepLast: true);
        using var searchBatches = Batches(searchImages, SearchHalf, keepLast: false);
        using var supernet = new Supernet(mask, options.Supernet, images.Shape.Channels, images.ClassCount);
        using var architecture = new ArchitectureParameters(mask, options.Supernet.EdgeNormalization, device: device);
        using (var random = RandomStream.Of(options.Seed, "search: weights"))
            Initialization.Default(supernet, random);
        using (var random = RandomStream.Of(options.Seed, "search: architecture"))
            architecture.Initialize(random, options.Relaxation.InitialScale);
        supernet.to(device);

        using var step = new BilevelStep(supernet, architecture,
            costs is null ? options : options with { LossTerms = [.. options.LossTerms, new ExpectedCost(options.CostTarget!, costs)] });
        var clock = new StageClock(RunStage.Search, Costs(options), progress, options.TimeLimit, options.Time);
        using var file = checkpoint is null ? null : CheckpointOf(checkpoint, images, mask, options);
        var steps = trainBatches.BatchesPerEpoch;
        var state = file?.Load((tensors, saved) =>
        {
            saved.ThrowIfImpossible(tensors.Path, options.Epochs, steps);
            step.Restore(tensors, saved.Updates);
        }) ?? new SearchState();
        if (file?.Warning is { } warning)
            clock.Warn(state.Epoch, state.Step, steps, warning);
        clock.Begin(state.Epoch, state.Step, steps);
        var written = clock.Elapsed;
        var schedule = new TimedSchedule(state.Schedule, (long)options.Epochs * steps, options.Epochs, options.TimeLimit is not null,
            progress => progress * options.Epochs < options.WarmupEpochs ? CostOfWarmup : CostOfBoth);
        while (!schedule.State.Over && state.Epoch < options.Epochs && !clock.TimeIsUp
            && !options.IsSettled([.. state.Finished.Select(e => e.Genotype)]))
        {
            using var epochScope = NewDisposeScope();
            var epoch = state.Epoch;
            while (state.Step < steps && !clock.TimeIsUp && !schedule.IsOver((long)epoch * steps + state.Step))
            {
                if (cancellationToken.IsCancellationRequested)
                {
                    file?.Save(state, step.State());
                    cancellationToken.ThrowIfCancellationRequested();
                }
                using var scope = NewDisposeScope();
                var number = (long)epoch * steps + state.Step;
                var began = clock.Elapsed;
                // The epoch of the schedule, which is ahead of the one that runs where time is short.
                var at = schedule.Epoch(number, epoch);
                step.LearningRate = CosineSchedule.At(options.LearningRate, options.FinalLearningRate, at, options.Epochs);
                var moment = new SearchMoment(Math.Min((int)at, options.Epochs - 1), options.Epochs, number);
                if (at >= options.WarmupEpochs)
                {
                    var search = searchBatches.Batch(number);
                    var (loss, correct) = step.ArchitectureStep(search.Images, search.Labels, moment);
                    Checked.Finite(loss, epoch, options.LearningRate);
                    // Looked at before the weights' step, which would make weights of them that are no numbers either.
                    if (!step.ArchitectureIsFinite)
                        throw DivergedAlphas(epoch);
                    (state.SearchLoss, state.SearchCorrect) = (state.SearchLoss + loss, state.SearchCorrect + correct);
                    (state.Updates, state.SearchSteps) = (state.Updates + 1, state.SearchSteps + 1);
                }
                var train = trainBatches.Batch(number);
                var outcome = step.WeightsStep(train.Images, train.Labels, moment);
                Checked.Finite(outcome.Loss, epoch, options.LearningRate);
                var count = train.Labels.shape[0];
                (state.Loss, state.Correct) = (state.Loss + outcome.Loss * count, state.Correct + outcome.Correct);
                (state.Images, state.Step) = (state.Images + count, state.Step + 1);
                schedule.Took(number + 1, (clock.Elapsed - began).TotalSeconds, clock.Left);
                state.Schedule = schedule.State;
                if (state.Step < steps && !schedule.IsOver(number + 1))
                {
                    if (clock.Elapsed - written > StageClock.BetweenCheckpoints)
                    {
                        file?.Save(state, step.State());
                        written = clock.Elapsed;
                    }
                    clock.Report(epoch, state.Step, steps, state.Loss / state.Images, (double)state.Correct / state.Images);
                }
            }
            // The last step may have left what no loss has seen yet.
            if (step.NotFinite() is { } lost)
            {
                throw BilevelStep.IsOfArchitecture(lost) ? DivergedAlphas(epoch)
                    : Checked.DivergedWeights("Weights became infinite or no numbers", epoch, options.LearningRate);
            }
            schedule.Close((long)epoch * steps + state.Step);
            if (state.Step < steps && !schedule.State.Over)
            {
                file?.Save(state, step.State());
                break;                                                              // time is up, before its schedule is
            }
            var finished = new SearchState.FinishedEpoch(state.Loss / state.Images, (double)state.Correct / state.Images,
                state.SearchSteps > 0 ? state.SearchLoss / state.SearchSteps : null,
                state.SearchSteps > 0 ? state.SearchCorrect / ((double)state.SearchSteps * options.BatchSize) : null,
                Found().ToString())
            {
                Alphas = architecture.AlphaValues().ToDictionary(of => of.Key, of => of.Value.ToArray()),
            };
            state = new SearchState
            {
                Epoch = epoch + 1, Updates = state.Updates, Schedule = schedule.State, Finished = [.. state.Finished, finished],
            };
            file?.Save(state, step.State());
            written = clock.Elapsed;
            clock.Report(epoch, steps, steps, finished.Loss, finished.Accuracy, finished.SearchLoss, finished.SearchAccuracy);
        }
        return new SearchResult(Found(), mask, architecture.AlphaValues(), architecture.BetaValues(),
            [.. state.Finished.Select(e =>
                new SearchEpoch(e.Loss, e.Accuracy, e.SearchLoss, e.SearchAccuracy, Genotype.Parse(e.Genotype)))], options)
        {
            AlphasOfEpochs = [.. state.Finished.Select(e => e.Alphas.ToDictionary(of => of.Key, of => (IReadOnlyList<float>)of.Value))],
            Shortened = schedule.State.End is not null || state.Epoch < options.Epochs && clock.TimeIsUp,
        };

        Genotype Found()
        {
            if (costs is not null)
                return Choices().Strongest(costs, options.CostTarget!.Least, options.CostTarget.Most);
            if (options.LeastParameters == 0)
                return options.Relaxation.Genotype(architecture);
            var (fewest, most) = Choices().Range(parameters.Value);
            return Choices().Strongest(parameters.Value, fewest + (long)(options.LeastParameters * (most - fewest)), most);
        }

        DivergedException DivergedAlphas(int epoch) => Checked.Diverged("Alphas became infinite or no numbers", "architecture parameters",
            epoch, nameof(options.ArchitectureLearningRate), options.ArchitectureLearningRate);

        GenotypeChoices Choices() => GenotypeChoices.Of(options.Relaxation, architecture);

        BatchStream Batches(ImageSet half, string name, bool keepLast) => new(half, options.BatchSize,
            options.Augmentation ?? Augmentation.ForSize(Math.Min(images.Shape.Height, images.Shape.Width)),
            images.Statistics(), options.Seed, name, device, keepLast);
    }

    /// <summary>Refuses too few images for the batches of a search, the smallest where memory decides on them.</summary>
    /// <exception cref="ArgumentException">There are too few.</exception>
    internal static void CheckImages(ImageSet images, SearchOptions options)
    {
        var (train, search) = images.Split(options.TrainFraction, options.Seed);
        _ = new BatchOrder(train.Count, options.LeastBatchTaken, options.Seed, TrainHalf);
        _ = new BatchOrder(search.Count, options.LeastBatchTaken, options.Seed, SearchHalf);
    }

    private static IEnumerable<double> Costs(SearchOptions options) =>
        Enumerable.Range(0, options.Epochs).Select(epoch => epoch < options.WarmupEpochs ? CostOfWarmup : CostOfBoth);

    private static Checkpoint<SearchState> CheckpointOf(string path, ImageSet images, OperationMask mask, SearchOptions options) =>
        new(path, "search", new Dictionary<string, string>
        {
            ["images"] = images.Fingerprint(),
            ["mask"] = mask.ToJson(),
            ["options"] = JsonSerializer.Serialize(options with
            {
                // Where and how it is computed changes rounding alone.
                Device = null, Evaluation = SupernetEvaluation.Automatic, Gpu = options.Gpu with { Records = true }, TimeLimit = null,
                MaxMemory = null,
            }),
        });
}
