using TorchSharp;
using ZeroOneShot.Networks;
using ZeroOneShot.OneShot;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.ML.Tests;

/// <summary>A one-shot method of a user's own, from the public surface alone (this assembly sees nothing else of the core).</summary>
public static class OwnMethod
{
    public const string Name = "Sharp-DARTS";

    public static SearchMethod Method { get; } = SearchMethod.PcDarts with
    {
        Name = Name, Relaxation = new SharpSoftmax(Sharpness: 3), LossTerms = [new EntropyTerm(Weight: 0.5), new BetaDecay(2)],
    };
}

/// <summary>The softmax of alpha times a number above 1, with which large alphas count for more.</summary>
public sealed record SharpSoftmax(double Sharpness) : Relaxation
{
    public override torch.Tensor Strengths(ArchitectureParameters architecture, CellKind kind) =>
        (Sharpness * architecture.MaskedAlphas(kind)).softmax(-1);

    public override void Validate()
    {
        if (!(Sharpness > 0))
            throw new ArgumentException($"Sharpness is {Sharpness}; expected a number above 0.");
    }
}

/// <summary>The mean entropy of the edges' weights, which grows into the loss and has them decide towards the end.</summary>
public sealed record EntropyTerm(double Weight) : ArchitectureLossTerm
{
    public override torch.Tensor? Loss(ArchitectureParameters architecture, Relaxation relaxation, SearchMoment moment)
    {
        var entropies = SearchSpace.Darts.Kinds.Select(kind =>
        {
            var weights = relaxation.Strengths(architecture, kind);
            return -(weights * (weights + 1e-9).log()).sum(1).mean();
        }).ToArray();
        return Weight * (moment.Epoch + 1) * (entropies[0] + entropies[1]);
    }
}

/// <summary>Forgets the mask.</summary>
public sealed record Everything : Relaxation
{
    public override torch.Tensor Strengths(ArchitectureParameters architecture, CellKind kind) => architecture.Softmax(kind);

    public override Mixture Mix(ArchitectureParameters architecture, SearchMoment moment, Runtime.RandomStream random) =>
        new(OperationMask.Full(architecture.Mask.Space), [.. SearchSpace.Darts.Kinds.Select(architecture.Softmax)]);
}
