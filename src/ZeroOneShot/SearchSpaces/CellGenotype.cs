namespace ZeroOneShot.SearchSpaces;

/// <summary>The architecture of one kind of cell: two edges per intermediate node, and the states its output concatenates.</summary>
public sealed class CellGenotype : IEquatable<CellGenotype>
{
    /// <summary>A cell architecture.</summary>
    /// <param name="edges">Two edges per node, node by node.</param>
    /// <param name="concat">The states that the output concatenates, ascending; null: all intermediate nodes.</param>
    /// <exception cref="ArgumentException">
    /// The edges are not two per node, come from a later state, or the concatenation names no such state.
    /// </exception>
    public CellGenotype(IEnumerable<GenotypeEdge> edges, IEnumerable<int>? concat = null)
    {
        Edges = [.. edges];
        if (Edges.Count == 0 || Edges.Count % 2 != 0)
            throw new ArgumentException($"A cell has {Edges.Count} edges; expected two per node.", nameof(edges));
        for (var i = 0; i < Edges.Count; i++)
        {
            var last = CellTopology.Inputs + i / 2 - 1;
            if (Edges[i].Input < 0 || Edges[i].Input > last)
            {
                throw new ArgumentException(
                    $"Edge {i} ('{Edges[i].Operation}', {Edges[i].Input}) of a cell comes from state {Edges[i].Input}; " +
                    $"node {i / 2} has states 0 to {last} before it.",
                    nameof(edges));
            }
        }
        Concat = [.. concat ?? Enumerable.Range(CellTopology.Inputs, Nodes)];
        var isNode = (int state) => state >= CellTopology.Inputs && state < CellTopology.Inputs + Nodes;
        if (Concat.Count == 0 || !Concat.All(isNode) || Concat.Distinct().Count() != Concat.Count)
        {
            throw new ArgumentException(
                $"The cell's output concatenates states {string.Join(", ", Concat)}; " +
                $"expected each at most once of {CellTopology.Inputs} to {CellTopology.Inputs + Nodes - 1}.",
                nameof(concat));
        }
    }

    /// <summary>Two edges per node, node by node.</summary>
    public IReadOnlyList<GenotypeEdge> Edges { get; }

    /// <summary>The states that the output concatenates.</summary>
    public IReadOnlyList<int> Concat { get; }

    /// <summary>Number of intermediate nodes.</summary>
    public int Nodes => Edges.Count / 2;

    /// <inheritdoc/>
    public bool Equals(CellGenotype? other) => other is not null && Edges.SequenceEqual(other.Edges) && Concat.SequenceEqual(other.Concat);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as CellGenotype);

    /// <inheritdoc/>
    public override int GetHashCode() => Edges.Aggregate(Concat.Count, HashCode.Combine);

    /// <inheritdoc/>
    public override string ToString() => string.Join(", ", Edges.Select(edge => $"('{edge.Operation}', {edge.Input})"));
}
