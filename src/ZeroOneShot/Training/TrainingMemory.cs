using ZeroOneShot.Data;
using ZeroOneShot.Networks;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using static ZeroOneShot.Runtime.ProcessMemory;

namespace ZeroOneShot.Training;

/// <summary>
/// The memory that the training of a found network will take, worked out before it starts, in bytes: the largest resident size of the
/// process, and its parts.
/// </summary>
/// <remarks>
/// A training step keeps what every layer's backward run reads, or of items that are recomputed their output alone, and lets go of it cell
/// by cell on the way back; the prediction walks the same way, on sizes alone.
/// </remarks>
public sealed class TrainingMemory : PredictedMemory
{
    // Measured: 0.00 where everything is kept, for nearly all features are in use at one moment and go in the order in which they came;
    // 0.01 to 0.18 where everything is recomputed.
    private const double IdleOfKept = 0.01, IdleOfRecomputed = 0.12;

    private TrainingMemory(int batchSize, int partSize, int recomputed, long process, long network, long images, long runtime,
        (long Kept, long AtWork) features, bool onGpu)
        : base(batchSize, process, network, images, features.Kept + features.AtWork, runtime,
            onGpu ? IdleOnGpu : recomputed == 0 ? IdleOfKept : IdleOfRecomputed, onGpu)
    {
        (PartSize, Recomputed) = (partSize, recomputed);
        (KeptFeatures, Gradients) = features;
    }

    /// <summary>
    /// Images that are computed together: <see cref="PredictedMemory.BatchSize"/>, or fewer where the gradient of a step is accumulated
    /// over parts of its images.
    /// </summary>
    public int PartSize { get; }

    /// <summary>
    /// How many items of the network, its stem, cells and fixed blocks, are recomputed on the way back, from the first on. On a GPU none.
    /// </summary>
    public int Recomputed { get; }

    /// <summary>What the forward run has left for the backward run, at the moment when most is in memory.</summary>
    public long KeptFeatures { get; }

    /// <summary>Gradients and what one operation works with, at that moment.</summary>
    public long Gradients { get; }

    private protected override string Features =>
        $"features {InMiB(KeptFeatures)}, gradients {InMiB(Gradients)}" + (Recomputed > 0 ? $" ({Recomputed} items recomputed)" : "")
        + (PartSize < BatchSize ? $" (in parts of {PartSize} images)" : "");

    // The one that trains, the one that is ready or being made, and what making it takes.
    private const int Batches = 3;

    // Measured: code, and what libtorch's convolutions of the auxiliary head hold.
    private const long FirstSteps = 30L << 20;

    /// <summary>Predicts the memory of a training.</summary>
    /// <param name="genotype">The architecture.</param>
    /// <param name="options">Network and batch size; other settings hardly matter.</param>
    /// <param name="shape">The size of the images.</param>
    /// <param name="classes">Number of classes.</param>
    /// <param name="space">The table with the genotype's operations; null is <see cref="SearchSpace.Darts"/>.</param>
    /// <param name="images">Number of images that are trained and validated on. Default 0: only the steps are looked at.</param>
    /// <exception cref="ArgumentException">
    /// An option is out of its range, or the genotype names an unknown operation.
    /// </exception>
    /// <exception cref="DllNotFoundException">libtorch, whose number of threads is asked for, cannot be loaded.</exception>
    public static TrainingMemory Predict(
        Genotype genotype, TrainingOptions options, ImageShape shape, int classes, SearchSpace? space = null, int images = 0)
    {
        ArgumentNullException.ThrowIfNull(options);
        return With(genotype, options, shape, classes, space, images)(options.BatchSize, options.BatchSize);
    }

    /// <summary>
    /// The batch whose predicted <see cref="PredictedMemory.Peak"/> is at most <see cref="TrainingOptions.MaxMemory"/>: that of the
    /// options, or a multiple of 16 below it.
    /// </summary>
    /// <param name="genotype">The architecture.</param>
    /// <param name="options">Network, largest batch size and limit.</param>
    /// <param name="shape">The size of the images.</param>
    /// <param name="classes">Number of classes.</param>
    /// <param name="space">The table with the genotype's operations; null is <see cref="SearchSpace.Darts"/>.</param>
    /// <param name="images">Number of images that are trained and validated on. Default 0: only the steps are looked at.</param>
    /// <exception cref="ArgumentException">
    /// Not even the smallest batch fits; the message gives the numbers. Or as <see cref="Predict"/>.
    /// </exception>
    /// <exception cref="DllNotFoundException">libtorch cannot be loaded.</exception>
    public static int LargestBatch(
        Genotype genotype, TrainingOptions options, ImageShape shape, int classes, SearchSpace? space = null, int images = 0)
    {
        ArgumentNullException.ThrowIfNull(options);
        return options.MaxMemory is null ? options.BatchSize : Fitting(genotype, options, shape, classes, space, images).BatchSize;
    }

    /// <summary>
    /// The training that fits into <see cref="TrainingOptions.MaxMemory"/>, in this order: the whole batch, of which as little is
    /// recomputed as fits; a smaller one, down to <see cref="TrainingOptions.SmallestBatch"/>; that one in parts of a multiple of 16
    /// images.
    /// </summary>
    /// <param name="genotype">The architecture.</param>
    /// <param name="options">Network, largest and smallest batch and limit.</param>
    /// <param name="shape">The size of the images.</param>
    /// <param name="classes">Number of classes.</param>
    /// <param name="space">The table with the genotype's operations; null is <see cref="SearchSpace.Darts"/>.</param>
    /// <param name="images">Number of images that are trained and validated on. Default 0: only the steps are looked at.</param>
    /// <exception cref="ArgumentException">Nothing fits; the message gives the numbers. Or as <see cref="Predict"/>.</exception>
    /// <exception cref="DllNotFoundException">libtorch cannot be loaded.</exception>
    public static TrainingMemory Fitting(
        Genotype genotype, TrainingOptions options, ImageShape shape, int classes, SearchSpace? space = null, int images = 0)
    {
        ArgumentNullException.ThrowIfNull(options);
        var predict = With(genotype, options, shape, classes, space, images);
        if (options.MaxMemory is not { } limit)
            return predict(options.BatchSize, options.BatchSize);
        var smallest = Math.Min(options.BatchSize, options.SmallestBatch);
        if (Largest(options.BatchSize, smallest, limit, batch => predict(batch, batch)) is { } whole)
            return whole;
        if (Largest(smallest, LanesOfAGroup, limit, part => predict(smallest, part)) is { } inParts)
            return inParts;
        var least = predict(smallest, Math.Min(smallest, LanesOfAGroup));
        throw new MemoryLimitException(
            $"MaxMemory is {InMiB(limit)}, and a training with the smallest batch, {smallest} images" +
            (least.PartSize < smallest ? $" in parts of {least.PartSize}" : "") +
            $", is predicted to take {least}. Allow that much, or train with fewer channels, fewer cells or smaller images.");
    }

    /// <summary>Predictions for batches and parts of them.</summary>
    private static Func<int, int, TrainingMemory> With(
        Genotype genotype, TrainingOptions options, ImageShape shape, int classes, SearchSpace? space, int images)
    {
        ArgumentNullException.ThrowIfNull(genotype);
        ArgumentOutOfRangeException.ThrowIfLessThan(classes, 2);
        ArgumentOutOfRangeException.ThrowIfNegative(images);
        space ??= SearchSpace.Darts;
        genotype.ThrowIfNotIn(space);
        (options with { MaxMemory = options.MaxMemory ?? long.MaxValue }).Validate();
        TorchRuntime.EnsureLoaded();
        var onGpu = IsGpu(options.Device);
        var network = new CellNetMemory(genotype, options.Network, shape, space, onGpu);
        var parameters = sizeof(float) *
            (NetworkCost.Of(genotype, options.Network, shape, classes, space).Parameters + network.AuxiliaryParameters(classes));
        var limit = options.MaxMemory ?? MemoryOfTheMachine / 2;
        return (batch, part) => onGpu ? OnGpu(batch, part) : options.Recomputation switch
        {
            Recomputation.None => At(batch, part, 0),
            Recomputation.All => At(batch, part, network.Items),
            _ => LeastRecomputed(batch, part),
        };

        TrainingMemory OnGpu(int batch, int part)
        {
            var largest = network.Largest(recomputed: 0, part, threads: 1);
            return new TrainingMemory(batch, part, recomputed: 0, OfGpuContext, network: 3 * parameters,
                images: sizeof(float) * shape.Size * (part + (long)Batches * batch), runtime: 2 * parameters,
                ((long)sizeof(float) * part * largest.Kept, (long)sizeof(float) * part * largest.AtWork), onGpu);
        }

        TrainingMemory At(int batch, int part, int recomputed)
        {
            var lanes = LanesOf(part);
            var largest = network.Largest(recomputed, lanes, Worker.ThreadsOfLibtorch);
            return new TrainingMemory(
                batch, part, recomputed,
                ProcessBefore + (long)images * shape.Size,
                network: 3 * parameters + network.Operations * OfAnOperation,                   // where they were first, values, gradients
                images: sizeof(float) * shape.Size * (lanes + (long)Batches * batch),
                runtime: FirstSteps + 2 * parameters,                                           // momentum, best weights
                (sizeof(float) * lanes * largest.Kept, sizeof(float) * lanes * largest.AtWork), onGpu: false);
        }

        // Each item that is recomputed takes time; where nothing is enough, all of them.
        TrainingMemory LeastRecomputed(int batch, int part) => Enumerable.Range(0, network.Items + 1)
            .Select(recomputed => At(batch, part, recomputed)).FirstOrDefault(memory => memory.Peak <= limit)
            ?? At(batch, part, network.Items);
    }
}
