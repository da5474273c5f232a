using ZeroOneShot.Runtime;
using static TorchSharp.torch;

namespace ZeroOneShot.Optimization;

/// <summary>Adam with L2 weight decay, as <c>torch.optim.Adam</c> (Kingma and Ba, 2015, Algorithm 1).</summary>
internal sealed class Adam(FlatParameters parameters, double learningRate, double beta1, double beta2, double weightDecay) : IDisposable
{
    private const double Epsilon = 1e-8;

    /// <summary>Number of steps taken.</summary>
    public long Steps { get; set; }

    /// <summary>The running mean of gradients.</summary>
    public Tensor First { get; } = zeros_like(parameters.Values).DetachFromDisposeScope();

    /// <summary>The running mean of squared gradients.</summary>
    public Tensor Second { get; } = zeros_like(parameters.Values).DetachFromDisposeScope();

    /// <summary>
    /// With g the gradient plus weightDecay w: m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g g;
    /// w = w - learningRate (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon).
    /// </summary>
    public void Step()
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        Steps++;
        var gradient = parameters.Gradient.clone().Accumulate(parameters.Values, weightDecay);
        First.Scale(beta1).Accumulate(gradient, 1 - beta1);
        Second.Scale(beta2).Accumulate(gradient.mul(gradient), 1 - beta2);
        var size = Second.Times(1 / (1 - Math.Pow(beta2, Steps))).sqrt_().Shift(Epsilon);
        // A rate may be any number of single precision; what it is divided by must not take it beyond, which libtorch refuses.
        var rate = Math.Min(learningRate / (1 - Math.Pow(beta1, Steps)), float.MaxValue);
        parameters.Values.Accumulate(First.div(size), -rate);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        First.Dispose();
        Second.Dispose();
    }
}
