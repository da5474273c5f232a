using Xunit;
using ZeroOneShot.Data;
using ZeroOneShot.Networks;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Tests.Data;
using ZeroOneShot.ZeroShot;

namespace ZeroOneShot.Tests.ZeroShot;

/// <summary>A pruning that was stopped goes on after its last finished round.</summary>
public sealed class PruningCheckpointTests : IDisposable
{
    private static readonly ImageSet s_images = RandomImages.Of(8, 3, new ImageShape(3, 16, 16));

    private readonly TemporaryFolder _folder = new();

    private string Checkpoint => _folder.File("prune.safetensors");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_cancelled_pruning_measures_only_the_rounds_that_are_missing()
    {
        var all = new EachStep(_ => { });
        var expected = Prune(progress: all);
        using var cancellation = new CancellationTokenSource();
        var firstRound = 2 * 5 * 3 + 1;                                             // kinds of cell, edges, operations; the whole network
        Assert.ThrowsAny<OperationCanceledException>(() =>
            Prune(Checkpoint, EachStep.CancelAt(firstRound + 2, cancellation), cancellation.Token));
        var rest = new EachStep(_ => { });
        Assert.Equal(expected, Prune(Checkpoint, rest));
        Assert.Equal(all.Count - firstRound, rest.Count);
        Assert.Equal(expected, Prune(Checkpoint, new EachStep(_ => Assert.Fail("nothing is left to do"))));
    }

    [Fact]
    public void Another_pruning_is_refused()
    {
        Prune(Checkpoint);
        Assert.Contains("is no checkpoint of this pruning: its options are",
            Assert.Throws<InvalidDataException>(() => Prune(Checkpoint, seed: 6)).Message);
    }

    private static OperationMask Prune(
        string? checkpoint = null, IProgress<RunProgress>? progress = null, CancellationToken? cancellation = null, long seed = 5)
    {
        var space = new SearchSpace("small", new CellTopology(2),
        [
            CandidateOperation.None, CandidateOperation.MaxPool3x3, CandidateOperation.SkipConnect,
            CandidateOperation.SeparableConvolution3x3,
        ]);
        return ZeroShotPruning.Prune(s_images, new ZeroShotPruningOptions
        {
            Space = space, Supernet = new SupernetOptions { Channels = 4, Cells = 3 }, BatchSize = 8, Batches = 1, Seed = seed,
            Pruning = new PruningOptions { Level = 0, OperationsPerRound = 1 },
        }, progress, cancellation ?? TestContext.Current.CancellationToken, checkpoint);
    }
}
