using ZeroOneShot.Networks;
using ZeroOneShot.SearchSpaces;
using static TorchSharp.torch;

namespace ZeroOneShot.Onnx;

/// <summary>An image-shaped value of a graph and its size in pixels.</summary>
internal readonly record struct OnnxImage(string Name, long Height, long Width);

/// <summary>The ONNX form of the layers' modules, in evaluation mode.</summary>
internal static class OnnxLayers
{
    /// <summary>Adds a module to a graph.</summary>
    public static OnnxImage Add(this OnnxGraph graph, OnnxImage x, nn.Module<Tensor, Tensor> module) => module switch
    {
        IdentityModule => x,
        ReluModule => x with { Name = graph.Relu(x.Name) },
        LayerSequence sequence => sequence.Layers.Modules.Aggregate(x, graph.Add),
        ModuleChain chain => chain.Modules.Aggregate(x, graph.Add),
        ConvolutionModule convolution => Convolution(graph, x, convolution),
        BatchNormModule norm => x with
        {
            Name = graph.BatchNorm(x.Name, norm.Weight, norm.Bias, norm.RunningMean, norm.RunningVariance, BatchNormModule.Epsilon),
        },
        PoolModule { Layer: Layer.MaxPool(var kernel, var stride) } =>
            Reduced(x, stride, graph.MaxPool(x.Name, kernel, stride, (kernel - 1) / 2)),
        PoolModule { Layer: Layer.AveragePool(var kernel, var stride) } =>
            Reduced(x, stride, graph.AveragePool(x.Name, kernel, stride, (kernel - 1) / 2, countIncludePad: false)),
        FactorizedReduceModule reduce => FactorizedReduce(graph, x, reduce),
        ZeroModule zero => Zero(graph, x, zero.Stride),
        _ => throw new NotSupportedException($"Module {module.GetName()} has no ONNX form."),
    };

    private static OnnxImage Convolution(OnnxGraph graph, OnnxImage x, ConvolutionModule convolution)
    {
        var layer = convolution.Layer;
        var groups = layer.Depthwise ? (int)convolution.Weight.shape[0] : 1;
        return Reduced(x, layer.Stride, graph.Conv(x.Name, convolution.Weight, null, layer.Stride, layer.Padding, layer.Dilation, groups));
    }

    private static OnnxImage FactorizedReduce(OnnxGraph graph, OnnxImage x, FactorizedReduceModule reduce)
    {
        x = x with { Name = graph.Relu(x.Name) };
        var padded = x.Height % 2 == 0 && x.Width % 2 == 0 ? x.Name : graph.PadEnd(x.Name, [0, 0, x.Height % 2, x.Width % 2]);
        var shifted = graph.Slice(padded, [1, 1], [long.MaxValue, long.MaxValue], [2, 3]);
        var first = Convolution(graph, x, reduce.First);
        var second = Convolution(graph, x with { Name = shifted }, reduce.Second);
        return graph.Add(first with { Name = graph.Concat(1, first.Name, second.Name) }, reduce.BatchNorm);
    }

    private static OnnxImage Zero(OnnxGraph graph, OnnxImage x, int stride)
    {
        var taken = stride == 1 ? x.Name : graph.Slice(x.Name, [0, 0], [long.MaxValue, long.MaxValue], [2, 3], [stride, stride]);
        return Reduced(x, stride, graph.Sub(taken, taken));
    }

    private static OnnxImage Reduced(OnnxImage x, int stride, string name) =>
        new(name, ImageSize.Reduced(x.Height, stride), ImageSize.Reduced(x.Width, stride));
}
