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

namespace ZeroOneShot.Training;

/// <summary>Training of an evaluation network (DARTS, section 3.2 and its public code).</summary>
public static class CellNetTraining
{
    private const string Batches = "train";

    // A forward run costs a third of a step.
    private const double CostOfForward = 1 / 3.0;

    /// <summary>Trains the network of a genotype from weights that the seed decides.</summary>
    /// <param name="images">The training images.</param>
    /// <param name="genotype">The architecture.</param>
    /// <param name="options">Settings.</param>
    /// <param name="validation">Images to measure after every epoch; null for none.</param>
    /// <param name="progress">Told after every step.</param>
    /// <param name="cancellationToken">Stops the run within one step.</param>
    /// <param name="space">The table with the genotype's operations; null is <see cref="SearchSpace.Darts"/>.</param>
    /// <param name="checkpoint">
    /// A file written every 20 seconds, after every epoch, when the run is cancelled and when its time is up, and the one before beside
    /// it. If it exists, the training goes on from it, and ends as if it had never stopped, bit for bit, unless <see
    /// cref="TrainingOptions.TimeLimit"/> has made its schedule another one. Null: nothing is written.
    /// </param>
    /// <returns>The trained network, which the caller disposes.</returns>
    /// <exception cref="InvalidDataException">
    /// The checkpoint and the one before are damaged, or are of other images, another network or other settings.
    /// </exception>
    /// <exception cref="IOException">Another run has the checkpoint, or it cannot be written.</exception>
    /// <exception cref="ArgumentException">
    /// An option is out of its range, no stem takes images of the size, there are fewer images than a batch, or not even the smallest batch
    /// fits into <see cref="TrainingOptions.MaxMemory"/>.
    /// </exception>
    /// <exception cref="InvalidOperationException">
    /// There is no such device, <see cref="TrainingOptions.TimeLimit"/> was up before the first step, or the training diverged: loss or
    /// weights are no finite numbers any more, and there is no epoch to go back to (<see cref="TrainedCellNet.DivergedEpoch"/>).
    /// </exception>
    /// <exception cref="DllNotFoundException">libtorch cannot be loaded.</exception>
    /// <exception cref="OperationCanceledException">The run was cancelled.</exception>
    public static TrainedCellNet Train(
        ImageSet images, Genotype genotype, TrainingOptions options, ImageSet? validation = null, IProgress<RunProgress>? progress = null,
        SearchSpace? space = null, string? checkpoint = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(images);
        ArgumentNullException.ThrowIfNull(genotype);
        ArgumentNullException.ThrowIfNull(options);
        return Run(images, genotype, null, options, validation, progress, space, checkpoint, cancellationToken);
    }

    /// <summary>The same, where it was worked out before what fits into <see cref="TrainingOptions.MaxMemory"/>.</summary>
    internal static TrainedCellNet TrainWithin(
        ImageSet images, Genotype genotype, TrainingOptions options, TrainingMemory memory, ImageSet? validation,
        IProgress<RunProgress>? progress, SearchSpace? space, string? checkpoint, CancellationToken cancellationToken) =>
        Run(images, genotype, null, options, validation, progress, space, checkpoint, cancellationToken, memory);

    /// <summary>
    /// Trains on from trained weights, on the same images or on others. Genotype, space, shape of the network and normalisation are those
    /// of the weights; <see cref="TrainingOptions.Network"/> does not matter. If the class names are others, or in another order, the
    /// classifiers begin anew from random weights. The learning rate begins anew too: choose a smaller one to keep most of what was
    /// learned.
    /// </summary>
    /// <param name="images">The training images, with as many channels as the weights' own.</param>
    /// <param name="weights">Where to begin.</param>
    /// <param name="options">Settings.</param>
    /// <param name="validation">Images to measure after every epoch; null for none.</param>
    /// <param name="progress">Told after every step.</param>
    /// <param name="cancellationToken">Stops the run within one step.</param>
    /// <param name="checkpoint">As for <see cref="Train"/>.</param>
    /// <returns>The trained network, which the caller disposes.</returns>
    /// <exception cref="InvalidDataException">
    /// The checkpoint and the one before are damaged or of another run, or the weights do not fit their genotype.
    /// </exception>
    /// <exception cref="IOException">Another run has the checkpoint, or it cannot be written.</exception>
    /// <exception cref="ArgumentException">
    /// As for <see cref="Train"/>, or the images have another number of channels than the weights' own.
    /// </exception>
    /// <exception cref="InvalidOperationException">As for <see cref="Train"/>.</exception>
    /// <exception cref="DllNotFoundException">libtorch cannot be loaded.</exception>
    /// <exception cref="OperationCanceledException">The run was cancelled.</exception>
    public static TrainedCellNet Continue(
        ImageSet images, CellNetWeights weights, TrainingOptions options, ImageSet? validation = null,
        IProgress<RunProgress>? progress = null, string? checkpoint = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentNullException.ThrowIfNull(images);
        ArgumentNullException.ThrowIfNull(options);
        options = options with { Network = weights.Network };
        return Run(images, weights.Genotype, weights, options, validation, progress, weights.Space, checkpoint, cancellationToken);
    }

    private static TrainedCellNet Run(
        ImageSet images, Genotype genotype, CellNetWeights? start, TrainingOptions options, ImageSet? validation,
        IProgress<RunProgress>? progress, SearchSpace? space, string? checkpoint, CancellationToken cancellationToken,
        TrainingMemory? memory = null)
    {
        options.Validate();
        cancellationToken.ThrowIfCancellationRequested();
        CheckImages(images, validation, start, options);
        space ??= SearchSpace.Darts;
        options = options with { Network = options.Network.WithStem(space, images.Shape) };
        var device = TorchRuntime.ResolveDevice(options.Device);
        GpuArithmetic.Check(options.Gpu, device);

        // Sizes decide on the batch, not the memory that is free at the moment: the same training takes the same batches everywhere and
        // every time. (What is recomputed may differ from machine to machine, for that changes no bit.)
        memory ??= TrainingMemory.Fitting(
            genotype, options, images.Shape, images.ClassCount, space, images.Count + (validation?.Count ?? 0));
        options = options.WithBatchSize(memory.BatchSize);

        var statistics = start?.Statistics ?? images.Statistics();
        using var batches = new BatchStream(
            images, options.BatchSize, options.Augmentation ?? DefaultAugmentation(images.Shape, options.Cutout), statistics,
            options.Seed, Batches, device, keepLast: true);
        var network = new CellNet(genotype, options.Network, images.Shape.Channels, images.ClassCount, space);
        var epochs = new List<TrainingEpoch>();
        var trained = new TrainedCellNet(network, statistics, images.Shape, images.ClassNames, epochs);
        try
        {
            using (var random = RandomStream.Of(options.Seed, "train: weights"))
                Initialization.Default(network, random);
            if (options.WhitenedStem && start is null)
            {
                using var patches = RandomStream.Of(options.Seed, "train: patches");
                PatchWhitening.Apply(network, images, statistics, patches);
            }
            start?.CopyTo(network, images.ClassNames);
            network.to(device);

            using var step = new TrainingStep(network, options, TrainingStep.ClassWeights(options.ClassWeighting, images),
                partSize: memory.PartSize, recomputed: memory.Recomputed);
            var measure = options.EarlyStopping ?? new EarlyStopping();
            var clock = new StageClock(RunStage.Train, Enumerable.Repeat(1.0, options.Epochs), progress, options.TimeLimit, options.Time);
            using var file = checkpoint is null ? null : CheckpointOf(
                checkpoint, images, validation, genotype, space, start, options, memory.PartSize);
            var steps = batches.BatchesPerEpoch;
            var longest = options.TimeLimit is null ? options.Epochs : options.MostEpochs ?? options.Epochs;
            var state = file?.Load((tensors, saved) =>
            {
                saved.ThrowIfImpossible(tensors.Path, longest, steps);
                step.Restore(tensors);
            }) ?? new TrainingState();
            if (file?.Warning is { } warning)
                clock.Warn(state.Epoch, state.Step, steps, warning);
            clock.Begin(state.Epoch, state.Step, steps);
            var schedule = new TimedSchedule(
                state.Schedule, (long)options.Epochs * steps, options.Epochs, options.TimeLimit is not null,
                longest: (long)longest * steps);
            var (measured, fastest, saved) = (false, double.PositiveInfinity, clock.Elapsed);
            try
            {
                // An epoch whose steps were done when the run was stopped has its end still to come: validation, and what it decides.
                while (StepsAreDone() || !IsOver() && !clock.TimeIsUp && options.EarlyStopping?.IsOver(state.Finished) != true)
                {
                    var epoch = state.Epoch;
                    network.train();
                    while (state.Step < steps && !clock.TimeIsUp && !schedule.IsOver((long)epoch * steps + state.Step))
                    {
                        cancellationToken.ThrowIfCancellationRequested();
                        using var scope = NewDisposeScope();
                        var number = (long)epoch * steps + state.Step;
                        var began = clock.Elapsed;
                        // The epoch of the schedule, which is ahead of the one that runs where time is short.
                        var at = schedule.Epoch(number, epoch);
                        step.LearningRate = options.LearningRateAt(at, schedule.Progress(number));
                        var dropPath = options.DropPath * at / options.Epochs;
                        using var random = RandomStream.Of(options.Seed, $"train: drop path {number}");
                        var batch = batches.Batch(number);
                        var (loss, correct) = step.Take(batch.Images, batch.Labels, dropPath, random, number, batch.Weights);
                        Checked.Finite(loss, epoch, options.LearningRate);
                        var count = batch.Labels.shape[0];
                        (state.Loss, state.Correct) = (state.Loss + loss * count, state.Correct + correct);
                        (state.Images, state.Step) = (state.Images + count, state.Step + 1);
                        var seconds = (clock.Elapsed - began).TotalSeconds;
                        // Of the fastest step so far: one that was held up says nothing of validation, nor does a small one.
                        if (!measured && validation is not null && count == options.BatchSize)
                        {
                            fastest = Math.Min(fastest, seconds / count);
                            ExpectValidation(CostOfForward * fastest * validation.Count);
                        }
                        schedule.Took(number + 1, seconds, clock.Left);
                        state.Schedule = schedule.State;
                        if (schedule.State.End is { } end)
                            clock.Expect(end / steps);
                        if (state.Step < steps && !schedule.IsOver(number + 1))
                        {
                            if (clock.Elapsed - saved > StageClock.BetweenCheckpoints)
                            {
                                file?.Save(state, step.State());
                                saved = clock.Elapsed;
                            }
                            clock.Report(
                                epoch, state.Step, steps, state.Loss / state.Images, (double)state.Correct / state.Images);
                        }
                    }
                    if (!step.IsFinite())
                        throw Checked.DivergedWeights("Weights became infinite or no numbers", epoch, options.LearningRate);
                    schedule.Close((long)epoch * steps + state.Step);
                    if (state.Step < steps && !schedule.State.Over)
                    {
                        file?.Save(state, step.State());
                        break;                                                      // time is up, before its schedule is
                    }
                    (double Loss, double Accuracy)? validated = null;
                    if (validation is not null)
                    {
                        var began = clock.Elapsed;
                        validated = step.WithAverage(() => trained.Measure(validation, cancellationToken));
                        ExpectValidation((clock.Elapsed - began).TotalSeconds);
                        measured = true;
                    }
                    if (validated is { Loss: var validationLoss } && !double.IsFinite(validationLoss))
                        throw Checked.DivergedWeights($"The validation loss became {validationLoss}", epoch, options.LearningRate);
                    var finished = new TrainingEpoch(
                        state.Loss / state.Images, (double)state.Correct / state.Images, validated?.Loss, validated?.Accuracy);
                    state = new TrainingState
                    {
                        Epoch = epoch + 1, Schedule = schedule.State, Finished = [.. state.Finished, finished],
                    };
                    if (measure.BestOf(state.Finished) == epoch)
                        step.KeepAsBest();
                    file?.Save(state, step.State());
                    saved = clock.Elapsed;
                    clock.Report(
                        epoch, steps, steps, finished.Loss, finished.Accuracy, finished.ValidationLoss, finished.ValidationAccuracy);
                }
            }
            catch (OperationCanceledException)
            {
                file?.Save(state, step.State());
                throw;
            }
            catch (DivergedException) when (
                (options.EarlyStopping is not null || options.TimeLimit is not null) && measure.BestOf(state.Finished) is not null)
            {
                trained.DivergedEpoch = state.Epoch + 1;                            // the best epoch before is taken, below
            }
            if (state is { Epoch: 0, Step: 0 })
            {
                throw new InvalidOperationException(
                    $"Time was up before the first step of the training: TimeLimit is {options.TimeLimit}. Nothing was trained; " +
                    "give more time.");
            }
            epochs.AddRange(state.Finished);
            var came = IsOver();
            // One that diverges without a time to keep to is an error.
            trained.Rescheduled = schedule.State.End is not null || !came && clock.TimeIsUp
                || trained.DivergedEpoch is not null && options.EarlyStopping is null;
            if ((options.EarlyStopping is not null || !came || trained.DivergedEpoch is not null)
                && measure.BestOf(state.Finished) is { } best)
            {
                step.TakeBest();
                trained.BestEpoch = best + 1;
            }
            else
            {
                step.TakeAverage();
            }
            network.eval();
            if (options.TemperatureScaling)
                trained.ScaleTemperature(validation!, cancellationToken);
            return trained;

            bool IsOver() => schedule.IsOver((long)state.Epoch * steps + state.Step);

            bool StepsAreDone() => state.Step > 0 && (state.Step == steps || IsOver());

            void ExpectValidation(double seconds) =>
                (schedule.SecondsOfAnEpoch, schedule.SecondsAtTheEnd) = (seconds, options.TemperatureScaling ? seconds : 0);
        }
        catch
        {
            trained.Dispose();
            throw;
        }
    }

    /// <summary>Refuses too few images for the batches of a training, the smallest where memory decides on them.</summary>
    /// <exception cref="ArgumentException">There are too few.</exception>
    internal static void CheckImages(ImageSet images, TrainingOptions options) =>
        _ = new BatchOrder(images.Count, options.LeastBatchTaken, options.Seed, Batches);

    private static Checkpoint<TrainingState> CheckpointOf(
        string path, ImageSet images, ImageSet? validation, Genotype genotype, SearchSpace space, CellNetWeights? start,
        TrainingOptions options, int partSize) =>
        new(path, "training", new Dictionary<string, string>
        {
            ["images"] = images.Fingerprint(),
            ["validation images"] = validation?.Fingerprint() ?? "none",
            ["genotype"] = genotype.ToString(),
            ["space"] = space.Name,
            ["what the space is made of"] = space.Signature ?? "",
            ["start weights"] = start?.Fingerprint() ?? "random",
            ["options"] = JsonSerializer.Serialize(options with
            {
                Device = null, Gpu = options.Gpu with { Records = true }, TimeLimit = null, MostEpochs = null,
                MaxMemory = null, Recomputation = Recomputation.Automatic,
            }),
            ["images computed together"] = $"{partSize}",
        });

    /// <summary>What images of a size go through where <see cref="TrainingOptions.Augmentation"/> is null.</summary>
    internal static Augmentation DefaultAugmentation(ImageShape shape, bool cutout)
    {
        var size = Math.Min(shape.Height, shape.Width);
        return Augmentation.ForSize(size) with { Cutout = cutout ? size / 2 : 0 };
    }

    private static void CheckImages(ImageSet images, ImageSet? validation, CellNetWeights? start, TrainingOptions options)
    {
        var shape = images.Shape;
        images.ThrowIfOneClass();
        if (shape.Channels is not (1 or 3))
        {
            throw new ArgumentException(
                $"The images are {shape}; a CellNet takes images with 1 or 3 channels. Convert them first.", nameof(images));
        }
        if (start is not null && start.Statistics.Mean.Count != shape.Channels)
        {
            throw new ArgumentException($"The images have {shape.Channels} channel(s), those that the weights were trained on " +
                $"{start.Statistics.Mean.Count}; both need the same.", nameof(images));
        }
        if (validation is null && options.EarlyStopping is not null)
        {
            throw new ArgumentException(
                "EarlyStopping needs a validation set to watch; give one, or leave EarlyStopping null.", nameof(validation));
        }
        if (validation is null && options.TemperatureScaling)
        {
            throw new ArgumentException(
                "TemperatureScaling needs a validation set to measure on; give one, or leave TemperatureScaling false.",
                nameof(validation));
        }
        if (validation is { Count: 0 })
            throw new ArgumentException("The validation set has no images; expected at least one.", nameof(validation));
        if (validation is not null && validation.Shape != shape)
        {
            throw new ArgumentException(
                $"The validation images are {validation.Shape}, the training images {shape}; both need one shape.", nameof(validation));
        }
    }
}
