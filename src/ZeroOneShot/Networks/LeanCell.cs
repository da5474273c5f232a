using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using static TorchSharp.torch;

namespace ZeroOneShot.Networks;

/// <summary>
/// Runs a search cell forwards without a graph, and backwards by recomputing one operation at a time: the same numbers as autograd through
/// <see cref="SearchCell.forward"/>, in a fraction of its memory.
/// </summary>
/// <remarks>
/// <para>State i of a cell is s_i; edge e from i to node k adds beta_e shuffle[m_e, b_e] to s_k, where m_e = sum over o of w_eo o(x_i)
/// takes the first 1/K of the channels, x_i, and b_e, the bypass, the rest. Shuffle and bypass are linear, so with
/// c_eo = beta_e w_eo</para>
/// <para>s_k = shuffle[M_k, B_k],  M_k = sum over e into k, o of c_eo o(x_i),  B_k = sum over e into k of beta_e bypass(s_i),</para>
/// <para>one shuffle per node. With K = 1 there is no bypass and s_k = M_k.</para>
/// <para>Backwards, let g_k = dL/ds_k and [gM_k, gB_k] its unshuffled parts. The nodes after i being done, all g_k of its edges
/// are known, and</para>
/// <para>g_i = dL/d(output) part i + sum over e, o of c_eo (do/dx)' gM_k, and on the other channels
/// sum over e of beta_e bypass' gB_k;</para>
/// <para>dL/dw_eo = beta_e [gM_k, o(x_i)];  dL/dbeta_e = sum over o of w_eo [gM_k, o(x_i)] + [gB_k, bypass(s_i)].</para>
/// <para>So nothing but x_i and the g_k are needed to run one operation again, for its gradients alone, and drop it. The nodes are parts of
/// the cell's output, which the next cells keep anyway; where M_k and B_k lie in it after the shuffle, they are added up. Operations
/// without parameters run once per state, since their outputs are the same on all outgoing edges. The operations of a state run side by
/// side (<see cref="Workers"/>).</para>
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
        var states = new List<Tensor>
        {
            order.Forward(_cell.FirstPreprocess, beforePrevious), order.Forward(_cell.SecondPreprocess, previous),
        };
        var output = order.Zeros(like: states[0], Nodes * _cell.Channels, _uses[0].Stride);
        states.AddRange(Enumerable.Range(0, Nodes).Select(node => Node(output, node)));
        var parts = states[CellTopology.Inputs..].Select(state => PartialConnection.Parts(state, _partial)).ToArray();
        var bypasses = Enumerable.Range(0, Nodes).Select(_ => new List<(Tensor, double)>()).ToArray();
        for (var i = 0; i < states.Count; i++)
        {
            if (_partial > 1 && i >= CellTopology.Inputs)
                order.Add(parts[i - CellTopology.Inputs].Bypass!, bypasses[i - CellTopology.Inputs]);
            AddOperations(_uses[i], states[i], parts, c, order);
            var edges = LiveEdges(_uses[i], c);
            if (_partial > 1 && edges.Length > 0)
            {
                var bypass = order.Forward(_uses[i].Bypass, Rest(states[i]));
                foreach (var edge in edges)
                    bypasses[edge.Node].Add((bypass, c.Edge(_cell.Kind, edge.Index)));
            }
        }
        return output.MoveToOuterDisposeScope();
    }

    /// <summary>
    /// The gradients of the cell's inputs. Those of its weights are added to their <c>grad</c> where they require it, those of the mixing
    /// weights to <paramref name="c"/> where <paramref name="mixing"/> asks for them.
    /// </summary>
    /// <param name="beforePrevious">The first input.</param>
    /// <param name="previous">The second input.</param>
    /// <param name="output">The cell's output, as the forward run gave it.</param>
    /// <param name="gradient">The gradient of the output; what the nodes pass on to one another is added to it.</param>
    /// <param name="c">The mixing weights.</param>
    /// <param name="order">The order of all features.</param>
    /// <param name="mixing">Whether the gradients of the mixing weights are wanted.</param>
    /// <param name="needed">
    /// Whether the gradient of each input is needed, by what stands before it or by the preprocessing's weights.
    /// </param>
    public (Tensor? BeforePrevious, Tensor? Previous) Backward(Tensor beforePrevious, Tensor previous, Tensor output, Tensor gradient,
        MixingCoefficients c, FeatureOrder order, bool mixing, (bool First, bool Second) needed)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var parts = new (Tensor Mixed, Tensor? Bypass)[Nodes];
        for (var node = Nodes - 1; node >= 0; node--)
        {
            var total = Node(gradient, node);
            AddGradients(_uses[node + CellTopology.Inputs], Node(output, node), total, parts, c, order, mixing);
            parts[node] = PartialConnection.Parts(total, _partial);
        }
        var first = Input(beforePrevious, _cell.FirstPreprocess, _uses[0], needed.First);
        var second = Input(previous, _cell.SecondPreprocess, _uses[1], needed.Second);
        return (first?.MoveToOuterDisposeScope(), second?.MoveToOuterDisposeScope());

        Tensor? Input(Tensor input, nn.Module<Tensor, Tensor> preprocess, StateUses uses, bool isNeeded)
        {
            using var inner = NewDisposeScope();
            using var run = order.Run(preprocess, input, isNeeded);
            var total = isNeeded ? zeros_like(run.Output) : null;
            AddGradients(uses, run.Output, total, parts, c, order, mixing);
            return total is null ? null : run.Backward(total)?.MoveToOuterDisposeScope();
        }
    }

    private void AddOperations(
        StateUses uses, Tensor state, (Tensor Mixed, Tensor? Bypass)[] nodes, MixingCoefficients c, FeatureOrder order)
    {
        using var scope = NewDisposeScope();
        var x = Mixed(state);
        var operations = uses.Operations.Where(use => use.Edges.Any(edge => c[_cell.Kind, edge.Index, use.Row] != 0)).ToArray();
        Workers.Run(operations.Length, Output, Add);

        Tensor Output(int i)
        {
            var output = order.Forward(operations[i].Module, x);
            operations[i].ShareStatistics();
            return output.DetachFromDisposeScope();
        }

        void Add(int i, Tensor output)
        {
            foreach (var edge in operations[i].Edges)
                order.Add(nodes[edge.Node].Mixed, (output, c[_cell.Kind, edge.Index, operations[i].Row]));
            output.Dispose();
        }
    }

    /// <summary>Adds to g_i, null where it is not needed, what comes from the nodes after i.</summary>
    private void AddGradients(StateUses uses, Tensor state, Tensor? total, (Tensor Mixed, Tensor? Bypass)[] gradients,
        MixingCoefficients c, FeatureOrder order, bool mixing)
    {
        var edges = LiveEdges(uses, c);
        if (edges.Length == 0 || total is null && !mixing)
            return;
        using var scope = NewDisposeScope();
        var x = Mixed(state);
        var gx = total is null ? null : Mixed(total);
        var operations = uses.Operations.Where(use => use.Edges.Any(edge => c.IsLive(_cell.Kind, edge.Index, use.Row))).ToArray();
        Workers.Run(operations.Length, Gradient, Add);
        if (_partial == 1)
            return;

        using var run = order.Run(uses.Bypass, Rest(state), total is not null);
        if (mixing)
        {
            foreach (var edge in edges)
                c.AddBypass(_cell.Kind, edge.Index, order.Product(gradients[edge.Node].Bypass!, run.Output));
        }
        if (total is not null)
        {
            var gradient = zeros_like(run.Output);
            order.Add(gradient, [.. edges.Select(edge => (gradients[edge.Node].Bypass!, c.Edge(_cell.Kind, edge.Index)))]);
            order.Add(Rest(total), (run.Backward(gradient)!, 1));
        }

        // Runs an operation again, for the gradient of its input and of its weights, and the products with its output.
        (Tensor? Input, double[] Products) Gradient(int i)
        {
            using var one = NewDisposeScope();
            var use = operations[i];
            using var run = order.Run(use.Module, x, gx is not null);
            var products = mixing ? use.Edges.Select(edge => order.Product(gradients[edge.Node].Mixed, run.Output)).ToArray() : [];
            var gradient = zeros_like(run.Output);
            order.Add(gradient, [.. use.Edges.Select(edge => (gradients[edge.Node].Mixed, c[_cell.Kind, edge.Index, use.Row]))]);
            return (run.Backward(gradient)?.DetachFromDisposeScope(), products);
        }

        void Add(int i, (Tensor? Input, double[] Products) result)
        {
            var use = operations[i];
            for (var edge = 0; edge < result.Products.Length; edge++)
                c.AddOperation(_cell.Kind, use.Edges[edge].Index, use.Row, result.Products[edge]);
            if (result.Input is null)
                return;
            order.Add(gx!, (result.Input, 1));
            result.Input.Dispose();
        }
    }

    private StateUses.Edge[] LiveEdges(StateUses uses, MixingCoefficients c) =>
        [.. uses.Edges.Where(edge => c.IsLive(_cell.Kind, edge.Index))];

    private Tensor Node(Tensor features, int node) => features.narrow(1, node * _cell.Channels, _cell.Channels);

    private Tensor Mixed(Tensor state) => state.narrow(1, 0, MixedChannels);

    private Tensor Rest(Tensor state) => state.narrow(1, MixedChannels, _cell.Channels - MixedChannels);
}
