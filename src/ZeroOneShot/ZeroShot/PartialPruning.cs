using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.ZeroShot;

/// <summary>Algorithm 1 of the paper. It knows networks only through the ranks it is given.</summary>
public static class PartialPruning
{
    /// <summary>Prunes until no more than the asked fraction of the space remains, or every edge has one operation.</summary>
    /// <param name="mask">The mask to start from.</param>
    /// <param name="ranks">The values of all ranking functions for the network of a mask.</param>
    /// <param name="options">When to stop and how much to remove at a time.</param>
    /// <returns>The rounds; none when the mask already is small enough. The last round's mask is the result.</returns>
    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    public static IReadOnlyList<PruningRound> Prune(
        OperationMask mask, Func<OperationMask, IReadOnlyList<double>> ranks, PruningOptions options)
    {
        ArgumentNullException.ThrowIfNull(ranks);
        return Prune(mask, (current, _) => Importances(current, ranks), options);
    }

    /// <summary>The same with importances measured by the caller, who is told the round's number, from 0.</summary>
    internal static IReadOnlyList<PruningRound> Prune(
        OperationMask mask,
        Func<OperationMask, int, IReadOnlyDictionary<(CellKind Kind, int Edge, int Operation), double>> importances,
        PruningOptions options)
    {
        ArgumentNullException.ThrowIfNull(mask);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        mask = Start(mask, options);
        // 'none' goes at no cost: architectures are counted among those that are left without it, as the public launcher does.
        var whole = options.Criterion == RemainingCriterion.Architectures ? mask.RemainingFraction(options.Criterion) : 1;
        var rounds = new List<PruningRound>();
        while (mask.RemainingFraction(options.Criterion) / whole > options.Level && CanLose(mask))          // line 1
        {
            var s = importances(mask, rounds.Count);                                                        // lines 2-9
            mask = mask.WithoutWeakestOperationPerEdge((kind, edge, o) => s[(kind, edge, o)], options.OperationsPerRound);    // lines 10-14
            rounds.Add(new PruningRound(s, mask));
        }
        return rounds;
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
    /// s_j = sum over ranking functions r of (r(N) - r(N without j)) / r(N), for every live operation j (lines 2-9).
    /// </summary>
    /// <param name="mask">Which operations are live.</param>
    /// <param name="ranks">The values of all ranking functions for the network of a mask.</param>
    /// <exception cref="InvalidOperationException">A ranking function gave no number, or zero for the whole network.</exception>
    public static IReadOnlyDictionary<(CellKind Kind, int Edge, int Operation), double> Importances(
        OperationMask mask, Func<OperationMask, IReadOnlyList<double>> ranks)
    {
        ArgumentNullException.ThrowIfNull(mask);
        ArgumentNullException.ThrowIfNull(ranks);
        var whole = ranks(mask);
        return mask.AllLive.ToDictionary(j => j, j => Importance(whole, ranks(mask.Without(j.Kind, j.Edge, j.Operation))));
    }

    internal static double Importance(IReadOnlyList<double> whole, IReadOnlyList<double> without)
    {
        var s = 0.0;
        for (var r = 0; r < whole.Count; r++)
        {
            if (whole[r] == 0 || !double.IsFinite(whole[r]) || !double.IsFinite(without[r]))
            {
                throw new InvalidOperationException(
                    $"Ranking function {r} gave {whole[r]} for the whole network and {without[r]} without an operation; " +
                    "expected finite numbers, the first not 0.");
            }
            s += (whole[r] - without[r]) / whole[r];
        }
        return s;
    }

    private static bool CanLose(OperationMask mask) => mask.AllEdges.Any(at => mask.LiveCount(at.Kind, at.Edge) > 1);
}
