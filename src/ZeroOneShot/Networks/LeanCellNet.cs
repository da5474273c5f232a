using ZeroOneShot.Kernels;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using static TorchSharp.torch;

namespace ZeroOneShot.Networks;

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
        var features = Run(network.Stem, Lanes.Of(images), images.shape[0], recorded: false).Output;
        var (beforePrevious, previous) = (features, features);
        foreach (var cell in network.Cells)
        {
            using var inner = NewDisposeScope();
            var output = new CellRun(cell, beforePrevious, previous, images.shape[0], dropPath: null, recorded: false).Output;
            scope.Attach(output);
            if (!ReferenceEquals(beforePrevious, previous))
                beforePrevious.Dispose();
            (beforePrevious, previous) = (previous, output);
        }
        return network.Classifier.forward(Lanes.Pooled(previous, images.shape[0])).MoveToOuterDisposeScope();
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
        using var stem = Run(network.Stem, Lanes.Of(images), count, recorded: true);
        var (beforePrevious, previous) = (stem.Output, stem.Output);
        var runs = new List<CellRun>();
        Tensor? middle = null, auxiliaryLogits = null;
        foreach (var cell in network.Cells)
        {
            runs.Add(new CellRun(cell, beforePrevious, previous, count, drop, recorded: true));
            (beforePrevious, previous) = (previous, runs[^1].Output);
            if (network.AuxiliaryHead is { } head && runs.Count - 1 == network.AuxiliaryCell)
            {
                middle = previous.detach().requires_grad_(true);
                auxiliaryLogits = head.forward(Lanes.ToImages(middle, count));
            }
        }
        var last = previous.detach().requires_grad_(true);
        var (logits, value) = Backward(network.Classifier.forward(Lanes.Pooled(last, count)), auxiliaryLogits);

        using var _ = no_grad();
        var (gradient, gradientBefore) = (last.grad!.contiguous(), (Tensor?)null);
        for (var i = runs.Count - 1; i >= 0; i--)
        {
            using var inner = NewDisposeScope();
            if (i == network.AuxiliaryCell && middle is not null)
                gradient.Accumulate(middle.grad!);
            var (first, second) = runs[i].Backward(gradient);
            runs[i].Dispose();
            gradient.Dispose();
            gradient = gradientBefore is null ? second : gradientBefore.Accumulate(second);
            gradientBefore = first;
            scope.Attach(gradient);
            scope.Attach(gradientBefore);
        }
        stem.Tape.Backward(gradient.Accumulate(gradientBefore!), needed: false);
        return (logits, value);

        (Tensor Logits, Tensor Loss) Backward(Tensor logits, Tensor? auxiliary)
        {
            var ofLogits = loss(logits);
            var sum = auxiliary is null ? ofLogits : ofLogits.Plus(loss(auxiliary).Times(auxiliaryWeight));
            sum.backward();
            return (logits.detach().MoveToOuterDisposeScope(), ofLogits.detach().MoveToOuterDisposeScope());
        }
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

    /// <summary>
    /// One run of a cell: s_k = d_e o_e(s_i) + d_e' o_e'(s_i') for the two edges into every node, d being what drop path multiplies by.
    /// </summary>
    private sealed class CellRun : IDisposable
    {
        private const long LargeFeatures = 1 << 20;

        private readonly GenotypeCell _cell;
        private readonly ModuleTape _first, _second;
        private readonly ModuleTape[] _edges;
        private readonly Tensor?[] _drops;
        private readonly List<Tensor> _states;

        public CellRun(GenotypeCell cell, Tensor beforePrevious, Tensor previous, long images, DropPath? dropPath, bool recorded)
        {
            using var _ = no_grad();
            using var scope = NewDisposeScope();
            (_cell, Genotype) = (cell, cell.Plan.Genotype);
            (_edges, _drops) = (new ModuleTape[Edges.Count], new Tensor?[Edges.Count]);
            _first = Run(cell.FirstPreprocess, beforePrevious, images, recorded);
            _second = Run(cell.SecondPreprocess, previous, images, recorded);
            _states = [_first.Output, _second.Output];
            for (var edge = 0; edge < Edges.Count && dropPath is not null; edge++)
            {
                if (cell.Operation(edge) is not IdentityModule)
                    _drops[edge] = Lanes.OfFactors(dropPath.Factors(images, previous.dtype));
            }
            var outputs = new Tensor[Edges.Count];
            InParallel([.. EdgesOfInputs], Forward, (edge, output) => outputs[edge] = output);
            for (var node = 0; node < Genotype.Nodes; node++)
            {
                InParallel([.. EdgesOfNodes(node)], Forward, (edge, output) => outputs[edge] = output);
                var (one, other) = (outputs[CellPlan.EdgesPerNode * node], outputs[CellPlan.EdgesPerNode * node + 1]);
                _states.Add(one.Plus(other));
                one.Dispose();
                other.Dispose();
            }
            Output = cat([.. Genotype.Concat.Select(state => _states[state])], 1).MoveToOuterDisposeScope();
            foreach (var tensor in recorded ? _states.Concat(_drops.OfType<Tensor>()) : [])
                tensor.DetachFromDisposeScope();

            Tensor Forward(int edge)
            {
                using var inner = NewDisposeScope();
                var run = _edges[edge] = Run(cell.Operation(edge), _states[Edges[edge].Input], images, recorded);
                var output = _drops[edge] is { } drop ? run.Output.mul(drop) : run.Output.alias();
                run.Release();
                return output.DetachFromDisposeScope();
            }
        }

        private CellGenotype Genotype { get; }

        private IReadOnlyList<GenotypeEdge> Edges => Genotype.Edges;

        /// <summary>The edges that can run as soon as the cell begins.</summary>
        private IEnumerable<int> EdgesOfInputs => Enumerable.Range(0, Edges.Count).Where(edge => Edges[edge].Input < CellTopology.Inputs);

        public Tensor Output { get; }

        /// <summary>The gradients of the cell's inputs; those of the weights are added to their <c>grad</c>.</summary>
        public (Tensor First, Tensor Second) Backward(Tensor gradient)
        {
            var channels = _cell.Plan.Channels;
            var gradients = _states.Select(state => zeros_like(state)).ToArray();
            for (var i = 0; i < Genotype.Concat.Count; i++)
                gradients[Genotype.Concat[i]].Accumulate(gradient.narrow(1, i * channels, channels));
            for (var node = Genotype.Nodes - 1; node >= 0; node--)
                InParallel([.. EdgesOfNodes(node)], Backward, Add);
            InParallel([.. EdgesOfInputs], Backward, Add);
            return (_first.Tape.Backward(gradients[0], needed: true)!, _second.Tape.Backward(gradients[1], needed: true)!);

            Tensor Backward(int edge)
            {
                using var _ = no_grad();
                using var inner = NewDisposeScope();
                var ofNode = gradients[CellTopology.Inputs + edge / CellPlan.EdgesPerNode];
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
        private IEnumerable<int> EdgesOfNodes(int node) => Enumerable.Range(CellPlan.EdgesPerNode * node, CellPlan.EdgesPerNode)
            .Where(edge => Edges[edge].Input >= CellTopology.Inputs);

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

        public void Dispose()
        {
            _first.Dispose();
            _second.Dispose();
            foreach (var edge in _edges)
                edge.Dispose();
            foreach (var tensor in _states.Concat(_drops.OfType<Tensor>()))
                tensor.Dispose();
            Output.Dispose();
        }
    }
}
