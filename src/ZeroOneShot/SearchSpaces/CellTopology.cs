namespace ZeroOneShot.SearchSpaces;

/// <summary>
/// The directed acyclic graph of a cell: states 0 and 1 are the outputs of the two cells before; every intermediate node sums an edge from
/// each earlier state. Edges are numbered node by node, and within a node by the state they come from.
/// </summary>
/// <param name="Nodes">Number of intermediate nodes, at least 1; DARTS has 4.</param>
public sealed record CellTopology(int Nodes)
{
    /// <summary>Number of cell inputs.</summary>
    public const int Inputs = 2;

    /// <summary>Number of edges: 14 for 4 nodes.</summary>
    public int EdgeCount => FirstEdge(Nodes);

    /// <summary>The number of the first edge into an intermediate node (0-based): 0, 2, 5, 9, 14, ...</summary>
    /// <param name="node">0 to <see cref="Nodes"/>.</param>
    public static int FirstEdge(int node) => node * Inputs + node * (node - 1) / 2;

    /// <summary>The edges into an intermediate node (0-based), one from each earlier state.</summary>
    /// <param name="node">0 to <see cref="Nodes"/> - 1.</param>
    public static Range EdgesInto(int node) => FirstEdge(node)..FirstEdge(node + 1);

    /// <summary>The state an edge comes from and the intermediate node (0-based) it goes to.</summary>
    /// <param name="edge">0 to <see cref="EdgeCount"/> - 1.</param>
    public (int From, int Node) Ends(int edge)
    {
        for (var node = 0; node < Nodes; node++)
        {
            if (edge < FirstEdge(node + 1))
                return (edge - FirstEdge(node), node);
        }
        throw new ArgumentOutOfRangeException(nameof(edge), edge, $"A cell of {Nodes} nodes has edges 0 to {EdgeCount - 1}.");
    }

    /// <summary>The stride of the operations on an edge: 2 on edges from the inputs of a reduction cell, else 1.</summary>
    /// <param name="kind">The kind of cell.</param>
    /// <param name="edge">0 to <see cref="EdgeCount"/> - 1.</param>
    public int Stride(CellKind kind, int edge) => kind == CellKind.Reduction && Ends(edge).From < Inputs ? 2 : 1;

    /// <summary>The indices of a network's reduction cells: at a third and at two thirds of its depth.</summary>
    /// <param name="cells">Number of cells.</param>
    /// <param name="cell">Index of the cell asked for.</param>
    public static CellKind KindOf(int cells, int cell) => cell == cells / 3 || cell == 2 * cells / 3 ? CellKind.Reduction : CellKind.Normal;
}
