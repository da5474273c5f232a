using ZeroOneShot.Networks;
using ZeroOneShot.SearchSpaces;
using static TorchSharp.torch;

namespace ZeroOneShot.OneShot;

/// <summary>
/// All that a genotype may choose from at a moment of a search, with scores: pairs of an edge and one of its live operations, for every
/// node as many as a genotype keeps. A genotype's score is the sum of those of its pairs.
/// </summary>
internal sealed class GenotypeChoices
{
    private const int MostCosts = 100_000;

    private readonly SearchSpace _space;
    private readonly bool _mayShareInput;
    private readonly IReadOnlyList<Choice>[][] _nodes;

    private GenotypeChoices(OperationMask mask, bool mayShareInput, Func<CellKind, int, int, double> score)
    {
        // Where every edge is kept, each is kept once.
        (_space, _mayShareInput) = (mask.Space, mayShareInput && mask.Space.Topology.EdgesPerNode is not null);
        _nodes = [.. _space.Kinds.Select(kind => Enumerable.Range(0, _space.Topology.Nodes).Select(node =>
        {
            var (start, length) = _space.Topology.EdgesInto(node).GetOffsetAndLength(_space.Topology.EdgeCount);
            return (IReadOnlyList<Choice>)[.. Enumerable.Range(start, length).SelectMany(edge => mask.Live(kind, edge)
                .Where(row => _space.Operations[row].CanBeChosen)
                .Select(row => new Choice(edge, row, score(kind, edge, row))))];
        }).ToArray())];
    }

    /// <summary>What may be chosen, all scores 0.</summary>
    /// <exception cref="ArgumentException">The mask leaves a node fewer usable edges than a genotype keeps.</exception>
    public static GenotypeChoices Of(OperationMask mask, bool mayShareInput)
    {
        mask.ThrowIfNoGenotype();
        return new GenotypeChoices(mask, mayShareInput, (_, _, _) => 0);
    }

    /// <summary>What may be chosen, with the scores of a relaxation.</summary>
    /// <exception cref="ArgumentException">The mask leaves a node fewer usable edges than a genotype keeps.</exception>
    public static GenotypeChoices Of(Relaxation relaxation, ArchitectureParameters architecture)
    {
        architecture.Mask.ThrowIfNoGenotype();
        using var _ = no_grad();
        using var scope = NewDisposeScope();
        var edges = architecture.EdgeWeights()?.Select(Values).ToArray();
        var operations = architecture.Mask.Space.Kinds.Select(kind => Values(relaxation.Strengths(architecture, kind))).ToArray();
        var rows = architecture.Mask.Space.Operations.Count;
        return new GenotypeChoices(architecture.Mask, relaxation.MayShareInput, (kind, edge, row) =>
            operations[(int)kind][edge * rows + row] * (edges?[(int)kind][edge] ?? 1));

        static double[] Values(Tensor weights) => weights.to(ScalarType.Float64).cpu().contiguous().data<double>().ToArray();
    }

    /// <summary>The strongest pairs of every node, among equals the earlier ones.</summary>
    public Genotype Strongest() => Genotype(kind => _nodes[(int)kind].Select((choices, node) => choices
        .OrderByDescending(choice => choice.Score).DistinctBy(Place).Take(_space.Topology.KeptInto(node))));

    /// <summary>The lowest and the highest cost that a genotype can have.</summary>
    public (long Cheapest, long Dearest) Range(GenotypeCosts costs)
    {
        var sums = _space.Kinds.SelectMany(kind => _nodes[(int)kind].Select((choices, node) => Sets(kind, node, choices, costs))).ToArray();
        return (costs.Common + sums.Sum(sets => sets.Keys.Min()), costs.Common + sums.Sum(sets => sets.Keys.Max()));
    }

    /// <summary>
    /// The genotype of the highest score among those whose cost lies between two bounds; where there is none, the dearest one below. Found
    /// by dynamic programming over the nodes and their costs, which add up.
    /// </summary>
    /// <param name="costs">What every pair costs.</param>
    /// <param name="from">The lowest cost.</param>
    /// <param name="to">The highest cost; not below that of the cheapest genotype.</param>
    /// <param name="mostCosts">
    /// Above so many distinct costs of one kind of cell, costs that lie next to each other are taken together: the result still lies within
    /// the bounds, but another one may score a little higher.
    /// </param>
    public Genotype Strongest(GenotypeCosts costs, long from, long to, int mostCosts = MostCosts)
    {
        var normal = Sums(CellKind.Normal, costs, mostCosts);
        var reduction = _space.Kinds.Contains(CellKind.Reduction) ? Sums(CellKind.Reduction, costs, mostCosts) : Table.Nothing;
        var (low, high) = (from - costs.Common, to - costs.Common);
        var others = reduction.Last.OrderBy(at => at.Key).Select(at => (Cost: at.Key, at.Value.Score)).ToArray();
        (long Normal, long Reduction, double Score)? best = null, below = null;
        // As one cost goes up, the other ones that go with it move down: the best of them stands at the front of a queue.
        var window = new LinkedList<(long Cost, double Score)>();
        var next = others.Length - 1;
        foreach (var (cost, entry) in normal.Last.OrderBy(at => at.Key))
        {
            for (; next >= 0 && cost + others[next].Cost >= low; next--)
            {
                while (window.Last is { } last && last.Value.Score <= others[next].Score)
                    window.RemoveLast();
                window.AddLast(others[next]);
            }
            while (window.First is { } first && cost + first.Value.Cost > high)
                window.RemoveFirst();
            if (window.First is { } within && (best is null || entry.Score + within.Value.Score > best.Value.Score))
                best = (cost, within.Value.Cost, entry.Score + within.Value.Score);
            if (best is null && next >= 0)                                          // others[next] is the dearest that stays below
            {
                var score = entry.Score + others[next].Score;
                var (sum, dearest) = (cost + others[next].Cost, below is { } old ? old.Normal + old.Reduction : long.MinValue);
                if (sum > dearest || sum == dearest && score > below!.Value.Score)
                    below = (cost, others[next].Cost, score);
            }
        }
        var found = best ?? below ?? throw new InvalidOperationException($"No genotype costs {to} or less.");
        return Genotype(kind => kind == CellKind.Normal ? normal.Path(found.Normal) : reduction.Path(found.Reduction));
    }

    /// <summary>For every cost that a node can have, the choices of the highest score.</summary>
    private Dictionary<long, Entry> Sets(CellKind kind, int node, IReadOnlyList<Choice> choices, GenotypeCosts costs)
    {
        var kept = _space.Topology.KeptInto(node);
        var ofCount = Enumerable.Range(0, kept + 1).Select(_ => new Dictionary<long, Entry>()).ToArray();
        ofCount[0][0] = new Entry(0, 0, []);
        foreach (var place in choices.GroupBy(Place))
        {
            for (var count = kept - 1; count >= 0; count--)                         // downwards: a place is taken once at most
            {
                foreach (var (cost, entry) in ofCount[count])
                {
                    foreach (var choice in place)
                    {
                        Entry.Keep(ofCount[count + 1], cost + costs.Of(kind, choice),
                            new Entry(entry.Score + choice.Score, 0, [.. entry.Choices, choice]));
                    }
                }
            }
        }
        return ofCount[kept];
    }

    /// <summary>What a node takes no more than one choice of.</summary>
    private (int Edge, int Row) Place(Choice choice) => _mayShareInput ? (choice.Edge, choice.Row) : (choice.Edge, 0);

    private Table Sums(CellKind kind, GenotypeCosts costs, int most)
    {
        var stages = new List<Dictionary<long, Entry>> { new() { [0] = new Entry(0, 0, []) } };
        foreach (var (node, choices) in _nodes[(int)kind].Index())
        {
            var (sets, sums) = (Sets(kind, node, choices, costs), new Dictionary<long, Entry>());
            foreach (var (before, so) in stages[^1])
            {
                foreach (var (cost, set) in sets)
                    Entry.Keep(sums, before + cost, set with { Score = so.Score + set.Score, Before = before });
            }
            stages.Add(sums.Count > most ? Fewer(sums, most) : sums);
        }
        return new Table(stages);
    }

    private static Dictionary<long, Entry> Fewer(Dictionary<long, Entry> sums, int most)
    {
        var lowest = sums.Keys.Min();
        var width = (sums.Keys.Max() - lowest) / most + 1;
        return sums.GroupBy(at => (at.Key - lowest) / width).Select(group => group.MaxBy(at => at.Value.Score)).ToDictionary();
    }

    private Genotype Genotype(Func<CellKind, IEnumerable<IEnumerable<Choice>>> chosen)
    {
        var topology = _space.Topology;
        return new Genotype(Cell(CellKind.Normal), _space.Kinds.Contains(CellKind.Reduction) ? Cell(CellKind.Reduction) : null);

        CellGenotype Cell(CellKind kind) => new(
            [.. chosen(kind).Select(node => (topology.EdgesPerNode is null
                    ? node.OrderBy(choice => choice.Edge)
                    : node.OrderByDescending(choice => choice.Score))
                .Select(choice => new GenotypeEdge(_space.Operations[choice.Row].Name, topology.Ends(choice.Edge).From)).ToArray())],
            topology.Inputs, topology.Output);
    }

    /// <summary>An edge and one of its operations.</summary>
    public readonly record struct Choice(int Edge, int Row, double Score);

    /// <summary>The best way to a cost: its score, the cost before the last node, and what the last node chooses.</summary>
    private readonly record struct Entry(double Score, long Before, Choice[] Choices)
    {
        public static void Keep(Dictionary<long, Entry> entries, long cost, Entry entry)
        {
            if (!entries.TryGetValue(cost, out var old) || entry.Score > old.Score)
                entries[cost] = entry;
        }
    }

    /// <summary>The best way to every cost, after every node.</summary>
    private sealed record Table(IReadOnlyList<Dictionary<long, Entry>> Stages)
    {
        /// <summary>That of a kind of cell which the space has not.</summary>
        public static Table Nothing { get; } = new([new() { [0] = new Entry(0, 0, []) }]);

        public Dictionary<long, Entry> Last => Stages[^1];

        public IEnumerable<IEnumerable<Choice>> Path(long cost)
        {
            var nodes = new List<Choice[]>();
            for (var stage = Stages.Count - 1; stage > 0; stage--)
            {
                var entry = Stages[stage][cost];
                nodes.Add(entry.Choices);
                cost = entry.Before;
            }
            nodes.Reverse();
            return nodes;
        }
    }
}
