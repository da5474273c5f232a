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

/// <summary>Importances to first order are derivatives, and cost one run for all operations.</summary>
public sealed class FirstOrderPruningTests : IDisposable
{
    private static readonly SearchSpace s_space = new("small", new CellTopology(2),
    [
        CandidateOperation.None, CandidateOperation.MaxPool3x3, CandidateOperation.SkipConnect, CandidateOperation.SeparableConvolution3x3,
    ]);

    private static readonly ImageSet s_images = RandomImages.Of(16, 3, new ImageShape(3, 16, 16));

    private static readonly ZeroShotPruningOptions s_options = new()
    {
        Space = s_space, Supernet = new() { Channels = 4, Cells = 3 }, BatchSize = 8, Batches = 2, Initializations = 2, Seed = 5,
        Pruning = new() { Level = 0, OperationsPerRound = 1 }, FirstOrder = true,
        RankingFunctions = [new NngpNorm()],
    };

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(1, true)]
    [InlineData(2, true)]
    [InlineData(2, false)]
    public void An_importance_is_the_derivative_on_the_way_to_the_network_without_the_operation(int partial, bool correlation)
    {
        // An edge with one operation, which goes as a whole, and edges with two and three.
        var mask = OperationMask.Full(s_space).Without(CellKind.Normal, 1, 0).Without(CellKind.Normal, 1, 1).Without(CellKind.Normal, 1, 2)
            .Without(CellKind.Reduction, 2, 0).Without(CellKind.Reduction, 2, 3);
        using var scope = NewDisposeScope();
        var options = s_options.Supernet with { PartialChannels = partial };
        var lean = Ranking.Lean(mask, options.WithStem(s_space, s_images.Shape), 3, outputs: 5);
        Ranking.Initialize(lean.Supernet, new RankingOptions { Seed = 3 }, round: 0, initialization: 0, CPU);
        lean.Supernet.to(ScalarType.Float64);
        using var random = RandomStream.Of(1, "images");
        Tensor[] batches = [.. Enumerable.Range(0, 2).Select(_ => randn([8, 3, 16, 16], ScalarType.Float64, generator: random.Generator))];
        var function = new NngpNorm(correlation);
        var ranks = FirstOrderRanks.Of(lean, batches, mask, options.EdgeNormalization, [function], TestContext.Current.CancellationToken);
        Assert.Equal(mask.TotalLive + 1, ranks.Length);
        foreach (var (i, j) in mask.AllLive.Index().Where(at => at.Index % 3 == 0 || mask.LiveCount(at.Item.Kind, at.Item.Edge) == 1))
        {
            const double part = 1e-7;                                               // a step that crosses few kinks of ReLUs and pools
            var derivative = (Value(part, j) - Value(-part, j)) / (2 * part);
            Assert.Equal(derivative, ranks[i + 1][0] - ranks[0][0], 1e-6 * Math.Abs(ranks[0][0]));
        }
        lean.Supernet.Dispose();

        // The function at mixing weights that are a part of the way to those without the operation.
        double Value(double way, (CellKind Kind, int Edge, int Operation) j)
        {
            using var whole = Mixture.Uniform(mask, edgeNormalization: true, type: ScalarType.Float64);
            using var lacking = Mixture.Uniform(
                mask.Without(j.Kind, j.Edge, j.Operation), edgeNormalization: true, type: ScalarType.Float64);
            var last = mask.LiveCount(j.Kind, j.Edge) == 1;
            using var between = new Mixture(mask,
                [.. s_space.Kinds.Select(kind => (last
                    ? whole.Operations(kind).clone()
                    : whole.Operations(kind) + way * (lacking.Operations(kind) - whole.Operations(kind))).DetachFromDisposeScope())],
                [.. s_space.Kinds.Select(kind =>
                {
                    var edges = options.EdgeNormalization ? whole.Edges(kind)!.clone() : ones_like(whole.Edges(kind)!);
                    if (last && kind == j.Kind)
                        edges[j.Edge] *= 1 - way;
                    return edges.DetachFromDisposeScope();
                })]);
            return function.Of(cat([.. batches.Select(batch => lean.Forward(batch, between))]));
        }
    }

    [Fact]
    public void All_operations_of_a_round_take_two_forward_runs_and_a_backward_one()
    {
        var counter = new OperationCounter();
        var options = s_options with { Batches = 1, Initializations = 1, Pruning = new() { Level = 0.999, OperationsPerRound = 1 } };
        var expected = Prune(options with { FirstOrder = false, RankingFunctions = [new ByItself()] });
        var result = Prune(options with { Counter = counter });
        // A normal and two reduction cells: 5 convolutions, 3 states to pool, and with stride 2 skip connections on 4 edges. Each runs
        // forwards, forwards before the backward run, there once more, and backwards.
        Assert.Equal(4 * (8 + 12 + 12), counter.Evaluations);
        Assert.Equal(expected.Rounds[0].Importances.Ranks[0], result.Rounds[0].Importances.Ranks[0], 1e-6);
        Assert.Equal(30, result.Rounds[0].Importances.Candidates.Count);
    }

    [Fact]
    public void A_function_without_a_derivative_is_refused_before_any_work()
    {
        var error = Assert.Throws<ArgumentException>(
            () => Prune(s_options with { RankingFunctions = [new NngpNorm(), new ByItself()] }));
        Assert.Contains("'by itself' has no derivative with respect to the logits", error.Message);
        Assert.Contains("leave FirstOrder false", error.Message);
    }

    [Fact]
    public void A_cancelled_pruning_goes_on_to_the_same_result()
    {
        var expected = Prune(s_options).ToJson();
        var file = _folder.File("prune.safetensors");
        using var cancellation = new CancellationTokenSource();
        Assert.ThrowsAny<OperationCanceledException>(() => ZeroShotPruning.Prune(
            s_images, s_options, EachStep.CancelAt(3, cancellation), file, cancellation.Token));
        Assert.Equal(expected, Prune(s_options, file).ToJson());
        Assert.Contains("its options are", Assert.Throws<InvalidDataException>(
            () => Prune(s_options with { FirstOrder = false }, file)).Message);
    }

    private static PruningResult Prune(ZeroShotPruningOptions options, string? checkpoint = null) => ZeroShotPruning.Prune(
        s_images, options, checkpoint: checkpoint, cancellationToken: TestContext.Current.CancellationToken);

    // The paper's function, of every network by itself.
    private sealed class ByItself : IRankingFunction
    {
        public string Name => "by itself";

        public double Rank(RankedNetwork network)
        {
            using var logits = network.Forward(network.Images[0]);
            return new NngpNorm().Of(logits);
        }
    }
}
