using Xunit;
using ZeroOneShot.Data;
using ZeroOneShot.Networks;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Tests.Data;
using ZeroOneShot.ZeroShot;
using ZeroOneShot.ZeroShot.Functions;

namespace ZeroOneShot.Tests.ZeroShot;

/// <summary>Fewer images than networks are to be ranked on are refused before any work, or, where that is asked for, told of.</summary>
public sealed class FewerImagesTests
{
    private const string Refusal = "There are 12 images, and networks are to be ranked on 24 (3 batches of 8); expected at least as many.";

    private static readonly ImageSet s_images = RandomImages.Of(12, 3, new ImageShape(3, 16, 16));

    private static readonly RankingOptions s_options = new() { BatchSize = 8, Batches = 3, Initializations = 1 };

    private static readonly SupernetOptions s_supernet = new() { Channels = 4, Cells = 3 };

    private static readonly CellNetOptions s_network = new() { Channels = 4, Cells = 3 };

    private static readonly ZeroShotPruningOptions s_pruning = new()
    {
        Space = new("small", new CellTopology(1), [CandidateOperation.SkipConnect, CandidateOperation.DilatedConvolution3x3]),
        Supernet = s_supernet, BatchSize = 8, Batches = 3, Initializations = 1, RankingFunctions = [new NngpNorm()],
    };

    private static readonly ZeroShotSearchOptions s_search = new()
    {
        Candidates = 2, Ranking = s_options, Network = s_network, Functions = [new NngpNorm()],
    };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public void Ranking_a_genotype_is_refused() => Refuses(() => Genotype(new Refusing(), s_options));

    [Fact]
    public void Ranking_a_supernet_is_refused() => Refuses(() => Ranking.Score(
        s_images, OperationMask.Full(SearchSpace.Darts), new Refusing(), s_options, s_supernet, Cancellation));

    [Fact]
    public void Pruning_is_refused() => Refuses(() => ZeroShotPruning.Prune(
        s_images, s_pruning with { RankingFunctions = [new Refusing()] }, cancellationToken: Cancellation));

    [Fact]
    public void Pruning_to_a_genotype_is_refused() => Refuses(() => ZeroShotPruning.PruneToGenotype(
        s_images, s_pruning with { RankingFunctions = [new Refusing()] }, cancellationToken: Cancellation));

    [Fact]
    public void Searching_without_training_is_refused() => Refuses(() => ZeroShotSearch.Run(
        s_images, OperationMask.Full(SearchSpace.Darts), s_search with { Functions = [new Refusing()] }, cancellationToken: Cancellation));

    [Fact]
    public void A_single_image_is_refused_always() => Assert.Contains("There is 1 image to rank on; expected at least 2",
        Assert.Throws<ArgumentException>(() => Ranking.Score(RandomImages.Of(1, 1, new ImageShape(3, 16, 16)), PublishedGenotypes.DartsV2,
            new Refusing(), s_options with { TakesFewerImages = true }, s_network, cancellationToken: Cancellation)).Message);

    [Fact]
    public void Where_fewer_may_be_taken_all_are_ranked_in_batches_no_larger_than_there_are_images()
    {
        var sizes = new Sizes();
        Genotype(sizes, s_options with { TakesFewerImages = true });
        Assert.Equal([8, 4], sizes.Seen);
        Genotype(sizes, s_options with { TakesFewerImages = true, BatchSize = 128 });
        Assert.Equal([12], sizes.Seen);
    }

    [Fact]
    public void A_pruning_that_takes_fewer_warns_and_says_how_many()
    {
        var warnings = new Warnings();
        var pruned = ZeroShotPruning.Prune(s_images, s_pruning with { TakesFewerImages = true }, warnings, cancellationToken: Cancellation);
        Assert.Equal(12, pruned.Images);
        Assert.StartsWith("Networks are ranked on 12 images, not on 24 (3 batches of 8)", Assert.Single(warnings.Seen));
        Assert.Empty(new Warnings().Of(seen => ZeroShotPruning.Prune(
            s_images, s_pruning with { BatchSize = 12, Batches = 1 }, seen, cancellationToken: Cancellation)));
    }

    [Fact]
    public void A_search_without_training_that_takes_fewer_warns()
    {
        var warnings = new Warnings();
        ZeroShotSearch.Run(s_images, OperationMask.Full(SearchSpace.Darts),
            s_search with { Ranking = s_options with { TakesFewerImages = true } }, warnings, cancellationToken: Cancellation);
        Assert.StartsWith("Networks are ranked on 12 images, not on 24 (3 batches of 8)", Assert.Single(warnings.Seen));
    }

    [Fact]
    public void A_function_that_looks_at_more_images_than_a_batch_has_is_refused_by_its_name()
    {
        var one = s_options with { Batches = 1 };
        foreach (var function in (IRankingFunction[])
            [new Swap(images: 9), new SwapRegularised(5, 5, images: 9), new NtkCondition(images: 9)])
        {
            Assert.Contains($"Ranking function '{function.Name}' looks at the first 9 images of a batch, and a batch has 8",
                Assert.Throws<ArgumentException>(() => Genotype(function, one)).Message);
        }
        Assert.Contains("'zico' takes the two halves of a single batch, of 3 images; expected at least 4",
            Assert.Throws<ArgumentException>(() => Genotype(new Zico(), one with { BatchSize = 3 })).Message);
        // What nobody asked for is as many as there are.
        Assert.True(double.IsFinite(Genotype(new Swap(), one)));
    }

    private static double Genotype(IRankingFunction function, RankingOptions options) => Ranking.Score(
        s_images, PublishedGenotypes.DartsV2, function, options, s_network, cancellationToken: Cancellation);

    private static void Refuses(Action ranking)
    {
        var message = Assert.Throws<ArgumentException>(ranking).Message;
        Assert.Contains(Refusal, message);
        Assert.Contains("Give more images, set a smaller BatchSize or fewer Batches, or set TakesFewerImages", message);
    }

    /// <summary>Must not be asked.</summary>
    private sealed class Refusing : IRankingFunction
    {
        public string Name => "refusing";

        public double Rank(RankedNetwork network) => throw new InvalidOperationException("The images are refused first.");
    }

    private sealed class Sizes : IRankingFunction
    {
        public long[] Seen { get; private set; } = [];

        public string Name => "sizes";

        public double Rank(RankedNetwork network)
        {
            Seen = [.. network.Images.Select(batch => batch.shape[0])];
            return 1;
        }
    }

    private sealed class Warnings : IProgress<RunProgress>
    {
        public List<string> Seen { get; } = [];

        public void Report(RunProgress value)
        {
            if (value.Warning is { } warning)
                Seen.Add(warning);
        }

        public List<string> Of(Action<Warnings> run)
        {
            run(this);
            return Seen;
        }
    }
}
