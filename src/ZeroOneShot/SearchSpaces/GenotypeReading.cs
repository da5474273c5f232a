namespace ZeroOneShot.SearchSpaces;

/// <summary>
/// All that a genotype may choose from, with scores: pairs of an edge and one of its live operations that can be chosen, of which every
/// node keeps as many as the topology says. The top-edges rule stands here.
/// </summary>
internal sealed class GenotypeReading
{
    private readonly IReadOnlyList<Choice>[][] _nodes;
    private readonly bool _mayShareInput;

    /// <param name="mask">Which operations are live.</param>
    /// <param name="score">Kind of cell, edge, operation -> its score.</param>
    /// <param name="mayShareInput">Whether an edge may be kept twice, with two operations, as in GDAS.</param>
    /// <exception cref="ArgumentException">The mask leaves a node fewer usable edges than a genotype keeps.</exception>
    public GenotypeReading(OperationMask mask, Func<CellKind, int, int, double> score, bool mayShareInput = false)
    {
        mask.ThrowIfNoGenotype();
        // Where every edge is kept, each is kept once.
        (Space, _mayShareInput) = (mask.Space, mayShareInput && mask.Space.Topology.EdgesPerNode is not null);
        _nodes = [.. Space.Kinds.Select(kind => Enumerable.Range(0, Space.Topology.Nodes).Select(node =>
        {
            var (start, length) = Space.Topology.EdgesInto(node).GetOffsetAndLength(Space.Topology.EdgeCount);
            return (IReadOnlyList<Choice>)[.. Enumerable.Range(start, length).SelectMany(edge => mask.Live(kind, edge)
                .Where(row => Space.Operations[row].CanBeChosen)
                .Select(row => new Choice(edge, row, score(kind, edge, row))))];
        }).ToArray())];
    }

    public SearchSpace Space { get; }

    /// <summary>What every node of a kind of cell may choose from, edge by edge and row by row.</summary>
    public IReadOnlyList<IReadOnlyList<Choice>> Nodes(CellKind kind) => _nodes[(int)kind];

    /// <summary>What a node takes no more than one choice of.</summary>
    public (int Edge, int Row) Place(Choice choice) => _mayShareInput ? (choice.Edge, choice.Row) : (choice.Edge, 0);

    /// <summary>
    /// The choices of the highest score of every node, one of each place; among equals the earlier edge, and the lower row.
    /// </summary>
    public Genotype Strongest() => Of(kind => Nodes(kind).Select((choices, node) => choices
        .OrderByDescending(choice => choice.Score).DistinctBy(Place).Take(Space.Topology.KeptInto(node))));

    /// <summary>The genotype of the choices of every node.</summary>
    public Genotype Of(Func<CellKind, IEnumerable<IEnumerable<Choice>>> chosen)
    {
        var topology = Space.Topology;
        return new Genotype(Cell(CellKind.Normal), Space.Kinds.Contains(CellKind.Reduction) ? Cell(CellKind.Reduction) : null);

        // Where all edges are kept, in their order; else the strongest first.
        CellGenotype Cell(CellKind kind) => new(
            [.. chosen(kind).Select(node => (topology.EdgesPerNode is null
                    ? node.OrderBy(choice => choice.Edge)
                    : node.OrderByDescending(choice => choice.Score))
                .Select(choice => new GenotypeEdge(Space.Operations[choice.Row].Name, topology.Ends(choice.Edge).From)).ToArray())],
            topology.Inputs, topology.Output);
    }

    /// <summary>An edge and one of its operations.</summary>
    public readonly record struct Choice(int Edge, int Row, double Score);
}
