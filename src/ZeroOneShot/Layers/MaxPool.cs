using System.Numerics;
using ZeroOneShot.Kernels;
using ZeroOneShot.Onnx;
using static TorchSharp.torch;

namespace ZeroOneShot.Layers;

/// <summary>
/// Max pooling with padding (kernel - 1) / 2. The image size is divided by the stride and rounded up: an even window may reach over the
/// image's last row and column.
/// </summary>
/// <param name="Kernel">Side of the window, at least the stride.</param>
/// <param name="Stride">1 or 2.</param>
public sealed record MaxPool(int Kernel, int Stride) : Layer
{
    internal override bool RunsInLanes => true;

    /// <inheritdoc/>
    public override FeatureSize Output(FeatureSize input, long channels) => input.Reduced(Stride);

    /// <inheritdoc/>
    public override LayerCost Cost(FeatureSize input, long channels, bool affine) => default;

    /// <inheritdoc/>
    public override nn.Module<Tensor, Tensor> Build(int inputChannels, int channels, bool affine) => new MaxPoolModule(this);

    /// <inheritdoc/>
    public override string Export(OnnxGraph graph, string x, FeatureSize input, nn.Module<Tensor, Tensor> module)
    {
        ArgumentNullException.ThrowIfNull(graph);
        return graph.MaxPool(x, Kernel, Stride, (Kernel - 1) / 2, ImageSize.PaddingAfter(input, Kernel, Stride));
    }

    /// <inheritdoc/>
    /// <remarks>libtorch notes where each maximum was, as a number of 64 bits.</remarks>
    public override long Workspace(FeatureSize input, FeatureSize output) => 2 * output.Count;

    internal override void Walk(MemoryWalk walk, long channels, bool affine) =>
        walk.Next(walk.Features.Reduced(Stride), readsInput: true, readsOutput: true, (walk.Features.Count, 0));
}

internal sealed class MaxPoolModule(MaxPool layer) : nn.Module<Tensor, Tensor>(nameof(MaxPoolModule)), ILaneModule
{
    private readonly int _kernel = layer.Kernel, _stride = layer.Stride, _padding = (layer.Kernel - 1) / 2;

    public override Tensor forward(Tensor input) =>
        nn.functional.max_pool2d(input, _kernel, _stride, _padding, ceil_mode: _kernel % 2 == 0);

    public Tensor InLanes<T>(Tensor x, LaneRun run) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var y = Lanes.Empty(x, (x.size(1), ImageSize.Reduced(x.size(2), _stride), ImageSize.Reduced(x.size(3), _stride)));
        PoolingKernel<T>.Max(x, y, _kernel, _stride, _padding);
        run.Record((g, needed) =>
        {
            if (!needed)
                return null;
            var gx = Lanes.EmptyLike(x);
            PoolingKernel<T>.MaxGradient(g, x, y, gx, _kernel, _stride, _padding);
            return gx;
        }, x, y);
        return y;
    }
}
