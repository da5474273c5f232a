using Microsoft.ML;
using Xunit;
using ZeroOneShot.Layers;
using ZeroOneShot.ML;
using ZeroOneShot.Networks;
using ZeroOneShot.OneShot;
using ZeroOneShot.Onnx;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.ZeroShot;
using ZeroOneShot.ZeroShot.Functions;
using static TorchSharp.torch;

namespace ZeroOneShot.Extending.Tests;

/// <summary>What a layer of one's own says of itself is held against its module before anything is trained.</summary>
public sealed class LayerFormTests
{
    [Theory]
    [InlineData("Tanh", "its ONNX form gives numbers that differ by up to")]
    [InlineData("Relu", null)]
    [InlineData("Exp of Log", "its ONNX form gives numbers that differ by up to")]
    [InlineData("NoSuchOperator", "its ONNX form does not run on features of")]
    [InlineData("GlobalAveragePool", "its ONNX form makes 96 numbers of 2 features of")]
    public void A_layer_whose_ONNX_form_is_not_its_module_is_refused_before_anything_is_pruned_or_trained(string form, string? fault)
    {
        var ml = new MLContext(seed: 1);
        var data = ml.Data.LoadImages(Stripes.Images());
        var space = Stripes.SpaceOf(new CandidateOperation("own_relu",
            stride => [new Rectified(form), new Convolution(3) { Depthwise = true, Stride = stride }, new BatchNorm()]));
        var began = false;
        var prune = new ZeroShotPruneEstimator.Options
        {
            Space = space,
            Settings = new()
            {
                RankingFunctions = [new NngpNorm()], Supernet = new() { Channels = 4, Cells = 3 }, BatchSize = 12, Batches = 1,
                Initializations = 1,
            },
            Progress = new Told(() => began = true),
        };
        var train = new CellNetTrainer.Options
        {
            Space = space, Settings = new() { Network = new() { Channels = 4, Cells = 3 }, Epochs = 1, BatchSize = 12 },
        };
        var search = new MaskedDartsSearchEstimator.Options
        {
            Space = space, Method = SearchMethod.ZeroOneShot,
            Settings = new() { Supernet = new() { Channels = 4, Cells = 3 }, Epochs = 1, WarmupEpochs = 0, BatchSize = 12 },
        };
        var pipeline = ml.Transforms.ZeroShotPrune(prune).Append(ml.Transforms.MaskedDartsSearch(search))
            .Append(ml.MulticlassClassification.Trainers.CellNet(train));
        var minutes = new ZeroOneShotTrainer.Options { Space = space, ShowProgress = false, Progress = new Told(() => began = true) };
        if (fault is null)
        {
            using var model = pipeline.Fit(data);
            return;
        }
        Assert.StartsWith("Layer Rectified of operation 'own_relu' with stride 1: ",
            Assert.Throws<ArgumentException>(() => pipeline.Fit(data)).Message);
        Assert.Contains(fault, Assert.Throws<ArgumentException>(
            () => ml.MulticlassClassification.Trainers.ZeroOneShot(minutes).Fit(data)).Message);
        Assert.False(began);
    }

    [Fact]
    public void What_a_ranking_function_changes_in_a_layer_of_ones_own_the_next_one_does_not_see()
    {
        var space = Stripes.SpaceOf(new CandidateOperation("counted",
            stride => [new Counted(), new Convolution(3) { Depthwise = true, Stride = stride }, new BatchNorm()]));
        var options = new RankingOptions { BatchSize = 12, Batches = 1, Initializations = 2 };
        var (runs, token) = (new Runs(), TestContext.Current.CancellationToken);
        var cell = new CellGenotype([new("counted", 0), new("skip_connect", 1)]);
        var network = new CellNetOptions { Channels = 4, Cells = 3 };
        var of = Ranking.Scores(Stripes.Images(), new Genotype(cell, cell), [runs, runs, runs], options, network, space, token);
        Assert.All(of, score => Assert.Equal(of[0], score));
        var shape = Stripes.Search.Supernet with { Cells = 3 };
        of = Ranking.Scores(Stripes.Images(), OperationMask.Full(space), [runs, runs], options, shape, token);
        Assert.Equal(of[0], of[1]);
        Assert.True(of[0] > 0);
    }

    [Theory]
    [InlineData("synflow")]
    [InlineData("grasp")]
    public void Functions_that_compute_in_double_precision_put_back_what_a_layer_of_ones_own_counts(string function)
    {
        var space = Stripes.SpaceOf(new CandidateOperation("counted",
            stride => [new Counted(), new Convolution(3) { Depthwise = true, Stride = stride }, new BatchNorm()]));
        var options = new RankingOptions { BatchSize = 12, Batches = 1, Initializations = 1 };
        var (runs, token) = (new Runs(), TestContext.Current.CancellationToken);
        var cell = new CellGenotype([new("counted", 0), new("skip_connect", 1)]);
        var of = Ranking.Scores(Stripes.Images(), new Genotype(cell, cell), [runs, RankingFunctions.Named(function), runs], options,
            new CellNetOptions { Channels = 4, Cells = 3 }, space, token);
        Assert.Equal(of[0], of[2]);
        of = Ranking.Scores(Stripes.Images(), OperationMask.Full(space), [runs, RankingFunctions.Named(function), runs], options,
            Stripes.Search.Supernet with { Cells = 3 }, token);
        Assert.Equal(of[0], of[2]);
    }

    [Fact]
    public void What_a_layer_of_ones_own_draws_for_itself_stays_when_gradients_are_asked_for()
    {
        var space = Stripes.SpaceOf(new CandidateOperation("drawn",
            stride => [new Counted(Drawn: true), new Convolution(3) { Depthwise = true, Stride = stride }, new BatchNorm()]));
        var options = new RankingOptions { BatchSize = 12, Batches = 1, Initializations = 2 };
        var of = Ranking.Scores(Stripes.Images(), OperationMask.Full(space), [new Levels()], options,
            Stripes.Search.Supernet with { Cells = 3 }, TestContext.Current.CancellationToken);
        Assert.Equal(0, of[0]);
    }

    /// <summary>A ReLU that an ONNX operator of any name stands for.</summary>
    private sealed record Rectified(string Form) : Layer
    {
        public override FeatureSize Output(FeatureSize input, long channels) => input;

        public override LayerCost Cost(FeatureSize input, long channels, bool affine) => new(0, 0);

        public override nn.Module<Tensor, Tensor> Build(int inputChannels, int channels, bool affine) => nn.ReLU();

        public override string Export(OnnxGraph graph, string x, FeatureSize input, nn.Module<Tensor, Tensor> module) =>
            Form.Split(" of ") is [var outer, var inner] ? graph.Operator(outer, [graph.Operator(inner, [x])]) : graph.Operator(Form, [x]);
    }

    /// <summary>The identity, which counts how often it ran.</summary>
    private sealed record Counted(bool Drawn = false) : Layer
    {
        public override FeatureSize Output(FeatureSize input, long channels) => input;

        public override LayerCost Cost(FeatureSize input, long channels, bool affine) => new(0, 0);

        public override nn.Module<Tensor, Tensor> Build(int inputChannels, int channels, bool affine) =>
            Drawn ? new Level() : new Counter();

        public override string Export(OnnxGraph graph, string x, FeatureSize input, nn.Module<Tensor, Tensor> module) =>
            graph.Operator("Identity", [x]);

        /// <summary>The identity, with a number that is drawn as weights are.</summary>
        private sealed class Level : nn.Module<Tensor, Tensor>, IDrawnWeights
        {
            public Level() : base(nameof(Level)) => register_buffer("level", zeros(1));

            public void Draw(WeightDraw draw) => get_buffer("level")!.fill_(3);

            public override Tensor forward(Tensor input) => input.clone();
        }

        private sealed class Counter : nn.Module<Tensor, Tensor>
        {
            private readonly Tensor _count = zeros(1);

            public Counter() : base(nameof(Counter)) => register_buffer("runs", _count);

            public override Tensor forward(Tensor input)
            {
                using var _ = no_grad();
                get_buffer("runs")!.add_(1);
                return input.clone();
            }
        }
    }

    /// <summary>How often the layers have run, once the network has.</summary>
    private sealed class Runs : IRankingFunction
    {
        public string Name => "runs";

        public double Rank(RankedNetwork network)
        {
            using var scope = NewDisposeScope();
            network.Forward(network.Images[0]);
            return network.Module.named_buffers().Where(at => at.name.EndsWith("runs", StringComparison.Ordinal))
                .Sum(at => at.buffer.item<float>());
        }
    }

    /// <summary>By how much what was drawn deviates from that in the end, when gradients have been asked for twice.</summary>
    private sealed class Levels : IRankingFunction
    {
        public string Name => "levels";

        public double Rank(RankedNetwork network)
        {
            using var scope = NewDisposeScope();
            for (var i = 0; i < 2; i++)
                network.Gradient(network.Images[0], logits => logits.sum()).Dispose();
            return network.Module.named_buffers().Where(at => at.name.EndsWith("level", StringComparison.Ordinal))
                .Sum(at => Math.Abs(3 - at.buffer.item<float>()));
        }
    }

    private sealed class Told(Action act) : IProgress<Runtime.RunProgress>
    {
        public void Report(Runtime.RunProgress value) => act();
    }
}
