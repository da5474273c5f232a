using ZeroOneShot.Lean;
using Xunit;
using ZeroOneShot.Networks;
using ZeroOneShot.OneShot;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.ZeroShot;
using static TorchSharp.torch;

namespace ZeroOneShot.Tests.OneShot;

/// <summary>GDAS: what a sample is, and that nothing else runs.</summary>
public sealed class GumbelRelaxationTests
{
    private static readonly OperationMask s_mask = RandomPruning.Mask(SearchSpace.Darts, 0.6, seed: 3);

    static GumbelRelaxationTests() => TorchRuntime.EnsureLoaded();

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void Only_the_sampled_operation_of_an_edge_runs_forwards_and_backwards(int partial)
    {
        using var scope = NewDisposeScope();
        using var supernet = new Supernet(
            s_mask, new SupernetOptions { Channels = 4, Cells = 3, PartialChannels = partial }, inputChannels: 3, classes: 4);
        supernet.train();
        using (var random = RandomStream.Of(1, "weights"))
            Initialization.Default(supernet, random);
        using var generator = new Generator(3);
        var images = randn([9, 3, 12, 12], generator: generator);
        var labels = randint(4, 9, generator: generator);
        using var mixture = Sample(step: 0);

        var order = new Counting(FeatureOrder.For(images));
        new LeanSupernet(supernet).Gradient(images, labels, mixture, mixing: true, order);

        var (sampled, others) = (0, 0);
        foreach (var cell in supernet.Cells)
        {
            foreach (var (edge, row) in Enumerable.Range(0, 14).SelectMany(edge => s_mask.Live(cell.Kind, edge).Select(row => (edge, row))))
            {
                // Zeros need no run. One runs forwards, and again, recorded, to run backwards.
                var expected = mixture.Live[cell.Kind, edge, row] && SearchSpace.Darts.Operations[row].CanBeChosen ? 1 : 0;
                var module = cell.Edge(edge).Operation(row);
                Assert.Equal((expected, expected), (order.Forwards.GetValueOrDefault(module), order.Runs.GetValueOrDefault(module)));
                sampled += expected;
                others += 1 - expected;
            }
        }
        Assert.InRange(sampled, 30, 3 * 14);
        Assert.True(others > sampled, $"{others} operations did not run, {sampled} did");
    }

    [Fact]
    public void A_sample_is_one_live_operation_an_edge_with_weight_1_and_the_steps_draw_different_ones()
    {
        using var scope = NewDisposeScope();
        using var first = Sample(step: 0);
        using var again = Sample(step: 0);
        using var second = Sample(step: 1);
        Assert.Equal(first.Live, again.Live);
        Assert.NotEqual(first.Live, second.Live);
        foreach (var (kind, edge) in s_mask.AllEdges)
        {
            var row = Assert.Single(first.Live.Live(kind, edge));
            Assert.True(s_mask[kind, edge, row]);
            var weights = first.Operations(kind)[edge].data<float>().ToArray();
            Assert.Equal(weights.Select((_, other) => other == row ? 1f : 0f), weights.Select(weight => MathF.Round(weight, 5)));
        }
    }

    [Fact]
    public void Operations_are_sampled_as_often_as_the_softmax_of_alpha_says()
    {
        using var scope = NewDisposeScope();
        using var architecture = new ArchitectureParameters(OperationMask.Full(SearchSpace.Darts), edgeNormalization: false);
        using (no_grad())
            architecture.Alphas(CellKind.Normal)[.., 4] = tensor(2f);
        var counts = new int[8];
        const int samples = 300;                                                    // of 14 edges each: 4,200 draws
        for (var step = 0; step < samples; step++)
        {
            using var random = RandomStream.Of(step, "sample");
            using var mixture = new GumbelRelaxation().Mix(architecture, default, random);
            foreach (var edge in Enumerable.Range(0, 14))
                counts[mixture.Live.Live(CellKind.Normal, edge).Single()]++;
        }
        var probability = Math.Exp(2) / (Math.Exp(2) + 7);
        for (var row = 0; row < 8; row++)
        {
            var expected = row == 4 ? probability : (1 - probability) / 7;
            var deviation = Math.Sqrt(expected * (1 - expected) / (14 * samples));
            Assert.InRange((double)counts[row] / (14 * samples), expected - 4 * deviation, expected + 4 * deviation);
        }
    }

    [Fact]
    public void Noise_that_is_no_number_is_drawn_again()
    {
        using var scope = NewDisposeScope();
        using var architecture = new ArchitectureParameters(s_mask, edgeNormalization: false);
        var drawn = 0;
        using var mixture = new GumbelRelaxation().Mix(architecture, 1, (_, shape) =>
            drawn++ % 2 == 0 ? full(shape, double.PositiveInfinity, ScalarType.Float64) : zeros(shape, ScalarType.Float64));
        Assert.Equal(4, drawn);
        Assert.True(mixture.Operations(CellKind.Normal).isfinite().all().item<bool>());
    }

    [Fact]
    public void The_temperature_falls_from_10_to_a_tenth_in_equal_steps()
    {
        var relaxation = new GumbelRelaxation();
        var temperatures = Enumerable.Range(0, 12).Select(epoch => relaxation.Temperature(new SearchMoment(epoch, 12, 0))).ToArray();
        Assert.Equal((10, 0.1), (temperatures[0], Math.Round(temperatures[^1], 12)));
        Assert.All(temperatures.Zip(temperatures.Skip(1)), pair => Assert.Equal(0.9, pair.First - pair.Second, 1e-12));
    }

    private static Mixture Sample(long step)
    {
        using var architecture = new ArchitectureParameters(s_mask, edgeNormalization: false);
        using var random = RandomStream.Of(step, "sample");
        return new GumbelRelaxation().Mix(architecture, new SearchMoment(0, 1, step), random);
    }

    /// <summary>An order of features that counts what runs.</summary>
    private sealed class Counting(FeatureOrder order) : FeatureOrder
    {
        private readonly Lock _lock = new();

        public Dictionary<nn.Module<Tensor, Tensor>, int> Forwards { get; } = new(ReferenceEqualityComparer.Instance);

        public Dictionary<nn.Module<Tensor, Tensor>, int> Runs { get; } = new(ReferenceEqualityComparer.Instance);

        public override Tensor Arrange(Tensor images) => order.Arrange(images);

        public override Tensor ToImages(Tensor features) => order.ToImages(features);

        public override Tensor Pooled(Tensor features) => order.Pooled(features);

        public override Tensor PooledGradient(Tensor gradient, Tensor like) => order.PooledGradient(gradient, like);

        public override Tensor Sum(Tensor like, IReadOnlyList<(Tensor Term, Factor Factor)> terms) => order.Sum(like, terms);

        public override Tensor EmptyLike(Tensor features) => order.EmptyLike(features);

        public override Tensor Zeros(Tensor like, long channels, int stride) => order.Zeros(like, channels, stride);

        public override void Add(Tensor sum, params IReadOnlyList<(Tensor Term, Factor Factor)> terms) => order.Add(sum, terms);

        public override Product Product(Tensor a, Tensor b) => order.Product(a, b);

        public override Tensor Packed(Tensor features) => order.Packed(features);

        public override Tensor Forward(nn.Module<Tensor, Tensor> module, Tensor input)
        {
            Count(Forwards, module);
            return order.Forward(module, input);
        }

        public override ModuleRun Run(nn.Module<Tensor, Tensor> module, Tensor input, bool needed)
        {
            Count(Runs, module);
            return order.Run(module, input, needed);
        }

        private void Count(Dictionary<nn.Module<Tensor, Tensor>, int> counts, nn.Module<Tensor, Tensor> module)
        {
            lock (_lock)
                counts[module] = counts.GetValueOrDefault(module) + 1;
        }
    }
}
