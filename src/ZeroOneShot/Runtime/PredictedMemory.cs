using static ZeroOneShot.Runtime.ProcessMemory;

namespace ZeroOneShot.Runtime;

/// <summary>
/// The memory that a stage will take, worked out before it starts, in bytes: the largest resident size of the process, as the system's
/// own tools show it, and its parts. Where the stage computes on a GPU, what the process holds of that one's memory, as its driver counts.
/// </summary>
/// <remarks>
/// <para>What is said of a GPU follows from the sizes of what libtorch keeps there, and from constants measured on one, an H200. Of a
/// training it says too much: half as much again as a network of 36 channels and 20 cells took there.</para>
/// <para>Features are counted in whole groups of 16 images. What does not grow with the images was measured: the process with nothing
/// built, and what the first steps add, as code is compiled and pages of libtorch are used for the first time.</para>
/// <para>The process is taken as one that has loaded this library and nothing else: what an application holds besides, among it the images
/// themselves, is not known here and comes on top.</para>
/// </remarks>
public abstract class PredictedMemory
{
    /// <param name="batchSize"><see cref="BatchSize"/>.</param>
    /// <param name="process"><see cref="Process"/>.</param>
    /// <param name="network"><see cref="Network"/>.</param>
    /// <param name="images"><see cref="Images"/>.</param>
    /// <param name="features">The features in use at the largest moment.</param>
    /// <param name="runtime"><see cref="Runtime"/>.</param>
    /// <param name="idle">What lies idle between features at the most, times those in use.</param>
    /// <param name="onGpu">Whether it is a GPU's memory.</param>
    private protected PredictedMemory(
        int batchSize, long process, long network, long images, long features, long runtime, double idle, bool onGpu)
    {
        (BatchSize, Process, Network, Images, Runtime) = (batchSize, process, network, images, runtime);
        Growth = images + features + runtime;
        Spare = onGpu || FeatureMemory.IsOn ? (long)(idle * features) : 0;
    }

    /// <summary>Images of a step.</summary>
    public int BatchSize { get; }

    /// <summary>
    /// .NET, libtorch and this library, before anything is built; of a search also the copies of the images. On a GPU CUDA's context.
    /// </summary>
    public long Process { get; }

    /// <summary>The network with its gradients, as it is built.</summary>
    public long Network { get; }

    /// <summary>The batches at hand, and the arranged copy that the network reads.</summary>
    public long Images { get; }

    /// <summary>
    /// What the first steps add once: code compiled while it runs, pages of libtorch used for the first time, momentum, and in training a
    /// copy of the best weights.
    /// </summary>
    public long Runtime { get; }

    /// <summary>What is held for features beyond those in use, because it lies between others.</summary>
    public long Spare { get; }

    /// <summary>By how much the memory in use grows, at the most, once the network is built.</summary>
    public long Growth { get; }

    /// <summary>The largest resident size of the process, or the most that it holds of a GPU's memory.</summary>
    public long Peak => Process + Network + Growth + Spare;

    /// <summary>The sum and its parts, in MiB.</summary>
    public override string ToString() =>
        $"{InMiB(Peak)}: process {InMiB(Process)}, network {InMiB(Network)}, images {InMiB(Images)}, {Features}, " +
        $"runtime, momentum and copies of weights {InMiB(Runtime)}, between features {InMiB(Spare)}";

    /// <summary>The parts of the features, as a text.</summary>
    private protected abstract string Features { get; }

    /// <summary>The lanes of a batch: whole groups.</summary>
    private protected static long LanesOf(int batchSize) => (batchSize + LanesOfAGroup - 1L) / LanesOfAGroup * LanesOfAGroup;

    /// <summary>
    /// The largest batch whose predicted <see cref="Peak"/> is within a limit: of some images, or of a multiple of 16 below that; null
    /// where not even the smallest fits.
    /// </summary>
    private protected static TMemory? Largest<TMemory>(int batchSize, int smallest, long limit, Func<int, TMemory> predict)
        where TMemory : PredictedMemory
    {
        for (var batch = batchSize; batch == batchSize || batch >= smallest; batch = SmallerBatch(batch))
        {
            if (batch > 0 && predict(batch) is var predicted && predicted.Peak <= limit)
                return predicted;
            if (batch <= LanesOfAGroup)
                break;
        }
        return null;
    }

    /// <summary>The next smaller number of images that fills its groups.</summary>
    private protected static int SmallerBatch(int batch) => (batch - 1) / LanesOfAGroup * LanesOfAGroup;
}
