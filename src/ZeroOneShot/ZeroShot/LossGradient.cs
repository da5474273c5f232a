namespace ZeroOneShot.ZeroShot;

/// <summary>A loss of a ranked network, and its gradient: what <c>Gradient</c> of a <see cref="RankedNetwork"/> gives.</summary>
public sealed class LossGradient : IDisposable
{
    internal LossGradient(double loss, IReadOnlyList<WeightGradient> weights) => (Loss, Weights) = (loss, weights);

    /// <summary>The value of the loss.</summary>
    public double Loss { get; }

    /// <summary>All weights that run, each with its gradient, in the order of the network.</summary>
    public IReadOnlyList<WeightGradient> Weights { get; }

    /// <summary>
    /// Those of convolutions and linear layers alone: of two dimensions and more, no biases and no scales of batch norms.
    /// </summary>
    public IEnumerable<WeightGradient> Layers => Weights.Where(weight => weight.Weight.ndim >= 2);

    /// <summary>Disposes the gradients; the weights are the network's.</summary>
    public void Dispose()
    {
        foreach (var weight in Weights)
            weight.Gradient.Dispose();
    }
}
