using System.Numerics;
using ZeroOneShot.Kernels;
using ZeroOneShot.Onnx;
using static TorchSharp.torch;

namespace ZeroOneShot.Layers;

/// <summary>
/// The block between the stages of NAS-Bench-201 (Dong and Yang 2020): two times ReLU, 3x3 convolution, batch norm, the first with stride
/// 2, added to 2x2 average pooling and a 1x1 convolution. Halves the image, rounded up.
/// </summary>
public sealed record ResidualReduction : Layer
{
    internal static readonly Layer[] First = [new Relu(), new Convolution(3) { Stride = 2 }, new BatchNorm()];
    internal static readonly Layer[] Second = [new Relu(), new Convolution(3), new BatchNorm()];
    internal static readonly Layer[] Shortcut = [new AveragePool(2, 2), new Convolution(1)];

    internal override bool RunsInLanes => true;

    /// <inheritdoc/>
    public override FeatureSize Output(FeatureSize input, long channels) => input.Reduced(2) with { Channels = channels };

    /// <inheritdoc/>
    public override LayerCost Cost(FeatureSize input, long channels, bool affine) =>
        First.Cost(input, channels, affine) + Second.Cost(Output(input, channels), channels, affine)
        + Shortcut.Cost(input, channels, affine);

    /// <inheritdoc/>
    public override nn.Module<Tensor, Tensor> Build(int inputChannels, int channels, bool affine) =>
        new ResidualReductionModule(inputChannels, channels, affine);

    /// <inheritdoc/>
    public override string Export(OnnxGraph graph, string x, FeatureSize input, nn.Module<Tensor, Tensor> module)
    {
        ArgumentNullException.ThrowIfNull(graph);
        var block = (ResidualReductionModule)module;
        var channels = (int)block.OutputChannels;
        var y = graph.Export(x, input, First, block.First, channels);
        y = graph.Export(y, Output(input, channels), Second, block.Second, channels);
        return graph.Add(graph.Export(x, input, Shortcut, block.Shortcut, channels), y);
    }

    internal override void Walk(MemoryWalk walk, long channels, bool affine) => walk.Sum([.. First, .. Second], Shortcut, channels, affine);
}

internal sealed class ResidualReductionModule : nn.Module<Tensor, Tensor>, ILaneModule
{
    private readonly LayerSequence conv_a, conv_b;
    private readonly ModuleChain downsample;

    public ResidualReductionModule(int inputChannels, int outputChannels, bool affine) : base(nameof(ResidualReductionModule))
    {
        OutputChannels = outputChannels;
        conv_a = new LayerSequence(ResidualReduction.First, inputChannels, outputChannels, affine);
        conv_b = new LayerSequence(ResidualReduction.Second, outputChannels, outputChannels, affine);
        downsample = LayerModules.Chain(ResidualReduction.Shortcut, inputChannels, outputChannels, affine);
        register_module(nameof(conv_a), conv_a);
        register_module(nameof(conv_b), conv_b);
        register_module(nameof(downsample), downsample);
    }

    public long OutputChannels { get; }

    public LayerSequence First => conv_a;

    public LayerSequence Second => conv_b;

    public ModuleChain Shortcut => downsample;

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        return (downsample.call(input) + conv_b.call(conv_a.call(input))).MoveToOuterDisposeScope();
    }

    public Tensor InLanes<T>(Tensor x, LaneRun run) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var (branch, shortcut) = (run.Branch(x), run.Branch(x));
        var middle = branch.Through<T>(conv_a, x);
        var y = branch.Through<T>(conv_b, middle);
        if (branch.IsSpare(middle))
            middle.Dispose();
        var sum = branch.IsSpare(y) ? y : Lanes.Copy(y);
        var z = shortcut.Through<T>(downsample, x);
        SumKernel<T>.Add(sum, [(z, 1)]);
        if (shortcut.IsSpare(z))
            z.Dispose();
        run.Record((g, needed) =>
        {
            var first = branch.Backward(Lanes.Copy(g), needed);
            var second = shortcut.Backward(g.alias(), needed);
            if (first is null || second is null)
                return null;
            SumKernel<T>.Add(first, [(second, 1)]);
            second.Dispose();
            return first;
        }, x);
        return sum;
    }
}
