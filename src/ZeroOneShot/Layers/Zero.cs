using System.Numerics;
using ZeroOneShot.Kernels;
using ZeroOneShot.Onnx;
using static TorchSharp.torch;

namespace ZeroOneShot.Layers;

/// <summary>Zeros of the output's shape.</summary>
/// <param name="Stride">1 or 2.</param>
public sealed record Zero(int Stride) : Layer
{
    internal override bool GivesZeros => true;

    internal override bool RunsInLanes => true;

    /// <inheritdoc/>
    public override FeatureSize Output(FeatureSize input, long channels) => input.Reduced(Stride);

    /// <inheritdoc/>
    public override LayerCost Cost(FeatureSize input, long channels, bool affine) => default;

    /// <inheritdoc/>
    public override nn.Module<Tensor, Tensor> Build(int inputChannels, int channels, bool affine) => new ZeroModule(Stride);

    /// <inheritdoc/>
    public override string Export(OnnxGraph graph, string x, FeatureSize input, nn.Module<Tensor, Tensor> module)
    {
        ArgumentNullException.ThrowIfNull(graph);
        var taken = Stride == 1 ? x : graph.Slice(x, [0, 0], [long.MaxValue, long.MaxValue], [2, 3], [Stride, Stride]);
        return graph.Sub(taken, taken);
    }

    /// <inheritdoc/>
    public override long Workspace(FeatureSize input, FeatureSize output) => 0;

    internal override void Walk(MemoryWalk walk, long channels, bool affine) =>
        walk.Next(walk.Features.Reduced(Stride), readsInput: false, readsOutput: false, (walk.Features.Count, 0));
}

internal sealed class ZeroModule(int stride) : nn.Module<Tensor, Tensor>(nameof(ZeroModule)), ILaneModule
{
    public override Tensor forward(Tensor input) =>
        input.new_zeros(
            input.shape[0], input.shape[1], ImageSize.Reduced(input.shape[2], stride), ImageSize.Reduced(input.shape[3], stride));

    public Tensor InLanes<T>(Tensor x, LaneRun run) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var size = Lanes.SizeOf(x);
        run.Record((g, needed) => needed ? Lanes.Empty(g, size).zero_() : null);
        return Lanes.Empty(x, (size.Channels, ImageSize.Reduced(size.Height, stride), ImageSize.Reduced(size.Width, stride))).zero_();
    }
}
