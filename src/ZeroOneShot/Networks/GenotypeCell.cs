using TorchSharp.Modules;
using ZeroOneShot.Layers;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using static TorchSharp.torch;

namespace ZeroOneShot.Networks;

/// <summary>A cell of the evaluation network: the chosen operations, summed in every node.</summary>
internal sealed class GenotypeCell : nn.Module<IReadOnlyList<Tensor>, DropPath?, Tensor>
{
    // Arrays: TorchSharp would find a list of modules in a field and register it a second time, by the field's name.
    private readonly nn.Module<Tensor, Tensor>[] _preprocess, _operations;
    private readonly bool[] _identities;

    public GenotypeCell(CellItem plan, SearchSpace space, bool affineOperations) : base(nameof(GenotypeCell))
    {
        (Plan, Genotype) = (plan, plan.Genotype!);
        _preprocess = [.. plan.Preprocess.Select((layers, input) =>
            LayerModules.Build(layers, (int)plan.InputSizes[input].Channels, plan.Channels, affine: true))];
        for (var input = 0; input < _preprocess.Length && space.Topology.Preprocesses; input++)
            register_module($"preprocess{input}", _preprocess[input]);
        _operations = [.. Genotype.Edges.Select(edge =>
            LayerModules.Build(plan.Layers(space, edge), plan.Channels, plan.Channels, affineOperations))];
        _identities = [.. Genotype.Edges.Select(edge => plan.Layers(space, edge).Count == 0)];
        register_module(space.Macro.Names.ChosenEdges, new ModuleList<nn.Module<Tensor, Tensor>>(_operations));
    }

    public CellItem Plan { get; }

    public CellGenotype Genotype { get; }

    public nn.Module<Tensor, Tensor> Preprocess(int input) => _preprocess[input];

    public nn.Module<Tensor, Tensor> Operation(int edge) => _operations[edge];

    /// <summary>Whether an edge hands on its input, which drop path leaves alone.</summary>
    public bool IsIdentity(int edge) => _identities[edge];

    public override Tensor forward(IReadOnlyList<Tensor> inputs, DropPath? dropPath)
    {
        using var scope = NewDisposeScope();
        var states = new List<Tensor>(inputs.Select((input, i) => _preprocess[i].call(input)));
        for (var node = 0; node < Genotype.Nodes; node++)
        {
            var (first, count) = Genotype.EdgesInto(node).GetOffsetAndLength(Genotype.Edges.Count);
            states.Add(Enumerable.Range(first, count).Select(Edge).Aggregate((sum, output) => sum.Plus(output)));
        }
        return cat([.. Genotype.Concat.Select(state => states[state])], 1).MoveToOuterDisposeScope();

        Tensor Edge(int edge)
        {
            var output = _operations[edge].call(states[Genotype.Edges[edge].Input]);
            return dropPath is null || IsIdentity(edge) ? output : dropPath.Apply(output);
        }
    }
}
