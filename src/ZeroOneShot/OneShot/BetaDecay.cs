using ZeroOneShot.Networks;
using ZeroOneShot.Runtime;
using static TorchSharp.torch;

namespace ZeroOneShot.OneShot;

/// <summary>
/// Beta decay (beta-DARTS): lambda times the mean over all edges of logsumexp(alpha), over live operations only, with lambda growing
/// linearly with the epoch: <paramref name="Weight"/> * epoch / epochs.
/// </summary>
/// <param name="Weight">The value lambda grows towards, at least 0. Default 25: the public code has 25 * epoch / 50.</param>
public sealed record BetaDecay(double Weight = BetaDecay.DefaultWeight) : ArchitectureLossTerm
{
    private const double DefaultWeight = 25;

    /// <inheritdoc/>
    public override Tensor? Loss(ArchitectureParameters architecture, Relaxation relaxation, SearchMoment moment)
    {
        var lambda = Weight * moment.Progress;
        if (lambda == 0)
            return null;
        using var mean = Mean(architecture);
        return mean.Times(lambda);
    }

    /// <summary>The mean over the edges of both kinds of cells of logsumexp(alpha): a scalar with gradient.</summary>
    /// <param name="architecture">The alphas.</param>
    public static Tensor Mean(ArchitectureParameters architecture)
    {
        ArgumentNullException.ThrowIfNull(architecture);
        using var scope = NewDisposeScope();
        return cat([.. architecture.Mask.Space.Kinds.Select(architecture.LogSumExp)]).mean().MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override void Validate() => Checked.NotNegative(Weight, nameof(BetaDecay));
}
