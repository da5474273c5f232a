using TorchSharp;
using ZeroOneShot.Kernels;
using static ZeroOneShot.Onnx.AttributeProto.Types;
using static ZeroOneShot.Onnx.TensorProto.Types;

namespace ZeroOneShot.Onnx;

/// <content>The operators. Images are batch x channels x height x width, as in TorchSharp.</content>
public sealed partial class OnnxGraph
{
    /// <summary>Two-dimensional convolution.</summary>
    internal string Conv(
        string x, string weight, string? bias = null, HeightWidth? stride = null, HeightWidth? padding = null, HeightWidth? dilation = null,
        int groups = 1) =>
        Convolve(NewName("Conv"), x, weight, bias, stride, padding, dilation, groups);

    /// <inheritdoc cref="Conv(string, string, string?, HeightWidth?, HeightWidth?, HeightWidth?, int)"/>
    internal string Conv(
        string x, torch.Tensor weight, torch.Tensor? bias = null, HeightWidth? stride = null, HeightWidth? padding = null,
        HeightWidth? dilation = null, int groups = 1)
    {
        var name = NewName("Conv");
        return Convolve(name, x, Belonging(name, "weight", weight), Optional(name, "bias", bias), stride, padding, dilation, groups);
    }

    /// <summary>Batch normalisation as it is after training, with fixed mean and variance.</summary>
    internal string BatchNorm(string x, string scale, string bias, string mean, string variance, double epsilon = 1e-5) =>
        Add(NewName("BatchNormalization"), "BatchNormalization", [x, scale, bias, mean, variance], Float("epsilon", epsilon));

    /// <inheritdoc cref="BatchNorm(string, string, string, string, string, double)"/>
    /// <remarks>A null scale or bias is that of a layer without affine parameters: ones and zeros.</remarks>
    internal string BatchNorm(
        string x, torch.Tensor? scale, torch.Tensor? bias, torch.Tensor mean, torch.Tensor variance, double epsilon = 1e-5)
    {
        using var scope = torch.NewDisposeScope();
        var name = NewName("BatchNormalization");
        string[] inputs =
        [
            x,
            Belonging(name, "scale", scale ?? torch.ones_like(mean)),
            Belonging(name, "bias", bias ?? torch.zeros_like(mean)),
            Belonging(name, "mean", mean),
            Belonging(name, "variance", variance),
        ];
        return Add(name, "BatchNormalization", inputs, Float("epsilon", epsilon));
    }

    internal string Relu(string x) => Add("Relu", [x]);

    /// <summary>Max pooling; the padding behind the image is that before it unless it is given.</summary>
    internal string MaxPool(string x, int kernel, int stride = 1, int padding = 0, HeightWidth? after = null) => Add(
        "MaxPool", [x], Lengths("kernel_shape", kernel), Lengths("strides", stride), Padding(padding, after ?? padding));

    /// <summary>Average pooling; the padding behind the image is that before it unless it is given.</summary>
    internal string AveragePool(
        string x, int kernel, int stride = 1, int padding = 0, bool countIncludePad = true, HeightWidth? after = null) => Add(
        "AveragePool", [x], Lengths("kernel_shape", kernel), Lengths("strides", stride), Padding(padding, after ?? padding),
        Int("count_include_pad", countIncludePad ? 1 : 0));

    /// <summary>The mean over height and width, both of which stay as dimensions of length 1.</summary>
    internal string GlobalAveragePool(string x) => Add("GlobalAveragePool", [x]);

    /// <summary>A matrix: the dimensions before <paramref name="axis"/> are its rows, all others its columns.</summary>
    internal string Flatten(string x, int axis = 1) => Add("Flatten", [x], Int("axis", axis));

    /// <summary>A linear layer: x times the transpose of <paramref name="weight"/> (outputs x inputs), plus bias.</summary>
    internal string Gemm(string x, string weight, string? bias = null) => Linear(NewName("Gemm"), x, weight, bias);

    /// <inheritdoc cref="Gemm(string, string, string?)"/>
    internal string Gemm(string x, torch.Tensor weight, torch.Tensor? bias = null)
    {
        var name = NewName("Gemm");
        return Linear(name, x, Belonging(name, "weight", weight), Optional(name, "bias", bias));
    }

    internal string Concat(int axis, params ReadOnlySpan<string> parts) => Add("Concat", parts.ToArray(), Int("axis", axis));

    internal string Add(string a, string b) => Add("Add", [a, b]);

    internal string Sub(string a, string b) => Add("Sub", [a, b]);

    internal string Mul(string a, string b) => Add("Mul", [a, b]);

    internal string Div(string a, string b) => Add("Div", [a, b]);

    internal string Min(string a, string b) => Add("Min", [a, b]);

    internal string Cast(string x, DataType type) => Add("Cast", [x], Int("to", (long)type));

    /// <summary>The part of x from starts up to, not including, ends along the axes.</summary>
    /// <remarks>Negative numbers count from the end; <see cref="long.MaxValue"/> is the end.</remarks>
    internal string Slice(string x, long[] starts, long[] ends, long[] axes, long[]? steps = null)
    {
        var name = NewName("Slice");
        List<string> inputs = [x, Constant(name + ".starts", starts), Constant(name + ".ends", ends), Constant(name + ".axes", axes)];
        if (steps is not null)
            inputs.Add(Constant(name + ".steps", steps));
        return Add(name, "Slice", inputs);
    }

    /// <summary>Zeros behind the end of every axis, so many of them.</summary>
    internal string PadEnd(string x, ReadOnlySpan<long> counts)
    {
        var name = NewName("Pad");
        return Add(name, "Pad", [x, Constant(name + ".pads", [.. new long[counts.Length], .. counts])]);
    }

    /// <summary>The same elements in another shape; 0 keeps the dimension at that place, one -1 is worked out.</summary>
    internal string Reshape(string x, params ReadOnlySpan<long> shape)
    {
        var name = NewName("Reshape");
        return Add(name, "Reshape", [x, Constant(name + ".shape", shape)]);
    }

    /// <summary>The dimensions in another order: dimension i of the result is dimension <c>order[i]</c> of x.</summary>
    internal string Transpose(string x, params ReadOnlySpan<long> order) => Add("Transpose", [x], Ints("perm", order));

    internal string Softmax(string x, int axis = -1) => Add("Softmax", [x], Int("axis", axis));

    internal string Identity(string x) => Add("Identity", [x]);

    private string Convolve(
        string name, string x, string weight, string? bias, HeightWidth? stride, HeightWidth? padding, HeightWidth? dilation, int groups)
    {
        string[] inputs = bias is null ? [x, weight] : [x, weight, bias];
        return Add(name, "Conv", inputs, Lengths("strides", stride ?? 1), Padding(padding ?? 0, padding ?? 0),
            Lengths("dilations", dilation ?? 1), Int("group", groups));
    }

    private string Linear(string name, string x, string weight, string? bias) =>
        Add(name, "Gemm", bias is null ? [x, weight] : [x, weight, bias], Int("transB", 1));

    private string Add(string operation, IReadOnlyList<string> inputs, params ReadOnlySpan<AttributeProto> attributes) =>
        Add(NewName(operation), operation, inputs, attributes);

    private string Add(string name, string operation, IReadOnlyList<string> inputs, params ReadOnlySpan<AttributeProto> attributes)
    {
        foreach (var input in inputs)
            Check(input);
        Declare(name);
        var node = new NodeProto { Name = name, OpType = operation };
        node.Input.AddRange(inputs);
        node.Output.Add(name);
        node.Attribute.AddRange(attributes.ToArray());
        _graph.Node.Add(node);
        return name;
    }

    private string Belonging(string node, string role, torch.Tensor tensor)
    {
        using var scope = torch.NewDisposeScope();
        var name = _ofModule.GetValueOrDefault(tensor, $"{node}.{role}");
        return Constant(name, ElementType(tensor.dtype), tensor.shape, tensor.detach().cpu().contiguous().bytes);
    }

    private string? Optional(string node, string role, torch.Tensor? tensor) => tensor is null ? null : Belonging(node, role, tensor);

    private static AttributeProto Int(string name, long value) => new() { Name = name, Type = AttributeType.Int, I = value };

    private static AttributeProto Float(string name, double value) => new() { Name = name, Type = AttributeType.Float, F = (float)value };

    private static AttributeProto Ints(string name, params ReadOnlySpan<long> values)
    {
        var attribute = new AttributeProto { Name = name, Type = AttributeType.Ints };
        attribute.Ints.AddRange(values.ToArray());
        return attribute;
    }

    private static AttributeProto Lengths(string name, HeightWidth lengths) => Ints(name, lengths.Height, lengths.Width);

    private static AttributeProto Padding(HeightWidth before, HeightWidth after) =>
        Ints("pads", before.Height, before.Width, after.Height, after.Width);
}
