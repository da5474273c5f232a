using ZeroOneShot.Runtime;
using static TorchSharp.torch;

namespace ZeroOneShot.Optimization;

/// <summary>Stochastic gradient descent with momentum and L2 weight decay, as <c>torch.optim.SGD</c>.</summary>
internal sealed class Sgd(FlatParameters parameters, double momentum, double weightDecay, bool nesterov = false) : IDisposable
{
    /// <summary>The step size.</summary>
    public double LearningRate { get; set; }

    /// <summary>The running sum of gradients; null before the first step.</summary>
    public Tensor? Momentum { get; set; }

    /// <summary>
    /// v = momentum v + g + weightDecay w (in the first step without the first term); w = w - learningRate v, or after Nesterov
    /// w = w - learningRate (g + weightDecay w + momentum v).
    /// </summary>
    public void Step()
    {
        using var noGradient = no_grad();
        if (Momentum is null)
            Momentum = parameters.Gradient.clone().DetachFromDisposeScope();
        else
            Momentum.Scale(momentum).Accumulate(parameters.Gradient);
        Momentum.Accumulate(parameters.Values, weightDecay);
        if (nesterov)
        {
            using var ahead = parameters.Gradient.clone();
            ahead.Accumulate(parameters.Values, weightDecay);
            ahead.Accumulate(Momentum, momentum);
            parameters.Values.Accumulate(ahead, -LearningRate);
            return;
        }
        parameters.Values.Accumulate(Momentum, -LearningRate);
    }

    /// <inheritdoc/>
    public void Dispose() => Momentum?.Dispose();
}
