using ZeroOneShot.Runtime;

namespace ZeroOneShot.SearchSpaces;

/// <summary>
/// Draws genotypes by chance, each that a mask allows with the same probability: into every node as many of its edges as the topology
/// keeps, each with a live operation that can be chosen.
/// </summary>
/// <remarks>
/// An edge with many live operations belongs to more genotypes than one with few, and is drawn more often by as much: uniform are the
/// genotypes, not the edges.
/// </remarks>
public sealed class GenotypeSampler
{
    private readonly OperationMask _mask;
    private readonly Node[][] _nodes;

    /// <summary>A sampler of what a mask allows.</summary>
    /// <param name="mask">The mask; <see cref="OperationMask.Full"/> for the whole space.</param>
    /// <exception cref="ArgumentException">The mask leaves no genotype; the message names the node.</exception>
    public GenotypeSampler(OperationMask mask)
    {
        ArgumentNullException.ThrowIfNull(mask);
        mask.ThrowIfNoGenotype();
        _mask = mask;
        _nodes = [.. mask.Space.Kinds.Select(kind =>
            Enumerable.Range(0, mask.Space.Topology.Nodes).Select(node => new Node(mask, kind, node)).ToArray())];
    }

    /// <summary>The number of genotypes that the mask allows.</summary>
    public double Count => _nodes.SelectMany(nodes => nodes).Aggregate(1.0, (product, node) => product * node.Choices);

    /// <summary>Draws a genotype.</summary>
    /// <param name="random">Where the numbers come from.</param>
    public Genotype Next(Random random)
    {
        ArgumentNullException.ThrowIfNull(random);
        var topology = _mask.Space.Topology;
        var cells = _nodes.Select(nodes => new CellGenotype(
            [.. nodes.Select(node => node.Draw(random))], topology.Inputs, topology.Output)).ToArray();
        return new Genotype(cells[0], cells.Length > 1 ? cells[1] : null);
    }

    /// <summary>Draws genotypes, the same ones for the same seed; one may come twice.</summary>
    /// <param name="count">How many.</param>
    /// <param name="seed">Decides them.</param>
    public IReadOnlyList<Genotype> Draw(int count, long seed)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        using var stream = RandomStream.Of(seed, "random genotypes");
        var genotypes = new Genotype[count];
        for (var i = 0; i < count; i++)
            genotypes[i] = Next(stream.Random);
        return genotypes;
    }

    /// <summary>The edges into a node, and in how many ways some of them can be kept.</summary>
    private sealed class Node
    {
        private readonly GenotypeEdge[][] _edges;
        private readonly double[,] _ways;
        private readonly int _kept;

        public Node(OperationMask mask, CellKind kind, int node)
        {
            var space = mask.Space;
            var (start, length) = space.Topology.EdgesInto(node).GetOffsetAndLength(space.Topology.EdgeCount);
            _kept = space.Topology.KeptInto(node);
            _edges = [.. Enumerable.Range(start, length).Select(edge => mask.Live(kind, edge)
                .Where(row => space.Operations[row].CanBeChosen)
                .Select(row => new GenotypeEdge(space.Operations[row].Name, space.Topology.Ends(edge).From)).ToArray())];
            // _ways[e, k]: choices of k of the edges from e on, each with one of its operations.
            _ways = new double[length + 1, _kept + 1];
            _ways[length, 0] = 1;
            for (var edge = length - 1; edge >= 0; edge--)
            {
                for (var kept = 0; kept <= _kept; kept++)
                    _ways[edge, kept] = _ways[edge + 1, kept] + (kept > 0 ? _edges[edge].Length * _ways[edge + 1, kept - 1] : 0);
            }
        }

        public double Choices => _ways[0, _kept];

        public GenotypeEdge[] Draw(Random random)
        {
            var drawn = new GenotypeEdge[_kept];
            for (int edge = 0, missing = _kept; missing > 0; edge++)
            {
                // An edge that all the missing ones need leaves none of the choices to those after it.
                if (_edges[edge].Length == 0 || random.NextDouble() * _ways[edge, missing] < _ways[edge + 1, missing])
                    continue;
                drawn[_kept - missing--] = _edges[edge][random.Next(_edges[edge].Length)];
            }
            return drawn;
        }
    }
}
