using ZeroOneShot.Runtime;

namespace ZeroOneShot.ZeroShot.Functions;

/// <summary>
/// Plain (Abdelfattah, Mehrotra, Dudziak and Lane 2021, "Zero-Cost Proxies for Lightweight NAS"): the sum over weights of w dL/dw with its
/// sign, L being the mean cross entropy.
/// </summary>
/// <remarks>
/// Weights of convolutions and linear layers, no biases and no batch norms. Mean over batches; in the memory of a step of the search.
/// </remarks>
public sealed class Plain : IRankingFunction
{
    /// <inheritdoc/>
    public FunctionMemory Memory => FunctionMemory.Gradients();

    /// <inheritdoc/>
    public string Name => "plain";

    /// <inheritdoc/>
    public bool NeedsLabels => true;

    /// <inheritdoc/>
    public double Rank(RankedNetwork network)
    {
        ArgumentNullException.ThrowIfNull(network);
        return network.Mean(batch =>
        {
            using var gradient = network.Gradient(batch);
            return gradient.Layers.Sum(layer => layer.Weight.mul(layer.Gradient).sum().Value());
        });
    }
}
