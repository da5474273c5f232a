using ZeroOneShot.Runtime;
using static TorchSharp.torch;

namespace ZeroOneShot.ZeroShot.Functions;

/// <summary>
/// SynFlow (Tanaka, Kunin, Yamins and Ganguli 2020, "Pruning neural networks without any data by iteratively conserving synaptic flow",
/// Eq. 2; as a score of networks Abdelfattah, Mehrotra, Dudziak and Lane 2021): log of the sum over weights of |w dR/dw|, where R is the
/// sum of the logits of an image of ones in the network with absolute weights and without batch norms.
/// </summary>
/// <remarks>
/// The logarithm, as NASLib gives it, since the sum exceeds single precision; the network computes in double precision, on one image, in
/// the memory of a step of the search and of weights twice as large. Depends on how weights are drawn: published scores are at
/// <see cref="RandomWeights.Default"/>. No labels.
/// </remarks>
public sealed class SynFlow : IRankingFunction
{
    /// <inheritdoc/>
    public FunctionMemory Memory => FunctionMemory.Gradients(kept: 4);

    /// <inheritdoc/>
    public string Name => "synflow";

    /// <inheritdoc/>
    public double Rank(RankedNetwork network)
    {
        ArgumentNullException.ThrowIfNull(network);
        return Math.Log(Sum(network));
    }

    /// <summary>The sum itself.</summary>
    internal static double Sum(RankedNetwork network)
    {
        using var scope = NewDisposeScope();
        using var precision = network.InDouble();
        using var mode = network.Evaluation();
        // Batch norms that divide by 1 and add nothing let everything through as it is.
        using var without = network.WithStatistics(mean: 0, variance: 1 - Layers.BatchNormModule.Epsilon);
        using var absolute = network.WithParameters((name, parameter) =>
        {
            if (network.IsOfBatchNorm(name))
                parameter.Fill(name.EndsWith("bias", StringComparison.Ordinal) ? 0 : 1);
            else
                parameter.abs_();
        });
        var images = ones([1, .. network.Images[0].shape[1..]], ScalarType.Float64, network.Images[0].device);
        using var gradient = network.Gradient(images, logits => logits.sum());
        return gradient.Layers.Sum(layer => layer.Weight.mul(layer.Gradient).abs().sum().Value());
    }
}
