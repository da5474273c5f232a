using TorchSharp.Modules;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using static TorchSharp.torch;

namespace ZeroOneShot.Networks;

/// <summary>A cell of the supernet: every edge of the graph carries a mixed operation (DARTS, section 2.1).</summary>
public sealed class SearchCell : nn.Module<Tensor, Tensor, Mixture, Tensor>
{
    private readonly nn.Module<Tensor, Tensor> preprocess0;
    private readonly nn.Module<Tensor, Tensor> preprocess1;
    private readonly ModuleList<MixedOperation> _ops;
    private readonly CellTopology _topology;

    internal SearchCell(
        OperationMask mask, CellKind kind, bool previousReduced, int channelsBeforePrevious, int previousChannels, int channels,
        int partial)
        : base(nameof(SearchCell))
    {
        (Kind, Channels, _topology) = (kind, channels, mask.Space.Topology);
        var first = previousReduced ? CandidateOperation.ReducingPreprocess : CandidateOperation.Preprocess;
        preprocess0 = LayerModules.Build(first, channelsBeforePrevious, channels, affine: false);
        preprocess1 = LayerModules.Build(CandidateOperation.Preprocess, previousChannels, channels, affine: false);
        _ops = new ModuleList<MixedOperation>([.. Enumerable.Range(0, _topology.EdgeCount).Select(edge =>
            new MixedOperation(mask.Space, mask.Live(kind, edge), _topology.Stride(kind, edge), channels, partial))]);
        RegisterComponents();
    }

    /// <summary>Normal or reduction.</summary>
    public CellKind Kind { get; }

    /// <summary>Channels of every state; the output has that times the number of nodes.</summary>
    public int Channels { get; }

    internal nn.Module<Tensor, Tensor> FirstPreprocess => preprocess0;

    internal nn.Module<Tensor, Tensor> SecondPreprocess => preprocess1;

    internal MixedOperation Edge(int edge) => _ops[edge];

    /// <summary>Computes the cell.</summary>
    /// <param name="beforePrevious">Output of the cell before the previous one.</param>
    /// <param name="previous">Output of the previous cell.</param>
    /// <param name="mixture">The mixing weights.</param>
    /// <returns>The intermediate nodes, concatenated along the channels.</returns>
    public override Tensor forward(Tensor beforePrevious, Tensor previous, Mixture mixture)
    {
        ArgumentNullException.ThrowIfNull(mixture);
        using var scope = NewDisposeScope();
        var states = new List<Tensor> { preprocess0.call(beforePrevious), preprocess1.call(previous) };
        var (weights, edgeWeights) = (mixture.Operations(Kind), mixture.Edges(Kind));
        for (var node = 0; node < _topology.Nodes; node++)
        {
            Tensor? sum = null;
            for (var from = 0; from < CellTopology.Inputs + node; from++)
            {
                var edge = CellTopology.FirstEdge(node) + from;
                var mix = _ops[edge].Forward(states[from], weights[edge], mixture.Live.Live(Kind, edge));
                if (edgeWeights is not null)
                    mix = edgeWeights[edge] * mix;
                sum = sum is null ? mix : sum.Plus(mix);
            }
            states.Add(sum!);
        }
        return cat(states[CellTopology.Inputs..], 1).MoveToOuterDisposeScope();
    }
}
