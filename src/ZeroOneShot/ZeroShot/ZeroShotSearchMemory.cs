using ZeroOneShot.Data;
using ZeroOneShot.Networks;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.ZeroShot;

/// <summary>The memory of a search without training: that of one network at a time, run by libtorch.</summary>
internal static class ZeroShotSearchMemory
{
    // Per number of the largest feature: what a cell works with, and the copies in double precision that functions make of it.
    private const int BytesAtWork = 48;

    // What the first runs of libtorch's own convolutions add, measured: kernels compiled for every shape, memory to work in.
    internal const long Kernels = 24L << 20;

    /// <summary>
    /// The largest resident size of the process, in bytes, by estimate, as for <see cref="PredictedMemory.Peak"/>; on a GPU all that is
    /// taken of its memory. The weights of so small networks do not matter.
    /// </summary>
    /// <param name="options">The settings.</param>
    /// <param name="space">The search space.</param>
    /// <param name="shape">The size of the images.</param>
    public static long Predict(ZeroShotSearchOptions options, SearchSpace space, ImageShape shape)
    {
        var plan = NetworkPlan.Of(space, options.Network.WithStem(space, shape), shape, genotype: null);
        // Several batches one after the other.
        var features = sizeof(float) * Features(plan);
        var images = (long)options.Ranking.Batches * options.Ranking.BatchSize * shape.Size * sizeof(float);
        var atWork = images + options.Ranking.BatchSize * features;
        return ProcessMemory.IsGpu(options.Ranking.Device)
            ? ProcessMemory.OfGpuContext + (long)((1 + ProcessMemory.IdleOnGpu) * atWork)
            : ProcessMemory.ProcessBefore + ProcessMemory.FirstSteps + Kernels + atWork;
    }

    /// <summary>Numbers per image in a run by libtorch: the outputs of all cells are at hand together.</summary>
    internal static long Features(NetworkPlan plan) =>
        plan.Items.Sum(item => item.Output.Count) + plan.Items.Max(item => item.Output.Count) * BytesAtWork / sizeof(float);
}
