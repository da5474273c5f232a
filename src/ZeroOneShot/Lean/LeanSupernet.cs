using ZeroOneShot.Layers;
using ZeroOneShot.Networks;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using static TorchSharp.torch;

namespace ZeroOneShot.Lean;

/// <summary>
/// Runs a supernet in little memory: forwards it keeps the cells' outputs alone, backwards every cell recomputes what it needs. See
/// <see cref="LeanCell"/>.
/// </summary>
internal sealed class LeanSupernet
{
    private readonly LeanCell?[] _cells;                    // null where the item is a fixed block
    private readonly RepeatedRuns _repeated;
    private readonly bool _bfloat16;

    /// <param name="supernet">The network.</param>
    /// <param name="bfloat16">Whether what a step keeps is rounded to bfloat16.</param>
    /// <param name="counter">Counts the operations that run; null: nobody asks.</param>
    public LeanSupernet(Supernet supernet, bool bfloat16 = false, OperationCounter? counter = null)
    {
        (Supernet, _bfloat16) = (supernet, bfloat16);
        _cells = [.. supernet.Items.Select(item =>
            item is SearchCell cell ? new LeanCell(cell, supernet.Mask, supernet.Options.PartialChannels, counter) : null)];
        _repeated = new RepeatedRuns(supernet);
    }

    public Supernet Supernet { get; }

    private NetworkPlan Plan => Supernet.Plan;

    private void Check(Tensor images) => NetworkInput.Check(images, Supernet.InputChannels, Supernet.Classifier.weight!);

    /// <summary>The logits, without a graph.</summary>
    /// <param name="images">The images.</param>
    /// <param name="mixture">The mixing weights.</param>
    /// <param name="apart">
    /// Whether an operation without parameters runs for each edge that has it, not once for all that leave a state.
    /// </param>
    /// <param name="rectifying">Gets what ReLUs read, where modules run in lanes; see <see cref="LaneRun.Rectifying"/>.</param>
    public Tensor Forward(Tensor images, Mixture mixture, bool apart = false, Action<Tensor>? rectifying = null)
    {
        Check(images);
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var order = FeatureOrder.For(images, rectifying: rectifying);
        var c = new KnownCoefficients(mixture, Supernet.Mask, apart);
        var arranged = order.Arrange(images);
        var features = new Tensor[_cells.Length];
        for (var i = 0; i < _cells.Length; i++)
            RunAndDrop(i, features, (cell, inputs) => cell.Forward(inputs, c, order), arranged, order);
        var logits = Logits(features[^1], order);
        scope.Attach(logits);
        return logits.MoveToOuterDisposeScope();
    }

    /// <summary>
    /// What networks have in common that differ in the mixing weights of edges into one node: all before the first cell of the kind, its
    /// states before the node, and what later cells make of unchanged inputs.
    /// </summary>
    /// <param name="images">The images.</param>
    /// <param name="mixture">The mixing weights of one of the networks.</param>
    /// <param name="kind">The kind of the cells that differ.</param>
    /// <param name="node">The node, from 0.</param>
    public SharedFeatures Share(Tensor images, Mixture mixture, CellKind kind, int node)
    {
        Check(images);
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var order = FeatureOrder.For(images);
        using var c = new KnownCoefficients(mixture, Supernet.Mask, apart: false);
        var arranged = order.Arrange(images);
        var features = new Tensor[_cells.Length];
        var first = Plan.Items.Index().FirstOrDefault(at => at.Item is CellItem cell && cell.Kind == kind, (_cells.Length, null!)).Index;
        for (var i = 0; i < first; i++)
            RunAndDrop(i, features, (cell, inputs) => cell.Forward(inputs, c, order), arranged, order);
        var shared = new SharedFeatures(order, first, _cells.Length);
        try
        {
            for (var i = first; i < _cells.Length; i++)
            {
                var known = Plan.Items[i].Inputs.TakeWhile(input => input < first).ToArray();
                if (_cells[i] is not { } cell || known.Length == 0)
                    continue;
                var inputs = known.Select(input => input == NetworkPlan.OfImages ? arranged : features[input]).ToArray();
                shared.Cells[i] = cell.Share(inputs, i == first ? inputs.Length + node : inputs.Length,
                    ((CellItem)Plan.Items[i]).Kind == kind ? node : null, c, order);
            }
            if (first == _cells.Length)
                shared.Last = features[^1].DetachFromDisposeScope();
            return shared;
        }
        catch
        {
            shared.Dispose();
            throw;
        }
    }

    /// <summary>The logits, without a graph, of a network from what it shares with others: bit for bit those of a run by itself.</summary>
    /// <param name="shared">What it shares.</param>
    /// <param name="mixture">Its mixing weights.</param>
    public Tensor Forward(SharedFeatures shared, Mixture mixture)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var c = new KnownCoefficients(mixture, Supernet.Mask, apart: false);
        var features = new Tensor[_cells.Length];
        for (var i = shared.First; i < _cells.Length; i++)
        {
            RunAndDrop(i, features, (cell, inputs) => shared.Cells[i] is { } nodes
                ? cell.Forward(nodes, inputs, c, shared.Order)
                : cell.Forward(inputs, c, shared.Order), images: null, shared.Order);
        }
        var logits = Logits(shared.Last ?? features[^1], shared.Order);
        scope.Attach(logits);
        return logits.MoveToOuterDisposeScope();
    }

    /// <summary>Runs an item and lets go of what nobody reads any more. Features that are shared are not there.</summary>
    private void RunAndDrop(
        int i, Tensor?[] features, Func<LeanCell, Tensor[], Tensor> run, Tensor? images, FeatureOrder order)
    {
        Tensor[] inputs = [.. Plan.Items[i].Inputs.Select(input => input == NetworkPlan.OfImages ? images! : features[input]!)];
        features[i] = _cells[i] is { } cell
            ? run(cell, inputs)
            : order.Forward((nn.Module<Tensor, Tensor>)Supernet.Items[i], inputs[0]);
        foreach (var used in Plan.Items[i].Inputs.Distinct().Where(input => input >= 0 && Plan.LastUse(input) == i))
            features[used]?.Dispose();
    }

    /// <summary>Pools and classifies, on one thread, for a matrix product may depend on how many take part in it.</summary>
    private Tensor Logits(Tensor features, FeatureOrder order) => Workers.OnOne(() =>
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        return Supernet.Classifier.forward(order.Pooled(features)).DetachFromDisposeScope();
    });

    /// <summary>
    /// Logits and mean cross entropy, and its gradients: those of the weights are added to their <c>grad</c> where they require it, those
    /// of the mixture go on through its own graph to alpha and beta where <paramref name="mixing"/> asks for them.
    /// </summary>
    public (Tensor Logits, Tensor Loss) Gradient(
        Tensor images, Tensor labels, Mixture mixture, bool mixing, FeatureOrder? order = null) =>
        GradientOf(images, logits => nn.functional.cross_entropy(logits, labels), mixture, mixing, order);

    /// <summary>The same for any loss: a scalar of the logits.</summary>
    /// <param name="images">The images.</param>
    /// <param name="loss">The loss.</param>
    /// <param name="mixture">The mixing weights.</param>
    /// <param name="mixing">Whether their gradient is asked for.</param>
    /// <param name="order">The order of the features; null is the fastest.</param>
    /// <param name="ofImages">Gets the gradient of the images, N x C x H x W, which it takes over; null: nobody asks.</param>
    public (Tensor Logits, Tensor Loss) GradientOf(Tensor images, Func<Tensor, Tensor> loss, Mixture mixture, bool mixing,
        FeatureOrder? order = null, Action<Tensor>? ofImages = null)
    {
        using var c = new KnownCoefficients(mixture, Supernet.Mask, apart: true);
        var (logits, value) = GradientOf(images, loss, c, mixing, order ?? FeatureOrder.For(images), ofImages);
        if (mixing)
            c.Backward();
        return (logits, value);
    }

    /// <summary>The same without the way through the mixture: its gradient is gathered by the coefficients.</summary>
    public (Tensor Logits, Tensor Loss) GradientOf(Tensor images, Func<Tensor, Tensor> loss, MixingCoefficients c, bool mixing,
        FeatureOrder order, Action<Tensor>? ofImages = null)
    {
        Check(images);
        using var scope = NewDisposeScope();
        var arranged = order.Arrange(images);
        var features = new KeptFeatures(_bfloat16 && images.dtype == ScalarType.Float32);
        for (var i = 0; i < _cells.Length; i++)
            features.Add(Run(i, arranged, feature => features[feature], c, order));

        Tensor pooled;
        using (no_grad())
            pooled = order.Pooled(features[_cells.Length - 1]);
        var logits = Supernet.Classifier.forward(pooled.requires_grad_(true));
        var value = loss(logits);
        value.backward();

        var weights = Supernet.Classifier.weight!.requires_grad;
        var gradients = new Tensor?[_cells.Length];                         // of the items' outputs
        gradients[^1] = order.PooledGradient(pooled.grad!, features[_cells.Length - 1]);
        var ofArranged = new Tensor?[1];                                    // of the images, where it is asked for
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
        if (ofImages is not null)
            ofImages(order.ToImages(ofArranged[0] ?? order.EmptyLike(arranged).zero_()).DetachFromDisposeScope());
        return (logits.detach().MoveToOuterDisposeScope(), value.detach().MoveToOuterDisposeScope());

        void Backward(int i, Tensor gradient)
        {
            var inputs = Plan.Items[i].Inputs;
            bool[] needed = [.. inputs.Select(input => ofImages is not null || IsNeeded(input, weights))];
            if (_cells[i] is { } cell)
            {
                var ofInputs = cell.Backward(
                    [.. inputs.Select(input => Feature(input))], features[i], gradient, c, order, mixing, needed);
                foreach (var (input, ofInput) in inputs.Zip(ofInputs))
                    Add(ref Place(input), ofInput);
                return;
            }
            using var run = order.Run((nn.Module<Tensor, Tensor>)Supernet.Items[i], Feature(inputs[0]), needed[0]);
            gradients[i] = null;                                            // the run takes it over
            var ofBlock = run.Backward(gradient);
            if (needed[0])
                Add(ref Place(inputs[0]), ofBlock);
        }

        ref Tensor? Place(int input) => ref input == NetworkPlan.OfImages ? ref ofArranged[0] : ref gradients[input];

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
    public void Track(bool tracks) => _repeated.Track(tracks);
}
