namespace ZeroOneShot.SearchSpaces;

/// <summary>What is searched: the cell's graph and the operations to choose from on each of its edges.</summary>
public sealed class SearchSpace
{
    /// <summary>Both kinds of cells, in the order in which masks, alphas and files hold them.</summary>
    public static IReadOnlyList<CellKind> CellKinds { get; } = [CellKind.Normal, CellKind.Reduction];

    /// <summary>
    /// The space of DARTS (section 3.1): 4 nodes, 14 edges, 8 operations, normal and reduction cells: 2 x 14 x 8 choices.
    /// </summary>
    public static SearchSpace Darts { get; } = new("darts", new CellTopology(4),
    [
        CandidateOperation.None, CandidateOperation.MaxPool3x3, CandidateOperation.AveragePool3x3, CandidateOperation.SkipConnect,
        CandidateOperation.SeparableConvolution3x3, CandidateOperation.SeparableConvolution5x5,
        CandidateOperation.DilatedConvolution3x3, CandidateOperation.DilatedConvolution5x5,
    ]);

    /// <summary>A search space of your own.</summary>
    /// <param name="name">Written into masks, so that a mask of another space is refused.</param>
    /// <param name="topology">The cell's graph.</param>
    /// <param name="operations">The candidates on every edge; at least one that can be chosen, no name twice.</param>
    /// <exception cref="ArgumentException">No operation can be chosen, or a name stands twice.</exception>
    public SearchSpace(string name, CellTopology topology, IReadOnlyList<CandidateOperation> operations)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(topology);
        ArgumentNullException.ThrowIfNull(operations);
        if (topology.Nodes < 1)
            throw new ArgumentException($"The topology has {topology.Nodes} nodes; a cell needs at least 1.", nameof(topology));
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
        (Name, Topology, Operations) = (name, topology, [.. operations]);
    }

    /// <summary>The name of the space, for example <c>darts</c>.</summary>
    public string Name { get; }

    /// <summary>The graph of a cell.</summary>
    public CellTopology Topology { get; }

    /// <summary>The table of candidate operations. Its order is the order of alphas and masks.</summary>
    public IReadOnlyList<CandidateOperation> Operations { get; }

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

    /// <inheritdoc/>
    public override string ToString() => $"{Name} ({Topology.Nodes} nodes, {Topology.EdgeCount} edges, {Operations.Count} operations)";
}
