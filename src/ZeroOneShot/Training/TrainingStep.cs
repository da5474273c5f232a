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
    private readonly FlatParameters _weights;
    private readonly Sgd _optimizer;
    private readonly Dictionary<string, Tensor> _best = [];

    public TrainingStep(CellNet network, TrainingOptions options)
    {
        (_network, _lean, _options) = (network, new LeanCellNet(network), options);
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
        var (logits, crossEntropy) = OutOfMemory.Explain($"A training step of {images.shape[0]} images", images.device,
            () => _lean.Gradient(images, labels, _options.AuxiliaryWeight, dropPath, random));
        _weights.ClipGradient(_options.ClipNorm);
        _optimizer.Step();
        return (crossEntropy.Value(), (long)logits.argmax(1).eq(labels).sum().Value());
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
