using Xunit;
using ZeroOneShot.Data;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.ZeroShot;

namespace ZeroOneShot.Yardstick.Tests;

/// <summary>What a search without training is worth, by the yardstick.</summary>
public sealed class SearchYieldTests
{
    [Fact]
    public void Genotypes_that_rank_high_without_training_are_better_than_random_ones()
    {
        var (random, shape) = (new Random(1), new ImageShape(3, 16, 16));
        var pixels = new byte[16 * shape.Size];
        random.NextBytes(pixels);
        var images = new ImageSet(pixels, [.. Enumerable.Range(0, 16).Select(i => i % 2)], shape, ["a", "b"]);
        var ranked = ZeroShotSearch.Run(images, OperationMask.Full(SearchSpace.Darts), new ZeroShotSearchOptions
        {
            Candidates = 40, Network = new() { Channels = 4, Cells = 3, AuxiliaryHead = false }, Seed = 1,
        }, cancellationToken: TestContext.Current.CancellationToken).Candidates;
        var accuracies = AccuracySurrogate.Load().Accuracies([.. ranked.Select(candidate => candidate.Genotype)],
            TestContext.Current.CancellationToken);
        // Forty say much, one alone little.
        Assert.True(accuracies.Take(10).Average() > accuracies.Average() + 0.05,
            $"{accuracies.Take(10).Average()}, of all {accuracies.Average()}");
    }
}
