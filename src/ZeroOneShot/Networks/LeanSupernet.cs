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

    public LeanSupernet(Supernet supernet)
    {
        Supernet = supernet;
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
    /// Logits and mean cross entropy, and its gradients: those of the weights are added to their <c>grad</c> where they require it, those of
    /// the mixture go on through its own graph to alpha and beta where <paramref name="mixing"/> asks for them.
    /// </summary>
    public (Tensor Logits, Tensor Loss) Gradient(Tensor images, Tensor labels, Mixture mixture, bool mixing, FeatureOrder? order = null)
    {
        using var scope = NewDisposeScope();
        order ??= FeatureOrder.For(images);
        var c = new MixingCoefficients(mixture);
        var arranged = order.Arrange(images);
        var features = order.Forward(Supernet.Stem, arranged);
        var outputs = new List<Tensor> { features, features };
        foreach (var cell in _cells)
            outputs.Add(cell.Forward(outputs[^2], outputs[^1], c, order));

        var last = outputs[^1].detach().requires_grad_(true);
        var logits = Supernet.Classifier.forward(order.Pooled(last));
        var loss = nn.functional.cross_entropy(logits, labels);
        loss.backward();

        var weights = Supernet.Classifier.weight!.requires_grad;
        var gradients = new Tensor?[outputs.Count];
        gradients[^1] = order.Packed(last.grad!);
        Track(false);
        try
        {
            for (var i = _cells.Length - 1; i >= 0; i--)                            // outputs i and i + 1 go into cell i and give output i + 2
            {
                var needed = (weights || i >= 2, weights || i >= 1);
                var (first, second) = _cells[i].Backward(
                    outputs[i], outputs[i + 1], outputs[i + 2], gradients[i + 2]!, c, order, mixing, needed);
                Add(ref gradients[i], first);
                Add(ref gradients[i + 1], second);
                outputs[i + 2].Dispose();
                gradients[i + 2]!.Dispose();
            }
            if (weights)
            {
                using var stem = order.Run(Supernet.Stem, arranged, needed: false);
                stem.Backward(gradients[0]!.Accumulate(gradients[1]!));
            }
        }
        finally
        {
            Track(true);
        }
        if (mixing)
            c.Backward(mixture);
        return (logits.detach().MoveToOuterDisposeScope(), loss.detach().MoveToOuterDisposeScope());

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
