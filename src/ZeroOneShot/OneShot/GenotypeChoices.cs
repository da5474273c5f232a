using ZeroOneShot.Networks;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.OneShot;

/// <summary>
/// The genotype of the highest score whose cost lies within bounds. A genotype's score is the sum of those of its choices.
/// </summary>
internal sealed class GenotypeChoices
{
    private const int MostCosts = 100_000;

    private readonly GenotypeReading _reading;

    private GenotypeChoices(GenotypeReading reading) => _reading = reading;

    private SearchSpace Space => _reading.Space;

    /// <summary>What may be chosen, all scores 0.</summary>
    /// <exception cref="ArgumentException">The mask leaves a node fewer usable edges than a genotype keeps.</exception>
    public static GenotypeChoices Of(OperationMask mask, bool mayShareInput) => new(new(mask, (_, _, _) => 0, mayShareInput));

    /// <summary>What may be chosen, with scores of kind of cell, edge and operation; every edge once.</summary>
    /// <exception cref="ArgumentException">The mask leaves a node fewer usable edges than a genotype keeps.</exception>
    public static GenotypeChoices Of(OperationMask mask, Func<CellKind, int, int, double> score) => new(new(mask, score));

    /// <summary>What may be chosen, with the scores of a relaxation.</summary>
    /// <exception cref="ArgumentException">The mask leaves a node fewer usable edges than a genotype keeps.</exception>
    public static GenotypeChoices Of(Relaxation relaxation, ArchitectureParameters architecture) =>
        new(architecture.Reading(kind => relaxation.Strengths(architecture, kind), relaxation.MayShareInput));

    /// <summary>The lowest and the highest cost that a genotype can have.</summary>
    public (long Cheapest, long Dearest) Range(GenotypeCosts costs)
    {
        var sums = Space.Kinds
            .SelectMany(kind => _reading.Nodes(kind).Select((choices, node) => Sets(kind, node, choices, costs))).ToArray();
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
    /// the bounds where it can, but another one may score a little higher. The cheapest and the dearest stay, so that one is found.
    /// </param>
    public Genotype Strongest(GenotypeCosts costs, long from, long to, int mostCosts = MostCosts)
    {
        var normal = Sums(CellKind.Normal, costs, mostCosts);
        var reduction = Space.Kinds.Contains(CellKind.Reduction) ? Sums(CellKind.Reduction, costs, mostCosts) : Table.Nothing;
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
        return _reading.Of(kind => kind == CellKind.Normal ? normal.Path(found.Normal) : reduction.Path(found.Reduction));
    }

    /// <summary>For every cost that a node can have, the choices of the highest score.</summary>
    private Dictionary<long, Entry> Sets(CellKind kind, int node, IReadOnlyList<GenotypeReading.Choice> choices, GenotypeCosts costs)
    {
        var kept = Space.Topology.KeptInto(node);
        var ofCount = Enumerable.Range(0, kept + 1).Select(_ => new Dictionary<long, Entry>()).ToArray();
        ofCount[0][0] = new Entry(0, 0, []);
        foreach (var place in choices.GroupBy(_reading.Place))
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

    private Table Sums(CellKind kind, GenotypeCosts costs, int most)
    {
        var stages = new List<Dictionary<long, Entry>> { new() { [0] = new Entry(0, 0, []) } };
        foreach (var (node, choices) in _reading.Nodes(kind).Index())
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
        return sums.GroupBy(at => (at.Key - lowest) / width).Select(group => group.MaxBy(at => at.Value.Score))
            .Append(sums.MinBy(at => at.Key)).Append(sums.MaxBy(at => at.Key)).DistinctBy(at => at.Key).ToDictionary();
    }

    /// <summary>The best way to a cost: its score, the cost before the last node, and what the last node chooses.</summary>
    private readonly record struct Entry(double Score, long Before, GenotypeReading.Choice[] Choices)
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

        public IEnumerable<IEnumerable<GenotypeReading.Choice>> Path(long cost)
        {
            var nodes = new List<GenotypeReading.Choice[]>();
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
