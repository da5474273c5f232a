using ZeroOneShot.Data;
using ZeroOneShot.Layers;
using ZeroOneShot.Lean;
using ZeroOneShot.Networks;
using ZeroOneShot.Optimization;
using ZeroOneShot.Persistence;
using ZeroOneShot.Runtime;
using static TorchSharp.torch;

namespace ZeroOneShot.OneShot;

/// <summary>
/// One step of the bilevel optimisation, first order (DARTS, Algorithm 1 with xi = 0): an architecture step on a search batch, then a
/// weights step on a train batch.
/// </summary>
public sealed class BilevelStep : IDisposable
{
    private const string OfArchitecture = "architecture", OfAdam = "adam.";

    private readonly Supernet _supernet;
    private readonly ArchitectureParameters _architecture;
    private readonly SearchOptions _options;
    private readonly LeanSupernet? _lean;
    // Of the architecture and of the weights, for batches of a size: the usual one, and that of the last batch of an epoch.
    private readonly Dictionary<(bool Mixing, long Images), RecordedStep?> _recorded = [];
    private readonly FlatParameters _weights;
    private readonly FlatParameters _architectureParameters;
    private readonly Sgd _weightsOptimizer;
    private readonly Adam _architectureOptimizer;

    /// <summary>Prepares the two optimizers.</summary>
    /// <param name="supernet">The network; put in training mode.</param>
    /// <param name="architecture">Alphas and betas.</param>
    /// <param name="options">Relaxation, terms of the architecture loss, learning rates, decays, clipping, seed.</param>
    public BilevelStep(Supernet supernet, ArchitectureParameters architecture, SearchOptions options)
    {
        ArgumentNullException.ThrowIfNull(supernet);
        ArgumentNullException.ThrowIfNull(architecture);
        ArgumentNullException.ThrowIfNull(options);
        (_supernet, _architecture, _options) = (supernet, architecture, options);
        _lean = options.Evaluation == SupernetEvaluation.Plain ? null : new LeanSupernet(supernet, options.BFloat16Activations);
        _weights = new FlatParameters(supernet.parameters());
        _architectureParameters = new FlatParameters(architecture.Parameters);
        _weightsOptimizer = new Sgd(_weights, options.Momentum, options.WeightDecay) { LearningRate = options.LearningRate };
        _architectureOptimizer = new Adam(_architectureParameters, options.ArchitectureLearningRate, beta1: 0.5, beta2: 0.999,
            options.ArchitectureWeightDecay);
        supernet.train();
    }

    /// <summary>The weights' learning rate.</summary>
    public double LearningRate
    {
        set => _weightsOptimizer.LearningRate = value;
    }

    /// <summary>
    /// The order in which a lean step computes; null, the default: the one for the images. On the processor libtorch's is a GPU's.
    /// </summary>
    internal FeatureOrder? Order { get; init; }

    /// <summary>How a lean step is recorded; null, the default: as a CUDA graph, on a GPU.</summary>
    internal RecordedStep.Recorder? Recorder { get; init; }

    /// <summary>Whether the last step was one launch of recorded work.</summary>
    internal bool IsRecorded { get; private set; }

    /// <summary>
    /// Whether the last architecture step left finite numbers: read with its loss, since a look of its own would be a wait for a GPU.
    /// </summary>
    internal bool ArchitectureIsFinite { get; private set; } = true;

    /// <summary>The norm of the weights' gradient in the last weights step, before clipping.</summary>
    public double GradientNorm { get; private set; }

    /// <summary>One Adam step of alpha and beta; weights do not move and get no gradient.</summary>
    /// <param name="images">Normalised images, N x C x H x W.</param>
    /// <param name="labels">Class of each image, int64, N.</param>
    /// <param name="moment">When it is taken. Default: the first step.</param>
    /// <returns>Mean cross entropy and the number of images classified rightly.</returns>
    public (double Loss, long Correct) ArchitectureStep(Tensor images, Tensor labels, SearchMoment moment = default)
    {
        using var scope = NewDisposeScope();
        RequireGradients(weights: false, architecture: true);
        _architectureParameters.Gradient.zero_();
        using var mixture = Mix(moment, "architecture");
        var (logits, crossEntropy) = Gradient(images, labels, mixture, mixing: true);
        foreach (var term in _options.LossTerms)
            term.Loss(_architecture, _options.Relaxation, moment)?.backward();
        _architectureOptimizer.Step();
        var known = HostRead.Of(crossEntropy, Correct(logits, labels), _architectureParameters.Values.isfinite().all());
        ArchitectureIsFinite = known[2][0] != 0;
        return (known[0][0], (long)known[1][0]);
    }

    /// <summary>One SGD step of the weights with clipped gradient; alpha and beta do not move and get no gradient.</summary>
    /// <param name="images">Normalised images, N x C x H x W.</param>
    /// <param name="labels">Class of each image, int64, N.</param>
    /// <param name="moment">When it is taken. Default: the first step.</param>
    /// <returns>Mean cross entropy and the number of images classified rightly.</returns>
    public (double Loss, long Correct) WeightsStep(Tensor images, Tensor labels, SearchMoment moment = default)
    {
        using var scope = NewDisposeScope();
        RequireGradients(weights: true, architecture: false);
        _weights.Gradient.zero_();
        using var mixture = Mix(moment, "weights");
        var (logits, loss) = Gradient(images, labels, mixture, mixing: false);
        var norm = _weights.ClipGradient(_options.ClipNorm);
        _weightsOptimizer.Step();
        var known = HostRead.Of(loss, Correct(logits, labels), norm);
        GradientNorm = known[2][0];
        return (known[0][0], (long)known[1][0]);
    }

    /// <summary>Everything that a step changes, by name.</summary>
    internal IEnumerable<(string Name, Tensor Tensor)> State()
    {
        yield return ("weights", _weights.Values);
        foreach (var (name, buffer) in _supernet.named_buffers())
            yield return ("buffers." + name, buffer);
        yield return (OfArchitecture, _architectureParameters.Values);
        yield return (OfAdam + "first", _architectureOptimizer.First);
        yield return (OfAdam + "second", _architectureOptimizer.Second);
        if (_weightsOptimizer.Momentum is { } momentum)
            yield return ("sgd.momentum", momentum);
    }

    /// <summary>Whether a part of the <see cref="State"/> is of the architecture parameters, not of the weights.</summary>
    internal static bool IsOfArchitecture(string part) => part == OfArchitecture || part.StartsWith(OfAdam, StringComparison.Ordinal);

    /// <summary>The name of a part of the <see cref="State"/> that has infinite values or no numbers; null where none has.</summary>
    internal string? NotFinite()
    {
        using var scope = NewDisposeScope();
        var parts = State().ToList();
        var finite = HostRead.Of([.. parts.Select(part => part.Tensor.isfinite().all())]);
        return parts.Zip(finite).FirstOrDefault(of => of.Second[0] == 0).First.Name;
    }

    /// <summary>Takes over a <see cref="State"/>.</summary>
    /// <param name="file">The file with its tensors.</param>
    /// <param name="architectureSteps">How many architecture steps had been taken.</param>
    /// <exception cref="InvalidDataException">A tensor is missing or of another shape or type.</exception>
    internal void Restore(SafetensorsFile file, long architectureSteps)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        _architectureOptimizer.Steps = architectureSteps;
        if (file.Contains("sgd.momentum"))
            _weightsOptimizer.Momentum = zeros_like(_weights.Values).DetachFromDisposeScope();
        foreach (var (name, tensor) in State().ToList())
            tensor.copy_(file.Load(name, tensor.dtype, tensor.shape));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var recorded in _recorded.Values)
            recorded?.Dispose();
        _weightsOptimizer.Dispose();
        _architectureOptimizer.Dispose();
        _weights.Dispose();
        _architectureParameters.Dispose();
        FeatureMemory.ReturnUnused();
    }

    private Mixture Mix(SearchMoment moment, string half)
    {
        using var random = RandomStream.Of(_options.Seed, $"search: relaxation of the {half}, step {moment.Step}");
        var mixture = _options.Relaxation.Mix(_architecture, moment, random);
        foreach (var (kind, edge, row) in mixture.Live.AllLive)
        {
            if (!_supernet.Mask[kind, edge, row])
            {
                mixture.Dispose();
                throw new InvalidOperationException($"{_options.Relaxation.GetType().Name} mixes operation " +
                    $"'{_supernet.Mask.Space.Operations[row].Name}' on edge {edge} of the {kind} cell, which the mask has removed; " +
                    "the live operations of a mixture are those of ArchitectureParameters.Mask, or some of them.");
            }
        }
        return mixture;
    }

    private (Tensor Logits, Tensor Loss) Gradient(Tensor images, Tensor labels, Mixture mixture, bool mixing)
    {
        return OutOfMemory.Explain($"A search step of {images.shape[0]} images", images.device, () =>
        {
            using var arithmetic = GpuArithmetic.Begin(_options.Gpu, images.device);
            var autocasts = arithmetic?.Autocasts == true;
            if (_lean is not null)
            {
                var order = Order ?? FeatureOrder.For(images, autocasts);
                var recorded = Recorded(_lean, images, labels, mixture, mixing, order);
                IsRecorded = recorded is not null;
                return recorded?.Gradient(images, labels, mixture) ?? _lean.Gradient(images, labels, mixture, mixing, order);
            }
            Tensor logits, loss;
            using (autocasts ? new Autocast(images.device_type) : null)
            {
                logits = _supernet.forward(images, mixture);
                loss = nn.functional.cross_entropy(logits, labels);
            }
            loss.backward();
            return (logits, loss);
        });
    }

    // More sizes than an epoch has are somebody's own, and launched.
    private const int MostRecorded = 4;

    // What is predicted to be needed is to be free that many times over: memory that runs out while a step is recorded is lost.
    private const double FreeToRecord = 1.5;

    /// <summary>The recorded step of this kind, made when it is first asked for; null where there is none for this batch.</summary>
    private RecordedStep? Recorded(LeanSupernet lean, Tensor images, Tensor labels, Mixture mixture, bool mixing, FeatureOrder order)
    {
        if (!_options.Gpu.Records || Recorder is null && !CudaGraph.Records(images.device)
            || !RecordedStep.IsAlwaysTheSame(_supernet, mixture, images))
        {
            return null;
        }
        var key = (mixing, images.shape[0]);
        if (!_recorded.TryGetValue(key, out var recorded))
        {
            if (_recorded.Count == MostRecorded)
                return null;
            // It shares memory with the others, each of which is done before another begins.
            var neighbour = _recorded.Values.Select(other => other?.Work).OfType<CudaGraph>().FirstOrDefault();
            recorded = Recorder is null && neighbour is null && !MemorySuffices(images) ? null : RecordedStep.Of(
                lean, images, labels, mixture, mixing, order,
                Recorder ?? ((rehearse, work) => CudaGraph.Of(images.device, rehearse, work, neighbour)));
            _recorded.Add(key, recorded);
        }
        return recorded?.Fits(images, mixture) == true ? recorded : null;
    }

    private bool MemorySuffices(Tensor images)
    {
        if (GpuMemory.Of($"{images.device}") is not { } memory)
            return true;
        var options = _options with
        {
            Supernet = _supernet.Options, BatchSize = (int)images.shape[0], Device = "cuda", Evaluation = SupernetEvaluation.Lean,
        };
        var shape = new ImageShape((int)images.shape[1], (int)images.shape[2], (int)images.shape[3]);
        var predicted = SearchMemory.Predict(_supernet.Mask, options, shape, (int)_supernet.Classifier.weight!.shape[0]);
        return memory.Free >= FreeToRecord * (predicted.Growth + predicted.Spare);
    }

    private void RequireGradients(bool weights, bool architecture)
    {
        _weights.RequireGradients = weights;
        _architectureParameters.RequireGradients = architecture;
    }

    private static Tensor Correct(Tensor logits, Tensor labels) => logits.detach().argmax(1).eq(labels).sum();
}
