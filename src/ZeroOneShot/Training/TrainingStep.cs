using ZeroOneShot.Data;
using ZeroOneShot.Layers;
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
    private const string Best = "best.", Average = "average.";

    private const int StepsToAverage = 5;

    private readonly CellNet _network;
    private readonly LeanCellNet _lean;
    private readonly TrainingOptions _options;
    private readonly int _partSize;
    private readonly FlatParameters _weights;
    private readonly Sgd _optimizer;
    private readonly Dictionary<string, Tensor> _best = [], _average = [];
    private readonly Tensor? _classWeights;

    /// <param name="network">The network, which steps change.</param>
    /// <param name="options">The settings.</param>
    /// <param name="classWeights">What an image of each class counts; null: all alike.</param>
    /// <param name="plain">Whether ordinary autograd computes, to compare with.</param>
    /// <param name="partSize">Images that are computed together; 0: all of a step.</param>
    /// <param name="recomputed">How many items of the network are recomputed, from the first on.</param>
    public TrainingStep(CellNet network, TrainingOptions options, double[]? classWeights = null, bool plain = false,
        int partSize = 0, int recomputed = 0)
    {
        (_network, _lean, _options, _partSize) = (network, new LeanCellNet(network, plain, recomputed), options, partSize);
        _weights = new FlatParameters(network.parameters());
        _optimizer = new Sgd(_weights, options.Momentum, options.WeightDecay, options.Nesterov);
        _classWeights = classWeights is null ? null : tensor(classWeights, device: _weights.Values.device).DetachFromDisposeScope();
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
    /// <param name="number">The number of the step, from 0.</param>
    /// <param name="weights">How much each image counts, float32, N; null: all alike.</param>
    /// <returns>
    /// Mean cross entropy, without the auxiliary head's, label smoothing and weights, and the number of images classified rightly.
    /// </returns>
    public (double Loss, long Correct) Take(
        Tensor images, Tensor labels, double dropPath, RandomStream random, long number = 0, Tensor? weights = null)
    {
        using var scope = NewDisposeScope();
        _weights.Gradient.zero_();
        var count = images.shape[0];
        var (losses, correct) = (new List<Tensor>(), new List<Tensor>());
        foreach (var (first, length) in Parts(count))
        {
            using var inner = NewDisposeScope();
            var (some, theirs) = (images.narrow(0, first, length), labels.narrow(0, first, length));
            var counting = weights?.narrow(0, first, length);
            using var arithmetic = GpuArithmetic.Begin(_options.Gpu, images.device);
            var (logits, minimised) = OutOfMemory.Explain($"A training step of {count} images", images.device, () => _lean.GradientOf(
                some, output => Loss(output, theirs, counting, share: (double)length / count),
                _options.AuxiliaryWeight, dropPath, random, arithmetic?.Autocasts == true));
            var crossEntropy = IsCrossEntropy && weights is null
                ? minimised : nn.functional.cross_entropy(logits, theirs).Times((double)length / count);
            losses.Add(crossEntropy.MoveToOuterDisposeScope());
            correct.Add(logits.argmax(1).eq(theirs).sum().MoveToOuterDisposeScope());
        }
        _weights.ClipGradient(_options.ClipNorm);
        _optimizer.Step();
        AddToAverage(number);
        var known = HostRead.Of([.. losses, .. correct]);
        return (known[..losses.Count].Sum(one => one[0]), (long)known[losses.Count..].Sum(one => one[0]));
    }

    private bool IsCrossEntropy => _options.LabelSmoothing == 0 && _classWeights is null;

    /// <summary>
    /// The part of the loss that some of a step's images have: the mean over the step of the images' losses, each times what the image
    /// counts, which is 1 on the average of the whole set. So an image counts the same whatever others a step has.
    /// </summary>
    private Tensor Loss(Tensor logits, Tensor labels, Tensor? weights, double share)
    {
        if (_classWeights is null && weights is null)
            return nn.functional.cross_entropy(logits, labels, label_smoothing: _options.LabelSmoothing).Times(share);
        var losses = nn.functional.cross_entropy(
            logits, labels, reduction: nn.Reduction.None, label_smoothing: _options.LabelSmoothing);
        using var counting = Counting(labels, weights).to(losses.dtype);
        return losses.mul(counting).mean().Times(share);
    }

    private Tensor Counting(Tensor labels, Tensor? weights)
    {
        var ofClass = _classWeights?.index_select(0, labels);
        return ofClass is null ? weights! : weights is null ? ofClass : ofClass.mul(weights.to(ScalarType.Float64));
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

    /// <summary>Does something with the average of the weights in their place, where there is one.</summary>
    public T WithAverage<T>(Func<T> act)
    {
        if (_average.Count == 0)
            return act();
        Exchange();
        try
        {
            return act();
        }
        finally
        {
            Exchange();
        }
    }

    /// <summary>Puts the average of the weights in their place, for good, where there is one.</summary>
    public void TakeAverage()
    {
        if (_average.Count > 0)
            Exchange();
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
            _best[name] = (_average.GetValueOrDefault(name) ?? tensor).clone().DetachFromDisposeScope();
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
        var state = Learned().Concat(_best.Select(kept => (Best + kept.Key, kept.Value)))
            .Concat(_average.Select(kept => (Average + kept.Key, kept.Value)));
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
        if (file.Tensors.Keys.Any(name => name.StartsWith(Average, StringComparison.Ordinal)))
            BeginAverage();
        foreach (var (name, tensor) in State())
            tensor.copy_(file.Load(name, tensor.dtype, tensor.shape));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        ForgetBest();
        foreach (var tensor in _average.Values)
            tensor.Dispose();
        _classWeights?.Dispose();
        _optimizer.Dispose();
        _weights.Dispose();
        FeatureMemory.ReturnUnused();
    }

    /// <summary>
    /// What an image of each class counts, before its own weight; all that images count is 1 on the average of the set. Null where all
    /// count alike.
    /// </summary>
    internal static double[]? ClassWeights(ClassWeighting weighting, ImageSet images)
    {
        if (weighting == ClassWeighting.Equal && images.Weights is null)
            return null;
        var totals = new double[images.ClassCount];
        for (var i = 0; i < images.Count; i++)
            totals[images.Label(i)] += images.Weights?[i] ?? 1;
        return ClassWeights(weighting, totals, images.Count);
    }

    /// <param name="weighting">How much classes count.</param>
    /// <param name="totals">What the images of each class weigh together.</param>
    /// <param name="images">The number of all images.</param>
    internal static double[] ClassWeights(ClassWeighting weighting, IReadOnlyList<double> totals, int images)
    {
        var power = weighting switch { ClassWeighting.Balanced => -1.0, ClassWeighting.SquareRoot => -0.5, _ => 0 };
        double[] weights = [.. totals.Select(total => total == 0 ? 0 : Math.Pow(total, power))];
        var mean = weights.Zip(totals, (weight, total) => weight * total).Sum() / images;
        return [.. weights.Select(weight => weight / mean)];
    }

    // The decay grows with the steps, from 0.1, as far as the options say: random weights are soon forgotten. Every few steps suffice.
    private void AddToAverage(long number)
    {
        if (_options.WeightAverage == 0 || number % StepsToAverage != 0)
            return;
        using var noGradient = no_grad();
        if (_average.Count == 0)
            BeginAverage();
        var decay = Math.Pow(Math.Min(_options.WeightAverage, (1.0 + number) / (10 + number)), StepsToAverage);
        foreach (var (name, tensor) in Learned())
        {
            if (tensor.is_floating_point())
                _average[name].Scale(decay).Accumulate(tensor, 1 - decay);
            else
                _average[name].copy_(tensor);
        }
    }

    private void BeginAverage()
    {
        foreach (var (name, tensor) in Learned())
            _average[name] = tensor.clone().DetachFromDisposeScope();
    }

    private void Exchange()
    {
        using var noGradient = no_grad();
        foreach (var (name, tensor) in Learned())
        {
            using var kept = tensor.clone();
            tensor.copy_(_average[name]);
            _average[name].copy_(kept);
        }
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
