using ZeroOneShot.Data;
using ZeroOneShot.Networks;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using static TorchSharp.torch;

namespace ZeroOneShot.OneShot;

/// <summary>
/// What the evaluation network of a genotype costs, as a sum: what all of them have in common, plus every chosen pair of an edge and an
/// operation.
/// </summary>
internal sealed class GenotypeCosts
{
    private readonly OperationMask _mask;
    private readonly long[][] _ofPairs;

    /// <param name="mask">Which operations may be chosen.</param>
    /// <param name="target">Which network is meant, and which of its costs.</param>
    /// <param name="shape">The size of the images.</param>
    /// <param name="classes">Number of classes.</param>
    public GenotypeCosts(OperationMask mask, CostTarget target, ImageShape shape, int classes)
    {
        _mask = mask;
        var (space, topology) = (mask.Space, mask.Space.Topology);
        var plan = NetworkPlan.Of(space, target.Network, shape, genotype: null);
        Common = target.Of(NetworkCost.Of(plan, target.Network, classes));
        _ofPairs = [.. space.Kinds.Select(kind => Enumerable.Range(0, topology.EdgeCount)
            .SelectMany(edge => space.Operations.Select(operation =>
            target.Of(NetworkCost.Of(plan, target.Network, kind, new GenotypeEdge(operation.Name, topology.Ends(edge).From))))).ToArray())];
    }

    /// <summary>The cost of what all networks have in common.</summary>
    public long Common { get; }

    /// <summary>The cost of a choice.</summary>
    public long Of(CellKind kind, GenotypeReading.Choice choice) =>
        _ofPairs[(int)kind][choice.Edge * _mask.Space.Operations.Count + choice.Row];

    /// <summary>
    /// The expected cost over some number, as a scalar with gradient: where an edge is chosen, each of its operations is by its share of
    /// the edge's strengths; as many of the edges into a node are chosen as a genotype keeps, each as often as any other or in proportion
    /// to its weight.
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
        foreach (var kind in _mask.Space.Kinds)
        {
            var strengths = relaxation.Strengths(architecture, kind);
            var live = Constant(row => Chosen(kind, row / rows, row % rows) ? 1 : 0, topology.EdgeCount, rows);
            var costs = Constant(row => _ofPairs[(int)kind][row] / unit, topology.EdgeCount, rows);
            var usable = Constant(edge => Usable(kind, edge) ? 1 : 0, topology.EdgeCount);
            // The tiny addend keeps shares in order where all of an edge's strengths vanish, and those of edges without any at 0.
            var shares = strengths.mul(live).Plus(live.Times(1e-30));
            var expected = shares.mul(costs).sum(1).div(shares.sum(1).Plus(usable.Times(-1).Shift(1)));
            for (var node = 0; node < topology.Nodes; node++)
            {
                var edges = topology.EdgesInto(node);
                var frequency = usable[edges];
                if (weights is not null)
                    frequency = frequency.mul(weights[(int)kind][edges]);
                ofNodes.Add(frequency.mul(expected[edges]).sum().div(frequency.sum()).Times(topology.KeptInto(node)));
            }

            Tensor Constant(Func<int, double> value, params long[] shape) =>
                tensor([.. Enumerable.Range(0, (int)shape.Aggregate((a, b) => a * b)).Select(value)],
                    shape, strengths.dtype).ToDevice(strengths.device);
        }
        var sum = stack(ofNodes).sum();
        return sum.Plus(tensor(Common / unit, sum.dtype).ToDevice(sum.device)).MoveToOuterDisposeScope();

        bool Chosen(CellKind kind, int edge, int row) => _mask[kind, edge, row] && _mask.Space.Operations[row].CanBeChosen;

        bool Usable(CellKind kind, int edge) => Enumerable.Range(0, rows).Any(row => Chosen(kind, edge, row));
    }
}
