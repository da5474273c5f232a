using TorchSharp;
using Xunit;
using ZeroOneShot.Data;
using ZeroOneShot.Lean;
using ZeroOneShot.Networks;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Tests.Data;
using ZeroOneShot.ZeroShot;
using static TorchSharp.torch;

namespace ZeroOneShot.Tests.ZeroShot;

/// <summary>Networks that lack an operation share what they have in common, and get the same ranks to the last bit.</summary>
public sealed class SharedCandidatesTests
{
    private static readonly SearchSpace s_small = new("small", new CellTopology(2),
    [
        CandidateOperation.None, CandidateOperation.MaxPool3x3, CandidateOperation.SkipConnect, CandidateOperation.SeparableConvolution3x3,
    ]);

    private static readonly ZeroShotPruningOptions s_toy = new()
    {
        Space = s_small, Supernet = new() { Channels = 4, Cells = 4 }, BatchSize = 8, Batches = 2, Initializations = 2, Seed = 5,
        Pruning = new() { Level = 0, OperationsPerRound = 1 }, RankingFunctions = [new NngpNorm()],
    };

    private static readonly ImageSet s_images = RandomImages.Of(16, 3, new ImageShape(3, 16, 16));

    /// <summary>Space, share of live operations, K, cells, side of the images.</summary>
    public static TheoryData<string, double, int, int, int> Networks => new()
    {
        { "darts", 0.4, 4, 5, 16 },
        { "darts", 0.4, 1, 4, 16 },
        { "darts", 0.15, 4, 3, 72 },                        // the stem for larger images
        { "darts-s1", 1, 4, 4, 16 },
        { "darts-s2", 1, 1, 4, 16 },
        { "darts-s3", 0.6, 4, 4, 16 },
        { "darts-s4", 1, 4, 4, 16 },
        { "darts-large", 0.06, 4, 3, 16 },
        { "nas-bench-201", 1, 1, 6, 16 },
        { "nas-bench-201", 1, 4, 3, 16 },
    };

    [Theory]
    [MemberData(nameof(Networks))]
    public void Every_candidate_has_the_logits_that_it_has_by_itself_to_the_last_bit(
        string name, double level, int partial, int cells, int side)
    {
        var space = SearchSpace.Named(name);
        var mask = RandomPruning.Mask(space, level, seed: 2);
        using var scope = NewDisposeScope();
        var lean = Network(mask, new() { Channels = 4, Cells = cells, PartialChannels = partial }, side);
        // Live is less than what is built, as from the second round on.
        mask = mask.Without(CellKind.Normal, 1, mask.Live(CellKind.Normal, 1).Last());
        using var images = RandomStream.Of(1, "images");
        // Not a multiple of the lanes.
        Tensor[] batches = [.. Enumerable.Range(0, 2).Select(_ => randn([5, 3, side, side], generator: images.Generator))];
        OperationMask[] networks = [mask, .. mask.AllLive.Select(j => mask.Without(j.Kind, j.Edge, j.Operation))];
        Mixture Uniform(OperationMask live) => Mixture.Uniform(live, partial > 1);
        using var shared = new CandidateLogits(
            lean, batches, networks, Uniform, sideBySide: true, TestContext.Current.CancellationToken);
        for (var i = 1; i < networks.Length; i++)
        {
            using var logits = shared.Of(i);
            using var mixture = Uniform(networks[i]);
            foreach (var apart in (bool[])[true, false])
                Assert.Equal(Bits(cat([.. batches.Select(batch => lean.Forward(batch, mixture, apart))])), Bits(logits));
        }
        lean.Supernet.Dispose();
    }

    [Theory]
    [InlineData(1, "SideBySide")]
    [InlineData(3, "SideBySide")]
    [InlineData(3, "OneByOne")]
    public void A_pruning_gives_what_it_gives_with_every_network_by_itself(int threads, string runs)
    {
        // A function of the logits, one that changes the network meanwhile, and one that asks for the logits of some networks only.
        var options = s_toy with
        {
            RankingFunctions = [new NngpNorm(), new Function("odd", network =>
            {
                if (((RankedSupernet)network).Mixture.Live.TotalLive % 2 == 0)
                    return 1;
                using var gradient = network.Gradient(network.Images[0], logits => logits.square().sum());
                return gradient.Weights.Sum(weight => weight.Gradient.abs().sum().ToDouble());
            }), new Function("some", network =>
            {
                var live = ((RankedSupernet)network).Mixture.Live;
                return live.Live(CellKind.Normal, 2).Count() == 2
                    ? network.Logits.sum().ToDouble()
                    : 100 + live.AllLive.Sum(j => j.Edge + j.Operation);
            })],
        };
        var expected = ZeroShotPruning.PruneToGenotype(
            s_images, options with { Runs = CandidateRuns.EachByItself }, cancellationToken: TestContext.Current.CancellationToken);
        var before = get_num_threads();
        set_num_threads(threads);
        try
        {
            var shared = ZeroShotPruning.PruneToGenotype(
                s_images, options with { Runs = Enum.Parse<CandidateRuns>(runs) },
                cancellationToken: TestContext.Current.CancellationToken);
            Assert.True(expected.Rounds.Count > 1);
            Assert.Equal(expected.ToJson(), shared.ToJson());
        }
        finally
        {
            set_num_threads(before);
        }
    }

    [Fact]
    public void Less_memory_has_networks_run_one_by_one_and_then_each_by_itself()
    {
        var options = new ZeroShotPruningOptions { BatchSize = 64, Supernet = new() };
        var shape = new ImageShape(3, 32, 32);
        var before = get_num_threads();
        set_num_threads(2);
        try
        {
            var most = Fitting(options);
            Assert.Equal(CandidateRuns.SideBySide, most.Runs);
            var less = Fitting(options with { MaxMemory = most.Memory - 1 });
            Assert.Equal(CandidateRuns.OneByOne, less.Runs);
            var least = Fitting(options with { MaxMemory = less.Memory - 1 });
            Assert.Equal(CandidateRuns.EachByItself, least.Runs);
            Assert.True(least.Memory < less.Memory && less.Memory < most.Memory);
            var error = Assert.Throws<MemoryLimitException>(() => Fitting(options with { MaxMemory = least.Memory - 1 })).Message;
            Assert.Contains("with batches of 64 images. Allow that much, or rank with a smaller BatchSize", error);
        }
        finally
        {
            set_num_threads(before);
        }
        var small = s_toy with { Pruning = new() { Level = 0.999, OperationsPerRound = 1 }, Initializations = 1 };
        var needed = new PruningPlan(small with { Runs = null }, toGenotype: false).Fitting(s_images.Shape, 3).Memory;
        Assert.Throws<MemoryLimitException>(() => Prune(small with { MaxMemory = needed / 2 }));

        (CandidateRuns Runs, long Memory) Fitting(ZeroShotPruningOptions limited) =>
            new PruningPlan(limited, toGenotype: false).Fitting(shape, 10);
    }

    [Fact]
    public void Only_operations_on_features_that_differ_run_again()
    {
        var options = s_toy with
        {
            Supernet = new() { Channels = 4, Cells = 5 }, Batches = 1, Initializations = 1,
            Pruning = new() { Level = 0.999, OperationsPerRound = 1 },
        };
        var (alone, shared) = (new OperationCounter(), new OperationCounter());
        Prune(options with { Runs = CandidateRuns.EachByItself, Counter = alone });
        Prune(options with { Counter = shared });

        CellKind[] cells = [CellKind.Normal, CellKind.Reduction, CellKind.Normal, CellKind.Reduction, CellKind.Normal];
        var (topology, mask) = (s_small.Topology, OperationMask.Full(s_small).WithoutEverywhere(0));
        var whole = cells.Sum(kind => States(mask, kind, [0, 1, 2, 3]));
        Assert.Equal(whole + mask.AllLive.Sum(j => cells.Sum(kind =>
            States(mask.Without(j.Kind, j.Edge, j.Operation), kind, [0, 1, 2, 3], apart: true))), alone.Evaluations);
        var differing = mask.AllLive.Sum(j =>
            Changed(mask.Without(j.Kind, j.Edge, j.Operation), j.Kind, topology.Ends(j.Edge).Node, changed: true));
        var common = s_small.Kinds.Sum(kind => Enumerable.Range(0, 2).Sum(node => Changed(mask, kind, node, changed: false)));
        Assert.Equal(whole + differing + common, shared.Evaluations);

        // Operations on states that depend on a node of the cells of a kind; or, up to the first cell behind it, on those that do not.
        int Changed(OperationMask live, CellKind kind, int node, bool changed)
        {
            var (outputs, sum) = (new List<bool> { false, false }, 0);
            foreach (var (number, cell) in cells.Index())
            {
                var states = outputs.TakeLast(2).ToList();
                var hadChanged = outputs.Contains(true);
                for (var n = 0; n < 2; n++)
                {
                    states.Add(cell == kind && n == node
                        || topology.Edges.Any(edge => edge.Node == n && states[edge.From]));
                }
                var isFirst = !hadChanged && states.Contains(true);
                sum += States(live, cell, [.. Enumerable.Range(0, 4).Where(i => states[i] == changed
                    && (changed || !isFirst || i < 2 + node))]);
                outputs.Add(states[2] || states[3]);
            }
            return sum;
        }

        int States(OperationMask live, CellKind kind, int[] states, bool apart = false) => states.Sum(state =>
        {
            var edges = Enumerable.Range(0, topology.EdgeCount).Where(edge => topology.Ends(edge).From == state).ToArray();
            var reduces = kind == CellKind.Reduction && state < 2;
            int Edges(int row) => edges.Count(edge => live[kind, edge, row]);
            // Rows 1 to 3: a pool once a state, a skip connection only with stride 2, a convolution on every edge.
            return (apart ? Edges(1) : Math.Min(1, Edges(1))) + (reduces ? Edges(2) : 0) + Edges(3);
        });
    }

    [Fact]
    public void Memory_stays_flat_over_five_hundred_candidates()
    {
        var counts = new List<long>();
        var options = s_toy with
        {
            Supernet = new() { Channels = 4, Cells = 3 }, Batches = 1, Initializations = 17,
            Pruning = new() { Level = 0.999, OperationsPerRound = 1 },
        };
        var before = LiveTensors.Count();
        Prune(options with { Initializations = 1 });
        var ofFew = LiveTensors.Count() - before;
        Prune(options, new EachStep(_ => counts.Add(Tensor.TotalCount)));
        const int networks = 1 + 2 * 5 * 3;
        Assert.Equal(17 * networks, counts.Count);
        Assert.Equal(counts.Skip(networks).Take(networks), counts.TakeLast(networks));
        Assert.Equal(ofFew, LiveTensors.Count() - before - ofFew);
    }

    private static void Prune(ZeroShotPruningOptions options, IProgress<RunProgress>? progress = null) =>
        ZeroShotPruning.Prune(s_images, options, progress, cancellationToken: TestContext.Current.CancellationToken);

    private static LeanSupernet Network(OperationMask mask, SupernetOptions options, int side)
    {
        var lean = Ranking.Lean(mask, options.WithStem(mask.Space, new ImageShape(3, side, side)), 3, outputs: 6);
        Ranking.Initialize(lean.Supernet, new RankingOptions { Seed = 3 }, round: 0, initialization: 0, CPU);
        return lean;
    }

    private static int[] Bits(Tensor logits) => [.. logits.data<float>().Select(BitConverter.SingleToInt32Bits)];

    private sealed class Function(string name, Func<RankedNetwork, double> rank) : IRankingFunction
    {
        public string Name => name;

        public double Rank(RankedNetwork network) => rank(network);
    }
}
