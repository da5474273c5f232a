using ZeroOneShot.Data;
using ZeroOneShot.Networks;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using static TorchSharp.torch;

namespace ZeroOneShot.OneShot;

/// <summary>
/// The memory that a search will take, worked out before it starts: by how much the process grows, at the most, once the supernet and its
/// optimizers are built. In bytes.
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
/// whole groups of vector lanes. What does not: the momentum of SGD, the threads' memory to work in, and what the runtime itself grows by
/// in its first steps, a constant that was measured.</para>
/// <para>This is memory in use. An allocator that keeps freed memory, as the library has glibc's do on Linux for speed
/// (<see cref="TorchRuntime.DefaultAllocatorSwitch"/>), lets the process hold more than that.</para>
/// </remarks>
/// <param name="BatchSize">Images of a step.</param>
/// <param name="Images">The batches at hand and the arranged copy that the network reads.</param>
/// <param name="Outputs">The cells' outputs that are kept, at the moment when most is in memory.</param>
/// <param name="Gradients">Their gradients, at that moment.</param>
/// <param name="Cell">States and operations of the cell at work, at that moment.</param>
/// <param name="Weights">What optimizer and threads add once.</param>
/// <param name="Runtime">What the runtime adds once: code compiled while it runs, pages of libtorch used for the first time.</param>
public sealed record SearchMemory(int BatchSize, long Images, long Outputs, long Gradients, long Cell, long Weights, long Runtime)
{
    private const int LanesOfAGroup = 16;
    private const long GrowthOfRuntime = 18L << 20;

    /// <summary>The peak: the sum of the parts.</summary>
    public long Bytes => Images + Outputs + Gradients + Cell + Weights + Runtime;

    /// <summary>Predicts the memory of a search.</summary>
    /// <param name="mask">Which operations are live.</param>
    /// <param name="options">Supernet and batch size; other settings do not matter.</param>
    /// <param name="shape">The size of the images.</param>
    /// <param name="classes">Number of classes.</param>
    /// <param name="threads">Operations that run side by side. Default: as many as libtorch uses threads.</param>
    /// <exception cref="ArgumentException">
    /// An option is out of its range, or the search computes with ordinary autograd or not on the processor, of which nothing is predicted.
    /// </exception>
    public static SearchMemory Predict(OperationMask mask, SearchOptions options, ImageShape shape, int classes, int? threads = null)
    {
        ArgumentNullException.ThrowIfNull(mask);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(classes, 2);
        options.Validate();
        var supernet = new SupernetMemory(mask, options.Supernet, shape, threads ?? get_num_threads());
        long lanes = (options.BatchSize + LanesOfAGroup - 1) / LanesOfAGroup * LanesOfAGroup;
        // The weights step comes second, and then both steps' images are in memory.
        var architecture = At(supernet.Largest(weights: false), batches: 1);
        var weights = At(supernet.Largest(weights: true), batches: 2);
        return weights.Bytes >= architecture.Bytes ? weights : architecture;

        SearchMemory At(SupernetMemory.Moment moment, int batches) => new(
            options.BatchSize,
            sizeof(float) * shape.Size * (lanes + (long)batches * options.BatchSize),
            sizeof(float) * lanes * moment.Outputs,
            sizeof(float) * lanes * moment.Gradients,
            sizeof(float) * lanes * moment.Cell,
            sizeof(float) * supernet.Parameters(classes),
            GrowthOfRuntime);
    }
}
