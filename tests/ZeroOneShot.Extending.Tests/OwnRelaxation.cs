using ZeroOneShot.Networks;
using ZeroOneShot.OneShot;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using static TorchSharp.torch;

namespace ZeroOneShot.Extending.Tests;

/// <summary>A softmax that gets sharper from epoch to epoch: from temperature 1 in the first one towards another at the end.</summary>
public sealed record OwnRelaxation(double FinalTemperature = 0.2) : Relaxation
{
    public override Tensor Strengths(ArchitectureParameters architecture, CellKind kind) => Softmax(architecture, kind, FinalTemperature);

    public override Mixture Mix(ArchitectureParameters architecture, SearchMoment moment, RandomStream random) =>
        architecture.Mixture(kind => Softmax(architecture, kind, Math.Pow(FinalTemperature, moment.Progress)));

    public override void Validate()
    {
        if (FinalTemperature is not (> 0 and <= 1))
            throw new ArgumentException($"FinalTemperature is {FinalTemperature}; expected above 0 and at most 1.");
    }

    private static Tensor Softmax(ArchitectureParameters architecture, CellKind kind, double temperature)
    {
        using var alphas = architecture.MaskedAlphas(kind);                 // minus infinity, and so weight 0, where masked
        using var sharper = alphas / temperature;
        return sharper.softmax(-1);
    }
}
