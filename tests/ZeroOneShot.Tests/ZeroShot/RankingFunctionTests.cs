using TorchSharp;
using Xunit;
using ZeroOneShot.Data;
using ZeroOneShot.Lean;
using ZeroOneShot.Networks;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Tests.Data;
using ZeroOneShot.ZeroShot;
using ZeroOneShot.ZeroShot.Functions;

namespace ZeroOneShot.Tests.ZeroShot;

/// <summary>Walks the ranking functions that come with the library, at toy size.</summary>
public sealed class RankingFunctionTests : IDisposable
{
    private static readonly ImageSet s_images = RandomImages.Of(12, 3, new ImageShape(3, 16, 16));

    private static readonly RankingOptions s_options = new() { BatchSize = 12, Batches = 1, Initializations = 1, Seed = 3 };

    private static readonly SearchSpace s_space = new("small", new CellTopology(1),
        [CandidateOperation.SkipConnect, CandidateOperation.DilatedConvolution3x3]);

    // Cells of one node are all as deep.
    private static readonly SearchSpace s_deeper = new("deeper", new CellTopology(2), s_space.Operations);

    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string> Names => [.. RankingFunctions.All.Select(function => function.Name)];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Names))]
    public void A_function_ranks_a_genotype_and_a_masked_supernet_and_leaves_the_network_as_it_was(string name)
    {
        var function = RankingFunctions.Named(name);
        var watching = new Watching(function);
        var shape = new CellNetOptions { Channels = 4, Cells = 3 };
        var first = Score(watching);
        Assert.Equal(first, Score(function));
        var mask = RandomPruning.Mask(SearchSpace.Darts, 0.4, seed: 1).Without(CellKind.Normal, 0, 0);
        var masked = OfSupernet(mask);
        Assert.True(double.IsFinite(masked));
        Assert.NotEqual(masked, OfSupernet(OperationMask.Full(SearchSpace.Darts)));
        Assert.Equal(3, watching.Networks);

        // The functions asked before do not matter.
        Assert.Equal([first, first], Ranking.Scores(s_images, PublishedGenotypes.DartsV2, [function, function], s_options, shape,
            cancellationToken: TestContext.Current.CancellationToken));

        double OfSupernet(OperationMask of) => Ranking.Score(s_images, of, watching, s_options,
            new SupernetOptions { Channels = 4, Cells = 3 }, TestContext.Current.CancellationToken);

        double Score(IRankingFunction ranking) => Ranking.Score(s_images, PublishedGenotypes.DartsV2, ranking, s_options, shape,
            cancellationToken: TestContext.Current.CancellationToken);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_pruning_by_any_function_is_the_same_when_cancelled_and_resumed(string name)
    {
        var options = new ZeroShotPruningOptions
        {
            Space = name == "shallowness" ? s_deeper : s_space, Supernet = new() { Channels = 4, Cells = 3 }, BatchSize = 12, Batches = 1,
            Initializations = 1, Seed = 5, RankingFunctions = [RankingFunctions.Named(name)], Pruning = new() { OperationsPerRound = 1 },
        };
        var expected = ZeroShotPruning.Prune(s_images, options, cancellationToken: TestContext.Current.CancellationToken).ToJson();
        var checkpoint = _folder.File("prune.safetensors");
        using var cancellation = new CancellationTokenSource();
        Assert.ThrowsAny<OperationCanceledException>(() => ZeroShotPruning.Prune(
            s_images, options, EachStep.CancelAt(4, cancellation), checkpoint, cancellation.Token));
        Assert.Equal(expected, ZeroShotPruning.Prune(s_images, options, checkpoint: checkpoint,
            cancellationToken: TestContext.Current.CancellationToken).ToJson());
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_score_does_not_depend_on_the_number_of_threads_but_for_rounding(string name)
    {
        var one = Score();
        torch.set_num_threads(2);
        try
        {
            Assert.Equal(one, Score(), 1e-4 * Math.Abs(one));
        }
        finally
        {
            torch.set_num_threads(1);
        }

        double Score() => Ranking.Score(
            s_images, OperationMask.Full(s_space), RankingFunctions.Named(name), s_options, new SupernetOptions { Channels = 4, Cells = 3 },
            TestContext.Current.CancellationToken);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Images_whose_sides_do_not_halve_evenly_have_a_score_too(string name)
    {
        var images = RandomImages.Of(12, 3, new ImageShape(3, 17, 19));
        var shape = new CellNetOptions { Channels = 4, Cells = 3 };
        Assert.True(double.IsFinite(Ranking.Score(images, PublishedGenotypes.DartsV2, RankingFunctions.Named(name), s_options, shape,
            cancellationToken: TestContext.Current.CancellationToken)));
    }

    [Fact]
    public void More_batches_make_ZiCo_take_the_gradients_of_each()
    {
        var mask = OperationMask.Full(SearchSpace.Darts);
        var supernet = new SupernetOptions { Channels = 16, Cells = 8 };
        var (two, ten) = (Predicted(new Zico(), 2), Predicted(new Zico(), 10));
        var parameters = new SupernetMemory(mask, supernet, s_images.Shape, threads: 1, bfloat16: false).Parameters(classes: 3);
        var images = 8L * s_options.BatchSize * s_images.Shape.Size;
        Assert.Equal(sizeof(float) * (8 * 2 * parameters + images), ten - two);

        long Predicted(IRankingFunction function, int batches) => new RankedMemory(
            s_options with { Batches = batches }, [function], mask, supernet, s_images.Shape, classes: 3).Of(CandidateRuns.EachByItself);
    }

    [Fact]
    public void Functions_that_libtorch_runs_are_predicted_to_take_the_features_of_all_cells_of_a_supernet()
    {
        var (mask, supernet) = (OperationMask.Full(SearchSpace.Darts), new SupernetOptions { Channels = 16, Cells = 8 });
        var features = new NngpNorm(features: true);
        var cells = s_options.BatchSize * NetworkPlan.Of(mask.Space, supernet, s_images.Shape).Items.Sum(item => item.Output.Count);
        Assert.True(Predicted(features) > Predicted(new NngpNorm()) + sizeof(float) * cells);
        Assert.All((IRankingFunction[])[new Naswot(), new Zen(), new AzExpressivity(), new AzProgressivity(), new Swap(images: 24)],
            function => Assert.Equal(Predicted(features), Predicted(function)));

        long Predicted(IRankingFunction function) =>
            new RankedMemory(s_options, [function], mask, supernet, s_images.Shape, classes: 3).Of(CandidateRuns.EachByItself);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Scoring_leaves_no_tensor_behind(string name)
    {
        // What TorchSharp counts for the parameters of a network, though they are gone: see Watching.
        var parameters = new CellNet(PublishedGenotypes.DartsV2, new() { Channels = 4, Cells = 3, AuxiliaryHead = false }, 3, 10);
        var made = parameters.parameters().Count() * (name is "synflow" or "grasp" ? 3 : name == "linear-regions" ? 2 : 1);
        parameters.Dispose();
        Score();                                                                    // what is made once for all
        var live = LiveTensors.Count();
        for (var i = 1; i <= 3; i++)
        {
            Score();
            Assert.Equal(live + i * made, LiveTensors.Count());
        }

        void Score() => Ranking.Score(s_images, PublishedGenotypes.DartsV2, RankingFunctions.Named(name), s_options,
            new CellNetOptions { Channels = 4, Cells = 3 }, cancellationToken: TestContext.Current.CancellationToken);
    }

    [Fact]
    public void Skip_connections_are_those_that_a_network_has_or_that_are_to_be_expected_of_one_drawn_from_a_supernet()
    {
        // DARTS V2 has two in a normal cell, of which there is one, and three behind the inputs of each of the two reduction cells.
        Assert.Equal(1 + 2 + 2 * 3, Score(PublishedGenotypes.DartsV2, new SkipConnections()));
        // One of seven operations that do not give zeros; those behind inputs of reduction cells halve the image.
        Assert.Equal(1 + 14 / 7.0 + 2 * 6 / 7.0, OfSupernet(OperationMask.Full(SearchSpace.Darts), new SkipConnections()), 1e-12);
    }

    [Fact]
    public void Shallowness_is_minus_the_steps_of_a_random_walk_back_to_the_inputs()
    {
        // Depths of the nodes: 1, 1, 1 and 1.5 in a normal cell, 1, 1.5, 1.5 and 1.5 in a reduction cell.
        Assert.Equal(-(1.125 + 2 * 1.375) / 3, Score(PublishedGenotypes.DartsV2, new Shallowness()), 1e-12);
        // 1, 4/3, 1 + (1 + 4/3) / 4, and 1 + the sum of all three / 5.
        Assert.Equal(-1.425, OfSupernet(OperationMask.Full(SearchSpace.Darts), new Shallowness()), 1e-12);
        var chain = Genotype.Parse("|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|avg_pool_3x3~2|");
        Assert.Equal(-3, Score(chain, new Shallowness(), SearchSpace.NasBench201), 1e-12);
        // Nothing comes to node 1, so that node 2 reads the input alone.
        var dead = Genotype.Parse("|nor_conv_3x3~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|skip_connect~2|");
        Assert.Equal(-1, Score(dead, new Shallowness(), SearchSpace.NasBench201), 1e-12);
        Assert.Equal(1, Score(dead, new SkipConnections(), SearchSpace.NasBench201));
        // Nor to the output.
        var none = Genotype.Parse("|nor_conv_3x3~0|+|none~0|none~1|+|none~0|none~1|skip_connect~2|");
        Assert.Equal(-3, Score(none, new Shallowness(), SearchSpace.NasBench201), 1e-12);
    }

    private static double Score(Genotype genotype, IRankingFunction function, SearchSpace? space = null) =>
        Ranking.Score(s_images, genotype, function, s_options, new CellNetOptions { Channels = 4, Cells = 3 }, space,
            TestContext.Current.CancellationToken);

    private static double OfSupernet(OperationMask mask, IRankingFunction function) => Ranking.Score(
        s_images, mask, function, s_options, new SupernetOptions { Channels = 4, Cells = 3 }, TestContext.Current.CancellationToken);

    [Fact]
    public void Functions_are_found_by_name()
    {
        Assert.Equal(RankingFunctions.All.Count, RankingFunctions.All.Select(function => function.Name).Distinct().Count());
        Assert.Equal(["naswot", "swap"], RankingFunctions.Parse("naswot, SWAP").Select(function => function.Name));
        Assert.Contains("There is no ranking function 'nwot'; there are nngp-correlation, ",
            Assert.Throws<ArgumentException>(() => RankingFunctions.Parse("swap,nwot")).Message);
        Assert.IsType<SwapRegularised>(RankingFunctions.Named("swap-regularised:40:12.5"));
        Assert.Contains("expected swap-regularised:MU:SIGMA",
            Assert.Throws<ArgumentException>(() => RankingFunctions.Named("swap-regularised:40:-1")).Message);
        Assert.Contains("names 'swap' twice", Assert.Throws<ArgumentException>(() => RankingFunctions.Parse("swap,swap")).Message);
        Assert.Contains("is empty", Assert.Throws<ArgumentException>(() => RankingFunctions.Parse(" ,")).Message);
    }

    [Fact]
    public void A_function_that_needs_labels_is_refused_where_there_are_none()
    {
        var unlabelled = RandomImages.Of(12, 1, new ImageShape(3, 16, 16));
        foreach (var function in RankingFunctions.All.Where(function => function.NeedsLabels))
        {
            Assert.Contains($"Ranking function '{function.Name}' needs labels, and all 12 images are of one class",
                Assert.Throws<ArgumentException>(() => Ranking.Score(unlabelled, PublishedGenotypes.DartsV2, function, s_options,
                cancellationToken: TestContext.Current.CancellationToken)).Message);
        }
        Assert.Contains("needs labels", Assert.Throws<ArgumentException>(() => ZeroShotPruning.Prune(unlabelled, new ZeroShotPruningOptions
        {
            BatchSize = 6, Batches = 2, RankingFunctions = [new Snip()],
        }, cancellationToken: TestContext.Current.CancellationToken)).Message);
    }

    [Fact]
    public void Equal_images_whose_codes_are_equal_are_an_error_that_names_the_function_and_the_network()
    {
        var twice = new ImageSet(new byte[4 * 3 * 16 * 16], [0, 1, 0, 1], new ImageShape(3, 16, 16), ["a", "b"]);
        var error = Assert.Throws<InvalidOperationException>(() => Ranking.Score(
            twice, PublishedGenotypes.DartsV2, new Naswot(), s_options with { BatchSize = 4, Batches = 1 },
            new CellNetOptions { Channels = 4, Cells = 3 }, cancellationToken: TestContext.Current.CancellationToken));
        Assert.Contains("Ranking function 'naswot' gave -", error.Message);
        Assert.Contains("for the network of Genotype(normal=", error.Message);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_network_without_an_operation_has_a_score_or_is_refused_with_the_function_and_the_network(string name)
    {
        // In NAS-Bench-201 a genotype may choose none on every edge.
        var genotype = Genotype.Parse("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|");
        try
        {
            Assert.True(double.IsFinite(Ranking.Score(s_images, genotype, RankingFunctions.Named(name), s_options,
                new CellNetOptions { Channels = 4, Cells = 3 }, SearchSpace.NasBench201, TestContext.Current.CancellationToken)));
        }
        catch (InvalidOperationException e)
        {
            Assert.Contains($"Ranking function '{name}' gave ", e.Message);
            Assert.Contains("for the network of ", e.Message);
        }
    }

    [Fact]
    public void Random_weights_of_an_unknown_kind_are_refused() =>
        Assert.Contains("expected one of KaimingNormalFanOut, Default", Assert.Throws<ArgumentException>(() => Ranking.Score(
            s_images, PublishedGenotypes.DartsV2, new Naswot(), s_options with { Weights = (RandomWeights)7 },
            cancellationToken: TestContext.Current.CancellationToken)).Message);

    [Fact]
    public void Ranks_are_summed_whatever_the_scales_and_equal_values_share_theirs()
    {
        Assert.Equal([1 + 3, 2.5 + 2, 2.5 + 1], Ranking.SumOfRanks([-1e9, 0.1, 0.1], [3, 2, double.NaN]));
        Assert.Contains("networks; expected", Assert.Throws<ArgumentException>(() => Ranking.SumOfRanks([1, 2], [1])).Message);
        Assert.Throws<ArgumentException>(() => Ranking.SumOfRanks());
    }

    [Fact]
    public void Summed_ranks_let_a_function_of_small_changes_count_as_much_as_one_of_large_ones()
    {
        var mask = OperationMask.Full(s_space);
        var networks = mask.AllLive.Select(j => mask.Without(j.Kind, j.Edge, j.Operation)).ToList();
        // Without the first operation the second function is a little lower, without the second one the first function by much.
        IReadOnlyList<double> Ranks(OperationMask network) => networks.IndexOf(network) switch
        {
            -1 => [0, 1000],
            0 => [0.5, 999],
            1 => [-0.5, 999.5],
            var other => [other, 1000 + other],
        };
        var summed = PartialPruning.Importances(mask, Ranks, sum: ImportanceSum.Ranks).Candidates.Select(j => j.Importance).ToArray();
        Assert.Equal(summed[0], summed[1]);
        Assert.True(summed[0] > summed[2] && summed[2] > summed[^1]);
        Assert.Contains("gave 0 for the whole network",
            Assert.Throws<InvalidOperationException>(() => PartialPruning.Importances(mask, Ranks)).Message);
        Assert.Contains("Sum is 5; expected one of RelativeChanges, Ranks", Assert.Throws<ArgumentException>(() =>
            PartialPruning.Prune(mask, Ranks, new PruningOptions { Sum = (ImportanceSum)5 })).Message);
    }

    [Fact]
    public void The_size_of_a_supernet_is_that_of_its_live_operations()
    {
        var mask = RandomPruning.Mask(SearchSpace.Darts, 0.5, seed: 2);
        var shape = new SupernetOptions { Channels = 8, Cells = 4 };
        using var supernet = new Supernet(mask, shape, inputChannels: 3, classes: 10);
        Assert.Equal(supernet.parameters().Sum(parameter => parameter.numel()),
            Ranking.Score(s_images, mask, new Parameters(), s_options, shape, TestContext.Current.CancellationToken));
    }

    [Fact]
    public void Regularised_swap_is_swap_near_the_size_it_prefers()
    {
        var network = new CellNetOptions { Channels = 4, Cells = 3 };
        var thousands = Score(new Parameters()) / 1000;
        Assert.Equal(Math.Log(Score(new Swap())), Score(new SwapRegularised(thousands, sigma: 2)), 1e-12);
        Assert.Equal(Math.Log(Score(new Swap())) - 9 / 2.0, Score(new SwapRegularised(thousands - 3, sigma: 2)), 1e-9);

        double Score(IRankingFunction function) => Ranking.Score(s_images, PublishedGenotypes.DartsV1, function, s_options, network,
            cancellationToken: TestContext.Current.CancellationToken);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(16)]
    [InlineData(45)]
    public void Swap_counts_the_patterns_that_units_have_over_any_number_of_images(int images)
    {
        Assert.Equal(Score(new Counting(images)), Score(new Swap(images)));

        double Score(IRankingFunction function) => Ranking.Score(RandomImages.Of(48, 3, new ImageShape(3, 16, 16)),
            PublishedGenotypes.DartsV2, function, s_options with { BatchSize = 48 },
            new CellNetOptions { Channels = 4, Cells = 3 }, cancellationToken: TestContext.Current.CancellationToken);
    }

    [Theory]
    [InlineData(5)]
    [InlineData(16)]
    public void Swap_of_a_masked_supernet_by_the_kernels_is_that_of_the_network_by_its_definition_but_for_rounding(int images)
    {
        var mask = RandomPruning.Mask(SearchSpace.Darts, 0.6, seed: 1).Without(CellKind.Normal, 0, 3);
        var expected = Score(new Counting(images));
        Assert.InRange(Score(new Swap(images)), 0.99 * expected, 1.01 * expected);

        double Score(IRankingFunction function) => Ranking.Score(RandomImages.Of(16, 3, new ImageShape(3, 16, 16)), mask,
            function, s_options with { BatchSize = 16 },
            new SupernetOptions { Channels = 4, Cells = 3 }, TestContext.Current.CancellationToken);
    }

    /// <summary>Patterns as text, in a set.</summary>
    private sealed class Counting(int images) : IRankingFunction
    {
        public string Name => "counting";

        public double Rank(RankedNetwork network)
        {
            var patterns = new HashSet<string>();
            network.Rectified(network.Images[0].narrow(0, 0, images), x =>
            {
                var values = x.flatten(1).t().contiguous().data<float>().ToArray();
                foreach (var unit in values.Chunk(images))
                    patterns.Add(string.Concat(unit.Select(value => value > 0 ? '1' : '0')));
            });
            return patterns.Count;
        }
    }

    /// <summary>Sees that the network is in training mode, in its precision, and has its weights, after a function has ranked it.</summary>
    private sealed class Watching(IRankingFunction function) : IRankingFunction
    {
        public int Networks { get; private set; }

        public string Name => function.Name;

        public bool NeedsLabels => function.NeedsLabels;

        public double Rank(RankedNetwork network)
        {
            Networks++;
            _ = network.Logits;                                                     // kept, and so made before tensors are counted
            var before = network.Module.state_dict().ToDictionary(at => at.Key, at => at.Value.clone());
            network.Asking = function;
            var live = LiveTensors.Count();
            double value;
            using (torch.NewDisposeScope())
                value = function.Rank(network);
            // TorchSharp counts a parameter twice when it is made, and once when it is disposed: there and back, to another precision.
            var parameters = network.Module.parameters().Count();
            var made = Name is "synflow" or "grasp" ? 2 * parameters : Name == "linear-regions" ? parameters : 0;
            Assert.Equal(live + made, LiveTensors.Count());
            Assert.True(network.Module.training);
            foreach (var (name, tensor) in network.Module.state_dict())
                Assert.True(tensor.dtype == before[name].dtype && tensor.equal(before[name]).all().ToBoolean(), name);
            return value;
        }
    }
}
