using ZeroOneShot.Layers;
using ZeroOneShot.Networks;
using ZeroOneShot.Runtime;
using static TorchSharp.torch;

namespace ZeroOneShot.Lean;

/// <summary>
/// Runs a supernet in little memory: forwards it keeps the cells' outputs alone, backwards every cell recomputes what it needs. See
/// <see cref="LeanCell"/>.
/// </summary>
internal sealed class LeanSupernet
{
    private readonly LeanCell?[] _cells;                    // null where the item is a fixed block
    private readonly IRepeatable[] _repeatables;
    private readonly nn.Module[] _others;
    private readonly bool _bfloat16;
    private Tensor[]? _before;

    /// <param name="supernet">The network.</param>
    /// <param name="bfloat16">Whether what a step keeps is rounded to bfloat16.</param>
    public LeanSupernet(Supernet supernet, bool bfloat16 = false)
    {
        (Supernet, _bfloat16) = (supernet, bfloat16);
        _cells = [.. supernet.Items.Select(item =>
            item is SearchCell cell ? new LeanCell(cell, supernet.Mask, supernet.Options.PartialChannels) : null)];
        _repeatables = [.. supernet.modules().OfType<IRepeatable>()];
        _others = [.. supernet.modules().Where(module => module is not IRepeatable && module.buffers(recurse: false).Any())];
    }

    public Supernet Supernet { get; }

    private NetworkPlan Plan => Supernet.Plan;

    /// <summary>The logits, without a graph.</summary>
    public Tensor Forward(Tensor images, Mixture mixture)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var order = FeatureOrder.For(images);
        using var c = new MixingCoefficients(mixture, Supernet.Mask, apart: false);
        var arranged = order.Arrange(images);
        var features = new List<Tensor>();
        for (var i = 0; i < _cells.Length; i++)
        {
            features.Add(Run(i, arranged, feature => features[feature], c, order));
            foreach (var used in Plan.Items[i].Inputs.Distinct().Where(input => input >= 0 && Plan.LastUse(input) == i))
                features[used].Dispose();
        }
        return Supernet.Classifier.forward(order.Pooled(features[^1])).MoveToOuterDisposeScope();
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
        using var c = new MixingCoefficients(mixture, Supernet.Mask, apart: true);
        var arranged = order.Arrange(images);
        var features = new KeptFeatures(_bfloat16 && images.dtype == ScalarType.Float32);
        for (var i = 0; i < _cells.Length; i++)
            features.Add(Run(i, arranged, feature => features[feature], c, order));

        var last = features[_cells.Length - 1].detach().requires_grad_(true);
        var logits = Supernet.Classifier.forward(order.Pooled(last));
        var value = loss(logits);
        value.backward();

        var weights = Supernet.Classifier.weight!.requires_grad;
        var gradients = new Tensor?[_cells.Length];                         // of the items' outputs
        gradients[^1] = order.Packed(last.grad!);
        Track(false);
        try
        {
            for (var i = _cells.Length - 1; i >= 0; i--)
            {
                if (gradients[i] is { } gradient)
                    Backward(i, gradient);
                features.Drop(i);
                gradients[i]?.Dispose();
            }
        }
        finally
        {
            Track(true);
        }
        if (mixing)
            c.Backward();
        return (logits.detach().MoveToOuterDisposeScope(), value.detach().MoveToOuterDisposeScope());

        void Backward(int i, Tensor gradient)
        {
            var inputs = Plan.Items[i].Inputs;
            bool[] needed = [.. inputs.Select(input => IsNeeded(input, weights))];
            if (_cells[i] is { } cell)
            {
                var ofInputs = cell.Backward(
                    [.. inputs.Select(input => Feature(input))], features[i], gradient, c, order, mixing, needed);
                foreach (var (input, ofInput) in inputs.Zip(ofInputs))
                    Add(ref gradients[Math.Max(input, 0)], ofInput);
                return;
            }
            using var run = order.Run((nn.Module<Tensor, Tensor>)Supernet.Items[i], Feature(inputs[0]), needed[0]);
            gradients[i] = null;                                            // the run takes it over
            var ofBlock = run.Backward(gradient);
            if (needed[0])
                Add(ref gradients[inputs[0]], ofBlock);
        }

        Tensor Feature(int number) => number == NetworkPlan.OfImages ? arranged : features[number];

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

    /// <summary>
    /// Whether something asks for the gradient of an item's output: weights of what stands before it, or of the item, or mixing weights.
    /// </summary>
    private bool IsNeeded(int item, bool weights) => item >= 0 &&
        (weights || _cells[item] is not null || Plan.Items[item].Inputs.Any(input => IsNeeded(input, weights)));

    private Tensor Run(int i, Tensor images, Func<int, Tensor> feature, MixingCoefficients c, FeatureOrder order)
    {
        Tensor[] inputs = [.. Plan.Items[i].Inputs.Select(input => input == NetworkPlan.OfImages ? images : feature(input))];
        return _cells[i] is { } cell
            ? cell.Forward(inputs, c, order)
            : order.Forward((nn.Module<Tensor, Tensor>)Supernet.Items[i], inputs[0]);
    }

    /// <summary>Whether forward runs update running statistics and draw new random numbers; at first they do.</summary>
    public void Track(bool tracks)
    {
        foreach (var module in _repeatables)
            module.Tracks = tracks;
        if (_others.Length == 0)
            return;
        // What other modules change in their buffers while they run again is put back.
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var buffers = _others.SelectMany(module => module.buffers(recurse: false)).ToArray();
        if (!tracks)
        {
            _before ??= [.. buffers.Select(buffer => buffer.clone().DetachFromDisposeScope())];
            return;
        }
        foreach (var (buffer, before) in buffers.Zip(_before ?? []))
        {
            buffer.copy_(before);
            before.Dispose();
        }
        _before = null;
    }
}
