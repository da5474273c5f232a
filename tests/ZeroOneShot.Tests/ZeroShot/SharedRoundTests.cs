using Xunit;
using ZeroOneShot.Data;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Tests.Data;
using ZeroOneShot.ZeroShot;
using ZeroOneShot.ZeroShot.Functions;

namespace ZeroOneShot.Tests.ZeroShot;

/// <summary>Networks of a round that somebody else ranks have the ranks that they have in one process, to the last bit.</summary>
public sealed class SharedRoundTests
{
    private static readonly ImageSet s_images = RandomImages.Of(16, 3, new ImageShape(3, 16, 16));

    private static readonly ZeroShotPruningOptions s_options = new()
    {
        Space = SearchSpace.NasBench201, Supernet = new() { Channels = 4, Cells = 3 }, BatchSize = 8, Batches = 2, Initializations = 2,
        RankingFunctions = [new NngpNorm(), new Naswot()],
    };

    private static readonly ZeroShotPruningOptions s_small = new()
    {
        Space = new("small", new CellTopology(1), [CandidateOperation.SkipConnect, CandidateOperation.DilatedConvolution3x3]),
        Supernet = new() { Channels = 4, Cells = 3 }, BatchSize = 16, Batches = 1, Initializations = 2,
        Pruning = new() { OperationsPerRound = 1 },
    };

    public static TheoryData<string> Names => [.. RankingFunctions.All.Select(function => function.Name)];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_round_of_which_others_rank_a_part_gives_the_same_importances(bool toGenotype)
    {
        var alone = toGenotype ? ZeroShotPruning.PruneToGenotype(s_images, s_options, cancellationToken: Cancellation)
            : ZeroShotPruning.Prune(s_images, s_options, cancellationToken: Cancellation);
        var others = new EveryOther(s_options, toGenotype, TimeSpan.Zero);
        var shared = ZeroShotPruning.PruneWith(others, s_images, s_options, toGenotype, null, null, Cancellation);
        Assert.Equal(alone.ToJson(), shared.ToJson());
        Assert.Equal(alone.Rounds.Count + (toGenotype ? 1 : 0), others.Rounds);
        Assert.True(others.Used > 0);
        Assert.Equal(others.Rounds, others.Ended);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_pruning_by_any_function_is_the_same_to_the_byte_however_many_workers_share_it(string name)
    {
        var options = s_small with { RankingFunctions = [RankingFunctions.Named(name)] };
        if (name == "shallowness")                                                  // cells of one node are all as deep
            options = options with { Space = new("deeper", new CellTopology(2), s_small.Space.Operations) };
        var alone = ZeroShotPruning.Prune(s_images, options, cancellationToken: Cancellation).ToJson();
        foreach (var of in (int[])[1, 2])                                           // all parts, and every other one
        {
            var others = new EveryOther(options, false, TimeSpan.Zero, of);
            Assert.Equal(alone, ZeroShotPruning.PruneWith(others, s_images, options, false, null, null, Cancellation).ToJson());
            Assert.True(others.Used > 0);
        }
    }

    [Fact]
    public void A_round_that_takes_less_than_it_is_worth_is_not_offered()
    {
        var others = new EveryOther(s_options, false, TimeSpan.FromHours(1));
        ZeroShotPruning.PruneWith(others, s_images, s_options, false, null, null, Cancellation);
        Assert.Equal((0, 0), (others.Rounds, others.Ended));
    }

    /// <summary>Ranks every other part that is offered, or all.</summary>
    private sealed class EveryOther(ZeroShotPruningOptions options, bool toGenotype, TimeSpan worth, int of = 2) : IRoundShare
    {
        private readonly Dictionary<RoundPart, IReadOnlyList<double[]>> _ranks = [];

        public TimeSpan Worth => worth;

        public int Rounds { get; private set; }

        public int Ended { get; private set; }

        public int Used { get; private set; }

        public void Offer(OperationMask mask, IReadOnlyList<RoundPart> parts)
        {
            Rounds++;
            Assert.Contains(parts, part => part.Initialization == 1 && part.First == 1);
            foreach (var part in parts.Where((_, i) => i % of == 0))
                _ranks[part] = ZeroShotPruning.Rank(s_images, options, toGenotype, mask, part, Cancellation);
        }

        public IReadOnlyList<double[]>? Find(RoundPart part)
        {
            var found = _ranks.GetValueOrDefault(part);
            Used += found is null ? 0 : 1;
            return found;
        }

        public void End() => Ended++;
    }
}
