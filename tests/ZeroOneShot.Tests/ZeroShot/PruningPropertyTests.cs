using CsCheck;
using Xunit;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Tests.SearchSpaces;
using ZeroOneShot.ZeroShot;

namespace ZeroOneShot.Tests.ZeroShot;

public sealed class PruningPropertyTests
{
    private static readonly Gen<PruningOptions> s_options = Gen.Select(Gen.Double.Unit, Gen.Bool, Gen.Bool, Gen.Int[1, 8],
        (level, operations, excludeNone, perRound) => new PruningOptions
        {
            Level = level * level * level,
            Criterion = operations ? RemainingCriterion.Operations : RemainingCriterion.Architectures,
            ExcludeNone = excludeNone,
            OperationsPerRound = perRound,
        });

    [Fact]
    public void A_random_mask_leaves_every_edge_an_operation_that_a_genotype_can_choose() =>
        Gen.Select(Gen.Double.Unit, Gen.Long).Sample((level, seed) =>
        {
            var mask = RandomPruning.Mask(SearchSpace.Darts, level, seed);
            AssertEveryEdgeIsUsable(mask);
            Assert.Equal(mask, RandomPruning.Mask(SearchSpace.Darts, level, seed));
        }, iter: 1000);

    [Theory]
    [InlineData(0.0)]
    [InlineData(0.5)]
    [InlineData(1.0)]
    public void A_random_mask_keeps_the_share_asked_for(double level)
    {
        var share = Enumerable.Range(0, 100).Average(
            seed => RandomPruning.Mask(SearchSpace.Darts, level, seed).RemainingFraction(RemainingCriterion.Operations));
        // At 0 the one operation that every edge keeps is left, of 8; at 0.5 an edge is left without one in 1 case of 128.
        Assert.Equal(level == 0 ? 1 / 8.0 : level, share, tolerance: 0.01);
    }

    [Fact]
    public void Pruning_leaves_every_edge_an_operation_that_a_genotype_can_choose() =>
        Gen.Select(s_options, Gen.Int).Sample((options, seed) =>
        {
            options = options with { ExcludeNone = true };
            Assert.All(Prune(OperationMask.Full(SearchSpace.Darts), options, seed).Rounds, round => AssertEveryEdgeIsUsable(round.Mask));
        }, iter: 1000);

    [Fact]
    public void Pruning_ends_where_asked_and_what_remains_only_falls() =>
        Gen.Select(Generated.UsableMask, s_options, Gen.Int).Sample((start, options, seed) =>
        {
            var result = Prune(start, options, seed);
            var before = result.Start;
            Assert.Equal(PartialPruning.Start(start, options), before);
            var whole = options.Criterion == RemainingCriterion.Operations ? 1 : before.RemainingFraction(options.Criterion);
            foreach (var round in result.Rounds)
            {
                Assert.All(Enum.GetValues<RemainingCriterion>(), criterion => Assert.True(
                    round.Mask.RemainingFraction(criterion) < before.RemainingFraction(criterion)));
                Assert.All(round.Mask.AllLive, at => Assert.True(before[at.Kind, at.Edge, at.Operation]));
                Assert.All(round.Mask.AllEdges, at => Assert.True(round.Mask.LiveCount(at.Kind, at.Edge) > 0));
                before = round.Mask;
            }
            Assert.Equal(before, result.Mask);
            Assert.True(before.RemainingFraction(options.Criterion) / whole <= options.Level
                || before.TotalLive == before.AllEdges.Count());
        }, iter: 1000);

    [Fact]
    public void A_round_takes_the_least_important_operations_of_every_edge() =>
        Gen.Select(Generated.Mask, Gen.Int[1, 8], Gen.Int).Sample((mask, count, seed) =>
        {
            var importance = Importances(mask, seed);
            var after = mask.WithoutWeakestOperationPerEdge((kind, edge, operation) => importance[(kind, edge, operation)], count);
            foreach (var (kind, edge) in mask.AllEdges)
            {
                var kept = after.Live(kind, edge).ToArray();
                var lost = mask.Live(kind, edge).Except(kept).ToArray();
                Assert.Equal(Math.Min(count, mask.LiveCount(kind, edge) - 1), lost.Length);
                Assert.All(lost, l => Assert.All(kept, k => Assert.True(
                    importance[(kind, edge, l)] < importance[(kind, edge, k)]
                        || (importance[(kind, edge, l)] == importance[(kind, edge, k)] && l < k))));
            }
        }, iter: 1000);

    // The whole network is worth 100, and without an operation that less its importance.
    private static PruningResult Prune(OperationMask mask, PruningOptions options, int seed) =>
        PartialPruning.Prune(mask, (networks, round) =>
        {
            var importances = Importances(networks[0], seed + round);
            return [[100], .. networks[0].AllLive.Select(at => (double[])[100 - importances[at]])];
        }, options);

    // Few different values, so that ties are common; not all the same, which is refused.
    private static Dictionary<(CellKind Kind, int Edge, int Operation), double> Importances(OperationMask mask, int seed)
    {
        var random = new Random(seed);
        var importances = mask.AllLive.ToDictionary(at => at, _ => (double)random.Next(4));
        var free = mask.AllLive.Where(at => mask.LiveCount(at.Kind, at.Edge) > 1).Take(2).ToArray();
        if (free.Length == 2)
            (importances[free[0]], importances[free[1]]) = (1, 2);
        return importances;
    }

    private static void AssertEveryEdgeIsUsable(OperationMask mask) =>
        Assert.All(mask.AllEdges, at => Assert.Contains(
            mask.Live(at.Kind, at.Edge), operation => SearchSpace.Darts.Operations[operation].CanBeChosen));
}
