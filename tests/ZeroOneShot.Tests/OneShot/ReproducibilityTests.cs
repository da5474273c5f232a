using Xunit;
using ZeroOneShot.Data;
using ZeroOneShot.Networks;
using ZeroOneShot.OneShot;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Tests.Data;
using ZeroOneShot.Training;
using ZeroOneShot.ZeroShot;

namespace ZeroOneShot.Tests.OneShot;

/// <summary>The same seed gives the same result, bit for bit; another seed another one. At toy size.</summary>
public sealed class ReproducibilityTests
{
    private static readonly ImageSet s_images = RandomImages.Of(48, 3, new ImageShape(3, 16, 16));
    private static readonly SupernetOptions s_shape = new() { Channels = 4, Cells = 3 };

    [Theory]
    [InlineData("DARTS")]
    [InlineData("Zero-One-Shot-RND")]
    [InlineData("GDAS")]
    [InlineData("FairDARTS")]
    public void A_search_repeats_itself(string method)
    {
        var mask = RandomPruning.Mask(SearchSpace.Darts, 0.5, seed: 4);
        var options = SearchMethod.Parse(method).Apply(
            new SearchOptions { Supernet = s_shape, Epochs = 2, WarmupEpochs = 1, BatchSize = 12, Seed = 5 });
        var (first, second) = (Run(options), Run(options));
        AssertEqual(first.Alphas, second.Alphas);
        if (options.Supernet.EdgeNormalization)
            AssertEqual(first.Betas!, second.Betas!);
        Assert.Equal(first.Genotype, second.Genotype);
        // The weights are not part of the result; losses to the last bit stand for them.
        Assert.Equal(first.Epochs, second.Epochs);
        Assert.NotEqual(first.Alphas[CellKind.Normal], Run(options with { Seed = 6 }).Alphas[CellKind.Normal]);

        SearchResult Run(SearchOptions run) =>
            MaskedDartsSearch.Run(s_images, mask, run, cancellationToken: TestContext.Current.CancellationToken);
    }

    [Fact]
    public void Training_repeats_itself()
    {
        var options = new TrainingOptions
        {
            Network = new CellNetOptions { Channels = 4, Cells = 3 }, Epochs = 2, BatchSize = 12, Seed = 5, DropPath = 0.5,
        };
        using var first = Run(options);
        using var second = Run(options);
        using var other = Run(options with { Seed = 6 });
        Assert.Equal(Bytes(first), Bytes(second));
        Assert.Equal(first.Epochs, second.Epochs);
        Assert.NotEqual(Bytes(first), Bytes(other));

        static TrainedCellNet Run(TrainingOptions run) =>
            CellNetTraining.Train(s_images, PublishedGenotypes.PcDartsCifar, run, cancellationToken: TestContext.Current.CancellationToken);

        static byte[] Bytes(TrainedCellNet trained) => [.. trained.Network.state_dict().SelectMany(entry => entry.Value.bytes.ToArray())];
    }

    [Fact]
    public void Pruning_repeats_itself()
    {
        // A small space: every candidate takes a forward pass.
        var space = new SearchSpace("small", new CellTopology(2),
        [
            CandidateOperation.None, CandidateOperation.MaxPool3x3, CandidateOperation.SkipConnect,
            CandidateOperation.SeparableConvolution3x3, CandidateOperation.DilatedConvolution3x3,
        ]);
        var options = new ZeroShotPruningOptions
        {
            Space = space, Supernet = s_shape, BatchSize = 16, Batches = 2, Initializations = 1, Seed = 5,
            Pruning = new PruningOptions { OperationsPerRound = 2 },
        };
        var first = Run(options);
        Assert.Equal(first, Run(options));
        Assert.NotEqual(first, Run(options with { Seed = 6 }));
        Assert.All(first.AllEdges, at => Assert.Equal(2, first.LiveCount(at.Kind, at.Edge)));

        static OperationMask Run(ZeroShotPruningOptions run) =>
            ZeroShotPruning.Prune(s_images, run, cancellationToken: TestContext.Current.CancellationToken).Mask;
    }

    private static void AssertEqual(
        IReadOnlyDictionary<CellKind, IReadOnlyList<float>> first, IReadOnlyDictionary<CellKind, IReadOnlyList<float>> second) =>
        Assert.All(SearchSpace.Darts.Kinds, kind => Assert.Equal(
            first[kind].Select(BitConverter.SingleToInt32Bits), second[kind].Select(BitConverter.SingleToInt32Bits)));
}
