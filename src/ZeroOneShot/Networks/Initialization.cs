using ZeroOneShot.Layers;
using ZeroOneShot.Runtime;
using static TorchSharp.torch;

namespace ZeroOneShot.Networks;

/// <summary>Start values of a network's weights, drawn from a named stream so that a seed decides them.</summary>
public static class Initialization
{
    /// <summary>
    /// PyTorch's defaults, as the public DARTS code trains with: uniform within 1 / sqrt(fan in) for convolutions and linear layers; batch
    /// norms scale 1, shift 0, running mean 0 and variance 1.
    /// </summary>
    /// <param name="network">The network, on the CPU.</param>
    /// <param name="random">The stream of random numbers.</param>
    public static void Default(nn.Module network, RandomStream random) => Draw(network, WeightDraw.UniformFanIn, random);

    /// <summary>
    /// Normal with variance 2 / fan out for convolutions, as TE-NAS and ETENAS rank networks at; linear layers normal with standard
    /// deviation 0.01 and no bias.
    /// </summary>
    /// <param name="network">The network, on the CPU.</param>
    /// <param name="random">The stream of random numbers.</param>
    public static void KaimingNormalFanOut(nn.Module network, RandomStream random) => Draw(network, (weight, generator) =>
        weight.normal_(0, weight.ndim == 4 ? Math.Sqrt(2.0 / (weight.shape[0] * weight.shape[2] * weight.shape[3])) : 0.01, generator),
        random, zeroBias: true);

    private static void Draw(nn.Module network, Action<Tensor, Generator> draw, RandomStream random, bool zeroBias = false)
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentNullException.ThrowIfNull(random);
        new WeightDraw(draw, zeroBias, random.Generator).All(network);
    }
}
