namespace ZeroOneShot.SearchSpaces;

/// <summary>
/// The directed acyclic graph of a cell. Its states are first the inputs, the outputs of what stands before the cell, then the intermediate
/// nodes; every node sums edges from earlier states. Edges are numbered node by node.
/// </summary>
public sealed class CellTopology
{
    private readonly int[] _first;

    /// <summary>A graph. As it stands, with a number of nodes alone, it is that of DARTS.</summary>
    /// <param name="nodes">Number of intermediate nodes, at least 1; DARTS has 4.</param>
    /// <param name="inputs">
    /// Number of inputs: 1, the output of what stands before; or 2, the default, of the one before that, and of the one before.
    /// </param>
    /// <param name="edges">The edges, node by node. Null: one from each earlier state to every node.</param>
    /// <param name="edgesPerNode">How many edges into a node a genotype keeps. Default 2; null is all of them.</param>
    /// <param name="output">The states that the output concatenates, ascending. Null: all intermediate nodes.</param>
    /// <param name="preprocesses">
    /// Whether ReLU, 1x1 convolution and batch norm bring the inputs to the cell's channels. Default true. Without, they must have them.
    /// </param>
    /// <exception cref="ArgumentException">
    /// An edge does not come from an earlier state, no path leads to a node or from it to the output, or a node has fewer edges than a
    /// genotype keeps; the message says which.
    /// </exception>
    public CellTopology(
        int nodes, int inputs = 2, IEnumerable<CellEdge>? edges = null, int? edgesPerNode = 2, IEnumerable<int>? output = null,
        bool preprocesses = true)
    {
        if (nodes < 1)
            throw new ArgumentException($"The topology has {nodes} nodes; a cell needs at least 1.", nameof(nodes));
        if (inputs is not (1 or 2))
            throw new ArgumentException($"The topology has {inputs} inputs; a cell has 1 or 2.", nameof(inputs));
        if (edgesPerNode < 1)
        {
            throw new ArgumentException(
                $"A genotype would keep {edgesPerNode} edges per node; keep at least 1, or null for all.", nameof(edgesPerNode));
        }
        (Nodes, Inputs, EdgesPerNode, Preprocesses) = (nodes, inputs, edgesPerNode, preprocesses);
        Edges = [.. edges ??
            Enumerable.Range(0, nodes).SelectMany(node => Enumerable.Range(0, inputs + node), (node, from) => new CellEdge(from, node))];
        Output = [.. output ?? Enumerable.Range(inputs, nodes)];
        for (var i = 0; i < Edges.Count; i++)
        {
            var (from, node) = Edges[i];
            if (node < 0 || node >= nodes || from < 0 || from >= inputs + node)
            {
                throw new ArgumentException(
                    $"Edge {i} of the topology goes from state {from} to node {node}; a node is one of 0 to {nodes - 1}, and node k has " +
                    $"states 0 to {inputs - 1} + k before it.", nameof(edges));
            }
            if (i > 0 && node < Edges[i - 1].Node)
            {
                throw new ArgumentException(
                    $"Edge {i} of the topology goes to node {node}, the edge before it to a later one; give them node by node.",
                    nameof(edges));
            }
            if (Edges.Take(i).Contains(Edges[i]))
                throw new ArgumentException($"The edge from state {from} to node {node} stands twice in the topology.", nameof(edges));
        }
        if (Output.Count == 0 || Output.Any(state => state < inputs || state >= inputs + nodes)
            || !Output.SequenceEqual(Output.Distinct().Order()))
        {
            throw new ArgumentException(
                $"The cell's output concatenates states {string.Join(", ", Output)}; expected some of the intermediate nodes, " +
                $"{inputs} to {inputs + nodes - 1}, ascending.", nameof(output));
        }
        _first = [.. Enumerable.Range(0, nodes + 1).Select(node => Edges.Count(edge => edge.Node < node))];
        CheckPaths();
    }

    /// <summary>Number of intermediate nodes.</summary>
    public int Nodes { get; }

    /// <summary>Number of cell inputs, 1 or 2.</summary>
    public int Inputs { get; }

    /// <summary>The edges, node by node.</summary>
    public IReadOnlyList<CellEdge> Edges { get; }

    /// <summary>How many edges into a node a genotype keeps; null: all.</summary>
    public int? EdgesPerNode { get; }

    /// <summary>The states that the output concatenates, ascending.</summary>
    public IReadOnlyList<int> Output { get; }

    /// <summary>Whether the inputs are brought to the cell's channels.</summary>
    public bool Preprocesses { get; }

    /// <summary>Number of edges: 14 for the 4 nodes of DARTS.</summary>
    public int EdgeCount => Edges.Count;

    /// <summary>Whether the output is all intermediate nodes, one after the other.</summary>
    internal bool OutputIsAllNodes => Output.Count == Nodes;

    /// <summary>The number of the first edge into an intermediate node (0-based); in DARTS 0, 2, 5, 9, 14.</summary>
    /// <param name="node">0 to <see cref="Nodes"/>.</param>
    public int FirstEdge(int node) => _first[node];

    /// <summary>The edges into an intermediate node (0-based).</summary>
    /// <param name="node">0 to <see cref="Nodes"/> - 1.</param>
    public Range EdgesInto(int node) => FirstEdge(node)..FirstEdge(node + 1);

    /// <summary>How many edges into a node a genotype keeps.</summary>
    /// <param name="node">0 to <see cref="Nodes"/> - 1.</param>
    public int KeptInto(int node) => EdgesPerNode ?? FirstEdge(node + 1) - FirstEdge(node);

    /// <summary>The state an edge comes from and the intermediate node (0-based) it goes to.</summary>
    /// <param name="edge">0 to <see cref="EdgeCount"/> - 1.</param>
    public CellEdge Ends(int edge) => edge >= 0 && edge < Edges.Count
        ? Edges[edge]
        : throw new ArgumentOutOfRangeException(nameof(edge), edge, $"A cell of {Nodes} nodes has edges 0 to {EdgeCount - 1}.");

    /// <summary>The stride of the operations on an edge: 2 on edges from the inputs of a reduction cell, else 1.</summary>
    /// <param name="kind">The kind of cell.</param>
    /// <param name="edge">0 to <see cref="EdgeCount"/> - 1.</param>
    public int Stride(CellKind kind, int edge) => StrideOf(kind, isInput: Ends(edge).From < Inputs);

    /// <summary>The stride of the operations on edges from an input of a cell, or from one of its nodes.</summary>
    internal static int StrideOf(CellKind kind, bool isInput) => kind == CellKind.Reduction && isInput ? 2 : 1;

    private void CheckPaths()
    {
        for (var node = 0; node < Nodes; node++)
        {
            var count = FirstEdge(node + 1) - FirstEdge(node);
            if (count == 0)
            {
                throw new ArgumentException(
                    $"No edge goes to node {node} of the topology, so that no path leads through it from an input to the output; " +
                    "give it an edge, or leave it out.");
            }
            if (count < EdgesPerNode)
            {
                throw new ArgumentException(
                    $"{count} edge(s) go to node {node} of the topology, and a genotype keeps {EdgesPerNode} per node; " +
                    "give it more edges, or keep fewer.");
            }
        }
        var used = new bool[Inputs + Nodes];
        foreach (var state in Output)
            used[state] = true;
        for (var edge = Edges.Count - 1; edge >= 0; edge--)
            used[Edges[edge].From] |= used[Inputs + Edges[edge].Node];
        for (var state = 0; state < used.Length; state++)
        {
            if (!used[state])
            {
                throw new ArgumentException(
                    $"No path leads from {(state < Inputs ? $"input {state}" : $"node {state - Inputs}")} of the topology to its output, " +
                    $"states {string.Join(", ", Output)}; add an edge from it, concatenate it, or leave it out.");
            }
        }
    }
}
