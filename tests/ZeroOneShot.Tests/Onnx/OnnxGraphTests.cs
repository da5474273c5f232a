using TorchSharp;
using Xunit;
using ZeroOneShot.Onnx;
using ZeroOneShot.Runtime;
using static TorchSharp.torch;
using static ZeroOneShot.Onnx.TensorProto.Types;

namespace ZeroOneShot.Tests.Onnx;

/// <summary>What the graph says, ONNX Runtime computes; it must be what TorchSharp computes.</summary>
public sealed class OnnxGraphTests
{
    private const double Tolerance = 1e-5;

    static OnnxGraphTests() => TorchRuntime.EnsureLoaded();

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    public void A_small_network_from_bytes_to_logits_computes_what_TorchSharp_computes(long batch)
    {
        using var scope = NewDisposeScope();
        using var network = SmallNetwork();
        var images = randint(256, [batch, 3, 16, 16], uint8);
        var logits = Run(SmallGraph(network), images);
        Assert.Equal([batch, 10], logits.shape);
        Close(network.forward((images.to(float32) / 255 - Mean) / Deviation), logits);
    }

    [Theory]
    [InlineData(1, 1, 1, 1, 3)]
    [InlineData(2, 1, 1, 1, 3)]
    [InlineData(1, 2, 2, 1, 3)]
    [InlineData(2, 4, 2, 8, 5)]
    [InlineData(1, 0, 1, 8, 1)]
    [InlineData(2, 0, 1, 2, 1)]
    public void Convolutions_agree(int stride, int padding, int dilation, int groups, int kernel)
    {
        using var scope = NewDisposeScope();
        var weight = rand(8, 8 / groups, kernel, kernel) - 0.5;
        var bias = rand(8);
        var x = rand(5, 8, 15, 15);
        Agrees(x, (g, v) => g.Conv(v, weight, bias, stride, padding, dilation, groups),
            nn.functional.conv2d(x, weight, bias, [stride, stride], [padding, padding], [dilation, dilation], groups));
        Agrees(x, (g, v) => g.Conv(v, g.Initializer("w", weight), null, stride, padding, dilation, groups),
            nn.functional.conv2d(x, weight, null, [stride, stride], [padding, padding], [dilation, dilation], groups));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Batch_norm_agrees_with_and_without_affine_parameters(bool affine)
    {
        using var scope = NewDisposeScope();
        var x = rand(5, 8, 4, 4);
        var (mean, variance) = (rand(8), rand(8) + 0.1);
        var (scale, bias) = affine ? (rand(8), rand(8)) : ((Tensor?)null, (Tensor?)null);
        var expected = nn.functional.batch_norm(x, mean, variance, scale, bias, training: false, eps: 1e-3);
        Agrees(x, (g, v) => g.BatchNorm(v, scale, bias, mean, variance, 1e-3), expected);
        Agrees(x, WithNamedConstants, expected);

        string WithNamedConstants(OnnxGraph g, string v)
        {
            var (s, b) = (g.Initializer("scale", scale ?? ones(8)), g.Initializer("bias", bias ?? zeros(8)));
            return g.BatchNorm(v, s, b, g.Initializer("mean", mean), g.Initializer("variance", variance), 1e-3);
        }
    }

    [Theory]
    [InlineData(3, 1, 1)]
    [InlineData(3, 2, 1)]
    [InlineData(2, 2, 0)]
    [InlineData(5, 3, 0)]
    public void Pools_agree(int kernel, int stride, int padding)
    {
        using var scope = NewDisposeScope();
        var x = rand(5, 4, 13, 13) - 0.5;
        Agrees(x, (g, v) => g.MaxPool(v, kernel, stride, padding), nn.functional.max_pool2d(x, kernel, stride, padding));
        foreach (var counted in (bool[])[true, false])
        {
            Agrees(x, (g, v) => g.AveragePool(v, kernel, stride, padding, counted),
                nn.functional.avg_pool2d(x, kernel, stride, padding, ceil_mode: false, count_include_pad: counted));
        }
    }

    [Fact]
    public void The_operations_of_one_input_agree()
    {
        using var scope = NewDisposeScope();
        var x = rand(5, 4, 6, 8) - 0.5;
        Agrees(x, (g, v) => g.Relu(v), x.relu());
        Agrees(x, (g, v) => g.Identity(v), x);
        Agrees(x, (g, v) => g.GlobalAveragePool(v), x.mean([2, 3], keepdim: true));
        Agrees(x, (g, v) => g.Flatten(v), x.reshape(5, 192));
        Agrees(x, (g, v) => g.Flatten(v, 3), x.reshape(120, 8));
        Agrees(x, (g, v) => g.Softmax(v), x.softmax(-1));
        Agrees(x, (g, v) => g.Softmax(v, 1), x.softmax(1));
        Agrees(x, (g, v) => g.Transpose(v, 0, 2, 3, 1), x.permute(0, 2, 3, 1));
        Agrees(x, (g, v) => g.Reshape(v, 0, -1, 8), x.reshape(5, 24, 8));
        Agrees(x, (g, v) => g.Cast(g.Cast(v, DataType.Int64), DataType.Float), x.to(int64).to(float32));
    }

    [Fact]
    public void Slices_agree()
    {
        using var scope = NewDisposeScope();
        var x = rand(5, 4, 6, 8);
        Agrees(x, (g, v) => g.Slice(v, [1, 1], [long.MaxValue, long.MaxValue], [2, 3]), x[.., .., 1.., 1..]);
        Agrees(x, (g, v) => g.Slice(v, [0], [-1], [3]), x[.., .., .., ..7]);
        Agrees(x, (g, v) => g.Slice(v, [1], [8], [3], [3]), x.slice(3, 1, 8, 3));
    }

    [Fact]
    public void The_operations_of_two_inputs_agree()
    {
        using var scope = NewDisposeScope();
        var x = rand(5, 4, 6, 8);
        var other = rand(4, 1, 1) + 0.5;
        Agrees(x, (g, v) => g.Add(v, g.Initializer("c", other)), x + other);
        Agrees(x, (g, v) => g.Sub(v, g.Initializer("c", other)), x - other);
        Agrees(x, (g, v) => g.Mul(v, g.Initializer("c", other)), x * other);
        Agrees(x, (g, v) => g.Div(v, g.Initializer("c", other)), x / other);
        Agrees(x, (g, v) => g.Mul(v, g.Initializer("c", [0.5f])), x * 0.5);
        Agrees(x, (g, v) => g.Concat(1, v, g.Relu(v), v), cat([x, x, x], 1));
        Agrees(x, (g, v) => g.Concat(-1, v, v), cat([x, x], -1));
    }

    [Fact]
    public void Linear_layers_agree()
    {
        using var scope = NewDisposeScope();
        var (x, weight, bias) = (rand(5, 7), rand(3, 7), rand(3));
        Agrees(x, (g, v) => g.Gemm(v, weight, bias), nn.functional.linear(x, weight, bias));
        Agrees(x, (g, v) => g.Gemm(v, g.Initializer("w", weight)), nn.functional.linear(x, weight));
    }

    [Fact]
    public void A_channel_shuffle_agrees()
    {
        using var scope = NewDisposeScope();
        var x = rand(5, 8, 3, 3);
        Agrees(x, (g, v) => g.Reshape(g.Transpose(g.Reshape(v, 0, 4, 2, 3, 3), 0, 2, 1, 3, 4), 0, 8, 3, 3),
            x.view(5, 4, 2, 3, 3).transpose(1, 2).reshape(5, 8, 3, 3));
    }

    [Fact]
    public void Constants_of_any_memory_layout_are_stored_row_by_row()
    {
        using var scope = NewDisposeScope();
        var (x, constant) = (zeros(1, 4, 3), rand(3, 4).t());
        Agrees(x, (g, v) => g.Add(v, g.Initializer("c", constant)), x + constant);
    }

    [Fact]
    public void Names_say_where_a_value_was_made()
    {
        using var scope = NewDisposeScope();
        var graph = new OnnxGraph();
        var x = graph.Input("x", DataType.Float, OnnxGraph.Batch, 8, 4, 4);
        using (graph.Scope("cells.3"))
        {
            using (graph.Scope("ops.2"))
            {
                Assert.Equal("cells.3/ops.2/Conv", graph.Conv(x, rand(8, 8, 1, 1)));
                Assert.Equal("cells.3/ops.2/Conv_1", graph.Conv(x, rand(8, 8, 1, 1)));
            }
            Assert.Equal("cells.3/Relu", graph.Relu(x));
        }
        Assert.Equal("Relu", graph.Relu(x));
        graph.Output("Relu", "y", DataType.Float, OnnxGraph.Batch, 8, 4, 4);
        var model = graph.Build("g", "p", "1").Graph;
        Assert.Equal(["cells.3/ops.2/Conv.weight", "cells.3/ops.2/Conv_1.weight"], model.Initializer.Select(i => i.Name));
        Assert.Equal("batch", model.Input[0].Type.TensorType.Shape.Dim[0].DimParam);
    }

    [Fact]
    public void A_constant_named_like_a_coming_node_does_not_collide_with_it()
    {
        var graph = new OnnxGraph();
        var constant = graph.Initializer("Relu", [1f]);
        Assert.Equal("Relu_1", graph.Relu(constant));
    }

    [Fact]
    public void The_same_network_gives_the_same_bytes()
    {
        using var scope = NewDisposeScope();
        using var network = SmallNetwork();
        Assert.Equal(Bytes(SmallGraph(network)), Bytes(SmallGraph(network)));
    }

    [Fact]
    public void Building_twice_gives_the_same_model_and_later_additions_do_not_reach_the_first()
    {
        var graph = new OnnxGraph();
        var y = graph.Output(graph.Input("x", DataType.Float, 1), "y", DataType.Float, 1);
        var first = graph.Build("g", "p", "1");
        Assert.Equal(first, graph.Build("g", "p", "1"));
        graph.Output(y, "z", DataType.Float, 1);
        Assert.Single(first.Graph.Output);
    }

    [Fact]
    public void The_file_says_its_versions_and_its_maker()
    {
        var graph = new OnnxGraph();
        graph.Output(graph.Input("x", DataType.Float, 1), "y", DataType.Float, 1);
        var model = graph.Build("cellnet", "ZeroOneShot", "0.1.0");
        Assert.Equal(("ZeroOneShot", "0.1.0", "cellnet"), (model.ProducerName, model.ProducerVersion, model.Graph.Name));
        Assert.Equal(8, model.IrVersion);
        Assert.Equal([("", 17L)], model.OpsetImport.Select(o => (o.Domain, o.Version)));
    }

    [Fact]
    public void Mistakes_in_building_are_refused_with_what_to_do()
    {
        using var scope = NewDisposeScope();
        var graph = new OnnxGraph();
        Assert.Contains("no output", Assert.Throws<InvalidOperationException>(() => graph.Build("g", "p", "1")).Message);
        graph.Input("x", DataType.Float, 1);
        Assert.Contains("already has a value 'x'", Assert.Throws<ArgumentException>(() => graph.Input("x", DataType.Float, 1)).Message);
        Assert.Contains("no value 'y'", Assert.Throws<ArgumentException>(() => graph.Relu("y")).Message);
        Assert.Contains("no value 'y'", Assert.Throws<ArgumentException>(() => graph.Output("y", "z", DataType.Float, 1)).Message);
        Assert.Contains("'x' is not an output", Assert.Throws<ArgumentException>(() => graph.SlotNames("x", ["a"])).Message);
        Assert.Contains("ComplexFloat32", Assert.Throws<ArgumentException>(() => graph.Initializer("c", ones(1, complex64))).Message);
        graph.Metadata("k", "1");
        Assert.Contains("'k'", Assert.Throws<ArgumentException>(() => graph.Metadata("k", "2")).Message);
    }

    [Fact]
    public void Building_leaves_no_tensor_behind()
    {
        using var scope = NewDisposeScope();
        using var network = SmallNetwork();
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        Bytes(SmallGraph(network));
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    private static Tensor Mean => tensor([0.49f, 0.48f, 0.45f]).reshape(3, 1, 1);

    private static Tensor Deviation => tensor([0.25f, 0.24f, 0.26f]).reshape(3, 1, 1);

    private static nn.Module<Tensor, Tensor> SmallNetwork()
    {
        var network = nn.Sequential(
            ("conv", nn.Conv2d(3, 8, 3, stride: 2, padding: 1, bias: false)),
            ("norm", nn.BatchNorm2d(8)),
            ("relu", nn.ReLU()),
            ("max", nn.MaxPool2d(3, stride: 1, padding: 1)),
            ("average", nn.AvgPool2d(3, stride: 2, padding: 1, count_include_pad: false)),
            ("global", nn.AdaptiveAvgPool2d(1)),
            ("flatten", nn.Flatten()),
            ("linear", nn.Linear(8, 10)));
        network.forward(rand(4, 3, 16, 16)).Dispose(); // gives the batch norm statistics of its own
        network.eval();
        return network;
    }

    private static OnnxGraph SmallGraph(nn.Module network)
    {
        var state = network.state_dict();
        var graph = new OnnxGraph();
        var x = graph.Input("Features", DataType.Uint8, OnnxGraph.Batch, 3, 16, 16);
        x = graph.Div(graph.Cast(x, DataType.Float), graph.Initializer("scale", [255f]));
        x = graph.Sub(x, graph.Initializer("mean", [0.49f, 0.48f, 0.45f], 3, 1, 1));
        x = graph.Div(x, graph.Initializer("deviation", [0.25f, 0.24f, 0.26f], 3, 1, 1));
        using (graph.Scope("stem"))
        {
            x = graph.Conv(x, state["conv.weight"], stride: 2, padding: 1);
            x = graph.BatchNorm(x, state["norm.weight"], state["norm.bias"], state["norm.running_mean"], state["norm.running_var"]);
            x = graph.MaxPool(graph.Relu(x), 3, 1, 1);
        }
        x = graph.AveragePool(x, 3, 2, 1, countIncludePad: false);
        x = graph.Gemm(graph.Flatten(graph.GlobalAveragePool(x)), state["linear.weight"], state["linear.bias"]);
        graph.Output(x, "Logits", DataType.Float, OnnxGraph.Batch, 10);
        return graph;
    }

    private static void Agrees(Tensor x, Func<OnnxGraph, string, string> operation, Tensor expected)
    {
        var graph = new OnnxGraph();
        var input = graph.Input("x", DataType.Float, [OnnxGraph.Batch, .. x.shape[1..]]);
        graph.Output(operation(graph, input), "y", DataType.Float, expected.shape);
        var actual = Run(graph, x);
        Assert.Equal(expected.shape, actual.shape);
        Close(expected, actual);
    }

    private static void Close(Tensor expected, Tensor actual) =>
        Assert.InRange((expected - actual).abs().max().item<float>(), 0, Tolerance);

    private static Tensor Run(OnnxGraph graph, Tensor x) => OnnxInference.Run(Bytes(graph), x);

    private static byte[] Bytes(OnnxGraph graph)
    {
        using var stream = new MemoryStream();
        graph.Write(stream, "test", "ZeroOneShot", "0.1.0");
        return stream.ToArray();
    }
}
