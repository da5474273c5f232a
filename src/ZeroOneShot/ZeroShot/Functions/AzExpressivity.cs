using ZeroOneShot.Runtime;
using static TorchSharp.torch;

namespace ZeroOneShot.ZeroShot.Functions;

/// <summary>
/// Expressivity of AZ-NAS (Lee and Ham 2024, "AZ-NAS: Assembling Zero-Cost Proxies for Network Architecture Search", Eq. 2): the sum over
/// stem and cells of the entropy of their features' principal components, -sum p log(p + 1e-8), p being the eigenvalues of the channels'
/// covariance, over images and pixels, divided by their sum.
/// </summary>
/// <remarks>
/// No labels; features by libtorch. Mean over batches. AZ-NAS ranks networks by the sum of logarithms of the ranks of its parts and of the
/// multiply-adds; <see cref="Ranking.SumOfRanks"/> adds ranks themselves.
/// </remarks>
public sealed class AzExpressivity : IRankingFunction
{
    private const double Small = 1e-8;

    /// <inheritdoc/>
    public FunctionMemory Memory => FunctionMemory.Features;

    /// <inheritdoc/>
    public string Name => "az-expressivity";

    /// <inheritdoc/>
    public double Rank(RankedNetwork network)
    {
        ArgumentNullException.ThrowIfNull(network);
        return network.Mean(batch => Entropies(network, network.Images[batch]).Sum());
    }

    /// <summary>The entropy of every feature.</summary>
    internal static double[] Entropies(RankedNetwork network, Tensor images)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        return [.. network.ItemOutputs(images).Take(network.Cells).Select(feature =>
        {
            using var inner = NewDisposeScope();
            var rows = feature.permute(0, 2, 3, 1).flatten(0, 2).to(ScalarType.Float64);
            var centred = rows - rows.mean([0], keepdim: true);
            var values = Spectrum.Eigenvalues(centred.t().matmul(centred).DividedBy(rows.shape[0]));
            var sum = values.Sum();
            return values.Sum(value => -value / sum * Math.Log(value / sum + Small));
        })];
    }
}
