using System.Globalization;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.ZeroShot;

/// <summary>Algorithm 1 of the paper. It knows networks only through the ranks it is given.</summary>
public static class PartialPruning
{
    /// <summary>
    /// Values of a ranking function that differ by no more than this part of their size are equal: single precision, in which networks
    /// compute, has 24 bits, and sums lose some of them.
    /// </summary>
    internal const double Rounding = 1e-6;

    /// <summary>
    /// What the ranking functions give for some networks of a round, the whole one first and then those that lack an operation.
    /// </summary>
    internal delegate IReadOnlyList<IReadOnlyList<double>> RanksOfRound(IReadOnlyList<OperationMask> networks, int round);

    /// <summary>Prunes until no more than the asked fraction of the space remains, or every edge has one operation.</summary>
    /// <param name="mask">The mask to start from.</param>
    /// <param name="ranks">The values of all ranking functions for the network of a mask.</param>
    /// <param name="options">When to stop and how much to remove at a time.</param>
    /// <param name="functions">The names of the ranking functions, for reports and errors; null numbers them.</param>
    /// <returns>The mask that the first round starts from, and the rounds; none when that already is small enough.</returns>
    /// <exception cref="ArgumentException">
    /// An option is out of its range, the mask leaves an edge no operation or no genotype, or there is no ranking function.
    /// </exception>
    /// <exception cref="InvalidOperationException">
    /// A ranking function gave no finite number, zero for the whole network, the same without any of the operations, or no value at all for
    /// some network.
    /// </exception>
    public static PruningResult Prune(OperationMask mask, Func<OperationMask, IReadOnlyList<double>> ranks, PruningOptions options,
        IReadOnlyList<string>? functions = null)
    {
        ArgumentNullException.ThrowIfNull(ranks);
        return Prune(mask, (networks, _) => [.. networks.Select(ranks)], options, functions);
    }

    /// <summary>The same where the caller ranks all networks of a round, from 0, together.</summary>
    internal static PruningResult Prune(OperationMask mask, RanksOfRound ranks, PruningOptions options,
        IReadOnlyList<string>? functions = null, Func<int, string?>? advice = null)
    {
        ArgumentNullException.ThrowIfNull(mask);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        mask.ThrowIfNoGenotype();
        mask = Start(mask, options);
        var perRound = options.LostPerRound(mask);
        // 'none' goes at no cost: architectures are counted among those that are left without it, as the public launcher does.
        var whole = options.Criterion == RemainingCriterion.Architectures ? mask.RemainingFraction(options.Criterion) : 1;
        var (start, rounds) = (mask, new List<PruningRound>());
        while (mask.RemainingFraction(options.Criterion) / whole > options.Level && CanLose(mask))          // line 1
        {
            var s = Importances(mask, ranks, rounds.Count, functions, options.Sum);                         // lines 2-9
            ThrowIfBlind(s, rounds.Count, j => mask.LiveCount(j.Kind, j.Edge) > 1, advice);
            var importance = s.Candidates.ToDictionary(j => (j.Kind, j.Edge, j.Operation), j => j.Importance);
            mask = mask.WithoutWeakestOperationPerEdge(
                (kind, edge, o) => importance[(kind, edge, o)], perRound);                                  // lines 10-14
            rounds.Add(new PruningRound(s, mask));
        }
        return new PruningResult(start, rounds);
    }

    /// <summary>The mask before the first round: without <c>none</c>, if so asked.</summary>
    internal static OperationMask Start(OperationMask mask, PruningOptions options)
    {
        for (var row = 0; options.ExcludeNone && row < mask.Space.Operations.Count; row++)
        {
            if (!mask.Space.Operations[row].CanBeChosen)
                mask = mask.WithoutEverywhere(row);
        }
        return mask;
    }

    /// <summary>
    /// s_j = sum over ranking functions r of (r(N) - r(N without j)) / |r(N)|, for every live operation j (lines 2-9). The paper divides by
    /// r(N); with a function whose values are negative, that would make the most important operation the least important one.
    /// </summary>
    /// <param name="mask">Which operations are live.</param>
    /// <param name="ranks">The values of all ranking functions for the network of a mask.</param>
    /// <param name="functions">The names of the ranking functions; null numbers them.</param>
    /// <param name="sum">What is summed over ranking functions: these changes, or the candidates' ranks by them.</param>
    /// <exception cref="InvalidOperationException">
    /// A ranking function gave no finite number, or zero for the whole network where changes are relative to it.
    /// </exception>
    public static ImportanceMeasurement Importances(
        OperationMask mask, Func<OperationMask, IReadOnlyList<double>> ranks, IReadOnlyList<string>? functions = null,
        ImportanceSum sum = ImportanceSum.RelativeChanges)
    {
        ArgumentNullException.ThrowIfNull(mask);
        ArgumentNullException.ThrowIfNull(ranks);
        return Importances(mask, (networks, _) => [.. networks.Select(ranks)], round: 0, functions, sum);
    }

    internal static ImportanceMeasurement Importances(
        OperationMask mask, RanksOfRound ranks, int round, IReadOnlyList<string>? functions, ImportanceSum sum)
    {
        var candidates = mask.AllLive.ToArray();
        var networks = Networks(mask);
        var values = ranks(networks, round);
        var whole = values[0];
        functions ??= [.. whole.Select((_, r) => $"ranking function {r}")];
        if (functions.Count == 0)
            throw new ArgumentException("There is no ranking function, so that nothing tells operations apart; give one.", nameof(ranks));
        if (values.Index().FirstOrDefault(at => at.Item.Count != functions.Count) is { Item: { } other, Index: var odd })
        {
            throw new InvalidOperationException(
                $"{other.Count} ranks came for {Name(mask, networks[odd], round)}; expected one of each of {functions.Count} " +
                $"function(s): {string.Join(", ", functions)}.");
        }
        for (var r = 0; r < functions.Count; r++)
        {
            for (var i = 0; i < networks.Length; i++)
                Ranking.Finite(values[i][r], functions[r], () => Name(mask, networks[i], round));
            if (whole[r] == 0 && sum == ImportanceSum.RelativeChanges)
            {
                throw new InvalidOperationException(
                    $"Ranking function '{functions[r]}' gave 0 for {Name(mask, mask, round)}; importances are relative to it, so that it " +
                    "must be another number. Mend the function, for example by adding a constant, or leave it out.");
            }
        }
        var importances = sum == ImportanceSum.Ranks
            ? Ranking.SumOfRanks([.. whole.Select((ofWhole, r) => candidates.Select((_, i) => ofWhole - values[i + 1][r]).ToArray())])
            : [.. candidates.Select((_, i) => whole.Select((ofWhole, r) => (ofWhole - values[i + 1][r]) / Math.Abs(ofWhole)).Sum())];
        if (importances.Any(importance => !double.IsFinite(importance)))
        {
            throw new InvalidOperationException(
                $"What {string.Join(" and ", functions.Select(name => $"'{name}'"))} gave in round {round + 1} is too far apart, or too " +
                "near to 0 for the whole network: importances, which are relative to it, are no finite numbers. Mend the function, for " +
                $"example by its logarithm, or sum ranks ({nameof(PruningOptions)}.{nameof(PruningOptions.Sum)}).");
        }
        return new ImportanceMeasurement(functions, whole, [.. candidates.Select((j, i) =>
            new CandidateImportance(j.Kind, j.Edge, j.Operation, values[i + 1], importances[i]))], sum);
    }

    /// <summary>The networks of a round: the whole one, then those that lack one of its live operations.</summary>
    internal static OperationMask[] Networks(OperationMask mask) =>
        [mask, .. mask.AllLive.Select(j => mask.Without(j.Kind, j.Edge, j.Operation))];

    /// <summary>Refuses a ranking function whose values are all alike.</summary>
    /// <param name="measured">The values.</param>
    /// <param name="round">The round, from 0.</param>
    /// <param name="counts">Which candidates are compared with others.</param>
    /// <param name="advice">What else than usual to do about a function, by its place.</param>
    /// <exception cref="InvalidOperationException">It cannot tell the candidates apart.</exception>
    internal static void ThrowIfBlind(
        ImportanceMeasurement measured, int round, Func<CandidateImportance, bool> counts, Func<int, string?>? advice = null)
    {
        var candidates = measured.Candidates.Where(counts).ToArray();
        for (var r = 0; r < measured.Functions.Count && candidates.Length > 1; r++)
        {
            var values = candidates.Select(j => j.Ranks[r]).ToArray();
            if (values.Max() - values.Min() > Rounding * Math.Abs(measured.Ranks[r]))
                continue;
            throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture,
                $"Ranking function '{measured.Functions[r]}' gave {values[0]} in round {round + 1}, up to rounding, whichever of " +
                $"{candidates.Length} operations the network lacked (and {measured.Ranks[r]} with all of them): it cannot tell them " +
                $"apart, and what it removed would be arbitrary. ") + (advice?.Invoke(r) ??
                "Rank on more images (BatchSize, Batches), with more Channels or Outputs, or with another function."));
        }
    }

    /// <summary>
    /// The edges, of those that lose an operation, whose operations all functions together cannot tell apart: which go is arbitrary.
    /// </summary>
    internal static IReadOnlyList<(CellKind Kind, int Edge)> BlindEdges(ImportanceMeasurement measured) =>
        [.. measured.Candidates.GroupBy(j => (j.Kind, j.Edge))
            .Where(edge => edge.Count() > 1 && Enumerable.Range(0, measured.Functions.Count).All(r =>
                edge.Max(j => j.Ranks[r]) - edge.Min(j => j.Ranks[r]) <= Rounding * Math.Abs(measured.Ranks[r])))
            .Select(edge => edge.Key)];

    /// <summary>What a warning calls edges.</summary>
    internal static string Name(IReadOnlyList<(CellKind Kind, int Edge)> edges) => string.Join(" and ", edges.GroupBy(at => at.Kind)
        .Select(cell => $"edge(s) {string.Join(", ", cell.Select(at => at.Edge))} of the {cell.Key} cell"));

    /// <summary>What an error calls the network of a mask.</summary>
    internal static string Name(OperationMask whole, OperationMask network, int round)
    {
        foreach (var (kind, edge, operation) in whole.AllLive)
        {
            if (!network[kind, edge, operation])
            {
                return $"the network without {whole.Space.Operations[operation].Name} on edge {edge} of the {kind} cell, " +
                    $"in round {round + 1}";
            }
        }
        return $"the whole network, in round {round + 1}";
    }

    private static bool CanLose(OperationMask mask) => mask.AllEdges.Any(at => mask.LiveCount(at.Kind, at.Edge) > 1);
}
