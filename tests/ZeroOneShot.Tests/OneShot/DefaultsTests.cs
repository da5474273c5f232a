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
    public void The_pruning_of_the_paper_is_the_default()
    {
        var (plain, paper) = (new ZeroShotPruningOptions(), SearchMethod.ZeroOneShot.Apply(new ZeroShotPruningOptions()));
        Assert.Equal((paper.Supernet.PartialChannels, paper.Supernet.EdgeNormalization),
            (plain.Supernet.PartialChannels, plain.Supernet.EdgeNormalization));
        Assert.Equal((128, 3, 3, 10), (plain.BatchSize, plain.Batches, plain.Initializations, plain.Outputs));
        Assert.Equal((0.5, 3, true), (plain.Pruning.Level, plain.Pruning.OperationsPerRound, plain.Pruning.ExcludeNone));
        Assert.Equal("nngp-correlation", plain.RankingFunctions.Single().Name);
    }

    private static double BetaDecayOf(SearchOptions options) => options.LossTerms.OfType<BetaDecay>().Sum(term => term.Weight);
}
