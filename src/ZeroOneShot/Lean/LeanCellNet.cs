using ZeroOneShot.Kernels;
using ZeroOneShot.Layers;
using ZeroOneShot.Networks;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using static TorchSharp.torch;

namespace ZeroOneShot.Lean;

/// <summary>
/// Runs an evaluation network forwards and backwards on the kernels of this library, where they compute with the images; elsewhere by
/// ordinary autograd. The numbers are the same.
/// </summary>
internal sealed class LeanCellNet(CellNet network)
{
    /// <summary>The logits, without a graph.</summary>
    /// <param name="images">Images that <see cref="Lanes.Handle"/>.</param>
    public Tensor Forward(Tensor images)
    {
        var (count, lanes) = (images.shape[0], Lanes.Count(images.dtype));
        if (network.training || count <= lanes)
            return ForwardTogether(images);
        // Images do not depend on one another: a thread takes as many as fill the lanes through the whole network, and no layer
        // waits for others.
        using var scope = NewDisposeScope();
        var logits = new Tensor[(count + lanes - 1) / lanes];
        Workers.Run(logits.Length, Part, (i, part) => logits[i] = part);
        scope.Attach(logits);
        return cat(logits).MoveToOuterDisposeScope();

        Tensor Part(int i)
        {
            using var some = images.narrow(0, (long)i * lanes, Math.Min(lanes, count - (long)i * lanes));
            return ForwardTogether(some).DetachFromDisposeScope();
        }
    }

    private Tensor ForwardTogether(Tensor images)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var arranged = Lanes.Of(images);
        var features = new List<Tensor>();
        for (var i = 0; i < Plan.Items.Count; i++)
        {
            using var inner = NewDisposeScope();
            var run = Start(i, arranged, features, images.shape[0], dropPath: null, recorded: false);
            features.Add(run.Output);
            scope.Attach(run.Output);
            foreach (var used in Plan.Items[i].Inputs.Distinct().Where(input => input >= 0 && Plan.LastUse(input) == i))
                features[used].Dispose();
        }
        return network.Classifier.forward(Lanes.Pooled(features[^1], images.shape[0])).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Logits and mean cross entropy; the gradients of cross entropy plus <paramref name="auxiliaryWeight"/> times that of the auxiliary
    /// head, where there is one, are added to the weights' <c>grad</c>.
    /// </summary>
    /// <param name="images">Normalised images, N x C x H x W.</param>
    /// <param name="labels">Class of each image, int64, N.</param>
    /// <param name="auxiliaryWeight">Weight of the auxiliary head's cross entropy.</param>
    /// <param name="dropPath">Probability with which an operation's output is dropped for an image.</param>
    /// <param name="random">Where the dropping is drawn from.</param>
    public (Tensor Logits, Tensor Loss) Gradient(
        Tensor images, Tensor labels, double auxiliaryWeight, double dropPath, RandomStream random) =>
        GradientOf(images, logits => nn.functional.cross_entropy(logits, labels), auxiliaryWeight, dropPath, random);

    /// <summary>The same for any loss: a scalar of the logits.</summary>
    public (Tensor Logits, Tensor Loss) GradientOf(
        Tensor images, Func<Tensor, Tensor> loss, double auxiliaryWeight = 0, double dropPath = 0, RandomStream? random = null)
    {
        using var scope = NewDisposeScope();
        if (!Lanes.Handle(images))
        {
            var (all, auxiliary) = network.ForwardWithAuxiliary(images, dropPath, random);
            return Backward(all, auxiliary);
        }

        var count = images.shape[0];
        var drop = dropPath > 0 ? new DropPath(dropPath, random!.Generator) : null;
        var arranged = Lanes.Of(images);
        var (runs, features) = (new List<ItemRun>(), new List<Tensor>());
        Tensor? middle = null, auxiliaryLogits = null;
        for (var i = 0; i < Plan.Items.Count; i++)
        {
            runs.Add(Start(i, arranged, features, count, drop, recorded: true));
            features.Add(runs[i].Output);
            if (network.AuxiliaryHead is { } head && i == Plan.AuxiliaryItem)
            {
                middle = features[i].detach().requires_grad_(true);
                auxiliaryLogits = head.forward(Lanes.ToImages(middle, count));
            }
        }
        var last = features[^1].detach().requires_grad_(true);
        var (logits, value) = Backward(network.Classifier.forward(Lanes.Pooled(last, count)), auxiliaryLogits);

        using var _ = no_grad();
        var gradients = new Tensor?[runs.Count];                            // of the items' outputs
        gradients[^1] = last.grad!.contiguous();
        for (var i = runs.Count - 1; i >= 0; i--)
        {
            using var inner = NewDisposeScope();
            var gradient = gradients[i]!;
            if (i == Plan.AuxiliaryItem && middle is not null)
                gradient.Accumulate(middle.grad!);
            var inputs = Plan.Items[i].Inputs;
            var ofInputs = runs[i].Backward(gradient, needed: inputs[0] != NetworkPlan.OfImages);
            runs[i].Dispose();
            gradient.Dispose();
            foreach (var (input, ofInput) in inputs.Zip(ofInputs))
            {
                if (ofInput is null)
                    continue;
                if (gradients[input] is { } sum)
                {
                    sum.Accumulate(ofInput);
                    ofInput.Dispose();
                    continue;
                }
                gradients[input] = ofInput;
                scope.Attach(ofInput);
            }
        }
        return (logits, value);

        (Tensor Logits, Tensor Loss) Backward(Tensor logits, Tensor? auxiliary)
        {
            var ofLogits = loss(logits);
            var sum = auxiliary is null ? ofLogits : ofLogits.Plus(loss(auxiliary).Times(auxiliaryWeight));
            sum.backward();
            return (logits.detach().MoveToOuterDisposeScope(), ofLogits.detach().MoveToOuterDisposeScope());
        }
    }

    private NetworkPlan Plan => network.Plan;

    /// <summary>Runs an item of the network.</summary>
    private ItemRun Start(int i, Tensor images, List<Tensor> features, long count, DropPath? dropPath, bool recorded)
    {
        Tensor[] inputs = [.. Plan.Items[i].Inputs.Select(input => input == NetworkPlan.OfImages ? images : features[input])];
        return network.Items[i] is GenotypeCell cell
            ? new CellRun(cell, inputs, count, dropPath, recorded)
            : new BlockRun(Run((nn.Module<Tensor, Tensor>)network.Items[i], inputs[0], count, recorded));
    }

    private static ModuleTape Run(nn.Module<Tensor, Tensor> module, Tensor input, long images, bool recorded)
    {
        var tape = new LaneRun(images, recorded);
        return new ModuleTape(tape.Forward(module, input), tape);
    }

    /// <summary>A module's output, and the way back.</summary>
    private readonly record struct ModuleTape(Tensor Output, LaneRun Tape) : IDisposable
    {
        /// <summary>Lets go of the output once it is used, unless the way back needs it.</summary>
        public void Release()
        {
            if (Tape.IsSpare(Output))
                Output.Dispose();
        }

        public void Dispose() => Tape.Dispose();
    }

    /// <summary>One run of an item of the network.</summary>
    private abstract class ItemRun : IDisposable
    {
        public abstract Tensor Output { get; }

        /// <summary>The gradients of the inputs, where needed; those of the weights are added to their <c>grad</c>.</summary>
        public abstract Tensor?[] Backward(Tensor gradient, bool needed);

        public abstract void Dispose();
    }

    /// <summary>One run of a fixed block.</summary>
    private sealed class BlockRun(ModuleTape run) : ItemRun
    {
        public override Tensor Output => run.Output;

        // The gradient is taken over, and is the caller's.
        public override Tensor?[] Backward(Tensor gradient, bool needed) => [run.Tape.Backward(gradient.alias(), needed)];

        public override void Dispose()
        {
            run.Dispose();
            run.Output.Dispose();
        }
    }

    /// <summary>
    /// One run of a cell: s_k = sum over the edges e into node k of d_e o_e(s_i), d being what drop path multiplies by.
    /// </summary>
    private sealed class CellRun : ItemRun
    {
        private const long LargeFeatures = 1 << 20;

        private readonly GenotypeCell _cell;
        private readonly ModuleTape[] _inputs, _edges;
        private readonly Tensor?[] _drops;
        private readonly List<Tensor> _states;

        public CellRun(GenotypeCell cell, Tensor[] inputs, long images, DropPath? dropPath, bool recorded)
        {
            using var _ = no_grad();
            using var scope = NewDisposeScope();
            _cell = cell;
            (_edges, _drops) = (new ModuleTape[Edges.Count], new Tensor?[Edges.Count]);
            _inputs = [.. inputs.Select((input, i) => Run(cell.Preprocess(i), input, images, recorded))];
            _states = [.. _inputs.Select(input => input.Output)];
            for (var edge = 0; edge < Edges.Count && dropPath is not null; edge++)
            {
                if (!cell.IsIdentity(edge))
                    _drops[edge] = Lanes.OfFactors(dropPath.Factors(images, inputs[0].dtype));
            }
            var outputs = new Tensor[Edges.Count];
            InParallel([.. EdgesOfInputs], Forward, (edge, output) => outputs[edge] = output);
            for (var node = 0; node < Genotype.Nodes; node++)
            {
                InParallel([.. EdgesOfNodes(node)], Forward, (edge, output) => outputs[edge] = output);
                _states.Add(Sum(outputs[Genotype.EdgesInto(node)]));
            }
            Output = cat([.. Genotype.Concat.Select(state => _states[state])], 1).MoveToOuterDisposeScope();
            foreach (var tensor in recorded ? _states.Concat(_drops.OfType<Tensor>()) : [])
                tensor.DetachFromDisposeScope();

            static Tensor Sum(Tensor[] terms)
            {
                if (terms.Length == 1)
                    return terms[0];
                var sum = terms[0].Plus(terms[1]);
                foreach (var term in terms[2..])
                    sum.Accumulate(term);
                foreach (var term in terms)
                    term.Dispose();
                return sum;
            }

            Tensor Forward(int edge)
            {
                using var inner = NewDisposeScope();
                var run = _edges[edge] = Run(cell.Operation(edge), _states[Edges[edge].Input], images, recorded);
                var output = _drops[edge] is { } drop ? run.Output.mul(drop) : run.Output.alias();
                run.Release();
                return output.DetachFromDisposeScope();
            }
        }

        private CellGenotype Genotype => _cell.Genotype;

        private IReadOnlyList<GenotypeEdge> Edges => Genotype.Edges;

        /// <summary>The edges that can run as soon as the cell begins.</summary>
        private IEnumerable<int> EdgesOfInputs => Enumerable.Range(0, Edges.Count).Where(edge => Edges[edge].Input < Genotype.Inputs);

        public override Tensor Output { get; }

        public override Tensor?[] Backward(Tensor gradient, bool needed)
        {
            var channels = _cell.Plan.Channels;
            var gradients = _states.Select(state => zeros_like(state)).ToArray();
            for (var i = 0; i < Genotype.Concat.Count; i++)
                gradients[Genotype.Concat[i]].Accumulate(gradient.narrow(1, i * channels, channels));
            for (var node = Genotype.Nodes - 1; node >= 0; node--)
                InParallel([.. EdgesOfNodes(node)], Backward, Add);
            InParallel([.. EdgesOfInputs], Backward, Add);
            return [.. _inputs.Select((input, i) => input.Tape.Backward(gradients[i], needed))];

            Tensor Backward(int edge)
            {
                using var _ = no_grad();
                using var inner = NewDisposeScope();
                var ofNode = gradients[Genotype.Inputs + Genotype.NodeOf(edge)];
                var ofInput = _edges[edge].Tape.Backward(_drops[edge] is { } drop ? ofNode.mul(drop) : ofNode.clone(), needed: true)!;
                _edges[edge].Dispose();
                return ofInput.DetachFromDisposeScope();
            }

            void Add(int edge, Tensor ofInput)
            {
                gradients[Edges[edge].Input].Accumulate(ofInput);
                ofInput.Dispose();
            }
        }

        /// <summary>The edges from nodes into a node.</summary>
        private IEnumerable<int> EdgesOfNodes(int node)
        {
            var (first, count) = Genotype.EdgesInto(node).GetOffsetAndLength(Edges.Count);
            return Enumerable.Range(first, count).Where(edge => Edges[edge].Input >= Genotype.Inputs);
        }

        /// <summary>Small features go side by side, each on one thread; of large ones, all threads take a part.</summary>
        private void InParallel(int[] edges, Func<int, Tensor> compute, Action<int, Tensor> use)
        {
            if (_states[0].numel() >= LargeFeatures)
            {
                foreach (var edge in edges)
                    use(edge, compute(edge));
                return;
            }
            Workers.Run(edges.Length, i => compute(edges[i]), (i, result) => use(edges[i], result));
        }

        public override void Dispose()
        {
            foreach (var input in _inputs)
                input.Dispose();
            foreach (var edge in _edges)
                edge.Dispose();
            foreach (var tensor in _states.Concat(_drops.OfType<Tensor>()))
                tensor.Dispose();
            Output.Dispose();
        }
    }
}
