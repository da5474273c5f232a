using ZeroOneShot.Runtime;

namespace ZeroOneShot.ZeroShot.Functions;

/// <summary>
/// Gradient norm (Abdelfattah, Mehrotra, Dudziak and Lane 2021, "Zero-Cost Proxies for Lightweight NAS"): the sum over layers of the
/// Euclidean norm of the gradient of their weight, of the mean cross entropy. Not the norm of the whole gradient.
/// </summary>
/// <remarks>
/// Weights of convolutions and linear layers, no biases and no batch norms. Mean over batches; in the memory of a step of the search.
/// </remarks>
public sealed class GradientNorm : IRankingFunction
{
    /// <inheritdoc/>
    public FunctionMemory Memory => FunctionMemory.Gradients();

    /// <inheritdoc/>
    public string Name => "grad-norm";

    /// <inheritdoc/>
    public bool NeedsLabels => true;

    /// <inheritdoc/>
    public double Rank(RankedNetwork network)
    {
        ArgumentNullException.ThrowIfNull(network);
        return network.Mean(batch =>
        {
            using var gradient = network.Gradient(batch);
            return gradient.Layers.Sum(layer => layer.Gradient.norm().Value());
        });
    }
}
