using Xunit;
using ZeroOneShot.Data;
using ZeroOneShot.Layers;
using ZeroOneShot.Networks;
using ZeroOneShot.OneShot;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Tests.Data;
using ZeroOneShot.Training;
using ZeroOneShot.ZeroShot;

namespace ZeroOneShot.Tests.SearchSpaces;

public sealed class StemTests
{
    private static readonly SearchOptions s_search = new()
    {
        Supernet = new SupernetOptions { Channels = 4, Cells = 3 }, BatchSize = 4, Epochs = 1, WarmupEpochs = 0, Seed = 2,
    };

    static StemTests() => TorchRuntime.EnsureLoaded();

    [Theory]
    [InlineData(16, 16, "cifar")]
    [InlineData(64, 64, "cifar")]
    [InlineData(64, 17, "cifar")]
    [InlineData(65, 64, "imagenet")]
    [InlineData(16, 256, "imagenet")]
    [InlineData(256, 256, "imagenet")]
    public void The_size_of_the_images_chooses_the_stem_where_none_is_named(int height, int width, string stem)
    {
        Assert.Equal(stem, MacroArchitecture.Darts.StemFor(height, width).Name);
        Assert.Equal("imagenet", MacroArchitecture.Darts.StemFor(height, width, "imagenet").Name);
        Assert.Equal("half", MacroArchitecture.Darts.StemFor(height, width, "half").Name);
    }

    [Theory]
    [InlineData(15, 32, null)]
    [InlineData(300, 200, null)]
    [InlineData(128, 96, "cifar")]
    public void Sizes_that_no_stem_takes_are_refused_before_anything_runs_with_the_numbers(int height, int width, string? stem)
    {
        var images = RandomImages.Of(16, 2, new ImageShape(3, height, width));
        var supernet = new SupernetOptions { Channels = 4, Cells = 3, Stem = stem };
        var network = new CellNetOptions { Channels = 4, Cells = 3, Stem = stem };
        var mask = OperationMask.Full(SearchSpace.Darts);
        Refuses(() => ZeroShotPruning.Prune(images, new ZeroShotPruningOptions { Supernet = supernet, BatchSize = 4, Batches = 1 }));
        Refuses(() => MaskedDartsSearch.Run(images, mask, s_search with { Supernet = supernet }));
        Refuses(() => CellNetTraining.Train(images, PublishedGenotypes.DartsV2, new TrainingOptions { Network = network, BatchSize = 4 }));
        Refuses(() => SearchMemory.Predict(mask, s_search with { Supernet = supernet }, images.Shape, classes: 2));
        Refuses(() => TrainingMemory.Predict(PublishedGenotypes.DartsV2, new TrainingOptions { Network = network }, images.Shape, 2));
        Refuses(() => NetworkCost.Of(PublishedGenotypes.DartsV2, network, images.Shape, classes: 2));
        Refuses(() => Ranking.Score(images, PublishedGenotypes.DartsV2, new NngpNorm(), new RankingOptions { BatchSize = 4 }, network));

        void Refuses(Func<object> run)
        {
            var message = Assert.Throws<ArgumentException>(run).Message;
            Assert.Contains($"{height} pixels high and {width} wide", message);
            Assert.Contains("cifar (16 to 64 pixels a side)", message);
            Assert.Contains(stem is null ? "imagenet (16 to 256 pixels a side)" : "or choose stem imagenet", message);
        }
    }

    [Fact]
    public void A_stem_that_there_is_not_is_refused_with_those_there_are() =>
        Assert.Contains("no stem 'resnet'; there are cifar, imagenet", Assert.Throws<ArgumentException>(() => new CellNet(
            PublishedGenotypes.DartsV2, new CellNetOptions { Channels = 4, Cells = 3, Stem = "resnet" }, 3, 2)).Message);

    [Fact]
    public void A_stem_of_ones_own_takes_its_sizes()
    {
        Layer[] halving = [new Convolution(3) { Stride = 2 }, new BatchNorm()];
        var own = new Stem("halving", [halving], multiplier: 2, smallestImage: 40, largestImage: 250);
        Assert.Throws<ArgumentException>(() => new Stem("none", [halving], multiplier: 1, smallestImage: 40, largestImage: 39));
        foreach (var (smallest, largest) in ((int, int)[])[(8, 64), (16, 300)])
        {
            Assert.Contains($"Stem 'none' takes images of {smallest} to {largest} pixels a side; expected numbers within 16 to 256",
                Assert.Throws<ArgumentException>(() => new Stem("none", [halving], 1, smallest, largest)).Message);
        }
        var macro = new MacroArchitecture([own], MacroArchitecture.Darts.Items);
        var space = new SearchSpace("own", new CellTopology(2), SearchSpace.Darts.Operations, macro: macro);
        var error = Assert.Throws<ArgumentException>(() => macro.StemFor(39, 250));
        Assert.Contains("stem takes others: halving (40 to 250 pixels a side). Resize the images.", error.Message);
        using var supernet = new Supernet(OperationMask.Full(space), new SupernetOptions { Channels = 4, Cells = 3 }, 3, 2);
        Assert.Equal("halving", supernet.Options.Stem);
        Assert.Equal(8, supernet.named_parameters().Single(at => at.name == "stem.0.weight").parameter.shape[0]);
    }

    [Fact]
    public void Images_that_are_large_and_not_square_are_pruned_on_searched_on_and_trained_on()
    {
        var images = RandomImages.Of(20, 3, new ImageShape(3, 56, 80));
        var mask = ZeroShotPruning.Prune(images, new ZeroShotPruningOptions
        {
            Supernet = s_search.Supernet, BatchSize = 8, Batches = 1, Initializations = 1, RankingFunctions = [new NngpNorm()],
        }, cancellationToken: TestContext.Current.CancellationToken).Mask;
        var found = MaskedDartsSearch.Run(images, mask, s_search, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal("imagenet", found.Options.Supernet.Stem);
        using var trained = CellNetTraining.Train(images, found.Genotype, new TrainingOptions
        {
            Network = new CellNetOptions { Channels = 4, Cells = 3 }, BatchSize = 8, Epochs = 1,
        }, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal("imagenet", trained.Network.Options.Stem);
        Assert.All(trained.Classify(images, TestContext.Current.CancellationToken), label => Assert.InRange(label, 0, 2));
        Assert.Equal("imagenet", trained.Weights().Network.Stem);
    }

    [Fact]
    public void A_network_trained_on_small_images_does_not_go_on_with_large_ones()
    {
        var small = RandomImages.Of(16, 2, new ImageShape(3, 16, 16));
        var options = new TrainingOptions { Network = new CellNetOptions { Channels = 4, Cells = 3 }, BatchSize = 8, Epochs = 1 };
        using var trained = CellNetTraining.Train(
            small, PublishedGenotypes.DartsV2, options, cancellationToken: TestContext.Current.CancellationToken);
        var large = RandomImages.Of(16, 2, new ImageShape(3, 72, 72));
        Assert.Contains("72 pixels high", Assert.Throws<ArgumentException>(
            () => CellNetTraining.Continue(
                large, trained.Weights(), options, cancellationToken: TestContext.Current.CancellationToken)).Message);
    }
}
