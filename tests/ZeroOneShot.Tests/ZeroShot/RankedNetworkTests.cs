using TorchSharp;
using Xunit;
using ZeroOneShot.Data;
using ZeroOneShot.Networks;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Tests.Data;
using ZeroOneShot.ZeroShot;
using static TorchSharp.torch;

namespace ZeroOneShot.Tests.ZeroShot;

/// <summary>
/// What a network offers to ranking functions, which are written here with the public surface alone, against plain autograd.
/// </summary>
public sealed class RankedNetworkTests
{
    private const double Single = 1e-4;

    private static readonly ImageSet s_images = RandomImages.Of(24, 3, new ImageShape(3, 16, 16));

    private static readonly RankingOptions s_options = new() { BatchSize = 12, Batches = 2, Initializations = 1, Seed = 3 };

    private static readonly SupernetOptions s_supernet = new() { Channels = 8, Cells = 4 };

    private static readonly OperationMask s_mask =
        RandomPruning.Mask(SearchSpace.Darts, 0.4, seed: 1).Without(CellKind.Normal, 0, 0);

    [Fact]
    public void The_norm_of_the_gradient_is_that_of_autograd_for_a_supernet_and_for_a_genotypes_network()
    {
        var norm = new Function(needsLabels: true, network =>
        {
            using var gradient = network.Gradient(batch: 0);
            return Math.Sqrt(gradient.Weights.Sum(weight => weight.Gradient.square().sum().ToDouble()));
        });
        var plain = new Function(needsLabels: true, network =>
        {
            var loss = nn.functional.cross_entropy(Plain(network, network.Images[0]), network.Labels[0]);
            loss.backward();
            var squares = network.Module.parameters().Sum(weight => weight.grad?.square().sum().ToDouble() ?? 0);
            network.Module.zero_grad();
            return Math.Sqrt(squares);
        });
        AssertSame(Score(plain, s_mask), Score(norm, s_mask));
        AssertSame(ScoreOfGenotype(plain), ScoreOfGenotype(norm));
    }

    [Fact]
    public void The_gradient_of_any_loss_of_the_logits_is_that_of_autograd_weight_by_weight()
    {
        foreach (var score in new Func<IRankingFunction, double>[] { function => Score(function, s_mask), ScoreOfGenotype })
        {
            score(new Function(needsLabels: false, network =>
            {
                network.Module.zero_grad();
                var value = Loss(Plain(network, network.Images[1]));
                value.backward();
                var expected = network.Module.named_parameters().Where(weight => weight.parameter.grad is not null)
                    .ToDictionary(weight => weight.name, weight => weight.parameter.grad!.clone());
                using var gradient = network.Gradient(network.Images[1], Loss);
                AssertSame(value.ToDouble(), gradient.Loss);
                Assert.Equal(expected.Keys, gradient.Weights.Select(weight => weight.Name));
                var largest = expected.Values.Max(tensor => tensor.norm().ToDouble());
                Assert.All(gradient.Weights, weight =>
                    Assert.InRange((weight.Gradient - expected[weight.Name]).norm().ToDouble(), 0, 1e-3 * largest));
                return 1;
            }));
        }

        static Tensor Loss(Tensor logits) => logits.square().mean();
    }

    [Fact]
    public void Every_layer_gives_its_features_and_those_of_the_last_cell_give_the_logits()
    {
        foreach (var score in new Func<IRankingFunction, double>[] { function => Score(function, s_mask), ScoreOfGenotype })
        {
            score(new Function(needsLabels: false, network =>
            {
                var layers = network.Layers;
                Assert.Contains("stem", layers);
                Assert.Contains("cells.0.preprocess0", layers);
                var features = network.Features(network.Images[0], layers);
                Assert.All(layers.Zip(features), at => Assert.True(at.Second is not null, at.First));
                Assert.All(features, tensor => Assert.Equal(12, tensor.shape[0]));
                var last = features[layers.Index().Last(at => at.Item.Split('.') is ["cells", _]).Index];
                var weights = network.Module.named_parameters().ToDictionary(weight => weight.name, weight => weight.parameter);
                var logits = nn.functional.linear(last.mean([2, 3]), weights["classifier.weight"], weights["classifier.bias"]);
                AssertSame(0, (logits - network.Logits[..12]).norm().ToDouble() / logits.norm().ToDouble());
                foreach (var tensor in features)
                    tensor.Dispose();
                return 1;
            }));
        }
    }

    [Fact]
    public void A_layer_that_does_not_run_is_refused_by_name() => Score(new Function(needsLabels: false, network =>
    {
        var masked = s_mask.AllEdges.SelectMany(at => Enumerable.Range(0, 8).Select(row => (at.Kind, at.Edge, Row: row)))
            .First(at => at.Kind == CellKind.Normal && !s_mask[at.Kind, at.Edge, at.Row]);
        var name = $"cells.0._ops.{masked.Edge}._ops.{masked.Row}";
        Assert.DoesNotContain(network.Layers, layer => layer.StartsWith(name + ".", StringComparison.Ordinal) || layer == name);
        Assert.Contains($"No layer '{name}' runs", Assert.Throws<ArgumentException>(
            () => network.Features(network.Images[0], name)).Message);
        return 1;
    }), s_mask);

    [Fact]
    public void Labels_are_for_functions_that_say_that_they_need_them_and_bring_an_output_for_every_class()
    {
        var asks = new Function(needsLabels: false, network => network.Labels.Count);
        Assert.Contains("NeedsLabels is false", Assert.Throws<InvalidOperationException>(() => Score(asks, s_mask)).Message);
        var many = RandomImages.Of(24, 12, new ImageShape(3, 16, 16));
        Assert.Equal(12, Score(new Function(needsLabels: true, network => network.Outputs), s_mask, many));
        Assert.Equal(10, Score(new Function(needsLabels: false, network => network.Outputs), s_mask, many));
        Assert.Equal(10, Score(new Function(needsLabels: true, network => network.Outputs), s_mask));
    }

    [Fact]
    public void Memory_stays_flat_over_candidates()
    {
        var space = new SearchSpace(
            "small", new CellTopology(2), [CandidateOperation.MaxPool3x3, CandidateOperation.DilatedConvolution3x3]);
        var function = new Function(needsLabels: true, network =>
        {
            using var gradient = network.Gradient(batch: 0);
            foreach (var tensor in network.Features(network.Images[0], "stem", "cells.1"))
                tensor.Dispose();
            return gradient.Weights.Sum(weight => weight.Gradient.abs().sum().ToDouble());
        });
        var counts = new List<long>();
        ZeroShotPruning.Prune(s_images, new ZeroShotPruningOptions
        {
            Space = space, Supernet = new() { Channels = 4, Cells = 3 }, BatchSize = 12, Batches = 1, Initializations = 2,
            RankingFunctions = [function, new NngpNorm()],
        }, new EachStep(_ => counts.Add(LiveTensors.Count())), cancellationToken: TestContext.Current.CancellationToken);
        const int networks = 1 + 2 * 5 * 2;
        Assert.Equal(2 * networks, counts.Count);
        Assert.Equal(counts.Take(networks), counts.Skip(networks));                // of an edge, some logits wait to be asked for
    }

    [Fact]
    public void Batch_norms_are_left_as_they_are()
    {
        var function = new Function(needsLabels: true, network =>
        {
            var before = network.Module.named_buffers().ToDictionary(buffer => buffer.name, buffer => buffer.buffer.clone());
            using var gradient = network.Gradient(batch: 1);
            _ = network.Logits;
            _ = network.Features(network.Images[0], "stem");
            Assert.All(network.Module.named_buffers(), buffer => Assert.True(buffer.buffer.equal(before[buffer.name]).all().ToBoolean()));
            return 1;
        });
        Score(function, s_mask);
        ScoreOfGenotype(function);
    }

    [Fact]
    public void The_paper_s_function_ranks_a_genotype_and_a_supernet()
    {
        Assert.InRange(Score(new NngpNorm(), s_mask), 1, 24);
        Assert.InRange(ScoreOfGenotype(new NngpNorm()), 1, 24);
        Assert.Equal(ScoreOfGenotype(new NngpNorm()), ScoreOfGenotype(new NngpNorm()));
    }

    private static Tensor Plain(RankedNetwork network, Tensor images) => network switch
    {
        RankedSupernet supernet => supernet.Supernet.forward(images, supernet.Mixture),
        RankedCellNet genotype => genotype.Network.forward(images),
        _ => throw new NotSupportedException(),
    };

    private static double Score(IRankingFunction function, OperationMask mask, ImageSet? images = null) => Ranking.Score(
        images ?? s_images, mask, function, s_options, s_supernet, TestContext.Current.CancellationToken);

    private static double ScoreOfGenotype(IRankingFunction function) => Ranking.Score(
        s_images, PublishedGenotypes.DartsV2, function, s_options, new CellNetOptions { Channels = 8, Cells = 4 },
        cancellationToken: TestContext.Current.CancellationToken);

    private static void AssertSame(double expected, double actual) =>
        Assert.Equal(expected, actual, Single * Math.Max(1, Math.Abs(expected)));

    private sealed class Function(bool needsLabels, Func<RankedNetwork, double> rank) : IRankingFunction
    {
        public string Name => "of the test";

        public bool NeedsLabels => needsLabels;

        public double Rank(RankedNetwork network) => rank(network);
    }
}
