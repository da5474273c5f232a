using ZeroOneShot.Lean;
using ZeroOneShot.Networks;
using ZeroOneShot.Optimization;
using ZeroOneShot.Persistence;
using ZeroOneShot.Runtime;
using static TorchSharp.torch;

namespace ZeroOneShot.Training;

/// <summary>One step of training an evaluation network, and everything that such a step changes.</summary>
internal sealed class TrainingStep : IDisposable
{
    private const string Momentum = "sgd.momentum";
    private const string Best = "best.";

    private readonly CellNet _network;
    private readonly LeanCellNet _lean;
    private readonly TrainingOptions _options;
    private readonly int _partSize;
    private readonly FlatParameters _weights;
    private readonly Sgd _optimizer;
    private readonly Dictionary<string, Tensor> _best = [];

    /// <param name="network">The network.</param>
    /// <param name="options">Settings.</param>
    /// <param name="plain">Whether ordinary autograd computes, to compare with.</param>
    /// <param name="partSize">Images that are computed together; 0: all of a step.</param>
    /// <param name="recomputed">How many items of the network are recomputed, from the first on.</param>
    public TrainingStep(CellNet network, TrainingOptions options, bool plain = false, int partSize = 0, int recomputed = 0)
    {
        (_network, _lean, _options, _partSize) = (network, new LeanCellNet(network, plain, recomputed), options, partSize);
        _weights = new FlatParameters(network.parameters());
        _optimizer = new Sgd(_weights, options.Momentum, options.WeightDecay);
    }

    public double LearningRate
    {
        set => _optimizer.LearningRate = value;
    }

    /// <summary>One SGD step with clipped gradient.</summary>
    /// <param name="images">Normalised images, N x C x H x W.</param>
    /// <param name="labels">Class of each image, int64, N.</param>
    /// <param name="dropPath">Drop path probability.</param>
    /// <param name="random">Where the dropping is drawn from.</param>
    /// <returns>Mean cross entropy, without the auxiliary head's, and the number of images classified rightly.</returns>
    public (double Loss, long Correct) Take(Tensor images, Tensor labels, double dropPath, RandomStream random)
    {
        using var scope = NewDisposeScope();
        _weights.Gradient.zero_();
        var (count, loss, correct) = (images.shape[0], 0.0, 0L);
        foreach (var (first, length) in Parts(count))
        {
            using var inner = NewDisposeScope();
            var (some, theirs) = (images.narrow(0, first, length), labels.narrow(0, first, length));
            // The mean over all images is that of the parts' means, each as often as it has images.
            var (logits, crossEntropy) = OutOfMemory.Explain($"A training step of {count} images", images.device, () => _lean.GradientOf(
                some, output => nn.functional.cross_entropy(output, theirs).Times((double)length / count),
                _options.AuxiliaryWeight, dropPath, random));
            (loss, correct) = (loss + crossEntropy.Value(), correct + (long)logits.argmax(1).eq(theirs).sum().Value());
        }
        _weights.ClipGradient(_options.ClipNorm);
        _optimizer.Step();
        return (loss, correct);
    }

    /// <summary>The images that are computed together: first and number. None of one, of which batch norms know no variance.</summary>
    private IEnumerable<(long First, long Length)> Parts(long count)
    {
        var size = _partSize > 0 ? _partSize : count;
        for (var first = 0L; first < count;)
        {
            var length = Math.Min(size, count - first);
            length -= count - first - length == 1 ? 1 : 0;
            yield return (first, length);
            first += length;
        }
    }

    /// <summary>Whether all weights and running statistics are finite numbers.</summary>
    public bool IsFinite()
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        return Learned().All(learned => learned.Tensor.isfinite().all().item<bool>());
    }

    /// <summary>Keeps a copy of the weights and running statistics as they are now.</summary>
    public void KeepAsBest()
    {
        using var noGradient = no_grad();
        ForgetBest();
        foreach (var (name, tensor) in Learned())
            _best[name] = tensor.clone().DetachFromDisposeScope();
    }

    /// <summary>Goes back to the weights and running statistics kept.</summary>
    public void TakeBest()
    {
        using var noGradient = no_grad();
        foreach (var (name, tensor) in Learned())
            tensor.copy_(_best[name]);
    }

    /// <summary>Everything that steps change, and the best weights kept, by name.</summary>
    public IEnumerable<(string Name, Tensor Tensor)> State()
    {
        var state = Learned().Concat(_best.Select(kept => (Best + kept.Key, kept.Value)));
        return _optimizer.Momentum is { } momentum ? state.Append((Momentum, momentum)) : state;
    }

    /// <summary>Takes over a <see cref="State"/>.</summary>
    /// <exception cref="InvalidDataException">A tensor is missing or of another shape or type.</exception>
    public void Restore(SafetensorsFile file)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        if (file.Contains(Momentum))
            _optimizer.Momentum = zeros_like(_weights.Values).DetachFromDisposeScope();
        if (file.Tensors.Keys.Any(name => name.StartsWith(Best, StringComparison.Ordinal)))
            KeepAsBest();
        foreach (var (name, tensor) in State())
            tensor.copy_(file.Load(name, tensor.dtype, tensor.shape));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        ForgetBest();
        _optimizer.Dispose();
        _weights.Dispose();
    }

    private IEnumerable<(string Name, Tensor Tensor)> Learned() =>
        _network.named_buffers().Select(buffer => ("buffers." + buffer.name, buffer.buffer)).Prepend(("weights", _weights.Values));

    private void ForgetBest()
    {
        foreach (var tensor in _best.Values)
            tensor.Dispose();
        _best.Clear();
    }
}
