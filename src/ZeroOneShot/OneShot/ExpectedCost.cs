using ZeroOneShot.Networks;
using ZeroOneShot.Runtime;
using static TorchSharp.torch;

namespace ZeroOneShot.OneShot;

/// <summary>
/// The term of a <see cref="CostTarget"/>: with c the expected cost over the target, weight * (max(c - 1, 0)^2 + max(0.95 - c, 0)^2).
/// </summary>
internal sealed record ExpectedCost(CostTarget Target, GenotypeCosts Costs) : ArchitectureLossTerm
{
    /// <inheritdoc/>
    public override Tensor? Loss(ArchitectureParameters architecture, Relaxation relaxation, SearchMoment moment)
    {
        if (Target.Weight == 0)
            return null;
        using var scope = NewDisposeScope();
        var cost = Costs.Expected(architecture, relaxation, Target.Most);
        var above = cost.Times(1).Shift(-1).relu();
        var below = cost.Times(-1).Shift(CostTarget.LowestShare).relu();
        return above.square().Plus(below.square()).Times(Target.Weight).MoveToOuterDisposeScope();
    }
}
