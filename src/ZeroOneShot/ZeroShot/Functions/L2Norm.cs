using ZeroOneShot.Runtime;
using static TorchSharp.torch;

namespace ZeroOneShot.ZeroShot.Functions;

/// <summary>
/// L2 norm (Abdelfattah, Mehrotra, Dudziak and Lane 2021, "Zero-Cost Proxies for Lightweight NAS"): the sum over convolutions and linear
/// layers of the Euclidean norm of their weight. It looks at no image: it counts layers, each by how its weights are drawn.
/// </summary>
/// <remarks>Published scores are at <see cref="RandomWeights.Default"/>.</remarks>
public sealed class L2Norm : IRankingFunction
{
    /// <inheritdoc/>
    public string Name => "l2-norm";

    /// <inheritdoc/>
    public double Rank(RankedNetwork network)
    {
        ArgumentNullException.ThrowIfNull(network);
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        return network.Weights.Sum(at => at.Weight.norm().Value());
    }
}
