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
/// <remarks>
/// Of an item that is recomputed the forward run keeps what other items read anyway, its output, of which a cell's nodes are parts.
/// Backwards its preprocessing and then one operation after the other runs again, goes backwards, and is dropped: the same bits in less
/// memory, for the time of one more forward run. Of the others all that the way back reads is kept.
/// </remarks>
/// <param name="network">The network.</param>
/// <param name="plain">Whether ordinary autograd computes, to compare with.</param>
/// <param name="recomputed">How many items of the network are recomputed, from the first on.</param>
internal sealed class LeanCellNet(CellNet network, bool plain = false, int recomputed = 0)
{
    /// <summary>Features of so many numbers are computed by all threads together; smaller ones side by side.</summary>
    internal const long LargeFeatures = 1 << 20;

    private readonly RepeatedRuns? _repeated = recomputed > 0 ? new RepeatedRuns(network) : null;

    /// <summary>The logits, without a graph.</summary>
    public Tensor Forward(Tensor images)
    {
        Check(images);
        if (!Lanes.Handle(images))
        {
            using var _ = no_grad();
            return network.ForwardWithAuxiliary(images).Logits;
        }
        var (count, lanes) = (images.shape[0], Lanes.Count(images.dtype));
        // A layer of one's own is not asked to run on several threads at once, nor on parts of a batch.
        if (network.training || count <= lanes || !network.RunsInLanes)
            return ForwardTogether(images);
        // Images do not depend on one another: a thread takes as many as fill the lanes through the whole network, and no layer
        // waits for others.
        using var scope = NewDisposeScope();
        var logits = new Tensor[(count + lanes - 1) / lanes];
        Workers.Run(logits.Length, Part, (i, part) => scope.Attach(logits[i] = part));
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
            var run = Start(i, arranged, features, images.shape[0], dropPath: null, Keeping.Nothing);
            features.Add(run.Output);
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

    /// <summary>
    /// The same for any loss: a scalar of the logits. Autocast is without effect where the kernels compute; they alone give the gradient of
    /// the images, N x C x H x W, which <paramref name="ofImages"/> takes over, and what convolutions put out
    /// (<see cref="LaneRun.Convolved"/>), to whoever asks for these.
    /// </summary>
    public (Tensor Logits, Tensor Loss) GradientOf(
        Tensor images, Func<Tensor, Tensor> loss, double auxiliaryWeight = 0, double dropPath = 0, RandomStream? random = null,
        bool autocasts = false, Action<Tensor>? ofImages = null, Action<nn.Module, Tensor, Tensor>? convolved = null)
    {
        Check(images);
        using var scope = NewDisposeScope();
        if (plain || !Lanes.Handle(images))
        {
            Tensor all;
            Tensor? auxiliary;
            using (autocasts ? new Autocast(images.device_type) : null)
                (all, auxiliary) = network.ForwardWithAuxiliary(images, dropPath, random);
            return Backward(all.to(images.dtype), auxiliary?.to(images.dtype));
        }

        var count = images.shape[0];
        var drop = dropPath > 0 ? new DropPath(dropPath, random!.Generator) : null;
        using var runs = new StepRuns();
        var features = new List<Tensor>();
        Tensor? atHead = null;                                              // what the head's classifier reads, as pooled is the other's
        Tensor pooled;
        using (no_grad())
        {
            var arranged = Lanes.Of(images);
            for (var i = 0; i < Plan.Items.Count; i++)
            {
                runs.Items.Add(Start(i, arranged, features, count, drop, i < recomputed ? Keeping.Output : Keeping.All, convolved));
                features.Add(runs.Items[i].Output);
                if (network.AuxiliaryHead is { } head && i == Plan.AuxiliaryItem)
                {
                    runs.Head = Run(head.Features, features[i], count, recorded: true);
                    atHead = Lanes.Pooled(runs.Head.Value.Output, count);
                }
            }
            pooled = Lanes.Pooled(features[^1], count);
        }
        var (logits, value) = Backward(
            network.Classifier.forward(pooled.requires_grad_(true)),
            atHead is null ? null : network.AuxiliaryHead!.Classifier.forward(atHead.requires_grad_(true)));

        using var _ = no_grad();
        var gradients = new Tensor?[features.Count];                          // of the items' outputs
        gradients[^1] = Lanes.PooledGradient(pooled.grad!, features[^1]);
        Tensor? ofArranged = null;
        _repeated?.Track(false);
        try
        {
            for (var i = features.Count - 1; i >= 0; i--)
            {
                if (i == Plan.AuxiliaryItem && runs.Head is { } head)
                {
                    Add(i, head.Tape.Backward(Lanes.PooledGradient(atHead!.grad!, head.Output), needed: true));
                    head.Dispose();
                    runs.Head = null;
                }
                var inputs = Plan.Items[i].Inputs;
                var ofInputs = runs.Items[i].Backward(
                    gradients[i]!, needed: ofImages is not null || inputs.Any(input => input != NetworkPlan.OfImages));
                runs.Items[i].Dispose();
                runs.Items.RemoveAt(i);
                foreach (var (input, ofInput) in inputs.Zip(ofInputs))
                    Add(input, ofInput);
            }
        }
        finally
        {
            _repeated?.Track(true);
        }
        if (ofImages is not null)
            ofImages(Lanes.ToImages(ofArranged!, count).DetachFromDisposeScope());
        return (logits, value);

        void Add(int item, Tensor? gradient)
        {
            if (gradient is null)
                return;
            if (item == NetworkPlan.OfImages)
            {
                if (ofArranged is null)
                {
                    ofArranged = gradient;
                    scope.Attach(gradient);
                    return;
                }
                Take(ofArranged, gradient, factors: null, adds: true);
                gradient.Dispose();
                return;
            }
            if (gradients[item] is not { } sum)
            {
                gradients[item] = gradient;
                scope.Attach(gradient);
                return;
            }
            Take(sum, gradient, factors: null, adds: true);
            gradient.Dispose();
        }

        (Tensor Logits, Tensor Loss) Backward(Tensor logits, Tensor? auxiliary)
        {
            var ofLogits = loss(logits);
            var sum = auxiliary is null ? ofLogits : ofLogits.Plus(loss(auxiliary).Times(auxiliaryWeight));
            sum.backward();
            return (logits.detach().MoveToOuterDisposeScope(), ofLogits.detach().MoveToOuterDisposeScope());
        }
    }

    private NetworkPlan Plan => network.Plan;

    private void Check(Tensor images) => NetworkInput.Check(images, network.InputChannels, network.Classifier.weight!);

    /// <summary>What a run keeps for the way back.</summary>
    private enum Keeping
    {
        /// <summary>Nothing: there is none.</summary>
        Nothing,

        /// <summary>The output, and of a cell the nodes that are no part of it.</summary>
        Output,

        /// <summary>All that layers read on the way back.</summary>
        All,
    }

    /// <summary>Runs an item of the network.</summary>
    private ItemRun Start(int i, Tensor images, List<Tensor> features, long count, DropPath? dropPath, Keeping keeping,
        Action<nn.Module, Tensor, Tensor>? convolved = null)
    {
        Tensor[] inputs = [.. Plan.Items[i].Inputs.Select(input => input == NetworkPlan.OfImages ? images : features[input])];
        return network.Items[i] is GenotypeCell cell
            ? new CellRun(cell, inputs, count, dropPath, keeping, convolved)
            : new BlockRun((nn.Module<Tensor, Tensor>)network.Items[i], inputs[0], count, keeping, convolved);
    }

    private static ModuleTape Run(nn.Module<Tensor, Tensor> module, Tensor input, long images, bool recorded, bool repeats = false,
        Action<nn.Module, Tensor, Tensor>? convolved = null)
    {
        var tape = new LaneRun(images, recorded, repeats) { Convolved = convolved };
        return new ModuleTape(tape.Forward(module, input), tape);
    }

    /// <summary>sum = or += term, times a factor for every image.</summary>
    private static void Take(Tensor sum, Tensor term, Tensor? factors, bool adds)
    {
        if (sum.dtype == ScalarType.Float32)
            SumKernel<float>.Take(sum, term, factors, adds);
        else
            SumKernel<double>.Take(sum, term, factors, adds);
    }

    /// <summary>A module's output, or what its last batch norm makes it of, and the way back.</summary>
    private readonly record struct ModuleTape(Tensor Output, LaneRun Tape) : IDisposable
    {
        /// <summary>Lets go of the output once it is used, unless the way back needs it.</summary>
        public void Release()
        {
            if (Tape.IsSpare(Output))
                Output.Dispose();
        }

        public void Dispose()
        {
            Tape.Dispose();
            Output.Dispose();
        }
    }

    /// <summary>What a step has run and not yet gone back through; where it fails, that is let go of.</summary>
    private sealed class StepRuns : IDisposable
    {
        public List<ItemRun> Items { get; } = [];

        /// <summary>That of the auxiliary head.</summary>
        public ModuleTape? Head { get; set; }

        public void Dispose()
        {
            foreach (var run in Items)
                run.Dispose();
            Head?.Dispose();
        }
    }

    /// <summary>One run of an item of the network.</summary>
    private abstract class ItemRun : IDisposable
    {
        public abstract Tensor Output { get; }

        /// <summary>The gradients of the inputs, where needed; those of the weights are added to their <c>grad</c>.</summary>
        /// <param name="gradient">The gradient of the output; taken over.</param>
        /// <param name="needed">Whether those of the inputs are wanted.</param>
        public abstract Tensor?[] Backward(Tensor gradient, bool needed);

        public abstract void Dispose();
    }

    /// <summary>One run of a fixed block.</summary>
    private sealed class BlockRun : ItemRun
    {
        private readonly nn.Module<Tensor, Tensor> _module;
        private readonly Tensor _input;
        private readonly long _images;
        private readonly Keeping _keeping;
        private readonly Action<nn.Module, Tensor, Tensor>? _convolved;
        private readonly ModuleTape _run;

        public BlockRun(nn.Module<Tensor, Tensor> module, Tensor input, long images, Keeping keeping,
            Action<nn.Module, Tensor, Tensor>? convolved)
        {
            (_module, _input, _images, _keeping, _convolved) = (module, input, images, keeping, convolved);
            _run = Run(module, input, images, recorded: keeping == Keeping.All, convolved: convolved);
        }

        public override Tensor Output => _run.Output;

        public override Tensor?[] Backward(Tensor gradient, bool needed)
        {
            if (_keeping == Keeping.All)
                return [_run.Tape.Backward(gradient, needed)];
            Dispose();
            using var again = Run(_module, _input, _images, recorded: true, repeats: true, _convolved);
            again.Release();
            return [again.Tape.Backward(gradient, needed)];
        }

        public override void Dispose() => _run.Dispose();
    }

    /// <summary>
    /// One run of a cell: s_k = sum over the edges e into node k of d_e o_e(s_i), d being what drop path multiplies by.
    /// </summary>
    private sealed class CellRun : ItemRun
    {
        private readonly GenotypeCell _cell;
        private readonly Tensor[] _inputs, _states;
        private readonly ModuleTape?[] _preprocessed, _edges;
        private readonly Tensor?[] _drops;
        private readonly long _images;
        private readonly Keeping _keeping;
        private readonly Action<nn.Module, Tensor, Tensor>? _convolved;

        public CellRun(GenotypeCell cell, Tensor[] inputs, long images, DropPath? dropPath, Keeping keeping,
            Action<nn.Module, Tensor, Tensor>? convolved)
        {
            (_cell, _inputs, _images, _keeping, _convolved) = (cell, inputs, images, keeping, convolved);
            _preprocessed = new ModuleTape?[inputs.Length];
            (_edges, _drops, _states) =
                (new ModuleTape?[Edges.Count], new Tensor?[Edges.Count], new Tensor[inputs.Length + Genotype.Nodes]);
            for (var edge = 0; edge < Edges.Count && dropPath is not null; edge++)
            {
                if (!cell.IsIdentity(edge))
                    _drops[edge] = Lanes.OfFactors(dropPath.Factors(images, inputs[0].dtype));
            }
            var begun = new bool[Genotype.Nodes];
            try
            {
                Preprocess(recorded: keeping == Keeping.All, repeats: false);
                var channels = cell.Plan.Channels;
                var (height, width) = (ImageSize.Reduced(_states[0].size(2), Stride), ImageSize.Reduced(_states[0].size(3), Stride));
                Output = Lanes.Empty(_states[0], (channels * Genotype.Concat.Count, height, width));
                for (var node = 0; node < Genotype.Nodes; node++)
                {
                    var state = inputs.Length + node;
                    _states[state] = Part(Output, state) ?? Lanes.Empty(_states[0], (channels, height, width));
                }
                InParallel([.. Enumerable.Range(0, Edges.Count)], Forward, AddToNode, needs: edge => Edges[edge].Input,
                    gives: edge => inputs.Length + Genotype.NodeOf(edge));
            }
            catch
            {
                Dispose();                                                          // nobody has the run yet
                throw;
            }
            if (keeping != Keeping.All)
                Let(go: _preprocessed);
            if (keeping == Keeping.Nothing)
                Let(go: _states);

            Summand Forward(int edge)
            {
                using var _ = no_grad();
                using var inner = NewDisposeScope();
                var run = new LaneRun(images, recorded: keeping == Keeping.All) { Convolved = convolved };
                var output = run.ForwardToNode(cell.Operation(edge), _states[Edges[edge].Input]);
                if (keeping == Keeping.All)
                    _edges[edge] = new ModuleTape(output.Features, run);
                output.Features.DetachFromDisposeScope();
                return output;
            }

            void AddToNode(int edge, Summand output)
            {
                var node = Genotype.NodeOf(edge);
                var state = _states[inputs.Length + node];
                if (state.dtype == ScalarType.Float32)
                    output.AddTo<float>(state, images, _drops[edge], adds: begun[node]);
                else
                    output.AddTo<double>(state, images, _drops[edge], adds: begun[node]);
                begun[node] = true;
                if (_edges[edge] is { } run)
                    run.Release();
                else
                    output.Dispose();
            }
        }

        private CellGenotype Genotype => _cell.Genotype;

        private IReadOnlyList<GenotypeEdge> Edges => Genotype.Edges;

        private int Stride => _cell.Plan.Stride(state: 0);

        public override Tensor Output { get; }

        public override Tensor?[] Backward(Tensor gradient, bool needed)
        {
            using var scope = NewDisposeScope();
            if (_keeping == Keeping.Output)
                Preprocess(recorded: true, repeats: true);
            var gradients = new Tensor?[_states.Length];
            for (var state = _inputs.Length; state < _states.Length; state++)
                gradients[state] = Part(gradient, state) ?? Lanes.EmptyLike(_states[state]).zero_();
            InParallel([.. Enumerable.Range(0, Edges.Count).OrderByDescending(Genotype.NodeOf)], Backward, Add,
                needs: edge => _inputs.Length + Genotype.NodeOf(edge), gives: edge => Edges[edge].Input);
            // What is left needs neither the nodes nor their gradients.
            for (var state = _inputs.Length; state < _states.Length; state++)
            {
                gradients[state]!.Dispose();
                _states[state].Dispose();
            }
            gradient.Dispose();
            Output.Dispose();
            var ofInputs = new Tensor?[_inputs.Length];
            for (var input = 0; input < _inputs.Length; input++)
            {
                var ofState = gradients[input] ?? Lanes.EmptyLike(_states[input]).zero_();
                ofInputs[input] = _preprocessed[input]!.Value.Tape.Backward(ofState, needed)?.MoveToOuterDisposeScope();
                _preprocessed[input]!.Value.Dispose();
            }
            return ofInputs;

            Tensor Backward(int edge)
            {
                using var _ = no_grad();
                using var inner = NewDisposeScope();
                var ofNode = gradients[Genotype.Inputs + Genotype.NodeOf(edge)]!;
                if (_cell.IsIdentity(edge))
                    return ofNode.alias().DetachFromDisposeScope();
                using var run = _edges[edge] ?? Again(edge);
                run.Release();
                // Others read the gradient of the node too.
                if (_drops[edge] is null && run.Tape.BackwardOfMultiple(ofNode, 1, needed: true) is (_, { } ofInput))
                    return (ReferenceEquals(ofInput, run.Output) ? ofInput.alias() : ofInput).DetachFromDisposeScope();
                var ofOutput = Lanes.EmptyLike(ofNode);
                Take(ofOutput, ofNode, _drops[edge], adds: false);
                return run.Tape.Backward(ofOutput, needed: true)!.DetachFromDisposeScope();
            }

            // What comes out is not asked for, but for what goes backwards reads of it.
            ModuleTape Again(int edge)
            {
                var run = new LaneRun(_images, recorded: true, repeats: true) { Convolved = _convolved };
                return new ModuleTape(run.ForwardToNode(_cell.Operation(edge), _states[Edges[edge].Input]).Features, run);
            }

            void Add(int edge, Tensor ofInput)
            {
                var state = Edges[edge].Input;
                if (gradients[state] is null && !_cell.IsIdentity(edge))
                {
                    gradients[state] = ofInput;
                    scope.Attach(ofInput);
                    return;
                }
                var begun = gradients[state] is not null;
                if (!begun)
                    scope.Attach(gradients[state] = Lanes.EmptyLike(ofInput));
                Take(gradients[state]!, ofInput, factors: null, adds: begun);
                ofInput.Dispose();
            }
        }

        /// <summary>The part of the cell's output, or of its gradient, that is a node; null where the node is none.</summary>
        private Tensor? Part(Tensor output, int state)
        {
            for (var i = 0; i < Genotype.Concat.Count; i++)
            {
                if (Genotype.Concat[i] == state)
                    return output.narrow(1, (long)i * _cell.Plan.Channels, _cell.Plan.Channels);
            }
            return null;
        }

        /// <summary>Brings the inputs to the cell's channels and size.</summary>
        private void Preprocess(bool recorded, bool repeats)
        {
            for (var input = 0; input < _inputs.Length; input++)
            {
                _preprocessed[input] = Run(_cell.Preprocess(input), _inputs[input], _images, recorded, repeats, _convolved);
                _states[input] = _preprocessed[input]!.Value.Output;
            }
        }

        /// <summary>
        /// Small features go side by side, each on one thread, as soon as what they need is there; of large ones, all threads take a part.
        /// </summary>
        /// <param name="edges">The edges, behind all that give what they need.</param>
        /// <param name="compute">Runs an edge.</param>
        /// <param name="use">Takes what it gave.</param>
        /// <param name="needs">The state that an edge reads.</param>
        /// <param name="gives">The state that it adds to.</param>
        private void InParallel<T>(
            int[] edges, Func<int, T> compute, Action<int, T> use, Func<int, int> needs, Func<int, int> gives)
        {
            if (_states[0].numel() >= LargeFeatures)
            {
                foreach (var edge in edges)
                    use(edge, compute(edge));
                return;
            }
            var after = edges.Select(edge => 1 + Array.FindLastIndex(edges, other => gives(other) == needs(edge))).ToArray();
            Workers.Run(edges.Length, i => compute(edges[i]), (i, result) => use(edges[i], result), after: i => after[i]);
        }

        private static void Let(ModuleTape?[] go)
        {
            foreach (var run in go)
                run?.Dispose();
        }

        private static void Let(Tensor[] go)
        {
            foreach (var tensor in go)
                tensor?.Dispose();                                                  // null where the forward run failed before it
        }

        public override void Dispose()
        {
            Let(go: _preprocessed);
            Let(go: _edges);
            Let(go: _states);
            foreach (var drop in _drops)
                drop?.Dispose();
            Output?.Dispose();
        }
    }
}
