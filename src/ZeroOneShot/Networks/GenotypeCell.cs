using TorchSharp.Modules;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using static TorchSharp.torch;

namespace ZeroOneShot.Networks;

/// <summary>A cell of the evaluation network: two chosen operations per node, summed.</summary>
internal sealed class GenotypeCell : nn.Module<Tensor, Tensor, DropPath?, Tensor>
{
    private readonly nn.Module<Tensor, Tensor> preprocess0;
    private readonly nn.Module<Tensor, Tensor> preprocess1;
    private readonly ModuleList<nn.Module<Tensor, Tensor>> _ops;

    public GenotypeCell(CellPlan plan, SearchSpace space, bool affineOperations) : base(nameof(GenotypeCell))
    {
        Plan = plan;
        preprocess0 = LayerModules.Build(plan.FirstPreprocess, plan.ChannelsBeforePrevious, plan.Channels, affine: true);
        preprocess1 = LayerModules.Build(CandidateOperation.Preprocess, plan.PreviousChannels, plan.Channels, affine: true);
        _ops = new ModuleList<nn.Module<Tensor, Tensor>>([.. plan.Genotype.Edges.Select(edge =>
            LayerModules.Build(plan.Layers(space, edge), plan.Channels, plan.Channels, affineOperations))]);
        RegisterComponents();
    }

    public CellPlan Plan { get; }

    public nn.Module<Tensor, Tensor> FirstPreprocess => preprocess0;

    public nn.Module<Tensor, Tensor> SecondPreprocess => preprocess1;

    public nn.Module<Tensor, Tensor> Operation(int edge) => _ops[edge];

    public override Tensor forward(Tensor beforePrevious, Tensor previous, DropPath? dropPath)
    {
        using var scope = NewDisposeScope();
        var states = new List<Tensor> { preprocess0.call(beforePrevious), preprocess1.call(previous) };
        for (var node = 0; node < Plan.Genotype.Nodes; node++)
            states.Add(Edge(2 * node).Plus(Edge(2 * node + 1)));
        return cat([.. Plan.Genotype.Concat.Select(state => states[state])], 1).MoveToOuterDisposeScope();

        Tensor Edge(int edge)
        {
            var output = _ops[edge].call(states[Plan.Genotype.Edges[edge].Input]);
            return dropPath is null || _ops[edge] is IdentityModule ? output : dropPath.Apply(output);
        }
    }
}
