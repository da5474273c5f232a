using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace ZeroOneShot.SearchSpaces;

/// <summary>
/// I(o) of Eq. (1): which operations are live, per kind of cell, edge and operation of a search space. Immutable; kept over the full space,
/// so that a pruned search stays comparable.
/// </summary>
public sealed class OperationMask : IEquatable<OperationMask>
{
    private const int LongestText = 1 << 22;

    private const string SpaceKey = "space", SignatureKey = "space_signature";

    private readonly ImmutableArray<bool> _live;

    private OperationMask(SearchSpace space, ImmutableArray<bool> live) => (Space, _live) = (space, live);

    /// <summary>The space the mask is of.</summary>
    public SearchSpace Space { get; }

    private int Edges => Space.Topology.EdgeCount;

    private int Operations => Space.Operations.Count;

    private int TotalAllowed => AllEdges.Sum(at => AllowedCount(at.Kind, at.Edge));

    /// <summary>The number of operations that the space has on an edge.</summary>
    internal int AllowedCount(CellKind kind, int edge) => Enumerable.Range(0, Operations).Count(row => Space.Allows(kind, edge, row));

    /// <summary>The mask that leaves every operation live that an edge allows.</summary>
    /// <param name="space">The search space.</param>
    public static OperationMask Full(SearchSpace space)
    {
        ArgumentNullException.ThrowIfNull(space);
        return Create(space, (_, _, _) => true);
    }

    /// <summary>A mask from a rule.</summary>
    /// <param name="space">The search space.</param>
    /// <param name="isLive">Kind of cell, edge, operation -> whether it is live; asked only for those that the edge allows.</param>
    public static OperationMask Create(SearchSpace space, Func<CellKind, int, int, bool> isLive)
    {
        ArgumentNullException.ThrowIfNull(space);
        ArgumentNullException.ThrowIfNull(isLive);
        var live = ImmutableArray.CreateBuilder<bool>();
        foreach (var kind in space.Kinds)
        {
            for (var edge = 0; edge < space.Topology.EdgeCount; edge++)
            {
                for (var operation = 0; operation < space.Operations.Count; operation++)
                    live.Add(space.Allows(kind, edge, operation) && isLive(kind, edge, operation));
            }
        }
        return new OperationMask(space, live.ToImmutable());
    }

    /// <summary>Whether an operation is live.</summary>
    /// <param name="kind">The kind of cell.</param>
    /// <param name="edge">0 to EdgeCount - 1.</param>
    /// <param name="operation">The row of the operation table.</param>
    public bool this[CellKind kind, int edge, int operation] => _live[Index(kind, edge, operation)];

    /// <summary>The rows of the live operations of an edge, ascending.</summary>
    /// <param name="kind">The kind of cell.</param>
    /// <param name="edge">0 to EdgeCount - 1.</param>
    public IEnumerable<int> Live(CellKind kind, int edge) =>
        Enumerable.Range(0, Operations).Where(operation => this[kind, edge, operation]);

    /// <summary>The number of live operations of an edge.</summary>
    /// <param name="kind">The kind of cell.</param>
    /// <param name="edge">0 to EdgeCount - 1.</param>
    public int LiveCount(CellKind kind, int edge) => Live(kind, edge).Count();

    /// <summary>The number of live operations of the whole mask; 224 in the full DARTS space.</summary>
    public int TotalLive => _live.Count(live => live);

    /// <summary>Every edge of every kind of cell.</summary>
    public IEnumerable<(CellKind Kind, int Edge)> AllEdges =>
        Space.Kinds.SelectMany(kind => Enumerable.Range(0, Edges).Select(edge => (kind, edge)));

    /// <summary>Every live operation of every kind of cell.</summary>
    public IEnumerable<(CellKind Kind, int Edge, int Operation)> AllLive =>
        AllEdges.SelectMany(at => Live(at.Kind, at.Edge).Select(operation => (at.Kind, at.Edge, operation)));

    /// <summary>The share of the space that is left, in (0, 1].</summary>
    /// <param name="criterion">What is counted.</param>
    public double RemainingFraction(RemainingCriterion criterion) => criterion switch
    {
        RemainingCriterion.Architectures => AllEdges.Aggregate(
            1.0, (product, at) => product * LiveCount(at.Kind, at.Edge) / AllowedCount(at.Kind, at.Edge)),
        RemainingCriterion.Operations => (double)TotalLive / TotalAllowed,
        _ => throw new ArgumentOutOfRangeException(nameof(criterion), criterion, "Expected Architectures or Operations."),
    };

    /// <summary>The mask without one more operation.</summary>
    /// <param name="kind">The kind of cell.</param>
    /// <param name="edge">0 to EdgeCount - 1.</param>
    /// <param name="operation">The row of the operation table.</param>
    public OperationMask Without(CellKind kind, int edge, int operation) => new(Space, _live.SetItem(Index(kind, edge, operation), false));

    /// <summary>The mask without an operation on every edge that has another one.</summary>
    /// <param name="operation">The row of the operation table.</param>
    public OperationMask WithoutEverywhere(int operation) =>
        Create(Space, (kind, edge, o) => this[kind, edge, o] && (o != operation || LiveCount(kind, edge) == 1));

    /// <summary>
    /// Algorithm 1, lines 10-14: every edge that has more than one live operation loses its least important ones; among equals the one of
    /// the lowest row goes first. At least one operation stays.
    /// </summary>
    /// <param name="importance">Kind, edge, operation -> s_j; asked only for live operations of edges that lose one.</param>
    /// <param name="count">How many an edge loses, at most its live operations less one.</param>
    public OperationMask WithoutWeakestOperationPerEdge(Func<CellKind, int, int, double> importance, int count = 1)
    {
        ArgumentNullException.ThrowIfNull(importance);
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        var live = _live.ToBuilder();
        foreach (var (kind, edge) in AllEdges)
        {
            var lost = Math.Min(count, LiveCount(kind, edge) - 1);
            if (lost == 0)
                continue;
            foreach (var operation in Live(kind, edge).OrderBy(operation => importance(kind, edge, operation)).Take(lost))
                live[Index(kind, edge, operation)] = false;
        }
        return new OperationMask(Space, live.ToImmutable());
    }

    /// <summary>
    /// The one rule for the masks that a search, a pruning or a supernet begins with: every edge needs a live operation, and a genotype
    /// must be there to be read off, for which every node of every kind of cell needs as many incoming edges with a live operation that can
    /// be chosen as a genotype keeps, two in DARTS. Only the networks that a pruning ranks on its way may have edges without an operation.
    /// </summary>
    /// <exception cref="ArgumentException">An edge has none, or a node has fewer; the message names it.</exception>
    public void ThrowIfNoGenotype()
    {
        foreach (var (kind, edge) in AllEdges)
        {
            if (LiveCount(kind, edge) == 0)
            {
                throw new ArgumentException(
                    $"The mask leaves edge {edge} of the {kind} cell no live operation; every edge needs at least one. Keep an operation " +
                    "on it; to have nothing there, keep 'none'.");
            }
        }
        foreach (var kind in Space.Kinds)
        {
            for (var node = 0; node < Space.Topology.Nodes; node++)
            {
                var (start, length) = Space.Topology.EdgesInto(node).GetOffsetAndLength(Edges);
                var kept = Space.Topology.KeptInto(node);
                var usable = Enumerable.Range(start, length).Count(edge => Live(kind, edge).Any(o => Space.Operations[o].CanBeChosen));
                if (usable < kept)
                {
                    throw new ArgumentException(
                        $"The mask leaves node {node} of the {kind} cell {usable} edge(s) with an operation that a genotype can choose; " +
                        $"it needs {kept}. Keep an operation other than 'none' on more of its edges.");
                }
            }
        }
    }

    /// <summary>
    /// Reads off an architecture, the top-edges rule: per node the incoming edges whose best live operation that can be chosen scores
    /// highest, each with that operation, as many as the topology keeps. Among equals the lower row, and the earlier edge.
    /// </summary>
    /// <param name="score">Kind of cell, edge, operation -> its score; asked only for live operations that can be chosen.</param>
    /// <exception cref="ArgumentException">The mask leaves a node fewer edges than a genotype keeps.</exception>
    public Genotype ReadGenotype(Func<CellKind, int, int, double> score)
    {
        ArgumentNullException.ThrowIfNull(score);
        return new GenotypeReading(this, score).Strongest();
    }

    /// <summary>
    /// The mask as JSON: the names of the live operations of every edge. A text for people to read and to change: it has no checksum, and
    /// reading it takes nothing on trust. One of a space of your own also says what that was made of; who writes a mask leaves that out.
    /// </summary>
    public string ToJson()
    {
        var root = new JsonObject { [SpaceKey] = Space.Name };
        if (Space.Signature is { } signature)
            root[SignatureKey] = signature;
        foreach (var kind in Space.Kinds)
        {
            root[JsonName(kind)] = new JsonArray([.. Enumerable.Range(0, Edges).Select(edge =>
                new JsonArray([.. Live(kind, edge).Select(operation => JsonValue.Create(Space.Operations[operation].Name))]))]);
        }
        return root.ToJsonString(s_indented);
    }

    /// <summary>Reads what <see cref="ToJson"/> wrote.</summary>
    /// <param name="json">The text; at most 4,194,304 characters.</param>
    /// <param name="space">The space the mask must be of.</param>
    /// <exception cref="FormatException">
    /// The text is not a mask of this space, names something twice, has a name that is none of a mask's, or leaves no genotype
    /// (<see cref="ThrowIfNoGenotype"/>); the message says where and what was expected.
    /// </exception>
    public static OperationMask FromJson(string json, SearchSpace space)
    {
        ArgumentNullException.ThrowIfNull(json);
        ArgumentNullException.ThrowIfNull(space);
        if (json.Length > LongestText)
            throw new FormatException($"The text has {json.Length} characters; expected a mask of at most {LongestText}.");
        try
        {
            var mask = Read(StrictJson.Parse(json), space);
            mask.ThrowIfNoGenotype();
            return mask;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or ArgumentException)
        {
            // The latter two: half a surrogate pair, and a mask that leaves no genotype.
            throw new FormatException($"The mask is not as expected: {e.Message}", e);
        }
    }

    private static OperationMask Read(JsonNode? root, SearchSpace space)
    {
        if (root is not JsonObject mask)
            throw new FormatException("The mask is not a JSON object with 'space', 'normal' and 'reduction'.");
        StrictJson.ThrowIfOther(mask, "the mask", SpaceKey, SignatureKey, JsonName(CellKind.Normal), JsonName(CellKind.Reduction));
        if (space.Difference(Text(mask[SpaceKey]), Text(mask[SignatureKey])) is var (found, expected))
            throw new FormatException($"The mask is of search space {found}; expected {expected}. Make the mask anew for this space.");
        var edges = space.Topology.EdgeCount;
        var live = new HashSet<(CellKind, int, int)>();
        foreach (var kind in space.Kinds)
        {
            if (mask[JsonName(kind)] is not JsonArray rows || rows.Count != edges)
            {
                throw new FormatException(
                    $"The mask needs '{JsonName(kind)}', an array of {edges} arrays of operation names, one per edge.");
            }
            for (var edge = 0; edge < edges; edge++)
            {
                if (rows[edge] is not JsonArray names)
                    throw new FormatException($"Edge {edge} of '{JsonName(kind)}' is no array; expected the names of its live operations.");
                foreach (var node in names)
                {
                    var row = Text(node) is { } operation ? space.IndexOf(operation) : -1;
                    if (row < 0 || !space.Allows(kind, edge, row) || !live.Add((kind, edge, row)))
                    {
                        throw new FormatException(
                            $"Edge {edge} of '{JsonName(kind)}' names operation {node?.ToJsonString() ?? "null"}; " +
                            $"expected each at most once of " + string.Join(", ",
                                Enumerable.Range(0, space.Operations.Count).Where(o => space.Allows(kind, edge, o))
                                    .Select(o => space.Operations[o].Name)) + ".");
                    }
                }
            }
        }
        return Create(space, (kind, edge, operation) => live.Contains((kind, edge, operation)));

        static string? Text(JsonNode? node) => node is JsonValue value && value.TryGetValue(out string? text) ? text : null;
    }

    /// <inheritdoc/>
    public bool Equals(OperationMask? other) =>
        other is not null && other.Space.IsSameAs(Space) && other._live.SequenceEqual(_live);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as OperationMask);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Space.Name, _live.Aggregate(17, (hash, live) => hash * 31 + (live ? 1 : 0)));

    /// <inheritdoc/>
    public override string ToString() => $"{TotalLive} of {TotalAllowed} operations of {Space.Name}";

    private static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true };

    private static string JsonName(CellKind kind) => kind == CellKind.Normal ? "normal" : "reduction";

    private int Index(CellKind kind, int edge, int operation)
    {
        if ((uint)edge >= (uint)Edges || (uint)operation >= (uint)Operations)
        {
            throw new ArgumentOutOfRangeException(nameof(edge),
                $"Edge {edge}, operation {operation} is outside {Space}: edges 0 to {Edges - 1}, operations 0 to {Operations - 1}.");
        }
        return ((int)kind * Edges + edge) * Operations + operation;
    }
}
