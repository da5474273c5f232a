namespace ZeroOneShot.ZeroShot;

/// <summary>A loss of a ranked network, and its gradient.</summary>
public sealed class LossGradient : IDisposable
{
    internal LossGradient(double loss, IReadOnlyList<WeightGradient> weights) => (Loss, Weights) = (loss, weights);

    /// <summary>The value of the loss.</summary>
    public double Loss { get; }

    /// <summary>All weights that run, each with its gradient, in the order of the network.</summary>
    public IReadOnlyList<WeightGradient> Weights { get; }

    /// <summary>Disposes the gradients; the weights are the network's.</summary>
    public void Dispose()
    {
        foreach (var weight in Weights)
            weight.Gradient.Dispose();
    }
}
