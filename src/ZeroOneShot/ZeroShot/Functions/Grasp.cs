using TorchSharp.Modules;
using ZeroOneShot.Runtime;
using static TorchSharp.torch;

namespace ZeroOneShot.ZeroShot.Functions;

/// <summary>
/// GraSP (Wang, Zhang and Grosse 2020, "Picking winning tickets before training by preserving gradient flow", Eq. 8; as a score of networks
/// Abdelfattah et al. 2021): the sum over weights of -w (H g), g being the gradient of the mean cross entropy and H its second derivative.
/// </summary>
/// <remarks>
/// Second derivatives come from libtorch's autograd, in double precision (in single precision libtorch computes some convolutions
/// wrongly), and keep all features of the network twice: give small batches. Mean over batches.
/// </remarks>
public sealed class Grasp : IRankingFunction
{
    /// <inheritdoc/>
    public FunctionMemory Memory => FunctionMemory.Graph(times: 4);

    /// <inheritdoc/>
    public string Name => "grasp";

    /// <inheritdoc/>
    public bool NeedsLabels => true;

    /// <inheritdoc/>
    public double Rank(RankedNetwork network)
    {
        ArgumentNullException.ThrowIfNull(network);
        using var precision = network.InDouble();
        return network.Mean(batch =>
        {
            Parameter[] weights = [.. network.Weights.Select(at => at.Weight)];
            var images = network.Images[batch].to(ScalarType.Float64);
            var loss = nn.functional.cross_entropy(network.ForwardWithGraph(images), network.Labels[batch]);
            var gradients = Derivatives.Of(loss, weights, create: true);
            using var graph = enable_grad();
            // The gradient of <stop(g), g> is H g.
            var product = gradients.Select(g => g.detach().mul(g).sum()).Aggregate((a, b) => a.Plus(b));
            var ofProduct = Derivatives.Of(product, weights);
            return weights.Zip(ofProduct).Sum(at => -at.First.detach().mul(at.Second).sum().Value());
        });
    }
}
