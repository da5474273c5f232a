using ZeroOneShot.Runtime;
using static TorchSharp.torch;

namespace ZeroOneShot.ZeroShot.Functions;

/// <summary>
/// Zen score (Lin, Wang, Sun, Chen, Sun, Qian, Li and Jin 2021, "Zen-NAS: A Zero-Shot NAS for High-Performance Image Recognition",
/// Algorithm 1), as NASLib computes it: log of the mean over images of sum |f(x) - f(x + 0.01 e)|, plus the sum over batch norms of
/// log sqrt(mean of their running variance), which makes up for what they divide by. x and e are normal noise in place of images, f the
/// features before the pooling, the weights normal with variance 1.
/// </summary>
/// <remarks>
/// Draws weights of its own, and puts back those of the network; running variances are what two runs with momentum 0.1 would leave. No
/// labels, no gradient. One value for noise of the first batch's size.
/// </remarks>
public sealed class Zen : IRankingFunction
{
    private const double Mixed = 0.01, Momentum = 0.1;

    /// <inheritdoc/>
    public FunctionMemory Memory => FunctionMemory.Features;

    /// <inheritdoc/>
    public string Name => "zen";

    /// <inheritdoc/>
    public double Rank(RankedNetwork network)
    {
        ArgumentNullException.ThrowIfNull(network);
        using var scope = NewDisposeScope();
        using var weights = network.WithParameters((name, parameter) =>
        {
            if (parameter.ndim >= 2)
                Fill(parameter, name);
            else
                parameter.Fill(name.EndsWith("bias", StringComparison.Ordinal) ? 0 : 1);
        });
        return Of(network, Noise("x"), Noise("e"));

        Tensor Noise(string name) => Fill(empty_like(network.Images[0]), name);

        Tensor Fill(Tensor place, string name)
        {
            using var random = network.Random($"zen, {name}");
            using var numbers = randn(place.shape, generator: random.Generator);
            return place.copy_(numbers);
        }
    }

    /// <summary>The score at the weights that the network has.</summary>
    internal static double Of(RankedNetwork network, Tensor x, Tensor noise)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var variances = new Dictionary<string, Tensor>();
        using var watched = network.Watch((name, module, input, output) =>
        {
            var before = variances.TryGetValue(name, out var known) ? known : ((Layers.BatchNormModule)module).RunningVariance;
            var variance = input.var([0, 2, 3], unbiased: true);
            variances[name] = before.Times(1 - Momentum).Accumulate(variance, Momentum).DetachFromDisposeScope();
            return output;
        }, module => module is Layers.BatchNormModule);
        var first = network.LastFeature(x);
        var second = network.LastFeature(x.Plus(noise.Times(Mixed)));
        var difference = first.sub(second).abs().sum([1, 2, 3]).mean();
        var score = Math.Log(difference.Value());
        foreach (var variance in variances.Values)
        {
            score += Math.Log(Math.Sqrt(variance.mean().Value()));
            variance.Dispose();
        }
        return score;
    }
}
