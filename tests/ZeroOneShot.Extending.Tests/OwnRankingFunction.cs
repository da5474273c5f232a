using ZeroOneShot.ZeroShot;

namespace ZeroOneShot.Extending.Tests;

/// <summary>
/// The norm of the gradient of the cross entropy, over all weights and batches: a network that one step of training would change much.
/// </summary>
public sealed class OwnRankingFunction : IRankingFunction
{
    public string Name => "gradient-norm";

    public bool NeedsLabels => true;

    public FunctionMemory Memory => FunctionMemory.Gradients();

    public double Rank(RankedNetwork network)
    {
        var squares = 0.0;
        for (var batch = 0; batch < network.Images.Count; batch++)
        {
            using var gradient = network.Gradient(batch);
            foreach (var weight in gradient.Weights)
            {
                using var square = weight.Gradient.square().sum();
                squares += square.item<float>();
            }
        }
        return Math.Sqrt(squares);
    }
}
