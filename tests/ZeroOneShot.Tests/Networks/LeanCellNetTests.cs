using System.Collections.Concurrent;
using TorchSharp;
using Xunit;
using ZeroOneShot.Kernels;
using ZeroOneShot.Layers;
using ZeroOneShot.Lean;
using ZeroOneShot.Networks;
using ZeroOneShot.Onnx;
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

    public static TheoryData<string, int, int, double> Cases => new(
        from name in s_genotypes.Keys
        from images in (int[])[5, 16]
        from size in (int[])[16, 21]
        from dropPath in (double[])[0, 0.3]
        select (name, images, size, dropPath));

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_training_step_has_the_gradients_of_autograd(string genotype, int images, int size, double dropPath) =>
        Compare(genotype, images, Stem.Cifar, size, size, dropPath);

    [Theory]
    [InlineData("DARTS V1", 3, 0.3)]
    [InlineData("DARTS V1", 7, 0)]
    [InlineData("DARTS V2", 7, 0.3)]
    [InlineData("PC-DARTS", 1, 0.3)]
    [InlineData("PC-DARTS", 3, 0)]
    public void What_is_recomputed_comes_out_bit_for_bit_as_if_it_had_been_kept(string genotype, int recomputed, double dropPath)
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
            var (logits, loss) = new LeanCellNet(network, recomputed: recomputed).Gradient(batch, labels, 0.4, dropPath, random);
            return [("logits", logits), ("loss", loss),
                .. network.named_parameters().Select(at => (at.name, at.parameter.grad!.clone())),
                .. network.named_buffers().Select(at => (at.name, at.buffer.clone()))];
        }
    }

    // Edges begin as soon as their inputs are there, in whatever order that is; what they give is added up in one order.
    [Theory]
    [InlineData("DARTS V1", 0, 0.3)]
    [InlineData("DARTS V1", 0, 0)]
    [InlineData("DARTS V2", 4, 0.3)]
    [InlineData("NAS-Bench-201", 0, 0.3)]
    [InlineData("NAS-Bench-201", 5, 0)]
    public void Several_threads_give_the_same_bits_every_time_and_those_of_one_but_for_rounding(
        string genotype, int recomputed, double dropPath)
    {
        using var scope = NewDisposeScope();
        var expected = Gradient(threads: 1);
        Tensor? first = null;
        for (var times = 0; times < 5; times++)
        {
            var found = Gradient(threads: 3);
            Assert.True(Relative(found, expected) < 1e-5);
            Assert.True(found.equal(first ??= found).all().item<bool>());
        }

        Tensor Gradient(int threads)
        {
            Tensor? gradient = null;
            WithThreads(threads, () =>
            {
                using var network = genotype == "NAS-Bench-201"
                    ? new CellNet(
                        Genotype.Parse("|nor_conv_3x3~0|+|skip_connect~0|nor_conv_1x1~1|+|avg_pool_3x3~0|nor_conv_3x3~1|skip_connect~2|"),
                        new CellNetOptions { Channels = 4, Cells = 5, AuxiliaryHead = false }, 3, 5, SearchSpace.NasBench201)
                    : Network(genotype, type: ScalarType.Float32);
                using (var random = RandomStream.Of(1, "weights"))
                    Initialization.Default(network, random);
                network.train();
                using var generator = new Generator(7);
                using var batch = randn([19, 3, 16, 16], generator: generator);
                using var labels = randint(5, 19, generator: generator);
                using var drop = RandomStream.Of(1, "drop path");
                var (logits, loss) = new LeanCellNet(network, recomputed: recomputed).Gradient(batch, labels, 0.4, dropPath, drop);
                logits.Dispose();
                loss.Dispose();
                gradient = AllGradients(network);
            });
            return gradient!;
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

    private static void Compare(string genotype, int images, Stem stem, int height, int width, double dropPath = 0.3)
    {
        using var scope = NewDisposeScope();
        using var network = Network(genotype, stem);
        using var same = Network(genotype, stem);
        using var generator = new Generator(7);
        var batch = randn([images, 3, height, width], ScalarType.Float64, generator: generator);
        var labels = randint(5, images, generator: generator);

        using var random = RandomStream.Of(1, "drop path");
        var (logits, auxiliary) = network.ForwardWithAuxiliary(batch, dropPath, random);
        (nn.functional.cross_entropy(logits, labels) + 0.4 * nn.functional.cross_entropy(auxiliary!, labels)).backward();
        using var sameRandom = RandomStream.Of(1, "drop path");
        var (sameLogits, _) = new LeanCellNet(same, recomputed: images % 2 == 0 ? 0 : 4)
            .Gradient(batch, labels, auxiliaryWeight: 0.4, dropPath, sameRandom);

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

    [Theory]
    [InlineData(8)]
    [InlineData(40)]
    public void Images_that_are_none_for_the_network_are_refused_with_a_sentence(int count)
    {
        using var scope = NewDisposeScope();
        using var network = Network("PC-DARTS", type: ScalarType.Float32);
        network.eval();
        using var _ = no_grad();
        Assert.Contains("The images are Float64 on 'cpu', the weights of the network Float32 on 'cpu'",
            Assert.Throws<ArgumentException>(() => network.forward(randn([count, 3, 16, 16], ScalarType.Float64))).Message);
        Assert.Contains("the network takes N x 3 x height x width",
            Assert.Throws<ArgumentException>(() => network.forward(randn([count, 1, 16, 16]))).Message);
    }

    [Fact]
    public void A_layer_of_ones_own_classifies_a_batch_as_it_is() => WithThreads(2, () =>
    {
        using var scope = NewDisposeScope();
        var seen = new ConcurrentQueue<long>();
        using var network = NetworkOf(new OwnLayer(x =>
        {
            seen.Enqueue(x.shape[0]);
            return x.alias();
        }));
        network.eval();
        var images = randn(40, 3, 16, 16);
        var withGraph = network.forward(images);
        seen.Clear();
        using var _ = no_grad();
        Assert.True(Relative(network.forward(images), withGraph) < 1e-5);
        Assert.All(seen, count => Assert.Equal(40, count));
        Assert.NotEmpty(seen);
    });

    [Fact]
    public void Hooks_of_inner_modules_run_while_gradients_are_recorded()
    {
        using var scope = NewDisposeScope();
        using var network = Network("PC-DARTS", type: ScalarType.Float32);
        network.eval();
        var (inner, outer) = (0, 0);
        network.modules().OfType<BatchNormModule>().First().register_forward_hook((_, _, output) =>
        {
            inner++;
            return output;
        });
        network.register_forward_hook((_, _, output) =>
        {
            outer++;
            return output;
        });
        network.call(randn(16, 3, 16, 16));
        Assert.Equal((1, 1), (inner, outer));
        using var _ = no_grad();
        network.call(randn(16, 3, 16, 16));
        Assert.Equal((1, 2), (inner, outer));
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

    [Theory]
    [InlineData("PC-DARTS", 1, 0.2)]
    [InlineData("PC-DARTS", 3, 0)]
    [InlineData("DARTS V1", 3, 0.2)]
    [InlineData("DARTS V1", 1, 0)]
    [InlineData("DARTS V2", 3, 0.2)]
    public void Training_steps_leave_no_tensor_behind(string genotype, int threads, double dropPath) => WithThreads(threads, () =>
    {
        using var network = Network(genotype);
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
            var (logits, loss) = lean.Gradient(images, labels, auxiliaryWeight: 0.4, dropPath, random);
            logits.Dispose();
            loss.Dispose();
        }
    });

    /// <summary>The last batch norm of an edge is added straight to its node, whatever is before it.</summary>
    [Theory]
    [InlineData(0, false)]
    [InlineData(5, false)]
    [InlineData(0, true)]
    public void Operations_that_end_in_a_batch_norm_have_the_gradients_of_autograd(int recomputed, bool frozen)
    {
        var pool = new CandidateOperation("pool", stride => [new MaxPool(3, stride), new BatchNorm()]);
        var rectified = new CandidateOperation("rectified", stride => [new AveragePool(3, stride), new Relu(), new BatchNorm()]);
        var normed = new CandidateOperation("normed",
            stride => stride == 1 ? [new BatchNorm()] : [new MaxPool(3, stride), new BatchNorm(), new BatchNorm()]);
        var alone = new CandidateOperation("alone",
            stride => stride == 1 ? [new Relu(), new BatchNorm()] : [new MaxPool(3, 2)]);
        var space = new SearchSpace("own", new CellTopology(2), [pool, rectified, normed, alone]);
        var cell = new CellGenotype([new("pool", 0), new("rectified", 1), new("normed", 0), new("alone", 2)]);
        using var scope = NewDisposeScope();
        using var generator = new Generator(7);
        var batch = randn([11, 3, 16, 16], ScalarType.Float64, generator: generator);
        var labels = randint(5, 11, generator: generator);
        var (expected, found) = (Gradients(plain: true), Gradients(plain: false));
        Assert.NotEmpty(expected);
        Assert.All(expected.Zip(found), pair =>
        {
            Assert.Equal(pair.First.Name, pair.Second.Name);
            Assert.InRange((pair.Second.Value - pair.First.Value).abs().max().item<double>(), 0, 1e-10);
        });

        List<(string Name, Tensor Value)> Gradients(bool plain)
        {
            using var network = new CellNet(
                new Genotype(cell, cell), new CellNetOptions { Channels = 4, Cells = 3 }, inputChannels: 3, classes: 5, space);
            using (var random = RandomStream.Of(1, "weights"))
                Initialization.Default(network, random);
            network.to(ScalarType.Float64);
            network.train();
            foreach (var (name, parameter) in network.named_parameters())
                parameter.requires_grad = !(frozen && parameter.ndim == 1 && name.StartsWith("cells", StringComparison.Ordinal));
            using var unused = RandomStream.Of(1, "drop path");
            var (logits, loss) = new LeanCellNet(network, plain, recomputed).Gradient(batch, labels, 0.4, dropPath: 0, unused);
            return [("logits", logits), ("loss", loss),
                .. from at in network.named_parameters() where at.parameter.requires_grad select (at.name, at.parameter.grad!.clone()),
                .. network.named_buffers().Where(at => at.buffer.is_floating_point()).Select(at => (at.name, at.buffer.clone()))];
        }
    }

    /// <summary>Where a step fails: in the loss, or in a layer in a forward run, or in one that is repeated on the way back.</summary>
    [Theory]
    [InlineData(1, "loss")]
    [InlineData(2, "loss")]
    [InlineData(1, "layer")]
    [InlineData(2, "layer")]
    [InlineData(1, "way back")]
    [InlineData(2, "way back")]
    public void A_step_that_fails_leaves_no_tensor_behind(int threads, string where) => WithThreads(threads, () =>
    {
        var (runs, last) = (0, int.MaxValue);
        using var network = NetworkOf(new OwnLayer(
            x => Interlocked.Increment(ref runs) > last ? throw new NotSupportedException() : x.alias()));
        using var images = randn(16, 3, 16, 16);
        using var labels = zeros([16], ScalarType.Int64);
        var lean = new LeanCellNet(network, recomputed: where == "way back" ? 4 : 0);
        runs = 0;
        Step(logits => nn.functional.cross_entropy(logits, labels));
        var all = runs;
        var before = LiveTensors.Count();
        (runs, last) = (0, where switch { "loss" => int.MaxValue, "layer" => all / 2, _ => all - 2 });
        Assert.Throws<NotSupportedException>(
            () => Step(logits => where == "loss" ? throw new NotSupportedException() : nn.functional.cross_entropy(logits, labels)));
        Assert.Equal(before, Tensor.TotalCount);

        void Step(Func<Tensor, Tensor> loss)
        {
            using var scope = NewDisposeScope();
            lean.GradientOf(images, loss, auxiliaryWeight: 0.4);
        }
    });

    /// <summary>A network of operations that begin with a layer.</summary>
    private static CellNet NetworkOf(Layer layer)
    {
        var operation = new CandidateOperation("own",
            stride => [layer, new Relu(), new Convolution(3) { Depthwise = true, Stride = stride }, new BatchNorm()]);
        var space = new SearchSpace("own", new CellTopology(2), [operation, CandidateOperation.SkipConnect]);
        var cell = new CellGenotype([new("own", 0), new("own", 1), new("own", 2), new("skip_connect", 0)]);
        var network = new CellNet(
            new Genotype(cell, cell), new CellNetOptions { Channels = 4, Cells = 3 }, inputChannels: 3, classes: 5, space);
        using var random = RandomStream.Of(1, "weights");
        Initialization.Default(network, random);
        network.train();
        return network;
    }

    /// <summary>A layer that does something with its input.</summary>
    private sealed record OwnLayer(Func<Tensor, Tensor> Run) : Layer
    {
        public override FeatureSize Output(FeatureSize input, long channels) => input;

        public override LayerCost Cost(FeatureSize input, long channels, bool affine) => default;

        public override nn.Module<Tensor, Tensor> Build(int inputChannels, int channels, bool affine) => new OwnModule(Run);

        public override string Export(OnnxGraph graph, string x, FeatureSize input, nn.Module<Tensor, Tensor> module) => x;

        private sealed class OwnModule(Func<Tensor, Tensor> run) : nn.Module<Tensor, Tensor>(nameof(OwnModule))
        {
            public override Tensor forward(Tensor input) => run(input);
        }
    }

    private static void WithThreads(int threads, Action test)
    {
        var before = get_num_threads();
        set_num_threads(threads);
        try
        {
            test();
        }
        finally
        {
            set_num_threads(before);
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

    private static double Relative(Tensor a, Tensor b) => ((a - b).norm() / (b.norm() + 1e-6)).to(ScalarType.Float64).item<double>();
}
