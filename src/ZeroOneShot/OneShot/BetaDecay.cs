using ZeroOneShot.Networks;
using static TorchSharp.torch;

namespace ZeroOneShot.OneShot;

/// <summary>
/// Beta decay (beta-DARTS): the architecture loss gains lambda times the mean over all edges of logsumexp(alpha), over live operations
/// only, with lambda growing linearly with the epoch.
/// </summary>
public static class BetaDecay
{
    /// <summary>lambda of an epoch: <paramref name="weight"/> * epoch / epochs; the public code has 25 * epoch / 50.</summary>
    /// <param name="weight">The value lambda grows towards, at least 0.</param>
    /// <param name="epoch">The epoch, from 0.</param>
    /// <param name="epochs">Number of epochs.</param>
    public static double Lambda(double weight, int epoch, int epochs) => weight * epoch / epochs;

    /// <summary>The mean over the edges of both kinds of cells of logsumexp(alpha): a scalar with gradient.</summary>
    /// <param name="architecture">The alphas.</param>
    public static Tensor Loss(ArchitectureParameters architecture)
    {
        ArgumentNullException.ThrowIfNull(architecture);
        using var scope = NewDisposeScope();
        return cat([.. architecture.Mask.Space.Kinds.Select(architecture.LogSumExp)]).mean().MoveToOuterDisposeScope();
    }
}
