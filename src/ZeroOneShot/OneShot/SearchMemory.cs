using System.Globalization;
using ZeroOneShot.Data;
using ZeroOneShot.Layers;
using ZeroOneShot.Networks;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using static TorchSharp.torch;

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
/// <para>The process is taken as one that has loaded this library and nothing else: what an application holds besides, among it the images
/// themselves, is not known here and comes on top. So the prediction depends on its arguments and the number of threads alone, and the same
/// search takes the same batches every time.</para>
/// <para>For speed, the library has glibc keep freed memory (<see cref="TorchRuntime.DefaultAllocatorSwitch"/>); it then holds several
/// times the features in use, the more the longer it runs. <see cref="Spare"/> is a rough estimate of that, from a handful of searches, and
/// no bound; it is 0 where the switch is set.</para>
/// </remarks>
/// <param name="BatchSize">Images of a step.</param>
/// <param name="Process">.NET, libtorch and this library, before anything is built, and the copies of the images in the two halves.</param>
/// <param name="Network">The supernet and its optimizers, as they are built.</param>
/// <param name="Images">The batches at hand and the arranged copy that the network reads.</param>
/// <param name="Outputs">The cells' outputs that are kept, at the moment when most is in memory.</param>
/// <param name="Gradients">Their gradients, at that moment.</param>
/// <param name="Cell">States and operations of the cell at work, at that moment.</param>
/// <param name="Runtime">
/// What the first steps add once: code compiled while it runs, pages of libtorch used for the first time, momentum.
/// </param>
/// <param name="Spare">What the allocator holds beyond that.</param>
public sealed record SearchMemory(
    int BatchSize, long Process, long Network, long Images, long Outputs, long Gradients, long Cell, long Runtime, long Spare)
{
    private const int MiB = 1 << 20;

    /// <summary>Images that are computed together, and take as much where they are fewer.</summary>
    internal const int LanesOfAGroup = 16;

    // Measured with .NET 10 and libtorch 2.10 on Linux x64.
    internal const long ProcessBefore = 170L * MiB, OfAnOperation = 27 << 10, FirstSteps = 28L * MiB;

    // Freed features that glibc keeps because they lie between others, times those in use, roughly: 2.8 after 21 steps of DARTS at batch
    // 16, 2.4 after 6 at batch 64, 1.3 after 3 of Zero-One-Shot at batch 32 (16 channels, 8 cells, 32x32).
    private const double SpareShare = 2.5;

    /// <summary>
    /// By how much the process grows, at the most, once the networks are built: memory in use, whatever the allocator keeps.
    /// </summary>
    public long Growth => Images + Outputs + Gradients + Cell + Runtime;

    /// <summary>The largest resident size of the process; an estimate, because <see cref="Spare"/> is one.</summary>
    public long Peak => Process + Network + Growth + Spare;

    /// <summary>Predicts the memory of a search.</summary>
    /// <param name="mask">Which operations are live.</param>
    /// <param name="options">Supernet and batch size; other settings do not matter.</param>
    /// <param name="shape">The size of the images.</param>
    /// <param name="classes">Number of classes.</param>
    /// <param name="images">Number of images in the two halves. Default 0: only the step itself is looked at.</param>
    /// <exception cref="ArgumentException">
    /// An option is out of its range, the mask leaves no genotype, or the search computes with ordinary autograd or not on the processor,
    /// of which nothing is predicted.
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
        var supernet = new SupernetMemory(mask, options.Supernet, shape, get_num_threads(), options.BFloat16Activations);
        var numberOfLanes = (options.BatchSize + LanesOfAGroup - 1L) / LanesOfAGroup * LanesOfAGroup;
        var parameters = sizeof(float) * supernet.Parameters(classes);
        // The weights step comes second, and then both steps' images are in memory.
        var architecture = At(supernet.Largest(weights: false), batches: 1);
        var weights = At(supernet.Largest(weights: true), batches: 2);
        return weights.Growth >= architecture.Growth ? weights : architecture;

        SearchMemory At(SupernetMemory.Moment moment, int batches)
        {
            var features = sizeof(float) * numberOfLanes * moment.Sum;
            return new SearchMemory(
                options.BatchSize,
                Process: ProcessBefore + (long)images * shape.Size,
                Network: 3 * parameters + supernet.Operations * OfAnOperation,                  // where they were first, values, gradients
                Images: sizeof(float) * shape.Size * (numberOfLanes + (long)batches * options.BatchSize),
                sizeof(float) * numberOfLanes * moment.Outputs,
                sizeof(float) * numberOfLanes * moment.Gradients,
                sizeof(float) * numberOfLanes * moment.Cell,
                Runtime: FirstSteps + parameters,                                               // momentum
                Spare: TorchRuntime.KeepsFreedMemory ? (long)(SpareShare * features) : 0);
        }
    }

    /// <summary>
    /// The largest batch whose predicted <see cref="Peak"/> is at most <see cref="SearchOptions.MaxMemory"/>: the batch size of the
    /// options, or a multiple of 16 below it, since the images are computed in groups of 16, where a group that is not full takes as much
    /// as a full one.
    /// </summary>
    /// <param name="mask">Which operations are live.</param>
    /// <param name="options">Supernet, largest batch size and limit.</param>
    /// <param name="shape">The size of the images.</param>
    /// <param name="classes">Number of classes.</param>
    /// <param name="images">Number of images in the two halves.</param>
    /// <exception cref="ArgumentException">
    /// Not even the smallest batch fits; the message gives the numbers. Or as <see cref="Predict"/>.
    /// </exception>
    /// <exception cref="DllNotFoundException">libtorch cannot be loaded.</exception>
    public static int LargestBatch(OperationMask mask, SearchOptions options, ImageShape shape, int classes, int images = 0)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.MaxMemory is not { } limit)
            return options.BatchSize;
        for (var batch = options.BatchSize; ; batch = (batch - 1) / LanesOfAGroup * LanesOfAGroup)
        {
            var predicted = Predict(mask, options with { BatchSize = batch }, shape, classes, images);
            if (predicted.Peak <= limit)
                return batch;
            if (batch <= LanesOfAGroup)
            {
                throw new ArgumentException(
                    $"MaxMemory is {InMiB(limit)}, and a search with the smallest batch, {batch} images, " +
                    $"is predicted to take {predicted}. Allow that much, or search with fewer channels, cells or operations, " +
                    "partial connections or smaller images.");
            }
        }
    }

    /// <summary>The sum and its parts, in MiB.</summary>
    public override string ToString() =>
        $"{InMiB(Peak)}: process {InMiB(Process)}, network {InMiB(Network)}, images {InMiB(Images)}, cells' outputs {InMiB(Outputs)}, " +
        $"their gradients {InMiB(Gradients)}, the cell at work {InMiB(Cell)}, runtime and momentum {InMiB(Runtime)}, " +
        $"kept by the allocator {InMiB(Spare)}";

    internal static string InMiB(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{(double)bytes / MiB:F1} MiB");
}
