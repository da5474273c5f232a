using TorchSharp;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using static TorchSharp.torch;

namespace ZeroOneShot.Networks;

/// <summary>
/// Runs a search cell forwards without a graph, and backwards by recomputing one operation at a time: the same numbers as autograd through
/// <see cref="SearchCell.Forward"/>, in a fraction of its memory.
/// </summary>
/// <remarks>
/// <para>State i of a cell is s_i; edge e from i to node k adds beta_e shuffle[m_e, b_e] to s_k, where m_e = sum over o of w_eo o(x_i) takes the
/// first 1/K of the channels, x_i, and b_e, the bypass, the rest. Shuffle and bypass are linear, so with c_eo = beta_e w_eo</para>
/// <para>s_k = shuffle[M_k, B_k],  M_k = sum over e into k, o of c_eo o(x_i),  B_k = sum over e into k of beta_e bypass(s_i),</para>
/// <para>one shuffle per node. With K = 1 there is no bypass and s_k = M_k.</para>
/// <para>Backwards, let g_k = dL/ds_k and [gM_k, gB_k] its unshuffled parts. The nodes after i being done, all g_k of its edges are known, and</para>
/// <para>g_i = dL/d(output) part i + sum over e, o of c_eo (do/dx)' gM_k, and on the other channels sum over e of beta_e bypass' gB_k;</para>
/// <para>dL/dw_eo = beta_e [gM_k, o(x_i)];  dL/dbeta_e = sum over o of w_eo [gM_k, o(x_i)] + [gB_k, bypass(s_i)].</para>
/// <para>So nothing but x_i and the g_k are needed to run one operation again, for its gradients alone, and drop it. The nodes are parts of the
/// cell's output, which the next cells keep anyway. Operations without parameters run once per state, since their outputs are the same on all
/// outgoing edges. The operations of a state run side by side (<see cref="Workers"/>).</para>
/// </remarks>
internal sealed class LeanCell
{
    private readonly SearchCell _cell;
    private readonly int _partial;
    private readonly StateUses[] _uses;

    public LeanCell(SearchCell cell, OperationMask mask, int partial)
    {
        (_cell, _partial) = (cell, partial);
        _uses = [.. Enumerable.Range(0, CellTopology.Inputs + mask.Space.Topology.Nodes).Select(state => new StateUses(cell, mask, state))];
    }

    private int Nodes => _uses.Length - CellTopology.Inputs;

    private int MixedChannels => _cell.Channels / _partial;

    /// <summary>The cell's output, without a graph.</summary>
    public Tensor Forward(Tensor beforePrevious, Tensor previous, MixingCoefficients c, FeatureOrder order)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var states = new List<Tensor> { order.Forward(_cell.FirstPreprocess, beforePrevious), order.Forward(_cell.SecondPreprocess, previous) };
        var sums = Enumerable.Range(0, Nodes).Select(_ => new NodeSum(_partial, scope)).ToArray();
        for (var i = 0; i < _uses.Length; i++)
        {
            if (i >= CellTopology.Inputs)
                states.Add(sums[i - CellTopology.Inputs].Close(() => order.Forward(new ZeroModule(_uses[0].Stride), Mixed(states[0], order))));
            AddUses(_uses[i], states[i], sums, c, order);
        }
        return cat(states[CellTopology.Inputs..], 1).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// The gradients of the cell's inputs. Those of its weights are added to their <c>grad</c> where they require it, those of the mixing
    /// weights to <paramref name="c"/> where <paramref name="mixing"/> asks for them.
    /// </summary>
    /// <param name="beforePrevious">The first input.</param>
    /// <param name="previous">The second input.</param>
    /// <param name="output">The cell's output, as the forward run gave it.</param>
    /// <param name="gradient">The gradient of the output.</param>
    /// <param name="c">The mixing weights.</param>
    /// <param name="order">The order of all features.</param>
    /// <param name="mixing">Whether the gradients of the mixing weights are wanted.</param>
    /// <param name="needed">Whether the gradient of each input is needed, by what stands before it or by the preprocessing's weights.</param>
    public (Tensor? BeforePrevious, Tensor? Previous) Backward(Tensor beforePrevious, Tensor previous, Tensor output, Tensor gradient,
        MixingCoefficients c, FeatureOrder order, bool mixing, (bool First, bool Second) needed)
    {
        using var scope = NewDisposeScope();
        var gradients = new NodeGradient[Nodes];
        for (var node = Nodes - 1; node >= 0; node--)
        {
            using var inner = NewDisposeScope();
            var state = output.narrow(1, node * _cell.Channels, _cell.Channels);
            var total = gradient.narrow(1, node * _cell.Channels, _cell.Channels);
            if (StateGradient(_uses[node + CellTopology.Inputs], state, gradients, c, order, mixing, needed: true) is { } later)
                total = later.Accumulate(total);
            gradients[node] = NodeGradient.Of(total, _partial, order, scope);
        }
        var first = Input(beforePrevious, _cell.FirstPreprocess, _uses[0], needed.First);
        var second = Input(previous, _cell.SecondPreprocess, _uses[1], needed.Second);
        return (first?.MoveToOuterDisposeScope(), second?.MoveToOuterDisposeScope());

        Tensor? Input(Tensor input, nn.Module<Tensor, Tensor> preprocess, StateUses uses, bool isNeeded)
        {
            using var inner = NewDisposeScope();
            using var run = order.Run(preprocess, input, isNeeded);
            return StateGradient(uses, run.Output, gradients, c, order, mixing, isNeeded) is { } g
                ? run.Backward(g)?.MoveToOuterDisposeScope()
                : null;
        }
    }

    private void AddUses(StateUses uses, Tensor state, NodeSum[] sums, MixingCoefficients c, FeatureOrder order)
    {
        if (uses.Edges.Count == 0)
            return;
        using var scope = NewDisposeScope();
        var x = Mixed(state, order);
        var operations = uses.Operations.Where(use => use.Edges.Any(edge => c[_cell.Kind, edge.Index, use.Row] != 0)).ToArray();
        Workers.Run(operations.Length, Output, Add);
        if (_partial > 1)
        {
            var bypass = order.Packed(order.Forward(uses.Bypass, Rest(state)));
            foreach (var edge in uses.Edges)
                sums[edge.Node].AddBypass(bypass, c.Edge(_cell.Kind, edge.Index));
        }

        Tensor Output(int i)
        {
            var output = order.Forward(operations[i].Module, x);
            operations[i].ShareStatistics();
            return output.DetachFromDisposeScope();
        }

        void Add(int i, Tensor output)
        {
            foreach (var edge in operations[i].Edges)
                sums[edge.Node].AddMixed(output, c[_cell.Kind, edge.Index, operations[i].Row]);
            output.Dispose();
        }
    }

    /// <summary>g_i without the part of the cell's output; null when it is not needed or no edge leaves the state.</summary>
    private Tensor? StateGradient(
        StateUses uses, Tensor state, NodeGradient[] gradients, MixingCoefficients c, FeatureOrder order, bool mixing, bool needed)
    {
        if (uses.Edges.Count == 0 || !(needed || mixing))
            return null;
        using var scope = NewDisposeScope();
        var x = Mixed(state, order);
        Tensor? mixed = null;
        Workers.Run(uses.Operations.Count, Gradient, Add);
        if (_partial == 1)
            return mixed?.MoveToOuterDisposeScope();

        using var run = order.Run(uses.Bypass, order.Packed(Rest(state)), needed);
        Tensor? gBypass = null;
        foreach (var edge in uses.Edges)
        {
            var gB = gradients[edge.Node].Bypass!;
            if (mixing)
                c.AddBypass(_cell.Kind, edge.Index, Product(gB, run.Output, order));
            if (needed)
                gBypass = Sum(gBypass, gB, c.Edge(_cell.Kind, edge.Index));
        }
        return needed ? cat([mixed ?? zeros_like(x), run.Backward(gBypass!)!], 1).MoveToOuterDisposeScope() : null;

        // Runs an operation again, for the gradient of its input and of its weights, and the products with its output.
        (Tensor? Input, double[] Products) Gradient(int i)
        {
            using var one = NewDisposeScope();
            var use = uses.Operations[i];
            using var run = order.Run(use.Module, x, needed);
            var products = mixing ? use.Edges.Select(edge => Product(gradients[edge.Node].Mixed, run.Output, order)).ToArray() : [];
            Tensor? gradient = null;
            foreach (var edge in use.Edges)
                gradient = Sum(gradient, gradients[edge.Node].Mixed, c[_cell.Kind, edge.Index, use.Row]);
            return (run.Backward(gradient!)?.DetachFromDisposeScope(), products);
        }

        void Add(int i, (Tensor? Input, double[] Products) result)
        {
            var use = uses.Operations[i];
            for (var edge = 0; edge < result.Products.Length; edge++)
                c.AddOperation(_cell.Kind, use.Edges[edge].Index, use.Row, result.Products[edge]);
            if (result.Input is null)
                return;
            if (mixed is null)
            {
                scope.Attach(mixed = result.Input);
                return;
            }
            mixed.Accumulate(result.Input);
            result.Input.Dispose();
        }
    }

    private Tensor Mixed(Tensor state, FeatureOrder order) => order.Packed(_partial == 1 ? state : state.narrow(1, 0, MixedChannels));

    private Tensor Rest(Tensor state) => state.narrow(1, MixedChannels, _cell.Channels - MixedChannels);

    private static Tensor Sum(Tensor? sum, Tensor term, double factor) => sum is null ? term.Times(factor) : sum.Accumulate(term, factor);

    private static double Product(Tensor gradient, Tensor value, FeatureOrder order)
    {
        using var scope = NewDisposeScope();
        return dot(order.Flat(gradient), order.Flat(value)).Value();
    }

    /// <summary>M_k and B_k while the edges into a node are added up.</summary>
    private sealed class NodeSum(int partial, DisposeScope scope)
    {
        private Tensor? _mixed;
        private Tensor? _bypass;

        public void AddMixed(Tensor output, double factor)
        {
            if (factor != 0)
                Accumulate(ref _mixed, output, factor);
        }

        public void AddBypass(Tensor bypass, double factor) => Accumulate(ref _bypass, bypass, factor);

        /// <summary>s_k; zeros stand for M_k where no operation reaches the node.</summary>
        public Tensor Close(Func<Tensor> zero)
        {
            using var inner = NewDisposeScope();
            var mixed = _mixed ?? zero();
            var state = partial == 1 ? mixed : PartialConnection.Shuffle(cat([mixed, _bypass!], 1), partial);
            scope.Attach(state);
            if (partial > 1)
                (_mixed, _bypass) = (Release(_mixed), Release(_bypass));
            return state;
        }

        private static Tensor? Release(Tensor? sum)
        {
            sum?.Dispose();
            return null;
        }

        private void Accumulate(ref Tensor? sum, Tensor term, double factor)
        {
            if (sum is not null)
                sum.Accumulate(term, factor);
            else
                scope.Attach(sum = term.Times(factor));
        }
    }

    /// <summary>gM_k and gB_k.</summary>
    private readonly record struct NodeGradient(Tensor Mixed, Tensor? Bypass)
    {
        /// <summary>Takes g_k apart; the parts live as long as <paramref name="scope"/>.</summary>
        public static NodeGradient Of(Tensor gradient, int partial, FeatureOrder order, DisposeScope scope)
        {
            using var inner = NewDisposeScope();
            var channels = (int)gradient.shape[1];
            var mixedChannels = channels / partial;
            var parts = partial == 1 ? gradient : PartialConnection.Shuffle(gradient, mixedChannels);    // undoes the shuffle in K groups
            var mixed = order.Packed(parts.narrow(1, 0, mixedChannels));
            var bypass = partial == 1 ? null : order.Packed(parts.narrow(1, mixedChannels, channels - mixedChannels));
            scope.Attach(mixed);
            if (bypass is not null)
                scope.Attach(bypass);
            return new NodeGradient(mixed, bypass);
        }
    }
}
