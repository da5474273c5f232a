using ZeroOneShot.Layers;
using ZeroOneShot.Networks;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using static TorchSharp.torch;

namespace ZeroOneShot.Lean;

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
/// <para>An operation that does not run (GDAS runs one an edge) is left out of these sums; where its weight is added to the edge's output
/// as a number, dL/dw_eo = beta_e [gM_k, 1].</para>
/// <para>So nothing but x_i and the g_k are needed to run one operation again, for its gradients alone, and drop it. The nodes are parts of
/// the cell's output, which the next cells keep anyway (where the output is some of the nodes alone, backwards all are computed once
/// more); where M_k and B_k lie in it after the shuffle, they are added up. Operations
/// without parameters run once per state, since their outputs are the same on all outgoing edges. The operations of a state run side by
/// side (<see cref="Workers"/>).</para>
/// </remarks>
internal sealed class LeanCell
{
    private readonly SearchCell _cell;
    private readonly int _partial;
    private readonly StateUses[] _uses;
    private readonly CellTopology _topology;
    private readonly OperationCounter? _counter;

    public LeanCell(SearchCell cell, OperationMask mask, int partial, OperationCounter? counter)
    {
        (_cell, _partial, _topology, _counter) = (cell, partial, mask.Space.Topology, counter);
        _uses = [.. Enumerable.Range(0, Inputs + Nodes).Select(state => new StateUses(cell, mask, state, MixedChannels))];
    }

    private int Inputs => _topology.Inputs;

    private int Nodes => _topology.Nodes;

    private int MixedChannels => _cell.Channels / _partial;

    /// <summary>The cell's output, without a graph.</summary>
    public Tensor Forward(IReadOnlyList<Tensor> inputs, MixingCoefficients c, FeatureOrder order)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        return Output(AllNodes(inputs, c, order), order).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// The cell as far as its first states decide it, for <see cref="Forward(SharedNodes, IReadOnlyList{Tensor}, MixingCoefficients,
    /// FeatureOrder)"/>; the caller disposes it.
    /// </summary>
    /// <param name="inputs">The first inputs; all of them where <paramref name="states"/> are more.</param>
    /// <param name="states">How many states to add to the nodes behind them.</param>
    /// <param name="node">The node that is to be mixed anew; null where none is.</param>
    /// <param name="c">The mixing weights.</param>
    /// <param name="order">The order of all features.</param>
    public SharedNodes Share(IReadOnlyList<Tensor> inputs, int states, int? node, MixingCoefficients c, FeatureOrder order)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var shared = Begin(inputs, order, node);
        try
        {
            for (var i = 0; i < states; i++)
                AddState(shared, i, c, order);
        }
        catch
        {
            foreach (var (_, _, output) in shared.Outputs)                          // in no scope
                output.Dispose();
            throw;
        }
        shared.Detach();
        return shared;
    }

    /// <summary>
    /// The cell's output, without a graph, from what was computed of it: bit for bit that of a run from the beginning, since every sum is
    /// added up in the same order.
    /// </summary>
    /// <param name="shared">The part that is the same; not changed.</param>
    /// <param name="inputs">All inputs; those of the part are not read.</param>
    /// <param name="c">The mixing weights, other ones on edges into the shared part's mixed node and behind its states alone.</param>
    /// <param name="order">The order of all features.</param>
    public Tensor Forward(SharedNodes shared, IReadOnlyList<Tensor> inputs, MixingCoefficients c, FeatureOrder order)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var copy = order.EmptyLike(shared.Features).copy_(shared.Features);
        var nodes = shared.Continued(copy, Parts(copy));
        for (var input = nodes.Inputs.Count; input < Inputs; input++)
            nodes.Inputs.Add(order.Forward(_cell.Preprocess(input), inputs[input]));
        if (shared.MixedNode is { } node)
        {
            var mixed = nodes.Parts[node].Mixed.zero_();
            foreach (var (use, edge, output) in shared.Outputs.Where(kept => c.Runs(_cell.Kind, kept.Use)))
                order.Add(mixed, (output, c[_cell.Kind, edge.Index, use.Row]));
        }
        for (var i = shared.States; i < Inputs + Nodes; i++)
            AddState(nodes, i, c, order);
        return Output(nodes.Features, order).MoveToOuterDisposeScope();
    }

    /// <summary>All intermediate nodes, side by side.</summary>
    private Tensor AllNodes(IReadOnlyList<Tensor> inputs, MixingCoefficients c, FeatureOrder order)
    {
        using var scope = NewDisposeScope();
        var nodes = Begin(inputs, order);
        for (var i = 0; i < Inputs + Nodes; i++)
            AddState(nodes, i, c, order);
        return nodes.Features.MoveToOuterDisposeScope();
    }

    private SharedNodes Begin(IReadOnlyList<Tensor> inputs, FeatureOrder order, int? node = null)
    {
        var states = inputs.Select((input, i) => order.Forward(_cell.Preprocess(i), input)).ToArray();
        var features = order.Zeros(like: states[0], Nodes * _cell.Channels, _uses[0].Stride);
        return new SharedNodes(features, Parts(features), states, node);
    }

    /// <summary>Adds the operations on a state, and what bypasses them, to the nodes behind it.</summary>
    private void AddState(SharedNodes nodes, int i, MixingCoefficients c, FeatureOrder order)
    {
        using var scope = NewDisposeScope();
        var state = i < Inputs ? nodes.Inputs[i] : Node(nodes.Features, i - Inputs);
        if (_partial > 1 && i >= Inputs)
        {
            order.Add(nodes.Parts[i - Inputs].Bypass!, [.. nodes.Bypasses[i - Inputs].Where(at => c.IsLive(_cell.Kind, at.Edge.Index))
                .Select(at => (at.Bypass, c.Edge(_cell.Kind, at.Edge.Index)))]);
        }
        AddOperations(nodes, _uses[i], state, c, order);
        var edges = LiveEdges(_uses[i], c);
        if (_partial > 1 && edges.Length > 0)
        {
            var bypass = order.Forward(_uses[i].Bypass, Rest(state)).MoveToOuterDisposeScope();
            foreach (var edge in edges)
                nodes.Bypasses[edge.Node].Add((edge, bypass));
        }
        nodes.States++;
    }

    /// <summary>The nodes that are the cell's output.</summary>
    private Tensor Output(Tensor nodes, FeatureOrder order)
    {
        if (_topology.OutputIsAllNodes)
            return nodes;
        using var scope = NewDisposeScope();
        var output = order.Zeros(nodes, _topology.Output.Count * _cell.Channels, stride: 1);
        for (var part = 0; part < _topology.Output.Count; part++)
            order.Add(Node(output, part), (Node(nodes, _topology.Output[part] - Inputs), 1));
        return output.MoveToOuterDisposeScope();
    }

    /// <summary>
    /// The gradients of the cell's inputs. Those of its weights are added to their <c>grad</c> where they require it, those of the mixing
    /// weights to <paramref name="c"/> where <paramref name="mixing"/> asks for them.
    /// </summary>
    /// <param name="inputs">The inputs.</param>
    /// <param name="output">The cell's output, as the forward run gave it.</param>
    /// <param name="gradient">The gradient of the output; what the nodes pass on to one another is added to it.</param>
    /// <param name="c">The mixing weights.</param>
    /// <param name="order">The order of all features.</param>
    /// <param name="mixing">Whether the gradients of the mixing weights are wanted.</param>
    /// <param name="needed">
    /// Whether the gradient of each input is needed, by what stands before it or by the preprocessing's weights.
    /// </param>
    public Tensor?[] Backward(IReadOnlyList<Tensor> inputs, Tensor output, Tensor gradient,
        MixingCoefficients c, FeatureOrder order, bool mixing, IReadOnlyList<bool> needed)
    {
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var (nodes, total) = (output, gradient);
        if (!_topology.OutputIsAllNodes)
        {
            // The others are not kept: they are computed once more.
            (nodes, total) = (AllNodes(inputs, c, order), order.Zeros(like: output, Nodes * _cell.Channels, stride: 1));
            for (var part = 0; part < _topology.Output.Count; part++)
                order.Add(Node(total, _topology.Output[part] - Inputs), (Node(gradient, part), 1));
        }
        var parts = new (Tensor Mixed, Tensor? Bypass)[Nodes];
        for (var node = Nodes - 1; node >= 0; node--)
        {
            var ofNode = Node(total, node);
            AddGradients(_uses[node + Inputs], Node(nodes, node), ofNode, parts, c, order, mixing);
            parts[node] = PartialConnection.Parts(ofNode, _partial);
        }
        var gradients = inputs.Select((input, i) => OfInput(input, _cell.Preprocess(i), _uses[i], needed[i])).ToArray();
        foreach (var ofInput in gradients)
            ofInput?.MoveToOuterDisposeScope();
        return gradients;

        Tensor? OfInput(Tensor input, nn.Module<Tensor, Tensor> preprocess, StateUses uses, bool isNeeded)
        {
            using var inner = NewDisposeScope();
            using var run = order.Run(preprocess, input, isNeeded);
            var total = isNeeded ? order.EmptyLike(run.Output).zero_() : null;
            AddGradients(uses, run.Output, total, parts, c, order, mixing);
            return total is null ? null : run.Backward(total)?.MoveToOuterDisposeScope();
        }
    }

    private void AddOperations(SharedNodes nodes, StateUses uses, Tensor state, MixingCoefficients c, FeatureOrder order)
    {
        using var scope = NewDisposeScope();
        var x = Mixed(state);
        var operations = c.Runs(_cell.Kind, uses);
        Workers.Run(operations.Count, Output, Add, x.device_type == TorchSharp.DeviceType.CPU);

        Summand Output(int i)
        {
            using var one = NewDisposeScope();
            // What is added to one node alone is normalised on the way.
            var output = operations[i].Edges.Count == 1 && nodes.MixedNode is null
                ? order.ForwardToAdd(operations[i].Module, x)
                : new Summand(order.Forward(operations[i].Module, x));
            _counter?.Add(operations[i]);
            operations[i].ShareStatistics();
            output.Features.DetachFromDisposeScope();
            return output;
        }

        void Add(int i, Summand output)
        {
            foreach (var edge in operations[i].Edges)
                order.Add(nodes.Parts[edge.Node].Mixed, output, c[_cell.Kind, edge.Index, operations[i].Row]);
            if (!nodes.Keeps(operations[i], output.Features))
                output.Features.Dispose();
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
        var operations = c.Runs(_cell.Kind, uses);
        Workers.Run(operations.Count, Gradient, Add, x.device_type == TorchSharp.DeviceType.CPU);
        if (mixing && c.AddsIdleWeights)
        {
            foreach (var edge in edges)
            {
                using var ones = ones_like(order.Packed(gradients[edge.Node].Mixed));
                c.AddIdle(_cell.Kind, edge.Index, order.Product(gradients[edge.Node].Mixed, ones));
            }
        }
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
            (Tensor, Factor)[] terms = [.. edges.Select(edge => (gradients[edge.Node].Bypass!, c.Edge(_cell.Kind, edge.Index)))];
            if (uses.Stride == 1)
                order.Add(Rest(total), terms);                      // they pass as they are
            else
                order.Add(Rest(total), (run.Backward(order.Sum(run.Output, terms))!, 1));
        }

        // Runs an operation again, for the gradient of its input and of its weights, and the products with its output.
        OperationGradient Gradient(int i)
        {
            using var one = NewDisposeScope();
            var use = operations[i];
            using var run = order.Run(use.Module, x, gx is not null);
            _counter?.Add(use, times: 2);
            if (use.Edges is [var only])
            {
                var (product, ofInput) =
                    order.Backward(run, gradients[only.Node].Mixed, c[_cell.Kind, only.Index, use.Row], multiplies: mixing);
                return new(ofInput?.DetachFromDisposeScope(), mixing ? [product!.Value] : []);
            }
            var products = mixing ? use.Edges.Select(edge => order.Product(gradients[edge.Node].Mixed, run.Output)).ToArray() : [];
            var gradient = order.Sum(
                run.Output, [.. use.Edges.Select(edge => (gradients[edge.Node].Mixed, c[_cell.Kind, edge.Index, use.Row]))]);
            return new(run.Backward(gradient)?.DetachFromDisposeScope(), products);
        }

        void Add(int i, OperationGradient result)
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

    /// <summary>What an operation that runs backwards gives.</summary>
    /// <param name="Input">The gradient of its input; null where it is not needed.</param>
    /// <param name="Products">Of its output with the gradients of the nodes that it is added to.</param>
    private readonly record struct OperationGradient(Tensor? Input, Product[] Products) : IDisposable
    {
        public void Dispose()
        {
            Input?.Dispose();
            foreach (var product in Products)
                product.Dispose();
        }
    }

    private StateUses.Edge[] LiveEdges(StateUses uses, MixingCoefficients c) =>
        [.. uses.Edges.Where(edge => c.IsLive(_cell.Kind, edge.Index))];

    private (Tensor Mixed, Tensor? Bypass)[] Parts(Tensor features) =>
        [.. Enumerable.Range(0, Nodes).Select(node => PartialConnection.Parts(Node(features, node), _partial))];

    private Tensor Node(Tensor features, int node) => features.narrow(1, node * _cell.Channels, _cell.Channels);

    private Tensor Mixed(Tensor state) => state.narrow(1, 0, MixedChannels);

    private Tensor Rest(Tensor state) => state.narrow(1, MixedChannels, _cell.Channels - MixedChannels);
}
