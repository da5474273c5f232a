using ZeroOneShot.Layers;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using static TorchSharp.torch;

namespace ZeroOneShot.Networks;

/// <summary>A cell of the supernet: every edge of the graph carries a mixed operation (DARTS, section 2.1).</summary>
internal sealed class SearchCell : nn.Module<IReadOnlyList<Tensor>, Mixture, Tensor>
{
    private readonly nn.Module<Tensor, Tensor>[] _preprocess;
    private readonly MixedOperation[] _edges;

    public SearchCell(OperationMask mask, CellItem plan, int partial) : base(nameof(SearchCell))
    {
        var space = mask.Space;
        (Kind, Channels, Topology) = (plan.Kind, plan.Channels, space.Topology);
        _preprocess = [.. plan.Preprocess.Select((layers, input) =>
            LayerModules.Build(layers, (int)plan.InputSizes[input].Channels, Channels, affine: false))];
        for (var input = 0; input < _preprocess.Length && Topology.Preprocesses; input++)
            register_module($"preprocess{input}", _preprocess[input]);
        _edges = [.. Enumerable.Range(0, Topology.EdgeCount).Select(edge =>
            new MixedOperation(space, mask.Live(Kind, edge), Topology.Stride(Kind, edge), Channels, partial))];
        register_module(space.Macro.Names.MixedEdges, new EdgeList(space, _edges));
    }

    /// <summary>Normal or reduction.</summary>
    public CellKind Kind { get; }

    /// <summary>Channels of every state; the output has that times the number of states that it concatenates.</summary>
    public int Channels { get; }

    internal CellTopology Topology { get; }

    internal nn.Module<Tensor, Tensor> Preprocess(int input) => _preprocess[input];

    internal MixedOperation Edge(int edge) => _edges[edge];

    /// <summary>The name that a module of <see cref="EdgeList"/> has in it.</summary>
    internal static string EdgeName(SearchSpace space, int edge)
    {
        var (from, node) = space.Topology.Ends(edge);
        return space.Macro.Names.EdgesByEnds ? $"{space.Topology.Inputs + node}<-{from}" : $"{edge}";
    }

    /// <summary>Computes the cell.</summary>
    /// <param name="inputs">The outputs of what stands before the cell, the nearest last: as many as the topology has inputs.</param>
    /// <param name="mixture">The mixing weights.</param>
    /// <returns>The states that the topology's output concatenates along the channels.</returns>
    public override Tensor forward(IReadOnlyList<Tensor> inputs, Mixture mixture)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(mixture);
        using var scope = NewDisposeScope();
        var states = new List<Tensor>(inputs.Select((input, i) => _preprocess[i].call(input)));
        var (weights, edgeWeights) = (mixture.Operations(Kind), mixture.Edges(Kind));
        for (var node = 0; node < Topology.Nodes; node++)
        {
            Tensor? sum = null;
            for (var edge = Topology.FirstEdge(node); edge < Topology.FirstEdge(node + 1); edge++)
            {
                var live = mixture.Live.Live(Kind, edge).ToArray();
                var mix = _edges[edge].Forward(states[Topology.Ends(edge).From], weights[edge], live, mixture.AddsIdleWeights);
                if (edgeWeights is not null)
                    mix = edgeWeights[edge] * mix;
                sum = sum is null ? mix : sum.Plus(mix);
            }
            states.Add(sum!);
        }
        return cat([.. Topology.Output.Select(state => states[state])], 1).MoveToOuterDisposeScope();
    }

    /// <summary>Gives the edges their names.</summary>
    private sealed class EdgeList : nn.Module
    {
        public EdgeList(SearchSpace space, MixedOperation[] edges) : base(nameof(EdgeList))
        {
            for (var edge = 0; edge < edges.Length; edge++)
                register_module(EdgeName(space, edge), edges[edge]);
        }
    }
}
