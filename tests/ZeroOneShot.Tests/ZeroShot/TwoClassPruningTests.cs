using Xunit;
using ZeroOneShot.Data;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.ZeroShot;
using ZeroOneShot.ZeroShot.Functions;

namespace ZeroOneShot.Tests.ZeroShot;

/// <summary>What pruning ranks does not depend on how many classes the images have, and what cannot be ranked is said.</summary>
public sealed class TwoClassPruningTests
{
    private static readonly SearchSpace s_small = new("small", new CellTopology(2),
    [
        CandidateOperation.None, CandidateOperation.MaxPool3x3, CandidateOperation.SkipConnect, CandidateOperation.SeparableConvolution3x3,
    ]);

    private static readonly ZeroShotPruningOptions s_toy = new()
    {
        Space = s_small, Supernet = new() { Channels = 4, Cells = 3 }, BatchSize = 16, Batches = 2, Seed = 5,
        Pruning = new() { OperationsPerRound = 1 }, RankingFunctions = [new NngpNorm()],
    };

    // The whole space, with channels, cells and images that a test can bear.
    private static readonly ZeroShotPruningOptions s_darts = new()
    {
        Supernet = new() { Channels = 4, Cells = 5 }, BatchSize = 32, Batches = 1, Initializations = 1, Seed = 5,
        RankingFunctions = [new NngpNorm()],
    };

    // The paper's network (16 channels, 8 cells), space and image size, on fewer images and at one start; minutes long.
    private static readonly ZeroShotPruningOptions s_paper = new()
    {
        Supernet = new(), BatchSize = 64, Batches = 1, Initializations = 1, Seed = 5, RankingFunctions = [new NngpNorm()],
    };

    /// <summary>By hand, at the size of the paper too: ZEROONESHOT_PAPER_SIZE=1.</summary>
    public static TheoryData<string> Sizes =>
        Environment.GetEnvironmentVariable("ZEROONESHOT_PAPER_SIZE") is null ? ["toy", "darts"] : ["toy", "darts", "paper"];

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Two_classes_leave_the_mask_that_ten_classes_of_the_same_images_leave(string size)
    {
        var (options, count, side) = size switch { "toy" => (s_toy, 32, 16), "darts" => (s_darts, 32, 16), _ => (s_paper, 64, 32) };
        var (two, ten) = (Prune(Of(2), options), Prune(Of(10), options));
        Assert.NotEmpty(two.Rounds);
        Assert.Equal(ten.Mask, two.Mask);
        Assert.Equal(
            ten.Rounds.SelectMany(round => round.Importances.Candidates.Select(j => j.Importance)),
            two.Rounds.SelectMany(round => round.Importances.Candidates.Select(j => j.Importance)));

        ImageSet Of(int classes) => Data.RandomImages.Of(count, classes, new ImageShape(3, side, side));
    }

    [Fact]
    public void A_function_that_cannot_tell_operations_apart_is_refused_by_name()
    {
        // The correlation of two logits is 1 or -1, whatever the network.
        var error = Assert.Throws<InvalidOperationException>(() => Prune(Images(32, classes: 2), s_toy with { Outputs = 2 }));
        Assert.Contains("'nngp-correlation' gave 32 in round 1, up to rounding, whichever of 30 operations", error.Message);
        Assert.Contains("Rank on more images", error.Message);
    }

    [Fact]
    public void Swap_that_has_seen_all_patterns_is_refused_with_what_helps_it()
    {
        var error = Assert.Throws<InvalidOperationException>(
            () => Prune(Images(32, classes: 2), s_toy with { RankingFunctions = [new Swap(images: 3)] }));
        Assert.Contains("'swap' gave 8 in round 1", error.Message);
        Assert.Contains("new Swap(images: 32)", error.Message);
        Assert.DoesNotContain("Rank on more images (BatchSize", error.Message);
    }

    [Theory]
    [InlineData(10, true)]
    [InlineData(16, false)]
    public void Swap_that_has_seen_nearly_all_patterns_says_so(int images, bool says)
    {
        var warnings = new List<string>();
        ZeroShotPruning.Prune(Images(32, classes: 2), s_toy with { RankingFunctions = [new Swap(images)] }, new Warned(warnings.Add),
            cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(says, warnings.Any(warning => warning.Contains("Of all patterns that ranking function 'swap' can tell apart",
            StringComparison.Ordinal)));
    }

    [Fact]
    public void Edges_whose_operations_a_function_cannot_tell_apart_are_named_with_the_function_in_a_warning()
    {
        // It sees the operations of all edges but three.
        var function = new OfMask("short-sighted", mask => 10 + mask.AllLive.Sum(at =>
            at is { Kind: CellKind.Normal, Edge: 1 or 4 } or { Kind: CellKind.Reduction, Edge: 0 } ? 0.5 : at.Operation / 10.0));
        var warnings = new Warnings();
        ZeroShotPruning.Prune(Images(32, classes: 2), s_toy with { RankingFunctions = [function] }, warnings,
            cancellationToken: TestContext.Current.CancellationToken);
        Assert.Contains("In round 1 ranking function 'short-sighted' gave the same, up to rounding, whichever operation of edge(s) 1, 4 " +
            "of the Normal cell and edge(s) 0 of the Reduction cell the network lacked: which of them went is arbitrary there.",
            warnings.Texts);
    }

    [Fact]
    public void Images_are_ranked_once_each_and_the_result_says_how_many()
    {
        var options = s_toy with { BatchSize = 8, Batches = 3, Initializations = 1, TakesFewerImages = true };
        Assert.Equal(12, Prune(Images(12, classes: 2), options).Images);
        Assert.Equal(16, Prune(Images(17, classes: 2), options).Images);            // no batch of one image
        Assert.Equal(24, Prune(Images(60, classes: 2), options).Images);
    }

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void A_value_that_is_no_number_is_refused_with_the_function_and_the_candidate(double value)
    {
        var function = new OfMask("odd", mask => mask[CellKind.Reduction, 3, 2] ? mask.TotalLive : value);
        var error = Assert.Throws<InvalidOperationException>(
            () => Prune(Images(32, classes: 2), s_toy with { RankingFunctions = [new NngpNorm(), function] }));
        Assert.Contains(FormattableString.Invariant($"'odd' gave {value} for the network without skip_connect on edge 3 of the Reduction"),
            error.Message);
    }

    [Fact]
    public void A_function_that_gives_zero_for_the_whole_network_is_refused()
    {
        var function = new OfMask("zero", mask => mask.TotalLive - 30);
        Assert.Contains("'zero' gave 0 for the whole network, in round 1", Assert.Throws<InvalidOperationException>(
            () => Prune(Images(32, classes: 2), s_toy with { RankingFunctions = [function] })).Message);
    }

    [Fact]
    public void Ranks_of_which_no_finite_importances_come_are_refused_and_no_mask_is_made_of_them()
    {
        var function = new OfMask("nearly zero", mask => mask.TotalLive == 30 ? 1e-310 : mask.TotalLive + mask.AllLive.Sum(at =>
            at.Operation));
        Assert.Contains("'nearly zero' gave in round 1 is too far apart, or too near to 0", Assert.Throws<InvalidOperationException>(
            () => Prune(Images(32, classes: 2), s_toy with { RankingFunctions = [function] })).Message);
    }

    [Fact]
    public void Ranks_of_no_function_or_of_another_number_of_functions_are_refused()
    {
        var full = OperationMask.Full(s_small);
        Assert.Contains("There is no ranking function",
            Assert.Throws<ArgumentException>(() => PartialPruning.Prune(full, _ => [], new PruningOptions())).Message);
        var error = Assert.Throws<InvalidOperationException>(() => PartialPruning.Prune(
            full, mask => mask.Live(CellKind.Normal, 2).Contains(1) ? [mask.TotalLive, 1.0] : [mask.TotalLive], new PruningOptions()));
        Assert.StartsWith("1 ranks came for the network without max_pool_3x3 on edge 2 of the Normal cell, in round 1; expected one of " +
            "each of 2 function(s)", error.Message);
    }

    [Fact]
    public void A_function_with_negative_values_removes_what_its_inverse_would()
    {
        var full = OperationMask.Full(SearchSpace.Darts);
        var options = new PruningOptions { Level = 0, OperationsPerRound = 1 };
        var positive = PartialPruning.Prune(full, mask => [Value(mask)], options);
        var negative = PartialPruning.Prune(full, mask => [-1 / Value(mask)], options);
        Assert.Equal(positive.Rounds.Select(round => round.Mask), negative.Rounds.Select(round => round.Mask));
        // The operations of the highest rows are worth most.
        Assert.All(positive.Mask.AllEdges, at => Assert.Equal([7], positive.Mask.Live(at.Kind, at.Edge)));

        static double Value(OperationMask mask) => 100 + mask.AllLive.Sum(at => at.Operation + at.Edge / 100.0);
    }

    [Fact]
    public void Pruning_without_a_round_says_what_it_did_to_the_mask()
    {
        var full = OperationMask.Full(SearchSpace.Darts);
        var result = PartialPruning.Prune(
            full, _ => throw new InvalidOperationException("nothing to rank"), new PruningOptions { Level = 1 });
        Assert.Empty(result.Rounds);
        Assert.Equal(full.WithoutEverywhere(0), result.Mask);
        Assert.Equal(result.Start, result.Mask);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void The_two_most_important_edges_into_a_node_are_the_ones_taken(int partial)
    {
        // Importance grows with the number of the edge in the normal cell, and falls in the reduction cell.
        var space = new SearchSpace("wide", new CellTopology(3), [CandidateOperation.SkipConnect, CandidateOperation.MaxPool3x3]);
        var function = new OfMask("edges", mask => 10 + mask.AllEdges.Where(at => mask.LiveCount(at.Kind, at.Edge) > 0)
            .Sum(at => at.Kind == CellKind.Normal ? at.Edge + 1 : 20 - at.Edge) + mask.AllLive.Sum(at => at.Operation + 1) / 100.0);
        var result = ZeroShotPruning.PruneToGenotype(Images(8, classes: 2), new ZeroShotPruningOptions
        {
            Space = space, Supernet = new() { Channels = 4, Cells = 3, PartialChannels = partial }, BatchSize = 8, Batches = 1,
            Initializations = 1, RankingFunctions = [function],
        }, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal([0, 1, 1, 2, 2, 3], result.Genotype!.Normal.Edges.Select(edge => edge.Input).Order());
        Assert.Equal([0, 0, 0, 1, 1, 1], result.Genotype.Reduction!.Edges.Select(edge => edge.Input).Order());
        Assert.Equal(18, result.LastOperations!.Candidates.Count);
    }

    [Fact]
    public void The_edges_of_a_genotype_are_those_whose_removal_costs_the_ranker_of_the_paper_most()
    {
        var result = ZeroShotPruning.PruneToGenotype(
            Images(32, classes: 2), s_toy with { Initializations = 1 }, cancellationToken: TestContext.Current.CancellationToken);
        foreach (var kind in SearchSpace.Darts.Kinds)
        {
            var last = result.LastOperations!.Candidates.Where(j => j.Kind == kind && j.Edge >= 2).ToArray();
            var cell = result.Genotype!.Cell(kind);
            Assert.Equal(last.OrderByDescending(j => j.Importance).Take(2).Select(j => j.Edge - 2).Order(),
                cell.Edges.Skip(2).Select(edge => edge.Input).Order());
        }
    }

    [Fact]
    public void The_course_of_a_pruning_is_json_with_all_ranks_of_every_round()
    {
        var result = Prune(Images(32, classes: 2), s_toy);
        var json = System.Text.Json.Nodes.JsonNode.Parse(result.ToJson())!;
        Assert.Equal(result.Rounds.Count, json["rounds"]!.AsArray().Count);
        var (round, written) = (result.Rounds[0].Importances, json["rounds"]![0]!["importances"]!);
        Assert.Equal("nngp-correlation", (string)written["ranks"]![0]!["function"]!);
        Assert.Equal(round.Ranks[0], (double)written["ranks"]![0]!["rank"]!);
        Assert.Equal(round.Candidates.Select(j => j.Ranks[0]),
            written["operations"]!.AsArray().Select(j => (double)j!["ranks"]![0]!["rank"]!));
        Assert.All(round.Candidates, j => Assert.Equal((round.Ranks[0] - j.Ranks[0]) / Math.Abs(round.Ranks[0]), j.Importance, 1e-15));
        Assert.Equal(result.Mask, OperationMask.FromJson(json["rounds"]!.AsArray()[^1]!["mask"]!.ToJsonString(), s_small));
    }

    private static PruningResult Prune(ImageSet images, ZeroShotPruningOptions options) =>
        ZeroShotPruning.Prune(images, options, cancellationToken: TestContext.Current.CancellationToken);

    private static ImageSet Images(int count, int classes) => Data.RandomImages.Of(count, classes, new ImageShape(3, 16, 16));

    private sealed class Warnings : IProgress<RunProgress>
    {
        public List<string?> Texts { get; } = [];

        public void Report(RunProgress value) => Texts.Add(value.Warning);
    }

    private sealed class OfMask(string name, Func<OperationMask, double> value) : IRankingFunction
    {
        public string Name => name;

        public double Rank(RankedNetwork network) => value(((RankedSupernet)network).Mixture.Live);
    }
}
