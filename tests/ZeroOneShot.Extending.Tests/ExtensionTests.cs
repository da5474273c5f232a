using Xunit;
using ZeroOneShot.Layers;
using ZeroOneShot.Networks;
using ZeroOneShot.OneShot;
using ZeroOneShot.Onnx;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Training;
using ZeroOneShot.ZeroShot;
using static TorchSharp.torch;

namespace ZeroOneShot.Extending.Tests;

/// <summary>The six extensions of the guide at work.</summary>
public sealed class ExtensionTests
{
    static ExtensionTests() => TorchRuntime.EnsureLoaded();

    public static TheoryData<string> Operations => [OwnOperation.Cross.Name, OwnLayer.Operation.Name];

    [Theory]
    [MemberData(nameof(Operations))]
    public void An_operation_of_ones_own_is_searched_trained_exported_saved_and_read_back(string name)
    {
        var operation = name == OwnOperation.Cross.Name ? OwnOperation.Cross : OwnLayer.Operation;
        var space = Stripes.SpaceOf(operation);
        // Without the identity nothing but the operation is left to choose.
        var mask = OperationMask.Full(space).WithoutEverywhere(space.IndexOf("skip_connect"));
        var options = Stripes.Search with { Supernet = Stripes.Search.Supernet with { Cells = 3 } };
        var found = MaskedDartsSearch.Run(Stripes.Images(), mask, options, cancellationToken: TestContext.Current.CancellationToken);
        Assert.All(found.Genotype.Normal.Edges.Concat(found.Genotype.Reduction!.Edges), edge => Assert.Equal(name, edge.Operation));
        Assert.Equal(found.Genotype, Genotype.Parse(found.Genotype.ToString()));
        LivesOn(found.Genotype, space, cells: 3);
    }

    [Fact]
    public void A_layer_of_ones_own_costs_what_it_says()
    {
        var space = Stripes.SpaceOf(OwnLayer.Operation);
        var name = OwnLayer.Operation.Name;
        var cell = new CellGenotype([new(name, 0), new(name, 1)]);
        var options = new CellNetOptions { Channels = 4, Cells = 3, AuxiliaryHead = false };
        using var network = new CellNet(new Genotype(cell, cell), options, 3, Stripes.ClassNames.Length, space);
        Assert.Equal(network.parameters().Sum(parameter => parameter.numel()),
            NetworkCost.Of(network.Genotype, options, new(3, Stripes.Side, Stripes.Side), Stripes.ClassNames.Length, space).Parameters);
    }

    [Fact]
    public void A_layer_of_ones_own_can_be_tried_alone_with_start_values_and_as_an_ONNX_model()
    {
        using var scope = NewDisposeScope();
        var size = new FeatureSize(5, 7, 9);
        using var module = new OwnLayer().Build(5, 5, affine: true);
        var draw = new WeightDraw((weight, generator) => weight.normal_(0, 1, generator), zeroBias: true, new Generator(1));
        using (no_grad())
        {
            foreach (var weight in module.parameters())
                draw.Weight(weight);
        }
        var graph = new OnnxGraph();
        var x = graph.Input("x", OnnxGraph.Batch, size.Channels, size.Height, size.Width);
        graph.Output(new OwnLayer().Export(graph, x, size, module), "y", OnnxGraph.Batch, size.Channels, size.Height, size.Width);
        using var model = new MemoryStream();
        graph.Write(model);
        var images = randn([3, 5, 7, 9], generator: new Generator(2));
        using var expected = module.call(images).detach();
        Assert.InRange((expected - Stripes.RunOnnx(model.ToArray(), "x", images)).abs().max().item<float>(), 0, 1e-5);
    }

    [Fact]
    public void A_stem_of_ones_own_takes_the_images_that_it_says_through_search_and_training()
    {
        // Two parts, an output each: patches of two pixels a side, then a convolution more.
        var stem = new Stem("patches",
            [[new Convolution(3) { Stride = 2 }, new BatchNorm()], [new Relu(), new Convolution(3), new BatchNorm()]],
            multiplier: 2, smallestImage: 16, largestImage: 48);
        var darts = MacroArchitecture.Darts;
        var space = new SearchSpace("patched", new CellTopology(nodes: 1), [CandidateOperation.None, CandidateOperation.SkipConnect,
            CandidateOperation.SeparableConvolution3x3], macro: new MacroArchitecture([stem, Stem.ImageNet], darts.Items));
        var options = Stripes.Search with { Supernet = Stripes.Search.Supernet with { Cells = 3 } };
        var found = MaskedDartsSearch.Run(
            Stripes.Images(), OperationMask.Full(space), options, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal("patches", found.Options.Supernet.Stem);
        LivesOn(found.Genotype, space, cells: 3);
        Assert.Contains("patches (16 to 48 pixels a side)",
            Assert.Throws<ArgumentException>(() => space.Macro.StemFor(64, 64, "patches")).Message);
    }

    [Fact]
    public void A_space_of_ones_own_has_the_gradients_of_ordinary_autograd_and_finds_networks_that_live_on()
    {
        var mask = OperationMask.Full(OwnSpace.Chain);
        var probe = new GradientProbe();
        Ranking.Score(Stripes.Images(), mask, probe, new RankingOptions { BatchSize = 10, Batches = 1, Initializations = 1 },
            Stripes.Search.Supernet, TestContext.Current.CancellationToken);
        Assert.InRange(probe.Deviation, 0, 1e-4);                               // single precision
        Assert.True(probe.Gates > 0);

        var found = MaskedDartsSearch.Run(Stripes.Images(), mask, Stripes.Search,
            cancellationToken: TestContext.Current.CancellationToken);
        found.Genotype.ThrowIfNotIn(OwnSpace.Chain);
        Assert.Null(found.Genotype.Reduction);
        Assert.NotEqual("max_pool_3x3", found.Genotype.Normal.Edges[0].Operation);
        Assert.Equal(mask, OperationMask.FromJson(mask.ToJson(), OwnSpace.Chain));
        LivesOn(found.Genotype, OwnSpace.Chain, cells: 2);
    }

    [Fact]
    public void A_ranking_function_of_ones_own_decides_what_is_pruned_and_ranks_any_network()
    {
        var options = new ZeroShotPruningOptions
        {
            Space = OwnSpace.Chain, RankingFunctions = [new OwnRankingFunction()], BatchSize = 12, Batches = 1, Initializations = 1,
            Pruning = new PruningOptions { OperationsPerRound = 1 }, Supernet = Stripes.Search.Supernet,
        };
        var own = Prune(options);
        var round = Assert.Single(own.Rounds);
        Assert.Equal(own.Mask, Prune(options).Mask);
        Assert.NotEqual(round.Importances.Candidates.Select(candidate => candidate.Importance),
            Prune(options with { RankingFunctions = [new NngpNorm()] }).Rounds[0].Importances.Candidates
                .Select(candidate => candidate.Importance));
        // Its gradients are of the labels: of others they are others.
        var images = Stripes.Images();
        var other = new Data.ImageSet(Enumerable.Range(0, images.Count).SelectMany(i => images.Pixels(i).ToArray()).ToArray(),
            [.. Enumerable.Range(0, images.Count).Select(i => i / 2 % 3)], images.Shape, images.ClassNames);
        Assert.NotEqual(Score(images), Score(other));
        Assert.InRange(Score(images), 1e-3, 1e3);

        double Score(Data.ImageSet set) => Ranking.Score(
            set,
            Genotype.Parse("Genotype(normal=|skip_connect~0|+|cross_conv_5x5~1|, normal_inputs=1, normal_concat=[1, 2])"),
            new OwnRankingFunction(), options, new CellNetOptions { Channels = 4, Cells = 2 }, OwnSpace.Chain,
            TestContext.Current.CancellationToken);

        static PruningResult Prune(ZeroShotPruningOptions options) =>
            ZeroShotPruning.Prune(Stripes.Images(), options, cancellationToken: TestContext.Current.CancellationToken);
    }

    [Fact]
    public void A_relaxation_and_a_loss_term_of_ones_own_decide_on_the_search_in_both_evaluations_alike()
    {
        var options = Stripes.Search with { Relaxation = new OwnRelaxation(), LossTerms = [new OwnLossTerm()] };
        var lean = Alphas(options);
        var plain = Alphas(options with { Evaluation = SupernetEvaluation.Plain });
        Assert.All(lean.Zip(plain), pair => Assert.Equal(pair.First, pair.Second, 1e-3));
        Assert.NotEqual(lean, Alphas(options with { Relaxation = new SoftmaxRelaxation() }));
        Assert.NotEqual(lean, Alphas(options with { LossTerms = [] }));
        Assert.Contains("FinalTemperature is 2", Refused(options with { Relaxation = new OwnRelaxation(2) }));
        Assert.Contains("Weight of OwnLossTerm is -1", Refused(options with { LossTerms = [new OwnLossTerm(-1)] }));

        static string Refused(SearchOptions options) => Assert.Throws<ArgumentException>(() => Alphas(options)).Message;

        static IReadOnlyList<float> Alphas(SearchOptions options) => MaskedDartsSearch.Run(
            Stripes.Images(), OperationMask.Full(OwnSpace.Chain), options,
            cancellationToken: TestContext.Current.CancellationToken).Alphas[CellKind.Normal];
    }

    [Fact]
    public void An_annealed_relaxation_gets_sharper_and_gives_masked_operations_no_weight()
    {
        using var scope = NewDisposeScope();
        var mask = OperationMask.Full(OwnSpace.Chain).WithoutEverywhere(0);
        using var architecture = new ArchitectureParameters(mask, edgeNormalization: false);
        using (var random = RandomStream.Of(1, "alphas"))
            architecture.Initialize(random, scale: 1);
        using var noise = RandomStream.Of(1, "none needed");
        var relaxation = new OwnRelaxation();
        using var early = relaxation.Mix(architecture, new SearchMoment(0, 10, 0), noise);
        using var late = relaxation.Mix(architecture, new SearchMoment(9, 10, 90), noise);
        for (var edge = 0; edge < OwnSpace.Chain.Topology.EdgeCount; edge++)
            Assert.True(Strongest(late, edge) > Strongest(early, edge));
        using var strengths = relaxation.Strengths(architecture, CellKind.Normal);
        Assert.Equal(0, strengths.select(1, 0).abs().max().item<float>());

        static float Strongest(Mixture mixture, int edge) => mixture.Operations(CellKind.Normal)[edge].max().item<float>();
    }

    /// <summary>Trains an epoch, and takes the network through ONNX and a file of weights.</summary>
    private static void LivesOn(Genotype genotype, SearchSpace space, int cells)
    {
        using var folder = new TemporaryFolder();
        var options = new TrainingOptions
        {
            Network = new CellNetOptions { Channels = 4, Cells = cells, AuxiliaryHead = false }, Epochs = 1, BatchSize = 12,
        };
        using var trained = CellNetTraining.Train(
            Stripes.Images(), genotype, options, space: space, cancellationToken: TestContext.Current.CancellationToken);
        Assert.True(double.IsFinite(trained.Epochs[0].Loss));

        using var scope = NewDisposeScope();
        var images = randn([5, 3, Stripes.Side, Stripes.Side], generator: new Generator(3));
        using var logits = trained.Network.forward(images).detach();
        Assert.InRange((logits - Stripes.LogitsOfOnnx(trained.Network, images)).abs().max().item<float>(), 0, 1e-4);

        var path = folder.File("weights.safetensors");
        trained.Weights().Save(path);
        using var continued = CellNetTraining.Continue(Stripes.Images(), CellNetWeights.Read(path, space),
            options with { LearningRate = 0, WeightDecay = 0 }, cancellationToken: TestContext.Current.CancellationToken);
        foreach (var (name, parameter) in continued.Network.named_parameters())
            Assert.Equal((name, 0), (name, (parameter - trained.Network.get_parameter(name)!).abs().max().item<float>()));
    }

    /// <summary>Compares the gradient in little memory with that of autograd through the network's definition.</summary>
    private sealed class GradientProbe : IRankingFunction
    {
        public string Name => "probe";

        public bool NeedsLabels => true;

        public double Deviation { get; private set; }

        public int Gates { get; private set; }

        public double Rank(RankedNetwork network)
        {
            using var scope = NewDisposeScope();
            var ranked = (RankedSupernet)network;
            using var lean = ranked.Gradient(0);
            ranked.Supernet.zero_grad();
            nn.functional.cross_entropy(ranked.Supernet.forward(ranked.Images[0], ranked.Mixture), ranked.Labels[0]).backward();
            var expected = cat([.. lean.Weights.Select(weight => weight.Weight.grad!.reshape(-1))]);
            var actual = cat([.. lean.Weights.Select(weight => weight.Gradient.reshape(-1))]);
            Deviation = ((actual - expected).norm() / expected.norm()).item<float>();
            Gates = lean.Weights.Count(weight => weight.Weight.ndim == 4 && weight.Weight.shape[0] == weight.Weight.shape[1]
                && weight.Name.Contains("_ops", StringComparison.Ordinal));
            return 1;
        }
    }
}
