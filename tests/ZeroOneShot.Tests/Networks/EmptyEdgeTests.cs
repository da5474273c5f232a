using TorchSharp;
using Xunit;
using ZeroOneShot.Data;
using ZeroOneShot.Lean;
using ZeroOneShot.Networks;
using ZeroOneShot.OneShot;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Tests.Data;
using ZeroOneShot.ZeroShot;
using static TorchSharp.torch;

namespace ZeroOneShot.Tests.Networks;

/// <summary>An edge without operations: nothing at all while networks are ranked, an error everywhere else.</summary>
public sealed class EmptyEdgeTests
{
    private static readonly OperationMask s_empty = Enumerable.Range(0, 8)
        .Aggregate(OperationMask.Full(SearchSpace.Darts), (mask, row) => mask.Without(CellKind.Normal, 7, row));

    static EmptyEdgeTests() => TorchRuntime.EnsureLoaded();

    public static TheoryData<string> Entrances =>
        ["search", "pruning", "supernet", "architecture", "memory", "batch", "ranking", "json"];

    [Theory]
    [MemberData(nameof(Entrances))]
    public void A_mask_with_an_empty_edge_is_refused_at_once(string entrance)
    {
        var shape = new ImageShape(3, 16, 16);
        var images = RandomImages.Of(12, 3, shape);
        var options = new SearchOptions { BatchSize = 4, MaxMemory = 1L << 40 };
        var error = Assert.ThrowsAny<Exception>(() => _ = (object)(entrance switch
        {
            "search" => MaskedDartsSearch.Run(images, s_empty, options, cancellationToken: TestContext.Current.CancellationToken),
            "pruning" => PartialPruning.Prune(s_empty, mask => [mask.TotalLive], new PruningOptions()),
            "supernet" => new Supernet(s_empty, new SupernetOptions(), 3, 2),
            "architecture" => new ArchitectureParameters(s_empty, edgeNormalization: true),
            "memory" => SearchMemory.Predict(s_empty, options, shape, 3),
            "batch" => SearchMemory.LargestBatch(s_empty, options, shape, 3),
            "ranking" => Ranking.Score(images, s_empty, new NngpNorm(), new RankingOptions { BatchSize = 4 },
                cancellationToken: TestContext.Current.CancellationToken),
            _ => OperationMask.FromJson(s_empty.ToJson(), SearchSpace.Darts),
        }));
        Assert.Contains("leaves edge 7 of the Normal cell no live operation", error.Message);
        Assert.IsType(entrance == "json" ? typeof(FormatException) : typeof(ArgumentException), error);
    }

    [Fact]
    public void A_mask_whose_json_leaves_no_genotype_is_refused()
    {
        var mask = OperationMask.Create(SearchSpace.Darts, (_, edge, row) => row == 0 || edge > 1);
        Assert.Contains("leaves node 0 of the Normal cell 0 edge(s)",
            Assert.Throws<FormatException>(() => OperationMask.FromJson(mask.ToJson(), SearchSpace.Darts)).Message);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(4, 1)]
    [InlineData(4, 2)]
    public void An_edge_without_operations_adds_nothing_not_even_what_bypasses_them(int partial, int stride)
    {
        using var scope = NewDisposeScope();
        var edge = new MixedOperation(SearchSpace.Darts, Enumerable.Range(0, 8), stride, channels: 8, partial);
        var (x, weights) = (randn(2, 8, 6, 6), full(8, 0.125));
        Assert.Equal(0, edge.Forward(x, weights, []).abs().sum().ToDouble());
        Assert.Equal([2, 8, 6 / stride, 6 / stride], edge.Forward(x, weights, []).shape);
        if (partial > 1)
            Assert.NotEqual(0, edge.Forward(x, weights, [0]).abs().sum().ToDouble());       // 'none' alone is bypassed, as in PC-DARTS
    }

    [Theory]
    [InlineData(1, true)]
    [InlineData(4, true)]
    [InlineData(4, false)]
    public void The_lean_run_without_some_edges_has_the_logits_and_gradients_of_autograd(int partial, bool kernels)
    {
        using var scope = NewDisposeScope();
        var full = OperationMask.Full(SearchSpace.Darts);
        var live = OperationMask.Create(SearchSpace.Darts, (kind, edge, row) => edge % 3 != 1 && row == (edge + (int)kind) % 7 + 1);
        using var supernet = new Supernet(full, new SupernetOptions { Channels = 4, Cells = 4, PartialChannels = partial }, 3, 4);
        using (var random = RandomStream.Of(1, "weights"))
            Initialization.Default(supernet, random);
        supernet.to(ScalarType.Float64).train();
        using var generator = new Generator(3);
        var images = randn([9, 3, 12, 11], ScalarType.Float64, generator: generator);
        using var mixture = Mixture.Uniform(live, edgeNormalization: partial > 1, type: ScalarType.Float64);
        var lean = new LeanSupernet(supernet);
        var order = kernels ? FeatureOrder.For(images) : FeatureOrder.Pixels;

        var logits = supernet.forward(images, mixture);
        logits.square().mean().backward();
        var expected = Gradients();
        supernet.zero_grad();
        var (leanLogits, _) = lean.GradientOf(images, of => of.square().mean(), mixture, mixing: false, order);

        Assert.InRange(Relative(leanLogits, logits), 0, 1e-12);
        Assert.InRange(Relative(lean.Forward(images, mixture), logits), 0, 1e-12);
        Assert.InRange(Relative(Gradients(), expected), 0, 1e-12);

        Tensor Gradients() => cat([.. supernet.parameters().Select(weight => (weight.grad ?? zeros_like(weight)).reshape(-1))]).clone();
    }

    private static double Relative(Tensor a, Tensor b) => ((a - b).norm() / b.norm()).ToDouble();
}
