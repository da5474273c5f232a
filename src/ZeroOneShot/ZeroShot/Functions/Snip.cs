using ZeroOneShot.Runtime;

namespace ZeroOneShot.ZeroShot.Functions;

/// <summary>
/// SNIP (Lee, Ajanthan and Torr 2019, "SNIP: Single-shot network pruning based on connection sensitivity", Eq. 4; as a score of networks
/// Abdelfattah et al. 2021): the sum over weights of |w dL/dw|, L being the mean cross entropy.
/// </summary>
/// <remarks>
/// Weights of convolutions and linear layers, no biases and no batch norms. Mean over batches; in the memory of a step of the search.
/// </remarks>
public sealed class Snip : IRankingFunction
{
    /// <inheritdoc/>
    public FunctionMemory Memory => FunctionMemory.Gradients();

    /// <inheritdoc/>
    public string Name => "snip";

    /// <inheritdoc/>
    public bool NeedsLabels => true;

    /// <inheritdoc/>
    public double Rank(RankedNetwork network)
    {
        ArgumentNullException.ThrowIfNull(network);
        return network.Mean(batch =>
        {
            using var gradient = network.Gradient(batch);
            return gradient.Layers.Sum(layer => layer.Weight.mul(layer.Gradient).abs().sum().Value());
        });
    }
}
