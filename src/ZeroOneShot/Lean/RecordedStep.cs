using ZeroOneShot.Networks;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using static TorchSharp.torch;

namespace ZeroOneShot.Lean;

/// <summary>
/// The gradient of a lean supernet, recorded for batches of one size and from then on computed by one launch: images, labels and mixing
/// weights are copied to where the recorded work reads them.
/// </summary>
internal sealed class RecordedStep : IDisposable
{
    // Enough to have libraries make what they cannot make while they are recorded, in little memory.
    private const long ImagesOfRehearsal = 2;

    private readonly Tensor _images, _labels;
    private readonly Mixture _mixture;
    private readonly RecordedWork _work;
    private readonly bool _mixing;

    private RecordedStep(Tensor images, Tensor labels, Mixture mixture, RecordedWork work, bool mixing) =>
        (_images, _labels, _mixture, _work, _mixing) = (images, labels, mixture, work, mixing);

    /// <summary>How work is recorded, given what is done before and the work: <see cref="CudaGraph.Of"/>, or in tests another.</summary>
    public delegate RecordedWork? Recorder(Action rehearse, Func<IReadOnlyList<Tensor>> work);

    /// <summary>The recorded work.</summary>
    public RecordedWork Work => _work;

    /// <summary>Whether a step with these is the same work each time, and all of it is done where the images are.</summary>
    public static bool IsAlwaysTheSame(Supernet supernet, Mixture mixture, Tensor images) =>
        Weights(mixture).All(weights => weights.device_type == images.device_type && weights.dtype == images.dtype)
        && !mixture.AddsIdleWeights && MixingCoefficients.RunsAll(mixture, supernet.Mask) && supernet.RunsInLanes
        && !supernet.Mask.AllLive.Any(at => supernet.Mask.Space.Operations[at.Operation] is var operation
            && (operation.IsRandom(1) || operation.IsRandom(2)));

    /// <summary>Records a step; the gradients of the weights must be zero. Null where it cannot be recorded.</summary>
    /// <param name="lean">The network.</param>
    /// <param name="images">Images like those to come.</param>
    /// <param name="labels">Labels like those to come.</param>
    /// <param name="mixture">A mixture like those to come.</param>
    /// <param name="mixing">Whether the gradients of the mixing weights are wanted.</param>
    /// <param name="order">The order of the features.</param>
    /// <param name="recorder">How it is recorded.</param>
    public static RecordedStep? Of(LeanSupernet lean, Tensor images, Tensor labels, Mixture mixture, bool mixing, FeatureOrder order,
        Recorder recorder)
    {
        using var scope = NewDisposeScope();
        var own = Own(mixture);
        var (ownImages, ownLabels) = (images.clone().DetachFromDisposeScope(), labels.clone().DetachFromDisposeScope());
        RecordedWork? work = null;
        try
        {
            work = recorder(Rehearse, () => Gradient(ownImages, ownLabels));
        }
        finally
        {
            if (work is null)
            {
                own.Dispose();
                ownImages.Dispose();
                ownLabels.Dispose();
            }
        }
        return work is null ? null : new RecordedStep(ownImages, ownLabels, own, work, mixing);

        IReadOnlyList<Tensor> Gradient(Tensor ofImages, Tensor ofLabels)
        {
            using var inner = NewDisposeScope();
            using var c = new DeviceCoefficients(own, lean.Supernet.Mask, apart: true);
            var (logits, loss) = lean.GradientOf(
                ofImages, logits => nn.functional.cross_entropy(logits, ofLabels), c, mixing, order);
            var results = new List<Tensor> { logits, loss };
            if (mixing)
            {
                foreach (var kind in Kinds(own))
                {
                    var (operations, edges) = c.Gradients(kind);
                    results.AddRange(operations, edges);
                }
            }
            foreach (var result in results)
                result.DetachFromDisposeScope();
            return results;
        }

        // Leaves no trace: neither in running statistics nor in gradients.
        void Rehearse()
        {
            using var inner = NewDisposeScope();
            var buffers = lean.Supernet.buffers().ToArray();
            var before = buffers.Select(buffer => buffer.clone()).ToArray();
            var few = Math.Min(ImagesOfRehearsal, ownImages.shape[0]);
            foreach (var result in Gradient(ownImages.narrow(0, 0, few).clone(), ownLabels.narrow(0, 0, few).clone()))
                result.Dispose();
            using var _ = no_grad();
            foreach (var (buffer, old) in buffers.Zip(before))
                buffer.copy_(old);
            foreach (var parameter in lean.Supernet.parameters())
                parameter.grad?.zero_();
        }
    }

    /// <summary>Whether a batch and a mixture are like those that it was recorded with.</summary>
    public bool Fits(Tensor images, Mixture mixture) => images.dtype == _images.dtype && images.shape.SequenceEqual(_images.shape)
        && Weights(mixture).Count() == Weights(_mixture).Count();

    /// <summary>See <see cref="LeanSupernet.Gradient"/>.</summary>
    public (Tensor Logits, Tensor Loss) Gradient(Tensor images, Tensor labels, Mixture mixture)
    {
        using var scope = NewDisposeScope();
        using (no_grad())
        {
            _images.copy_(images);
            _labels.copy_(labels);
            foreach (var kind in Kinds(_mixture))
            {
                _mixture.Operations(kind).copy_(mixture.Operations(kind));
                _mixture.Edges(kind)?.copy_(mixture.Edges(kind)!);
            }
            _work.Repeat();
        }
        if (_mixing)
        {
            // Behind logits and loss stand, for each kind, the gradients of operations and edges.
            MixingCoefficients.Through(mixture, kind => _work.Results[2 + 2 * (int)kind], kind => _work.Results[3 + 2 * (int)kind]);
        }
        return (_work.Results[0].clone().MoveToOuterDisposeScope(), _work.Results[1].clone().MoveToOuterDisposeScope());
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _work.Dispose();
        _mixture.Dispose();
        _images.Dispose();
        _labels.Dispose();
    }

    private static IEnumerable<Tensor> Weights(Mixture mixture) =>
        Kinds(mixture).Select(mixture.Operations).Concat(Kinds(mixture).Select(mixture.Edges).OfType<Tensor>());

    private static IReadOnlyList<CellKind> Kinds(Mixture mixture) => mixture.Live.Space.Kinds;

    // The same weights, without a graph, in no dispose scope.
    private static Mixture Own(Mixture mixture)
    {
        var kinds = mixture.Live.Space.Kinds;
        return new Mixture(mixture.Live, [.. kinds.Select(kind => Copy(mixture.Operations(kind)))],
            mixture.Edges(kinds[0]) is null ? null : [.. kinds.Select(kind => Copy(mixture.Edges(kind)!))]);

        static Tensor Copy(Tensor weights)
        {
            using var bare = weights.detach();
            return bare.clone().DetachFromDisposeScope();
        }
    }
}
