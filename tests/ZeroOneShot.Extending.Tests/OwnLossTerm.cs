using ZeroOneShot.Networks;
using ZeroOneShot.OneShot;
using static TorchSharp.torch;

namespace ZeroOneShot.Extending.Tests;

/// <summary>The mean entropy of the edges' operations, which grows into the loss and has edges decide towards the end.</summary>
public sealed record OwnLossTerm(double Weight = 0.5) : ArchitectureLossTerm
{
    public override Tensor? Loss(ArchitectureParameters architecture, Relaxation relaxation, SearchMoment moment)
    {
        if (moment.Epoch == 0)
            return null;
        using var scope = NewDisposeScope();
        var strengths = cat([.. architecture.Mask.Space.Kinds.Select(kind => relaxation.Strengths(architecture, kind))]);
        var entropy = -(strengths * (strengths + 1e-9).log()).sum(1).mean();
        return (Weight * moment.Progress * entropy).MoveToOuterDisposeScope();
    }

    public override void Validate()
    {
        if (!(Weight >= 0))
            throw new ArgumentException($"Weight of {nameof(OwnLossTerm)} is {Weight}; expected at least 0.");
    }
}
