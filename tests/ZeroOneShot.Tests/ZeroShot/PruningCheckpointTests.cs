using System.Text.Json.Nodes;
using TorchSharp;
using Xunit;
using ZeroOneShot.Data;
using ZeroOneShot.Networks;
using ZeroOneShot.Persistence;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Tests.Data;
using ZeroOneShot.ZeroShot;
using ZeroOneShot.ZeroShot.Functions;

namespace ZeroOneShot.Tests.ZeroShot;

/// <summary>A pruning that was stopped goes on after the last network it ranked.</summary>
public sealed class PruningCheckpointTests : IDisposable
{
    private static readonly ImageSet s_images = RandomImages.Of(8, 3, new ImageShape(3, 16, 16));

    private static readonly ZeroShotPruningOptions s_options = new()
    {
        // Of eight images SWAP sees the same patterns in all of these networks.
        RankingFunctions = [new NngpNorm()],
        Space = new SearchSpace("small", new CellTopology(2),
        [
            CandidateOperation.None, CandidateOperation.MaxPool3x3, CandidateOperation.SkipConnect,
            CandidateOperation.SeparableConvolution3x3,
        ]),
        Supernet = new SupernetOptions { Channels = 4, Cells = 3 }, BatchSize = 8, Batches = 1, Initializations = 1,
        Pruning = new PruningOptions { Level = 0, OperationsPerRound = 1 },
    };

    // Of each of these the public surface shows no setting.
    private static readonly (IRankingFunction First, IRankingFunction Second)[] s_set =
    [
        (new Swap(), new Swap(images: 3)), (new SwapRegularised(5, 5), new SwapRegularised(50, 5)),
        (new SwapRegularised(5, 5), new SwapRegularised(5, 50)), (new SwapRegularised(5, 5), new SwapRegularised(5, 5, images: 3)),
        (new NtkCondition(), new NtkCondition(images: 3)), (new NtkCondition(), new NtkCondition(training: true)),
        (new Ensemble([new Swap()], [1]), new Ensemble([new Swap(images: 3)], [1])),
        (new Ensemble([new Swap()], [1]), new Ensemble([new Swap()], [2])),
        (new JacobianCovariance(), new JacobianCovariance(training: true)), (new NngpNorm(), new NngpNorm(features: true)),
    ];

    private readonly TemporaryFolder _folder = new();

    private string Checkpoint => _folder.File("prune.safetensors");

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(3)]
    [InlineData(2 * 5 * 3 + 1)]             // kinds of cell, edges, operations; the whole network: a round
    [InlineData(2 * 5 * 3 + 4)]
    public void A_cancelled_pruning_ranks_only_the_networks_that_are_missing(int ranked)
    {
        var all = new EachStep(_ => { });
        var expected = Prune(progress: all);
        using var cancellation = new CancellationTokenSource();
        Assert.ThrowsAny<OperationCanceledException>(() => Prune(Checkpoint, EachStep.CancelAt(ranked, cancellation), cancellation.Token));
        var rest = new EachStep(_ => { });
        Assert.Equal(expected, Prune(Checkpoint, rest));
        Assert.Equal(all.Count - ranked, rest.Count);
        Assert.Equal(expected, Prune(Checkpoint, new EachStep(_ => Assert.Fail("nothing is left to do"))));
    }

    [Theory]
    [InlineData(2)]
    [InlineData(9)]
    [InlineData(34)]
    public void A_pruning_with_any_function_goes_on_to_the_same_bytes(int ranked)
    {
        var file = _folder.File("any.safetensors");
        var options = s_options with
        {
            BatchSize = 4, Batches = 2, Initializations = 2,
            RankingFunctions = [new OfGradient(), new NngpNorm(), new OfFeatures(), new NngpNorm(correlation: false)],
        };
        var expected = Run(options).ToJson();
        using var cancellation = new CancellationTokenSource();
        Assert.ThrowsAny<OperationCanceledException>(() => ZeroShotPruning.Prune(
            s_images, options, EachStep.CancelAt(ranked, cancellation), file, cancellation.Token));
        Assert.Equal(expected, Run(options, file).ToJson());
    }

    [Fact]
    public void A_pruning_is_cancelled_in_the_middle_of_the_networks_that_share_features()
    {
        using var cancellation = new CancellationTokenSource();
        var asked = 0;
        var options = s_options with
        {
            RankingFunctions = [new Function(network =>
            {
                if (++asked == 2)
                    cancellation.Cancel();                                          // before the networks of the first edge run
                return network.Logits.sum().ToDouble();
            })],
        };
        Assert.ThrowsAny<OperationCanceledException>(
            () => ZeroShotPruning.Prune(s_images, options, null, Checkpoint, cancellation.Token));
        Assert.Equal(2, asked);
        Assert.Single(JsonNode.Parse(SafetensorsFile.Read(Checkpoint).Metadata["state"])!.AsArray());
    }

    [Fact]
    public void Another_pruning_is_refused()
    {
        Prune(Checkpoint);
        Assert.Contains("is no checkpoint of this pruning: its options are",
            Assert.Throws<InvalidDataException>(() => Prune(Checkpoint, seed: 6)).Message);
    }

    [Theory]
    [MemberData(nameof(Set))]
    public void A_shipped_function_that_is_set_otherwise_does_not_go_on_from_the_ranks_of_the_other(int pair)
    {
        var (first, second) = s_set[pair];
        Assert.ThrowsAny<OperationCanceledException>(() => Begin(first));
        Assert.ThrowsAny<OperationCanceledException>(() => Begin(first));
        Assert.Contains(first.Name == second.Name ? "its settings of the ranking functions are" : "its ranking functions are",
            Assert.Throws<InvalidDataException>(() => Begin(second)).Message);

        void Begin(IRankingFunction function)
        {
            using var cancellation = new CancellationTokenSource();
            ZeroShotPruning.Prune(s_images, s_options with { RankingFunctions = [function] }, EachStep.CancelAt(2, cancellation),
                Checkpoint, cancellation.Token);
        }
    }

    public static TheoryData<int> Set => [.. Enumerable.Range(0, s_set.Length)];

    [Fact]
    public void Ranks_of_a_function_of_the_same_name_with_other_settings_are_not_taken()
    {
        Run(s_options with { RankingFunctions = [new Scaled { Factor = 1 }] }, Checkpoint);
        Run(s_options with { RankingFunctions = [new Scaled { Factor = 1 }] }, Checkpoint);
        Assert.Contains("is no checkpoint of this pruning: its settings of the ranking functions are", Assert.Throws<InvalidDataException>(
            () => Run(s_options with { RankingFunctions = [new Scaled { Factor = -50 }] }, Checkpoint)).Message);
    }

    [Fact]
    public void A_damaged_checkpoint_gives_way_to_the_one_before_and_the_mask_is_the_same()
    {
        var expected = Prune(Checkpoint);
        File.WriteAllBytes(Checkpoint, File.ReadAllBytes(Checkpoint)[..^1]);
        Assert.Equal(expected, Prune(Checkpoint));
    }

    [Fact]
    public void A_pruning_that_goes_on_with_other_threads_says_that_last_bits_may_differ_and_one_with_as_many_does_not()
    {
        using var cancellation = new CancellationTokenSource();
        Assert.ThrowsAny<OperationCanceledException>(() => Prune(Checkpoint, EachStep.CancelAt(3, cancellation), cancellation.Token));
        var warnings = new List<string>();
        var noted = new Warned(warning =>
        {
            if (warning.Contains("computed by", StringComparison.Ordinal))
                warnings.Add(warning);
        });
        Prune(Checkpoint, noted);
        Assert.Empty(warnings);
        var threads = torch.get_num_threads();
        torch.set_num_threads(threads + 1);
        try
        {
            Prune(Checkpoint, noted);
            Assert.Contains($"was computed by cpu, {threads} thread(s)", Assert.Single(warnings));
            Assert.Contains($"goes on by cpu, {threads + 1} thread(s)", warnings[0]);
        }
        finally
        {
            torch.set_num_threads(threads);
        }
        // What two kinds of arithmetic have made stays known as such.
        Prune(Checkpoint, noted);
        Assert.Equal(2, warnings.Count);
    }

    [Fact]
    public void Ranks_of_other_ranking_functions_than_one_each_are_refused()
    {
        Prune(Checkpoint);
        var texts = SafetensorsFile.Read(Checkpoint).Metadata.ToDictionary();
        texts["state"] = "[[1,2,3],null]";
        SafetensorsFile.Write(Checkpoint, [], texts);
        Assert.Contains(Checkpoint, Assert.Throws<InvalidDataException>(() => Prune(Checkpoint)).Message);
    }

    private static OperationMask Prune(
        string? checkpoint = null, IProgress<RunProgress>? progress = null, CancellationToken? cancellationToken = null, long seed = 5) =>
        ZeroShotPruning.Prune(s_images, s_options with { Seed = seed }, progress, checkpoint,
            cancellationToken ?? TestContext.Current.CancellationToken).Mask;

    private static PruningResult Run(ZeroShotPruningOptions options, string? checkpoint = null) =>
        ZeroShotPruning.Prune(s_images, options, checkpoint: checkpoint, cancellationToken: TestContext.Current.CancellationToken);

    private sealed class Function(Func<RankedNetwork, double> rank) : IRankingFunction
    {
        public string Name => "own";

        public double Rank(RankedNetwork network) => rank(network);
    }

    private sealed class Ensemble(IReadOnlyList<IRankingFunction> functions, double[] weights) : IRankingFunction
    {
        public string Name => "ensemble";

        public double Rank(RankedNetwork network) => functions.Zip(weights, (function, weight) => weight * function.Rank(network)).Sum();
    }

    private sealed class Scaled : IRankingFunction
    {
        public required double Factor { get; init; }

        public string Name => "scaled";

        public double Rank(RankedNetwork network) => Factor * network.Logits.abs().sum().ToDouble();
    }

    private sealed class OfGradient : IRankingFunction
    {
        public string Name => "gradient";

        public bool NeedsLabels => true;

        public double Rank(RankedNetwork network)
        {
            using var gradient = network.Gradient(batch: 0);
            return gradient.Weights.Sum(weight => weight.Gradient.abs().sum().ToDouble());
        }
    }

    private sealed class OfFeatures : IRankingFunction
    {
        public string Name => "features";

        public double Rank(RankedNetwork network)
        {
            using var features = network.Features(network.Images[1], "cells.1")[0];
            return features.abs().sum().ToDouble();
        }
    }
}
