using System.Collections.Concurrent;
using TorchSharp.Modules;
using ZeroOneShot.Runtime;
using static TorchSharp.torch;

namespace ZeroOneShot.ZeroShot.Functions;

/// <summary>
/// Fisher (Theis, Korshunova, Tejani and Huszar 2018, "Faster gaze prediction with dense networks and Fisher pruning", Eq. 9; as a score of
/// networks Turner et al. 2020 and Abdelfattah et al. 2021): of every channel that a convolution or linear layer puts out, half of the mean
/// over images of the square of (sum over pixels of activation times its gradient of the mean cross entropy); as the public code does,
/// counted once for every weight of the channel.
/// </summary>
/// <remarks>
/// Mean over batches; in the memory of a step of the search, and of what convolutions put out beside it. On a GPU, and with a layer of your
/// own that has no form in lanes, gradients of activations come from libtorch's autograd, which keeps all features of the network.
/// </remarks>
public sealed class Fisher : IRankingFunction
{
    /// <inheritdoc/>
    public FunctionMemory Memory => FunctionMemory.ActivationGradients;

    /// <inheritdoc/>
    public string Name => "fisher";

    /// <inheritdoc/>
    public bool NeedsLabels => true;

    /// <inheritdoc/>
    public double Rank(RankedNetwork network)
    {
        ArgumentNullException.ThrowIfNull(network);
        return network.Mean(batch => network.RunsInLanes(network.Images[batch]) ? ByKernels(network, batch) : ByAutograd(network, batch));
    }

    private static double ByKernels(RankedNetwork network, int batch)
    {
        var images = network.Images[batch];
        var sums = new ConcurrentDictionary<nn.Module, double>(ReferenceEqualityComparer.Instance);
        Tensor? factor = null;
        using var gradient = network.Gradient(images, logits =>
        {
            factor = ones_like(logits).requires_grad_(true).DetachFromDisposeScope();
            return nn.functional.cross_entropy(logits.mul(factor), network.Labels[batch]);
        }, (convolution, output, ofOutput) =>
        {
            using var _ = no_grad();
            using var inner = NewDisposeScope();
            // In lanes: groups of images x channels x height x width x images; those that are none are 0.
            sums[convolution] = output.mul(ofOutput).sum([2, 3]).square().sum().Value() / images.shape[0];
        });
        using var ofClassifier = factor;
        var modules = network.Module.named_modules().ToDictionary(named => named.name, named => named.module);
        var sum = 0.0;
        foreach (var (name, weight) in network.Weights)
        {
            // A convolution that no gradient reaches is not seen.
            var module = modules[name[..name.LastIndexOf('.')]];
            var ofLayer = module is Linear
                ? ofClassifier!.grad!.square().sum().Value() / images.shape[0]
                : sums.GetValueOrDefault(module);
            sum += 0.5 * weight.numel() / weight.shape[0] * ofLayer;
        }
        return sum;
    }

    private static double ByAutograd(RankedNetwork network, int batch)
    {
        // The gradient of a factor 1 of an image's channel is the sum over its pixels of activation times gradient.
        var factors = new List<(Tensor Factor, double WeightsOfAChannel)>();
        var weights = network.Weights.ToDictionary(at => at.Name, at => at.Weight);
        using var watched = network.Watch((name, _, _, output) =>
        {
            var weight = weights[name + ".weight"];
            long[] shape = output.ndim == 4 ? [output.shape[0], output.shape[1], 1, 1] : output.shape;
            var factor = ones(shape, output.dtype, output.device, requires_grad: true).DetachFromDisposeScope();
            factors.Add((factor, (double)weight.numel() / weight.shape[0]));
            return output.mul(factor);
        }, module => module.named_parameters(recurse: false).Any(at => at is { name: "weight", parameter.ndim: >= 2 }));
        var loss = nn.functional.cross_entropy(network.ForwardWithGraph(network.Images[batch]), network.Labels[batch]);
        var gradients = Derivatives.Of(loss, [.. factors.Select(at => at.Factor)]);
        var sum = 0.0;
        foreach (var ((factor, count), gradient) in factors.Zip(gradients))
        {
            sum += 0.5 * count * gradient.square().mean([0]).sum().Value();
            factor.Dispose();
        }
        return sum;
    }
}
