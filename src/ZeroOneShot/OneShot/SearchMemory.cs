using ZeroOneShot.Data;
using ZeroOneShot.Layers;
using ZeroOneShot.Lean;
using ZeroOneShot.Networks;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using static ZeroOneShot.Runtime.ProcessMemory;

namespace ZeroOneShot.OneShot;

/// <summary>
/// The memory that a search will take, worked out before it starts, in bytes: the largest resident size of the process, and its parts.
/// </summary>
/// <remarks>
/// <para>A search step in little memory (<see cref="SupernetEvaluation.Lean"/>) holds, at any moment, some of the following; the prediction
/// walks through both steps, forwards and backwards, cell by cell and state by state, and takes the largest sum.</para>
/// <list type="bullet">
/// <item>Forwards: the images, the outputs of the stem and of the cells so far; of the cell at work its output, its two input states, and
/// one operation per thread.</item>
/// <item>Backwards, at cell i: the images, the outputs of the stem and of cells 0 to i, and that of the last cell with its gradient, which
/// autograd holds; the gradients of cell i's output and of its second input; of one of its input states the run of the preprocessing and
/// the gradient; and one operation per thread, with its gradients.</item>
/// </list>
/// <para>What an operation takes follows from its layers (<see cref="RunMemory"/>). All of this grows with the number of images, counted in
/// whole groups of 16. What does not: the process with nothing built, the network with its gradients and momentum, and what the first steps
/// add, as code is compiled and pages of libtorch are used for the first time. These were measured.</para>
/// <para>So the prediction depends on its arguments and the number of threads alone, and the same search takes the same batches every
/// time.</para>
/// </remarks>
public sealed class SearchMemory : PredictedMemory
{
    // Between 0.02 and 0.07 in searches of 16 channels and 8 cells, batches of 16 and 32: the sizes of features are multiples of one
    // another, and fill each other's gaps.
    private const double Idle = 0.05;

    private SearchMemory(int batchSize, long process, long network, long images, long runtime,
        (long Outputs, long Gradients, long Cell) features, bool onGpu)
        : base(batchSize, process, network, images, features.Outputs + features.Gradients + features.Cell, runtime,
            onGpu ? IdleOnGpu : Idle, onGpu) => (Outputs, Gradients, Cell) = features;

    /// <summary>The cells' outputs that are kept, at the moment when most is in memory.</summary>
    public long Outputs { get; }

    /// <summary>Their gradients, at that moment.</summary>
    public long Gradients { get; }

    /// <summary>States and operations of the cell at work, at that moment.</summary>
    public long Cell { get; }

    private protected override string Features =>
        $"cells' outputs {InMiB(Outputs)}, their gradients {InMiB(Gradients)}, the cell at work {InMiB(Cell)}";

    /// <summary>Predicts the memory of a search.</summary>
    /// <param name="mask">Which operations are live.</param>
    /// <param name="options">Supernet, batch size and device; other settings do not matter.</param>
    /// <param name="shape">The size of the images.</param>
    /// <param name="classes">Number of classes.</param>
    /// <param name="images">Number of images that are searched with. Default 0: only the step itself is looked at.</param>
    /// <exception cref="ArgumentException">
    /// An option is out of its range, the mask leaves no genotype, or the search computes with ordinary autograd, of which nothing is
    /// predicted.
    /// </exception>
    /// <exception cref="DllNotFoundException">libtorch, whose number of threads is asked for, cannot be loaded.</exception>
    public static SearchMemory Predict(OperationMask mask, SearchOptions options, ImageShape shape, int classes, int images = 0)
    {
        ArgumentNullException.ThrowIfNull(mask);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(classes, 2);
        ArgumentOutOfRangeException.ThrowIfNegative(images);
        mask.ThrowIfNoGenotype();
        (options with { MaxMemory = options.MaxMemory ?? long.MaxValue }).Validate();
        TorchRuntime.EnsureLoaded();
        var onGpu = IsGpu(options.Device);
        var supernet = new SupernetMemory(mask, options.Supernet, shape, Worker.ThreadsOfLibtorch, options.BFloat16Activations, onGpu);
        var numberOfLanes = onGpu ? options.BatchSize : LanesOf(options.BatchSize);
        var parameters = sizeof(float) * supernet.Parameters(classes);
        // Steps of both kinds, and of the weights for what is left of an epoch.
        var records = !options.Gpu.Records ? 0 : images / 2 % options.BatchSize == 0 ? 2 : 3;
        // The weights step comes second, and then both steps' images are in memory.
        var architecture = At(supernet.Largest(weights: false), batches: 1);
        var weights = At(supernet.Largest(weights: true), batches: 2);
        return weights.Growth >= architecture.Growth ? weights : architecture;

        SearchMemory At(SupernetMemory.Moment moment, int batches)
        {
            var features = (sizeof(float) * numberOfLanes * moment.Outputs, sizeof(float) * numberOfLanes * moment.Gradients,
                sizeof(float) * numberOfLanes * moment.Cell);
            if (onGpu)
            {
                // Of both halves the batch at hand and the one that was copied ahead.
                return new SearchMemory(options.BatchSize, OfGpuContext, network: 3 * parameters,
                    images: sizeof(float) * shape.Size * 5L * options.BatchSize,
                    runtime: parameters + records * OfRecord, features, onGpu);
            }
            return new SearchMemory(
                options.BatchSize,
                process: ProcessBefore + (long)images * shape.Size,
                network: 3 * parameters + supernet.Operations * OfAnOperation,                  // where they were first, values, gradients
                images: sizeof(float) * shape.Size * (numberOfLanes + (long)batches * options.BatchSize),
                runtime: FirstSteps + supernet.Operations * OfAnOperationsFirstStep + parameters,          // momentum
                features, onGpu);
        }
    }

    /// <summary>
    /// The largest batch whose predicted <see cref="PredictedMemory.Peak"/> is at most <see cref="SearchOptions.MaxMemory"/>: the batch
    /// size of the options, or a multiple of 16 below it, since the images are computed in groups of 16, where a group that is not full
    /// takes as much as a full one.
    /// </summary>
    /// <param name="mask">Which operations are live.</param>
    /// <param name="options">Supernet, largest batch size and limit.</param>
    /// <param name="shape">The size of the images.</param>
    /// <param name="classes">Number of classes.</param>
    /// <param name="images">Number of images that are searched with.</param>
    /// <exception cref="ArgumentException">
    /// Not even the smallest batch fits; the message gives the numbers. Or as <see cref="Predict"/>.
    /// </exception>
    /// <exception cref="DllNotFoundException">libtorch cannot be loaded.</exception>
    public static int LargestBatch(OperationMask mask, SearchOptions options, ImageShape shape, int classes, int images = 0)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.MaxMemory is not { } limit)
            return options.BatchSize;
        if (Largest(options.BatchSize, LanesOfAGroup, limit, Of) is { } fitting)
            return fitting.BatchSize;
        var smallest = Of(Math.Min(options.BatchSize, LanesOfAGroup));
        throw new MemoryLimitException(
            $"MaxMemory is {InMiB(limit)}, and a search with the smallest batch, {smallest.BatchSize} images, " +
            $"is predicted to take {smallest}. Allow that much, or search with fewer channels, cells or operations, " +
            "partial connections or smaller images.");

        SearchMemory Of(int batch) => Predict(mask, options with { BatchSize = batch }, shape, classes, images);
    }
}
