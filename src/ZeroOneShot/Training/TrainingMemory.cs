using ZeroOneShot.Data;
using ZeroOneShot.Networks;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.Training;

/// <summary>
/// The memory that the training of a found network will take, worked out before it starts, in bytes: the largest resident size of the
/// process, and its parts.
/// </summary>
/// <remarks>
/// A training step keeps what every layer's backward run reads, from the first layer to the last, and lets go of it cell by cell on the way
/// back; the prediction walks the same way, on sizes alone. What was said of <see cref="OneShot.SearchMemory"/> holds here too: features
/// are counted in whole groups of 16 images, the process is taken as one that has loaded this library and nothing else, and what the
/// allocator keeps (<see cref="Spare"/>) is a rough estimate.
/// </remarks>
/// <param name="batchSize"><see cref="BatchSize"/>.</param>
/// <param name="process"><see cref="Process"/>.</param>
/// <param name="network"><see cref="Network"/>.</param>
/// <param name="images"><see cref="Images"/>.</param>
/// <param name="features"><see cref="Features"/>.</param>
/// <param name="gradients"><see cref="Gradients"/>.</param>
/// <param name="runtime"><see cref="Runtime"/>.</param>
/// <param name="spare"><see cref="Spare"/>.</param>
public sealed class TrainingMemory(
    int batchSize, long process, long network, long images, long features, long gradients, long runtime, long spare)
{
    /// <summary>Images of a step.</summary>
    public int BatchSize { get; } = batchSize;

    /// <summary>.NET, libtorch and this library, before anything is built.</summary>
    public long Process { get; } = process;

    /// <summary>The network and its gradients, as they are built.</summary>
    public long Network { get; } = network;

    /// <summary>The batch at hand, the one that is being made, and the arranged copy that the network reads.</summary>
    public long Images { get; } = images;

    /// <summary>What the forward run has left for the backward run, at the moment when most is in memory.</summary>
    public long Features { get; } = features;

    /// <summary>Gradients and what one operation works with, at that moment.</summary>
    public long Gradients { get; } = gradients;

    /// <summary>
    /// What the first steps add once: code compiled while it runs, pages of libtorch used for the first time, momentum, and a copy of
    /// the best weights.
    /// </summary>
    public long Runtime { get; } = runtime;

    /// <summary>What the allocator holds beyond that.</summary>
    public long Spare { get; } = spare;

    // The one that trains, the one that is ready or being made, and what making it takes.
    private const int Batches = 3;

    // Measured: code, and what libtorch's convolutions of the auxiliary head hold.
    private const long FirstSteps = 30L << 20;

    // Freed features that glibc keeps, times those in use, roughly: 0.21 after 2 steps with 16 channels, 8 cells and batch 32, 0.15 with
    // 36, 20 and 16. Less than in a search: nearly all are in use at one moment, and go in the order in which they came.
    private const double SpareShare = 0.25;

    /// <summary>
    /// By how much the process grows, at the most, once the network is built: memory in use, whatever the allocator keeps.
    /// </summary>
    public long Growth => Images + Features + Gradients + Runtime;

    /// <summary>The largest resident size of the process; an estimate, because <see cref="Spare"/> is one.</summary>
    public long Peak => Process + Network + Growth + Spare;

    /// <summary>Predicts the memory of a training.</summary>
    /// <param name="genotype">The architecture.</param>
    /// <param name="options">Network and batch size; other settings hardly matter.</param>
    /// <param name="shape">The size of the images.</param>
    /// <param name="classes">Number of classes.</param>
    /// <param name="space">The table with the genotype's operations; null is <see cref="SearchSpace.Darts"/>.</param>
    /// <exception cref="ArgumentException">
    /// An option is out of its range, the genotype names an unknown operation, or the training does not run on the processor, of which
    /// alone something is predicted.
    /// </exception>
    public static TrainingMemory Predict(
        Genotype genotype, TrainingOptions options, ImageShape shape, int classes, SearchSpace? space = null)
    {
        ArgumentNullException.ThrowIfNull(genotype);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(classes, 2);
        space ??= SearchSpace.Darts;
        genotype.ThrowIfNotIn(space);
        (options with { MaxMemory = options.MaxMemory ?? long.MaxValue }).Validate();
        var network = new CellNetMemory(genotype, options.Network, shape, space, options.DropPath > 0);
        var largest = network.Largest();
        var lanes = (options.BatchSize + ProcessMemory.LanesOfAGroup - 1L) / ProcessMemory.LanesOfAGroup * ProcessMemory.LanesOfAGroup;
        var parameters = sizeof(float) *
            (NetworkCost.Of(genotype, options.Network, shape, classes, space).Parameters + network.AuxiliaryParameters(classes));
        return new TrainingMemory(
            options.BatchSize,
            ProcessMemory.ProcessBefore,
            network: 3 * parameters + network.Operations * ProcessMemory.OfAnOperation,      // where they were first, values, gradients
            images: sizeof(float) * shape.Size * (lanes + (long)Batches * options.BatchSize),
            features: sizeof(float) * lanes * largest.Kept,
            gradients: sizeof(float) * lanes * largest.AtWork,
            runtime: FirstSteps + 2 * parameters,                                           // momentum, best weights
            spare: TorchRuntime.KeepsFreedMemory ? (long)(SpareShare * sizeof(float) * lanes * largest.Sum) : 0);
    }

    /// <summary>
    /// The largest batch whose predicted <see cref="Peak"/> is at most <see cref="TrainingOptions.MaxMemory"/>: the batch size of the
    /// options, or a multiple of 16 below it.
    /// </summary>
    /// <param name="genotype">The architecture.</param>
    /// <param name="options">Network, largest batch size and limit.</param>
    /// <param name="shape">The size of the images.</param>
    /// <param name="classes">Number of classes.</param>
    /// <param name="space">The table with the genotype's operations; null is <see cref="SearchSpace.Darts"/>.</param>
    /// <exception cref="ArgumentException">
    /// Not even the smallest batch fits; the message gives the numbers. Or as <see cref="Predict"/>.
    /// </exception>
    public static int LargestBatch(
        Genotype genotype, TrainingOptions options, ImageShape shape, int classes, SearchSpace? space = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.MaxMemory is not { } limit)
            return options.BatchSize;
        for (var batch = options.BatchSize; ; batch = (batch - 1) / ProcessMemory.LanesOfAGroup * ProcessMemory.LanesOfAGroup)
        {
            var predicted = Predict(genotype, options with { BatchSize = batch }, shape, classes, space);
            if (predicted.Peak <= limit)
                return batch;
            if (batch <= ProcessMemory.LanesOfAGroup)
            {
                throw new ArgumentException(
                    $"MaxMemory is {ProcessMemory.InMiB(limit)}, and a training with the smallest batch, {batch} images, " +
                    $"is predicted to take {predicted}. Allow that much, or train with fewer channels, fewer cells or smaller images.");
            }
        }
    }

    /// <summary>The sum and its parts, in MiB.</summary>
    public override string ToString() =>
        $"{ProcessMemory.InMiB(Peak)}: process {ProcessMemory.InMiB(Process)}, network {ProcessMemory.InMiB(Network)}, " +
        $"images {ProcessMemory.InMiB(Images)}, features {ProcessMemory.InMiB(Features)}, gradients {ProcessMemory.InMiB(Gradients)}, " +
        $"runtime, momentum and best weights {ProcessMemory.InMiB(Runtime)}, kept by the allocator {ProcessMemory.InMiB(Spare)}";
}
