using TorchSharp;
using Xunit;
using ZeroOneShot.Kernels;
using ZeroOneShot.Layers;
using ZeroOneShot.Lean;
using ZeroOneShot.Networks;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using static TorchSharp.torch;

namespace ZeroOneShot.Tests.Networks;

/// <summary>Training steps of evaluation networks against ordinary autograd.</summary>
public sealed class LeanCellNetTests
{
    private static readonly Dictionary<string, Genotype> s_genotypes = new()
    {
        ["DARTS V1"] = PublishedGenotypes.DartsV1,
        ["DARTS V2"] = PublishedGenotypes.DartsV2,
        ["PC-DARTS"] = PublishedGenotypes.PcDartsCifar,
    };

    static LeanCellNetTests() => TorchRuntime.EnsureLoaded();

    public static TheoryData<string, int, int> Cases => new(
        from name in s_genotypes.Keys
        from images in (int[])[5, 16]
        from size in (int[])[16, 21]
        select (name, images, size));

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_training_step_with_drop_path_has_the_gradients_of_autograd(string genotype, int images, int size) =>
        Compare(genotype, images, Stem.Cifar, size, size);

    [Theory]
    [InlineData("DARTS V1", 3)]
    [InlineData("DARTS V2", 7)]
    [InlineData("PC-DARTS", 1)]
    public void What_is_recomputed_comes_out_bit_for_bit_as_if_it_had_been_kept(string genotype, int recomputed)
    {
        using var scope = NewDisposeScope();
        var (kept, again) = (Step(recomputed: 0), Step(recomputed));
        Assert.All(kept.Zip(again), pair => Assert.True(pair.First.Tensor.equal(pair.Second.Tensor).all().item<bool>(), pair.First.Name));

        List<(string Name, Tensor Tensor)> Step(int recomputed)
        {
            using var network = Network(genotype, type: ScalarType.Float32);
            using var generator = new Generator(7);
            var batch = randn([19, 3, 16, 16], generator: generator);
            var labels = randint(5, 19, generator: generator);
            using var random = RandomStream.Of(1, "drop path");
            var (logits, loss) = new LeanCellNet(network, recomputed: recomputed).Gradient(batch, labels, 0.4, dropPath: 0.3, random);
            return [("logits", logits), ("loss", loss),
                .. network.named_parameters().Select(at => (at.name, at.parameter.grad!.clone())),
                .. network.named_buffers().Select(at => (at.name, at.buffer.clone()))];
        }
    }

    [Theory]
    [InlineData(1, 3)]
    [InlineData(8, 1)]
    [InlineData(9, 32)]
    public void The_auxiliary_head_pools_images_of_any_size_as_autograd_does(int height, int width)
    {
        using var scope = NewDisposeScope();
        using var head = new AuxiliaryHead(channels: 6, classes: 4, batchNorm: true);
        using (var random = RandomStream.Of(1, "weights"))
            Initialization.Default(head, random);
        head.to(ScalarType.Float64);
        head.train();
        var features = randn([11, 6, height, width], ScalarType.Float64).requires_grad_();
        var expected = head.Features.call(features);
        var gradient = randn(expected.shape, ScalarType.Float64);
        expected.backward([gradient]);
        using var run = new LaneRun(11, recorded: true);
        var found = run.Forward(head.Features, Lanes.Of(features.detach()));
        Assert.True(Relative(Lanes.ToImages(found, 11), expected.detach()) < 1e-12);
        Assert.True(Relative(Lanes.ToImages(run.Backward(Lanes.Of(gradient), needed: true)!, 11), features.grad!) < 1e-12);
    }

    [Theory]
    [InlineData("DARTS V2", 64, 64)]
    [InlineData("PC-DARTS", 41, 70)]
    [InlineData("DARTS V1", 17, 96)]
    public void It_has_them_with_the_stem_for_ImageNet(string genotype, int height, int width) =>
        Compare(genotype, images: 9, Stem.ImageNet, height, width);

    private static void Compare(string genotype, int images, Stem stem, int height, int width)
    {
        using var scope = NewDisposeScope();
        using var network = Network(genotype, stem);
        using var same = Network(genotype, stem);
        using var generator = new Generator(7);
        var batch = randn([images, 3, height, width], ScalarType.Float64, generator: generator);
        var labels = randint(5, images, generator: generator);

        using var random = RandomStream.Of(1, "drop path");
        var (logits, auxiliary) = network.ForwardWithAuxiliary(batch, dropPath: 0.3, random);
        (nn.functional.cross_entropy(logits, labels) + 0.4 * nn.functional.cross_entropy(auxiliary!, labels)).backward();
        using var sameRandom = RandomStream.Of(1, "drop path");
        var (sameLogits, _) = new LeanCellNet(same, recomputed: images % 2 == 0 ? 0 : 4)
            .Gradient(batch, labels, auxiliaryWeight: 0.4, dropPath: 0.3, sameRandom);

        Assert.True(Relative(sameLogits, logits) < 1e-12);
        Assert.True(Relative(AllGradients(same), AllGradients(network)) < 1e-12);
        var wrong = network.named_parameters().Zip(same.named_parameters())
            .Select(pair => (pair.First.name, Deviation: Relative(pair.Second.parameter.grad!, pair.First.parameter.grad!)))
            .Where(at => !(at.Deviation < 1e-8)).Select(at => $"{at.name}: {at.Deviation:E1}");
        Assert.Equal("", string.Join("\n", wrong));
        Assert.All(network.named_buffers().Zip(same.named_buffers()),
            pair => Assert.True(Relative(pair.Second.buffer, pair.First.buffer) < 1e-10, pair.First.name));
    }

    // Double precision has 8 lanes: fewer images than fill half of them, fewer than fill them, and some more, which threads share.
    [Theory]
    [InlineData(3)]
    [InlineData(7)]
    [InlineData(21)]
    public void Classifying_gives_the_logits_of_the_graph(int count)
    {
        using var scope = NewDisposeScope();
        using var network = Network("PC-DARTS");
        network.eval();
        var images = randn([count, 3, 32, 32], ScalarType.Float64);
        var withGraph = network.forward(images);
        using var _ = no_grad();
        Assert.True(Relative(network.forward(images), withGraph) < 1e-12);
        Assert.True(Relative(new LeanCellNet(network).Forward(images), withGraph) < 1e-12);
    }

    [Fact]
    public void Classifying_leaves_no_tensor_behind()
    {
        using var network = Network("PC-DARTS");
        network.eval();
        using var images = randn([21, 3, 16, 16], ScalarType.Float64);
        using var _ = no_grad();
        network.forward(images).Dispose();
        var before = LiveTensors.Count();
        network.forward(images).Dispose();
        Assert.Equal(before, Tensor.TotalCount);
    }

    [Fact]
    public void Training_steps_leave_no_tensor_behind()
    {
        using var network = Network("PC-DARTS");
        using var images = randn([8, 3, 16, 16], ScalarType.Float64);
        using var labels = zeros([8], ScalarType.Int64);
        var lean = new LeanCellNet(network);
        Step();
        var before = LiveTensors.Count();
        for (var i = 0; i < 5; i++)
            Step();
        Assert.Equal(before, Tensor.TotalCount);

        void Step()
        {
            using var random = RandomStream.Of(1, "drop path");
            var (logits, loss) = lean.Gradient(images, labels, auxiliaryWeight: 0.4, dropPath: 0.2, random);
            logits.Dispose();
            loss.Dispose();
        }
    }

    private static Tensor AllGradients(CellNet network) => cat([.. network.parameters().Select(parameter => parameter.grad!.flatten())]);

    private static CellNet Network(string genotype, Stem? stem = null, ScalarType type = ScalarType.Float64)
    {
        var options = new CellNetOptions { Channels = 4, Cells = 6, Stem = stem?.Name };
        var network = new CellNet(s_genotypes[genotype], options, inputChannels: 3, classes: 5);
        using var random = RandomStream.Of(1, "weights");
        Initialization.Default(network, random);
        network.to(type);
        network.train();
        return network;
    }

    private static double Relative(Tensor a, Tensor b) => ((a - b).norm() / (b.norm() + 1e-6)).item<double>();
}
