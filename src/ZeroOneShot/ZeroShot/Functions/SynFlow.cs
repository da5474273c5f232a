using TorchSharp.Modules;
using ZeroOneShot.Runtime;
using static TorchSharp.torch;

namespace ZeroOneShot.ZeroShot.Functions;

/// <summary>
/// SynFlow (Tanaka, Kunin, Yamins and Ganguli 2020, "Pruning neural networks without any data by iteratively conserving synaptic flow",
/// Eq. 2; as a score of networks Abdelfattah, Mehrotra, Dudziak and Lane 2021): log of the sum over weights of |w dR/dw|, where R is the
/// sum of the logits of an image of ones in the network with absolute weights and without batch norms.
/// </summary>
/// <remarks>
/// The logarithm, as NASLib gives it, since the sum exceeds single precision; the network computes in double precision by libtorch's
/// autograd, on one image. Depends on how weights are drawn: published scores are at <see cref="RandomWeights.Default"/>. No labels.
/// </remarks>
public sealed class SynFlow : IRankingFunction
{
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
        using var absolute = network.WithParameters((_, parameter) => parameter.abs_());
        using var without = network.Watch((_, _, input, _) => input.alias(), module => module is Layers.BatchNormModule);
        // Two of them, for the batch norms that nobody reads refuse a single number a channel.
        var images = ones([2, .. network.Images[0].shape[1..]], ScalarType.Float64, network.Images[0].device);
        Parameter[] weights = [.. network.Weights.Select(at => at.Weight)];
        var logits = network.ForwardWithGraph(images);
        var gradients = Derivatives.Of(logits[0].sum(), weights);
        using var _ = no_grad();
        return weights.Zip(gradients).Sum(at => at.First.mul(at.Second).abs().sum().Value());
    }
}
