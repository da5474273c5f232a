using TorchSharp;
using Xunit;
using ZeroOneShot.Data;
using ZeroOneShot.Layers;
using ZeroOneShot.Lean;
using ZeroOneShot.Models;
using ZeroOneShot.Networks;
using ZeroOneShot.Onnx;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Tests.Onnx;
using static TorchSharp.torch;

namespace ZeroOneShot.Tests.SearchSpaces;

/// <summary>Spaces, operations and layers that a researcher adds.</summary>
public sealed class OwnSpaceTests
{
    private static readonly SearchSpace s_space = new("own", new CellTopology(nodes: 2, edgesPerNode: 1, output: [3]),
        [
            CandidateOperation.None, CandidateOperation.SkipConnect, CandidateOperation.DilatedConvolution3x3,
            new CandidateOperation("swish", stride => stride == 1 ? [new NormalizedSwish()] : [new NormalizedSwish(), new MaxPool(3, 2)]),
        ],
        // Edges from the first input have no convolution.
        allows: (_, edge, row) => row != 2 || edge is not (0 or 2));

    static OwnSpaceTests() => TorchRuntime.EnsureLoaded();

    [Fact]
    public void A_layer_without_a_form_in_lanes_runs_inside_a_network_with_the_gradients_of_autograd()
    {
        using var scope = NewDisposeScope();
        var mask = OperationMask.Full(s_space);
        using var supernet = new Supernet(mask, new SupernetOptions { Channels = 4, Cells = 4 }, inputChannels: 3, classes: 4);
        using var architecture = new ArchitectureParameters(mask, edgeNormalization: false, ScalarType.Float64);
        using (var random = RandomStream.Of(1, "weights"))
            Initialization.Default(supernet, random);
        using (var random = RandomStream.Of(1, "architecture"))
            architecture.Initialize(random);
        supernet.to(ScalarType.Float64).train();
        var images = randn([9, 3, 16, 13], ScalarType.Float64, generator: new Generator(3));
        var labels = randint(4, 9, generator: new Generator(4));

        var (autograd, plainBuffers) = Gradients(mixture =>
        {
            var loss = nn.functional.cross_entropy(supernet.forward(images, mixture), labels);
            loss.backward();
        });
        var (lean, leanBuffers) = Gradients(
            mixture => new LeanSupernet(supernet).Gradient(images, labels, mixture, mixing: true));
        Assert.InRange(((lean - autograd).norm() / autograd.norm()).item<double>(), 0, 1e-12);
        // Running statistics move once, although operations run twice.
        Assert.InRange(((leanBuffers - plainBuffers).norm() / plainBuffers.norm()).item<double>(), 0, 1e-12);

        (Tensor Gradients, Tensor Buffers) Gradients(Action<Mixture> run)
        {
            supernet.zero_grad();
            foreach (var parameter in architecture.Parameters)
                parameter.grad = null;
            using (no_grad())
            {
                foreach (var (name, buffer) in supernet.named_buffers().Where(at => at.buffer.is_floating_point()))
                    buffer.fill_(name.EndsWith("var", StringComparison.Ordinal) ? 1 : 0);
            }
            using var mixture = architecture.Mixture();
            run(mixture);
            var all = supernet.parameters().Concat(architecture.Parameters);
            return (cat([.. all.Select(parameter => (parameter.grad ?? zeros_like(parameter)).reshape(-1))]),
                cat([.. supernet.buffers().Where(buffer => buffer.is_floating_point()).Select(buffer => buffer.reshape(-1))]).clone());
        }
    }

    [Fact]
    public void A_network_of_an_own_layer_classifies_as_an_onnx_model()
    {
        using var scope = NewDisposeScope();
        var genotype = Genotype.Parse(
            "Genotype(normal=|swish~0|+|dil_conv_3x3~2|, normal_inputs=2, normal_concat=[3], " +
            "reduce=|skip_connect~1|+|swish~0|, reduce_inputs=2, reduce_concat=[3])");
        Assert.Equal(genotype, Genotype.Parse(genotype.ToString()));
        Assert.Equal(genotype, Genotype.FromJson(genotype.ToJson()));
        var options = new CellNetOptions { Channels = 4, Cells = 4 };
        using var network = new CellNet(genotype, options, inputChannels: 3, classes: 4, s_space);
        using (var random = RandomStream.Of(1, "weights"))
            Initialization.Default(network, random);
        network.eval();
        Assert.Equal(NetworkCost.Of(genotype, options with { AuxiliaryHead = false }, new(3, 16, 16), 4, s_space).Parameters,
            network.named_parameters().Where(at => !at.name.StartsWith("auxiliary", StringComparison.Ordinal))
                .Sum(at => at.parameter.numel()));
        var images = randn([20, 3, 16, 16], generator: new Generator(3));
        using var _ = no_grad();
        using var stream = new MemoryStream();
        CellNetOnnx.Write(network, new ChannelStatistics([0, 0, 0], [1, 1, 1]), new ImageShape(3, 16, 16), ["a", "b", "c", "d"], stream,
            new CellNetOnnxOptions { InputScale = 255, Softmax = false });
        var difference = (network.forward(images) - OnnxInference.Run(stream.ToArray(), images)).abs().max().item<float>();
        Assert.InRange(difference, 0, 1e-4);
    }

    [Fact]
    public void A_mask_counts_and_keeps_what_edges_allow()
    {
        var full = OperationMask.Full(s_space);
        Assert.Equal(2 * (5 * 4 - 2), full.TotalLive);
        Assert.Equal(1, full.RemainingFraction(RemainingCriterion.Architectures), 1e-15);
        Assert.Equal(1, full.RemainingFraction(RemainingCriterion.Operations), 1e-15);
        Assert.Equal([0, 1, 3], full.Live(CellKind.Normal, 0));
        Assert.Equal(full, OperationMask.FromJson(full.ToJson(), s_space));
        var wrong = full.ToJson().Replace("\"swish\"", "\"dil_conv_3x3\"", StringComparison.Ordinal);
        Assert.Throws<FormatException>(() => OperationMask.FromJson(wrong, s_space));
    }

    [Fact]
    public void A_topology_without_a_path_to_the_output_is_refused()
    {
        Refused(() => new CellTopology(2, inputs: 1, edges: [new(0, 0), new(0, 1)], edgesPerNode: 1, output: [2]),
            "No path leads from node 0");
        Refused(() => new CellTopology(2, inputs: 1, edges: [new(0, 0)], edgesPerNode: null), "No edge goes to node 1");
        Refused(() => new CellTopology(2, inputs: 1), "1 edge(s) go to node 0");
        Refused(() => new CellTopology(2, edges: [new(2, 0)]), "from state 2 to node 0");
    }

    [Fact]
    public void An_operation_that_changes_the_shape_is_refused() =>
        Refused(() => new CandidateOperation("wide", _ => [new Relu(), new Convolution(3)]),
            "makes 48x16x16 of features of 48x16x16; an edge needs 48x8x8");

    [Theory]
    [InlineData(1, 0, false, false, "its module makes 48x18x18 of features of 48x16x16, and Output says 48x16x16")]
    [InlineData(0, 1, false, false, "its module has 49 parameters on 48x16x16 with affine False, and Cost says 48")]
    [InlineData(0, 0, true, false, "two runs of its module on the same features differ; override IsRandom")]
    [InlineData(0, 0, true, true, "it is random, and its module is no IRepeatable")]
    [InlineData(-9, 0, false, false, "its module does not run on features of 48x16x16: ")]
    public void A_layer_whose_module_does_something_else_than_it_says_is_refused_wherever_it_is_given(
        int padding, int more, bool draws, bool isRandom, string message)
    {
        var layer = new Wrong(padding, more, draws, isRandom);
        message = $"Layer Wrong of {{0}}: {message}";
        Refused(() => new CandidateOperation("wrong", _ => [layer]), string.Format(null, message, "operation 'wrong' with stride 1"));
        Refused(() => MacroItem.Block([layer]), string.Format(null, message, "a block between cells"));
        Refused(() => new Stem("wrong", [[new Convolution(3), layer]], multiplier: 1), string.Format(null, message, "stem 'wrong'"));
        var error = Assert.Throws<ArgumentException>(() => new MacroArchitecture([Stem.Cifar], MacroArchitecture.Darts.Items, [layer]));
        Assert.StartsWith("Layer Wrong of the head: ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_layer_outside_lanes_is_known_wherever_it_runs_and_only_there()
    {
        // In a block that only six cells have, and in the second of two stems.
        var swish = new NormalizedSwish();
        var stems = (Stem[])[Stem.Cifar, new("swish", [[new Convolution(3) { Stride = 2 }, swish]], multiplier: 1)];
        MacroItem[] Items(int cells) => [.. Enumerable.Range(0, cells).SelectMany(cell => cell == 5
            ? [MacroItem.Cell(CellKind.Normal), MacroItem.Block([swish])]
            : (MacroItem[])[MacroItem.Cell(CellKind.Normal)])];
        var space = new SearchSpace("own", new CellTopology(2), [CandidateOperation.SkipConnect, CandidateOperation.MaxPool3x3],
            [CellKind.Normal], new MacroArchitecture(stems, Items));
        Assert.Equal((true, false, false), (RunsInLanes(4, null), RunsInLanes(6, null), RunsInLanes(4, "swish")));

        bool RunsInLanes(int cells, string? stem)
        {
            using var network = new Supernet(
                OperationMask.Full(space), new SupernetOptions { Channels = 4, Cells = cells, Stem = stem }, inputChannels: 3, classes: 2);
            return network.RunsInLanes;
        }
    }

    [Fact]
    public void A_space_with_an_edge_that_no_genotype_can_choose_is_refused() =>
        Refused(() => new SearchSpace("own", new CellTopology(2), [CandidateOperation.None, CandidateOperation.SkipConnect],
            allows: (kind, edge, row) => row == 0 || (kind, edge) != (CellKind.Reduction, 3)),
            "Edge 3 of the Reduction cell, from state 1 to node 1");

    [Fact]
    public void A_network_that_only_its_number_of_cells_makes_impossible_is_refused_at_that_number()
    {
        // A reduction cell from six cells on, in a space without any, and an auxiliary head behind the seventh item.
        IReadOnlyList<MacroItem> Cells(int cells) =>
            [.. Enumerable.Range(0, cells).Select(cell => MacroItem.Cell(cell == 5 ? CellKind.Reduction : CellKind.Normal))];
        var macro = new MacroArchitecture([Stem.Cifar], Cells, auxiliary: cells => cells < 5 ? cells - 1 : cells + 2);
        var space = new SearchSpace("growing", new CellTopology(2), s_space.Operations, [CellKind.Normal], macro);
        var mask = OperationMask.Full(space);
        using (var network = Of(mask, cells: 4))
            Assert.Equal(4, network.Cells.Count);
        Refused(() => Of(mask, cells: 6), "The auxiliary head of a network of 6 cells stands behind item 8; expected 0 to 5");
        var headless = new SearchSpace("growing", new CellTopology(2), s_space.Operations, [CellKind.Normal],
            new MacroArchitecture([Stem.Cifar], Cells));
        Refused(() => Of(OperationMask.Full(headless), cells: 6),
            "The network of 6 cells has a Reduction cell, but the space has Normal cells");

        static Supernet Of(OperationMask mask, int cells) =>
            new(mask, new SupernetOptions { Channels = 4, Cells = cells }, inputChannels: 3, classes: 4);
    }

    [Fact]
    public void A_genotype_of_another_space_is_refused()
    {
        var options = new CellNetOptions { Channels = 4, Cells = 3 };
        Refused(() => new CellNet(PublishedGenotypes.DartsV2, options, 3, 4, SearchSpace.NasBench201), "has Normal cells");
        Refused(() => new CellNet(PublishedGenotypes.DartsV2, options, 3, 4, s_space), "2 input(s) and 4 node(s)");
        Refused(() => new CellNet(Genotype.Parse("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"), options, 3, 4), "a normal cell alone");
    }

    private static void Refused(Action make, string message) =>
        Assert.Contains(message, Assert.ThrowsAny<ArgumentException>(make).Message, StringComparison.Ordinal);

    /// <summary>A layer that says of itself that it keeps its input's size and has as many parameters as channels.</summary>
    private sealed record Wrong(int Padding, int More, bool Draws, bool ItIsRandom) : Layer
    {
        public override bool IsRandom => ItIsRandom;

        public override FeatureSize Output(FeatureSize input, long channels) => input;

        public override LayerCost Cost(FeatureSize input, long channels, bool affine) => new(input.Channels, 0);

        public override nn.Module<Tensor, Tensor> Build(int inputChannels, int channels, bool affine) =>
            new Module(inputChannels + More, Padding, Draws);

        public override string Export(OnnxGraph graph, string x, FeatureSize input, nn.Module<Tensor, Tensor> module) => x;

        private sealed class Module : nn.Module<Tensor, Tensor>
        {
            private readonly TorchSharp.Modules.Parameter weight;
            private readonly long _padding;
            private readonly bool _draws;

            public Module(int parameters, int padding, bool draws) : base(nameof(Wrong))
            {
                (weight, _padding, _draws) = (nn.Parameter(ones(parameters)), padding, draws);
                RegisterComponents();
            }

            public override Tensor forward(Tensor input) =>
                nn.functional.pad(_draws ? input * rand_like(input) : input, [_padding, _padding, _padding, _padding]);
        }
    }

    /// <summary>Batch norm of libtorch, times the sigmoid of it.</summary>
    private sealed record NormalizedSwish : Layer
    {
        public override FeatureSize Output(FeatureSize input, long channels) => input;

        public override LayerCost Cost(FeatureSize input, long channels, bool affine) => new(2 * input.Channels, 0);

        public override nn.Module<Tensor, Tensor> Build(int inputChannels, int channels, bool affine) => new Module(inputChannels);

        public override string Export(OnnxGraph graph, string x, FeatureSize input, nn.Module<Tensor, Tensor> module)
        {
            var norm = ((Module)module).Norm;
            x = graph.Operator("BatchNormalization",
                [
                    x, graph.Weight(norm.weight!, "scale"), graph.Weight(norm.bias!, "bias"), graph.Weight(norm.running_mean!, "mean"),
                    graph.Weight(norm.running_var!, "variance"),
                ],
                new Dictionary<string, object> { ["epsilon"] = 1e-5 });
            return graph.Operator("Mul", [x, graph.Operator("Sigmoid", [x])]);
        }

        private sealed class Module : nn.Module<Tensor, Tensor>
        {
            private readonly TorchSharp.Modules.BatchNorm2d norm;

            public Module(int channels) : base(nameof(NormalizedSwish))
            {
                norm = nn.BatchNorm2d(channels);
                RegisterComponents();
            }

            public TorchSharp.Modules.BatchNorm2d Norm => norm;

            public override Tensor forward(Tensor input)
            {
                using var scope = NewDisposeScope();
                var normalized = norm.forward(input);
                return (normalized * normalized.sigmoid()).MoveToOuterDisposeScope();
            }
        }
    }
}
