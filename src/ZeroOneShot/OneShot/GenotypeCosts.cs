using ZeroOneShot.Data;
using ZeroOneShot.Networks;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using static TorchSharp.torch;

namespace ZeroOneShot.OneShot;

/// <summary>
/// What the evaluation network of a genotype costs, as a sum over the genotype's edges: that of a reference, plus what every chosen pair of
/// an edge and an operation costs more than the pair in its place there.
/// </summary>
internal sealed class GenotypeCosts
{
    private readonly OperationMask _mask;
    private readonly long[][] _more;

    /// <param name="mask">Which operations may be chosen.</param>
    /// <param name="target">Which network is meant, and which of its costs.</param>
    /// <param name="shape">The size of the images.</param>
    /// <param name="classes">Number of classes.</param>
    public GenotypeCosts(OperationMask mask, CostTarget target, ImageShape shape, int classes)
    {
        _mask = mask;
        var space = mask.Space;
        var chosen = space.Operations.First(operation => operation.CanBeChosen).Name;
        var reference = new CellGenotype([.. Enumerable.Range(0, space.Topology.Nodes)
            .SelectMany(_ => (GenotypeEdge[])[new(chosen, 0), new(chosen, 1)])]);
        Reference = Cost(new Genotype(reference, reference));
        _more = [.. SearchSpace.CellKinds.Select(kind => Enumerable.Range(0, space.Topology.EdgeCount).SelectMany(edge =>
            space.Operations.Select(operation => operation.CanBeChosen ? Cost(With(kind, edge, operation)) - Reference : 0)).ToArray())];

        long Cost(Genotype genotype) =>
            target.Of(NetworkCost.Of(genotype, target.Network, shape.Channels, classes, shape.Height, space));

        Genotype With(CellKind kind, int edge, CandidateOperation operation)
        {
            var (from, node) = space.Topology.Ends(edge);
            var edges = reference.Edges.ToArray();
            edges[2 * node] = new GenotypeEdge(operation.Name, from);
            var cell = new CellGenotype(edges);
            return kind == CellKind.Normal ? new Genotype(cell, reference) : new Genotype(reference, cell);
        }
    }

    /// <summary>The cost of the reference.</summary>
    public long Reference { get; }

    /// <summary>What a choice costs more than the one in its place in the reference.</summary>
    public long Of(CellKind kind, GenotypeChoices.Choice choice) =>
        _more[(int)kind][choice.Edge * _mask.Space.Operations.Count + choice.Row];

    /// <summary>
    /// The expected cost over some number, as a scalar with gradient: where an edge is chosen, each of its operations is by its share of the
    /// edge's strengths; two of the edges into a node are chosen, each as often as any other or in proportion to its weight.
    /// </summary>
    /// <param name="architecture">Alphas and betas.</param>
    /// <param name="relaxation">Gives the strengths.</param>
    /// <param name="unit">What the cost is divided by.</param>
    public Tensor Expected(ArchitectureParameters architecture, Relaxation relaxation, double unit)
    {
        using var scope = NewDisposeScope();
        var (topology, rows) = (_mask.Space.Topology, _mask.Space.Operations.Count);
        var weights = architecture.EdgeWeights();
        var ofNodes = new List<Tensor>();
        foreach (var kind in SearchSpace.CellKinds)
        {
            var strengths = relaxation.Strengths(architecture, kind);
            var live = Constant(row => Chosen(kind, row / rows, row % rows) ? 1 : 0, topology.EdgeCount, rows);
            var more = Constant(row => _more[(int)kind][row] / unit, topology.EdgeCount, rows);
            var usable = Constant(edge => Usable(kind, edge) ? 1 : 0, topology.EdgeCount);
            // The tiny addend keeps shares in order where all of an edge's strengths vanish, and those of edges without any at 0.
            var shares = strengths.mul(live).Plus(live.Times(1e-30));
            var expected = shares.mul(more).sum(1).div(shares.sum(1).Plus(usable.Times(-1).Shift(1)));
            for (var node = 0; node < topology.Nodes; node++)
            {
                var edges = CellTopology.EdgesInto(node);
                var frequency = usable[edges];
                if (weights is not null)
                    frequency = frequency.mul(weights[(int)kind][edges]);
                ofNodes.Add(frequency.mul(expected[edges]).sum().div(frequency.sum()).Times(GenotypeChoices.PerNode));
            }

            Tensor Constant(Func<int, double> value, params long[] shape) =>
                tensor([.. Enumerable.Range(0, (int)shape.Aggregate((a, b) => a * b)).Select(value)], shape, strengths.dtype, strengths.device);
        }
        var sum = stack(ofNodes).sum();
        return sum.Plus(tensor(Reference / unit, sum.dtype, sum.device)).MoveToOuterDisposeScope();

        bool Chosen(CellKind kind, int edge, int row) => _mask[kind, edge, row] && _mask.Space.Operations[row].CanBeChosen;

        bool Usable(CellKind kind, int edge) => Enumerable.Range(0, rows).Any(row => Chosen(kind, edge, row));
    }
}
