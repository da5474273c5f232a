using TorchSharp.Modules;
using ZeroOneShot.Runtime;
using static TorchSharp.torch;

namespace ZeroOneShot.Layers;

/// <summary>How start values are drawn, and the stream of random numbers that decides them.</summary>
public sealed class WeightDraw
{
    private readonly Action<Tensor, Generator> _weight;
    private readonly bool _zeroBias;

    /// <summary>A way to draw start values.</summary>
    /// <param name="weight">Draws a weight, in place.</param>
    /// <param name="zeroBias">Whether biases are 0; else they are uniform within 1 / sqrt(fan in).</param>
    /// <param name="generator">The stream of random numbers, on the CPU.</param>
    public WeightDraw(Action<Tensor, Generator> weight, bool zeroBias, Generator generator)
    {
        ArgumentNullException.ThrowIfNull(weight);
        ArgumentNullException.ThrowIfNull(generator);
        (_weight, _zeroBias, Generator) = (weight, zeroBias, generator);
    }

    /// <summary>The stream of random numbers, on the CPU.</summary>
    public Generator Generator { get; }

    /// <summary>Draws a weight, in place.</summary>
    /// <param name="weight">Outputs x inputs, or outputs x inputs x height x width.</param>
    public void Weight(Tensor weight) => _weight(weight, Generator);

    /// <summary>Draws a bias, in place: uniform within 1 / sqrt(fan in), or 0.</summary>
    /// <param name="bias">One number per output.</param>
    /// <param name="fanIn">Numbers that an output is a sum of.</param>
    public void Bias(Tensor bias, long fanIn)
    {
        ArgumentNullException.ThrowIfNull(bias);
        if (_zeroBias)
            bias.Fill(0);
        else
            bias.uniform_(-1 / Math.Sqrt(fanIn), 1 / Math.Sqrt(fanIn), Generator);
    }

    /// <summary>Draws all parameters of a network; see <see cref="IDrawnWeights"/>.</summary>
    internal void All(nn.Module network)
    {
        using var _ = no_grad();
        foreach (var module in network.modules().Prepend(network).Distinct())
        {
            switch (module)
            {
                case IDrawnWeights drawn:
                    drawn.Draw(this);
                    break;
                case Linear linear:
                    Weight(linear.weight!);
                    if (linear.bias is { } bias)
                        Bias(bias, linear.in_features);
                    break;
                default:
                    foreach (var (name, parameter) in module.named_parameters(recurse: false))
                    {
                        if (parameter.ndim >= 2)
                            Weight(parameter);
                        else
                            parameter.Fill(name.EndsWith("bias", StringComparison.Ordinal) ? 0 : 1);
                    }
                    break;
            }
        }
    }

    /// <summary>Uniform within 1 / sqrt(fan in), PyTorch's default.</summary>
    internal static void UniformFanIn(Tensor weight, Generator generator)
    {
        var bound = 1 / Math.Sqrt(weight.numel() / weight.shape[0]);
        weight.uniform_(-bound, bound, generator);
    }
}
