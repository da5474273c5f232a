namespace ZeroOneShot.SearchSpaces;

/// <summary>
/// The architecture of one kind of cell: the chosen edges into every intermediate node, and the states its output concatenates.
/// </summary>
public sealed class CellGenotype : IEquatable<CellGenotype>
{
    private const int InputsOfDarts = 2, EdgesOfDarts = 2;

    private readonly int[] _first;

    /// <summary>A cell architecture as those of DARTS, with two inputs and two edges per node.</summary>
    /// <param name="edges">Two edges per node, node by node.</param>
    /// <param name="concat">The states that the output concatenates, in its order; null: all intermediate nodes.</param>
    /// <exception cref="ArgumentException">
    /// The edges are not two per node, come from a later state, or the concatenation names no such state.
    /// </exception>
    public CellGenotype(IEnumerable<GenotypeEdge> edges, IEnumerable<int>? concat = null) : this(Pairs(edges), InputsOfDarts, concat) { }

    /// <summary>A cell architecture.</summary>
    /// <param name="nodes">The edges into every node, at least one each.</param>
    /// <param name="inputs">Number of the cell's inputs, 1 or 2.</param>
    /// <param name="concat">The states that the output concatenates, in its order.</param>
    /// <exception cref="ArgumentException">
    /// A node has no edge, an edge comes from a later state, or the concatenation names no such state.
    /// </exception>
    public CellGenotype(IReadOnlyList<IReadOnlyList<GenotypeEdge>> nodes, int inputs, IEnumerable<int>? concat)
    {
        ArgumentNullException.ThrowIfNull(nodes);
        if (inputs is not (1 or 2))
            throw new ArgumentException($"The cell has {inputs} inputs; expected 1 or 2.", nameof(inputs));
        (Inputs, Nodes) = (inputs, nodes.Count);
        Edges = [.. nodes.SelectMany(edges => edges)];
        _first = [.. Enumerable.Range(0, Nodes + 1).Select(node => nodes.Take(node).Sum(edges => edges.Count))];
        if (Nodes == 0 || nodes.Any(edges => edges.Count == 0))
            throw new ArgumentException(
                $"Of the {Nodes} nodes of a cell some have no edge; expected at least one edge into each.", nameof(nodes));
        for (var i = 0; i < Edges.Count; i++)
        {
            var last = Inputs + NodeOf(i) - 1;
            if (Edges[i].Input < 0 || Edges[i].Input > last)
            {
                throw new ArgumentException(
                    $"Edge {i} ('{Edges[i].Operation}', {Edges[i].Input}) of a cell comes from state {Edges[i].Input}; " +
                    $"node {NodeOf(i)} has states 0 to {last} before it.",
                    nameof(nodes));
            }
        }
        Concat = [.. concat ?? Enumerable.Range(Inputs, Nodes)];
        var isNode = (int state) => state >= Inputs && state < Inputs + Nodes;
        if (Concat.Count == 0 || !Concat.All(isNode) || Concat.Distinct().Count() != Concat.Count)
        {
            throw new ArgumentException(
                $"The cell's output concatenates states {string.Join(", ", Concat)}; " +
                $"expected each at most once of {Inputs} to {Inputs + Nodes - 1}.",
                nameof(concat));
        }
    }

    /// <summary>The edges, node by node.</summary>
    public IReadOnlyList<GenotypeEdge> Edges { get; }

    /// <summary>The states that the output concatenates, in its order.</summary>
    public IReadOnlyList<int> Concat { get; }

    /// <summary>Number of intermediate nodes.</summary>
    public int Nodes { get; }

    /// <summary>Number of the cell's inputs.</summary>
    public int Inputs { get; }

    /// <summary>Which of <see cref="Edges"/> go into a node.</summary>
    /// <param name="node">0 to <see cref="Nodes"/> - 1.</param>
    public Range EdgesInto(int node) => _first[node].._first[node + 1];

    /// <summary>The node (0-based) that an edge goes to.</summary>
    /// <param name="edge">Its number in <see cref="Edges"/>.</param>
    public int NodeOf(int edge)
    {
        var node = 0;
        while (_first[node + 1] <= edge)
            node++;
        return node;
    }

    /// <summary>Whether it has two inputs and two edges per node, as DARTS writes them.</summary>
    internal bool IsOfDarts => Inputs == InputsOfDarts && Edges.Count == EdgesOfDarts * Nodes &&
        Enumerable.Range(0, Nodes).All(node => _first[node] == EdgesOfDarts * node);

    /// <inheritdoc/>
    public bool Equals(CellGenotype? other) => other is not null && Inputs == other.Inputs && _first.SequenceEqual(other._first) &&
        Edges.SequenceEqual(other.Edges) && Concat.SequenceEqual(other.Concat);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as CellGenotype);

    /// <inheritdoc/>
    public override int GetHashCode() => Edges.Aggregate(Concat.Count, HashCode.Combine);

    /// <summary>
    /// <c>('sep_conv_3x3', 0), ('skip_connect', 1), ...</c> with two inputs and two edges per node, else
    /// <c>|nor_conv_3x3~0|+|none~0|skip_connect~1|+...</c>, a node between plus signs.
    /// </summary>
    public override string ToString() => IsOfDarts
        ? string.Join(", ", Edges.Select(edge => $"('{edge.Operation}', {edge.Input})"))
        : ByNodes;

    /// <summary>Node by node, whatever the number of inputs and edges.</summary>
    internal string ByNodes => string.Join("+", Enumerable.Range(0, Nodes).Select(node =>
        $"|{string.Concat(Edges.Take(EdgesInto(node)).Select(edge => $"{edge.Operation}~{edge.Input}|"))}"));

    private static List<GenotypeEdge[]> Pairs(IEnumerable<GenotypeEdge> edges)
    {
        ArgumentNullException.ThrowIfNull(edges);
        var all = edges.ToArray();
        if (all.Length == 0 || all.Length % EdgesOfDarts != 0)
            throw new ArgumentException($"A cell has {all.Length} edges; expected two per node.", nameof(edges));
        return [.. all.Chunk(EdgesOfDarts)];
    }
}
