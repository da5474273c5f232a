using ZeroOneShot.Networks;
using ZeroOneShot.Runtime;
using static TorchSharp.torch;

namespace ZeroOneShot.OneShot;

/// <summary>
/// FairDARTS' zero-one loss, which drives every sigmoid of alpha away from 0.5: minus the mean over the live operations of both kinds of
/// cells of (sigmoid(alpha) - 0.5)^2, times <paramref name="Weight"/>. <c>none</c>, which FairDARTS leaves out of its space, counts where
/// it is live.
/// </summary>
/// <param name="Weight">At least 0. Default 10, as the public code.</param>
/// <param name="Absolute">True: |sigmoid(alpha) - 0.5| in place of its square, the variant L1. Default false.</param>
public sealed record ZeroOneLoss(double Weight = ZeroOneLoss.DefaultWeight, bool Absolute = false) : ArchitectureLossTerm
{
    private const double DefaultWeight = 10;

    /// <inheritdoc/>
    public override Tensor? Loss(ArchitectureParameters architecture, Relaxation relaxation, SearchMoment moment)
    {
        ArgumentNullException.ThrowIfNull(architecture);
        if (Weight == 0)
            return null;
        using var scope = NewDisposeScope();
        // A masked alpha, taken as 0, has sigmoid 0.5 and adds nothing.
        var distances = cat([.. architecture.Mask.Space.Kinds.Select(kind => architecture.MaskedAlphas(kind, 0).sigmoid())]).Shift(-0.5);
        var sum = (Absolute ? distances.abs() : distances.square()).sum();
        return sum.Times(-Weight / architecture.Mask.TotalLive).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public override void Validate() => Checked.NotNegative(Weight, nameof(ZeroOneLoss));
}
