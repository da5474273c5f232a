using Xunit;
using ZeroOneShot.OneShot;
using ZeroOneShot.ZeroShot;

namespace ZeroOneShot.Tests.OneShot;

/// <summary>What nobody sets is what the documentation says: the paper's method.</summary>
public sealed class DefaultsTests
{
    [Fact]
    public void The_search_of_the_paper_is_the_default()
    {
        var (plain, paper) = (new SearchOptions(), SearchMethod.ZeroOneShot.Apply(new SearchOptions()));
        Assert.Equal((4, true, 25.0), (plain.Supernet.PartialChannels, plain.Supernet.EdgeNormalization, BetaDecayOf(plain)));
        Assert.Equal((paper.Supernet.PartialChannels, paper.Supernet.EdgeNormalization, BetaDecayOf(paper)),
            (plain.Supernet.PartialChannels, plain.Supernet.EdgeNormalization, BetaDecayOf(plain)));
        Assert.Equal((50, 15, 256, 0.1, 16, 8), (plain.Epochs, plain.WarmupEpochs, plain.BatchSize, plain.LearningRate,
            plain.Supernet.Channels, plain.Supernet.Cells));
        Assert.Equal(3, new SearchOptions { Epochs = 10 }.WarmupEpochs);
    }

    [Fact]
    public void Other_methods_settings_come_where_they_are_asked_for()
    {
        var darts = SearchMethod.Darts.Apply(new SearchOptions());
        Assert.Equal((1, false, 0.0), (darts.Supernet.PartialChannels, darts.Supernet.EdgeNormalization, BetaDecayOf(darts)));
        Assert.False(new SearchOptions { Supernet = new() { PartialChannels = 1 } }.Supernet.EdgeNormalization);
    }

    [Fact]
    public void A_method_is_the_same_whichever_method_the_options_were_of_before_and_what_no_method_decides_stays()
    {
        var own = new SearchOptions
        {
            Epochs = 7, LearningRate = 0.025, BatchSize = 64, CostTarget = new CostTarget { MultiplyAdds = 40_000_000 },
            Supernet = new() { Channels = 24, Cells = 5, Stem = "cifar" },
        };
        var pruning = new ZeroShotPruningOptions { BatchSize = 32, Supernet = own.Supernet };
        foreach (var method in SearchMethod.All)
        {
            foreach (var before in SearchMethod.All)
            {
                Assert.Equal(method.Apply(own), method.Apply(before.Apply(own)));
                Assert.Equal(method.Apply(pruning), method.Apply(before.Apply(pruning)));
            }
            Assert.Equal(own, method.Apply(own) with
            {
                Supernet = own.Supernet, Relaxation = own.Relaxation, LossTerms = own.LossTerms,
            });
            Assert.Equal(own.Supernet, method.Apply(own.Supernet) with
            {
                PartialChannels = own.Supernet.PartialChannels, EdgeNormalization = own.Supernet.EdgeNormalization,
            }, (one, other) => one.ToString() == other.ToString());         // a value that is the default, or is set to it
        }
    }

    [Fact]
    public void The_pruning_of_the_paper_is_the_default_but_by_a_function_and_a_network_whose_masks_are_better_than_chance()
    {
        var (plain, paper) = (new ZeroShotPruningOptions(), SearchMethod.ZeroOneShot.Apply(new ZeroShotPruningOptions()));
        Assert.Equal((paper.Supernet.PartialChannels, paper.Supernet.EdgeNormalization),
            (plain.Supernet.PartialChannels, plain.Supernet.EdgeNormalization));
        Assert.Equal((128, 3, 3, 10), (plain.BatchSize, plain.Batches, plain.Initializations, plain.Outputs));
        Assert.Equal((0.5, null, true), (plain.Pruning.Level, plain.Pruning.OperationsPerRound, plain.Pruning.ExcludeNone));
        Assert.Equal("swap", plain.RankingFunctions.Single().Name);
        Assert.Equal((4, 3), (plain.Supernet.Channels, plain.Supernet.Cells));
    }

    private static double BetaDecayOf(SearchOptions options) => options.LossTerms.OfType<BetaDecay>().Sum(term => term.Weight);
}
