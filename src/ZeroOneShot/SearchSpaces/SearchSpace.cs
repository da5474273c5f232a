namespace ZeroOneShot.SearchSpaces;

/// <summary>
/// What is searched: the cell's graph, the operations to choose from on each of its edges, and the network around the cells.
/// </summary>
public sealed partial class SearchSpace
{
    private readonly Func<CellKind, int, int, bool>? _allows;
    private readonly bool _isOwn;

    /// <summary>A search space of your own.</summary>
    /// <param name="name">
    /// Written into masks and models, so that those of another space are refused; none that a space of <see cref="All"/> has.
    /// </param>
    /// <param name="topology">The cell's graph.</param>
    /// <param name="operations">The candidates; at least one that can be chosen, no name twice.</param>
    /// <param name="kinds">The kinds of cells: Normal alone, or Normal and Reduction. Null: both.</param>
    /// <param name="macro">The network around the cells. Null: <see cref="MacroArchitecture.Darts"/>.</param>
    /// <param name="allows">
    /// Kind of cell, edge, row of the operations -> whether the edge may have the operation. Null: every edge may have every operation.
    /// </param>
    /// <exception cref="ArgumentException">
    /// No operation can be chosen on some edge, a name stands twice or is that of a space of <see cref="All"/>, or the network has cells
    /// of a kind that the space has not; the message says which.
    /// </exception>
    public SearchSpace(
        string name, CellTopology topology, IReadOnlyList<CandidateOperation> operations, IReadOnlyList<CellKind>? kinds = null,
        MacroArchitecture? macro = null, Func<CellKind, int, int, bool>? allows = null)
        : this(OwnName(name), isOwn: true, topology, operations, kinds, macro, allows)
    {
    }

    private SearchSpace(
        string name, bool isOwn, CellTopology topology, IReadOnlyList<CandidateOperation> operations,
        IReadOnlyList<CellKind>? kinds = null, MacroArchitecture? macro = null, Func<CellKind, int, int, bool>? allows = null)
    {
        ArgumentNullException.ThrowIfNull(topology);
        ArgumentNullException.ThrowIfNull(operations);
        if (!operations.Any(operation => operation.CanBeChosen))
        {
            throw new ArgumentException(
                "The operations hold none that a genotype can choose; add one other than 'none'.", nameof(operations));
        }
        if (operations.GroupBy(operation => operation.Name).FirstOrDefault(group => group.Count() > 1) is { } twice)
        {
            throw new ArgumentException(
                $"Operation '{twice.Key}' stands twice in the table; every name must be unique.", nameof(operations));
        }
        (Name, Topology, Operations, Macro, _allows) = (name, topology, [.. operations], macro ?? MacroArchitecture.Darts, allows);
        _isOwn = isOwn;
        Kinds = [.. kinds ?? [CellKind.Normal, CellKind.Reduction]];
        if (!Kinds.SequenceEqual([CellKind.Normal]) && !Kinds.SequenceEqual([CellKind.Normal, CellKind.Reduction]))
        {
            throw new ArgumentException(
                $"The kinds of cells are {string.Join(", ", Kinds)}; expected Normal, or Normal and Reduction.", nameof(kinds));
        }
        _ = Items(Macro.FewestCells);
        foreach (var kind in Kinds)
        {
            for (var edge = 0; edge < Topology.EdgeCount; edge++)
            {
                if (!Enumerable.Range(0, Operations.Count).Any(row => Operations[row].CanBeChosen && Allows(kind, edge, row)))
                {
                    var (from, node) = Topology.Ends(edge);
                    throw new ArgumentException(
                        $"Edge {edge} of the {kind} cell, from state {from} to node {node}, " +
                        "allows no operation that a genotype can choose; " +
                        "allow one, or leave the edge out of the topology.", nameof(allows));
                }
            }
        }
    }

    /// <summary>The name of the space, for example <c>darts</c>.</summary>
    public string Name { get; }

    /// <summary>The graph of a cell.</summary>
    public CellTopology Topology { get; }

    /// <summary>The table of candidate operations. Its order is the order of alphas and masks.</summary>
    public IReadOnlyList<CandidateOperation> Operations { get; }

    /// <summary>The kinds of cells, in the order in which masks, alphas and files hold them.</summary>
    public IReadOnlyList<CellKind> Kinds { get; }

    /// <summary>The network around the cells.</summary>
    public MacroArchitecture Macro { get; }

    /// <summary>The cells and blocks of a network of so many cells, between its stem and its head.</summary>
    /// <param name="cells">Number of searched cells.</param>
    /// <exception cref="ArgumentException">
    /// <see cref="Macro"/> makes no such network, or one with cells of a kind that the space has not; the message says which.
    /// </exception>
    public IReadOnlyList<MacroItem> Items(int cells)
    {
        var items = Macro.Items(cells);
        return items.FirstOrDefault(item => item.Kind is { } kind && !Kinds.Contains(kind)) is not { } other
            ? items
            : throw new ArgumentException(
                $"The network of {cells} cells has a {other.Kind} cell, but the space has {string.Join(", ", Kinds)} cells; " +
                "give a macro-architecture of those.", nameof(cells));
    }

    /// <summary>Whether an edge may have an operation.</summary>
    /// <param name="kind">The kind of cell.</param>
    /// <param name="edge">0 to EdgeCount - 1.</param>
    /// <param name="operation">The row of the operation table.</param>
    public bool Allows(CellKind kind, int edge, int operation) => _allows?.Invoke(kind, edge, operation) ?? true;

    /// <summary>The row of an operation, or -1.</summary>
    /// <param name="name">For example <c>skip_connect</c>.</param>
    public int IndexOf(string name)
    {
        for (var i = 0; i < Operations.Count; i++)
        {
            if (Operations[i].Name == name)
                return i;
        }
        return -1;
    }

    /// <summary>The operation of a name.</summary>
    /// <param name="name">For example <c>skip_connect</c>.</param>
    /// <exception cref="ArgumentException">The space has no such operation; the message lists those it has.</exception>
    public CandidateOperation Operation(string name) => IndexOf(name) is >= 0 and var row
        ? Operations[row]
        : throw new ArgumentException(
            $"Operation '{name}' is not in search space '{Name}'; " +
            $"it has {string.Join(", ", Operations.Select(operation => operation.Name))}.",
            nameof(name));

    /// <summary>Whether a path of operations that pass something on leads through the cells of a genotype, of every kind.</summary>
    internal bool Connects(Genotype genotype) => Kinds.All(kind =>
    {
        var cell = genotype.Cell(kind);
        var reached = Enumerable.Range(0, Topology.Inputs + Topology.Nodes).Select(state => state < Topology.Inputs).ToArray();
        for (var node = 0; node < cell.Nodes; node++)
        {
            reached[Topology.Inputs + node] = cell.Edges.Take(cell.EdgesInto(node))
                .Any(edge => reached[edge.Input] && !Operation(edge.Operation).IsZero(stride: 1));
        }
        return Topology.Output.Any(state => reached[state]);
    });

    /// <inheritdoc/>
    public override string ToString() => $"{Name} ({Topology.Nodes} nodes, {Topology.EdgeCount} edges, {Operations.Count} operations)";
}
