using ZeroOneShot.Runtime;
using static TorchSharp.torch;

namespace ZeroOneShot.Networks;

/// <summary>
/// Runs a supernet in little memory: forwards it keeps the cells' outputs alone, backwards every cell recomputes what it needs. See
/// <see cref="LeanCell"/>.
/// </summary>
internal sealed class LeanSupernet
{
    private readonly LeanCell[] _cells;
    private readonly BatchNormModule[] _norms;
    private readonly bool _bfloat16;

    /// <param name="supernet">The network.</param>
    /// <param name="bfloat16">Whether what a step keeps is rounded to bfloat16.</param>
    public LeanSupernet(Supernet supernet, bool bfloat16 = false)
    {
        (Supernet, _bfloat16) = (supernet, bfloat16);
        _cells = [.. supernet.Cells.Select(cell => new LeanCell(cell, supernet.Mask, supernet.Options.PartialChannels))];
        _norms = [.. supernet.modules().OfType<BatchNormModule>()];
    }

    public Supernet Supernet { get; }

    /// <summary>The logits, without a graph.</summary>
    public Tensor Forward(Tensor images, Mixture mixture)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var order = FeatureOrder.For(images);
        var c = new MixingCoefficients(mixture);
        var features = order.Forward(Supernet.Stem, order.Arrange(images));
        var (beforePrevious, previous) = (features, features);
        foreach (var cell in _cells)
        {
            var output = cell.Forward(beforePrevious, previous, c, order);
            if (!ReferenceEquals(beforePrevious, previous))
                beforePrevious.Dispose();
            (beforePrevious, previous) = (previous, output);
        }
        return Supernet.Classifier.forward(order.Pooled(previous)).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Logits and mean cross entropy, and its gradients: those of the weights are added to their <c>grad</c> where they require it, those
    /// of the mixture go on through its own graph to alpha and beta where <paramref name="mixing"/> asks for them.
    /// </summary>
    public (Tensor Logits, Tensor Loss) Gradient(
        Tensor images, Tensor labels, Mixture mixture, bool mixing, FeatureOrder? order = null) =>
        GradientOf(images, logits => nn.functional.cross_entropy(logits, labels), mixture, mixing, order);

    /// <summary>The same for any loss: a scalar of the logits.</summary>
    public (Tensor Logits, Tensor Loss) GradientOf(
        Tensor images, Func<Tensor, Tensor> loss, Mixture mixture, bool mixing, FeatureOrder? order = null)
    {
        using var scope = NewDisposeScope();
        order ??= FeatureOrder.For(images);
        var c = new MixingCoefficients(mixture);
        var arranged = order.Arrange(images);
        var features = new KeptFeatures(_bfloat16 && images.dtype == ScalarType.Float32);
        features.Add(order.Forward(Supernet.Stem, arranged));
        for (var i = 0; i < _cells.Length; i++)
            features.Add(_cells[i].Forward(features[Math.Max(i - 1, 0)], features[i], c, order));

        var last = features[_cells.Length].detach().requires_grad_(true);
        var logits = Supernet.Classifier.forward(order.Pooled(last));
        var value = loss(logits);
        value.backward();

        var weights = Supernet.Classifier.weight!.requires_grad;
        var gradients = new Tensor?[_cells.Length + 1];
        gradients[^1] = order.Packed(last.grad!);
        Track(false);
        try
        {
            for (var i = _cells.Length - 1; i >= 0; i--)                    // features i - 1 and i go into cell i and give features i + 1
            {
                var before = Math.Max(i - 1, 0);
                var needed = (weights || before > 0, weights || i > 0);
                var (first, second) = _cells[i].Backward(
                    features[before], features[i], features[i + 1], gradients[i + 1]!, c, order, mixing, needed);
                Add(ref gradients[before], first);
                Add(ref gradients[i], second);
                features.Drop(i + 1);
                gradients[i + 1]!.Dispose();
            }
            if (weights)
            {
                using var stem = order.Run(Supernet.Stem, arranged, needed: false);
                stem.Backward(gradients[0]!);
            }
        }
        finally
        {
            Track(true);
        }
        if (mixing)
            c.Backward(mixture);
        return (logits.detach().MoveToOuterDisposeScope(), value.detach().MoveToOuterDisposeScope());

        static void Add(ref Tensor? sum, Tensor? term)
        {
            if (term is null)
                return;
            if (sum is null)
            {
                sum = term;
                return;
            }
            sum.Accumulate(term);
            term.Dispose();
        }
    }

    /// <summary>Whether forward runs update the running statistics of batch norms; at first they do.</summary>
    public void Track(bool tracks)
    {
        foreach (var norm in _norms)
            norm.Tracks = tracks;
    }
}
