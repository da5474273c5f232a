using System.Numerics;
using TorchSharp;
using ZeroOneShot.Kernels;
using ZeroOneShot.Onnx;
using static TorchSharp.torch;

namespace ZeroOneShot.Layers;

/// <summary>
/// Average pooling with padding (kernel - 1) / 2; what lies outside the image is not counted in the average. The image size is divided by
/// the stride and rounded up: an even window may reach over the image's last row and column.
/// </summary>
/// <param name="Kernel">Side of the window, at least the stride.</param>
/// <param name="Stride">1 or 2.</param>
public sealed record AveragePool(int Kernel, int Stride) : Layer
{
    internal override bool RunsInLanes => true;

    /// <inheritdoc/>
    public override FeatureSize Output(FeatureSize input, long channels) => input.Reduced(Stride);

    /// <inheritdoc/>
    public override LayerCost Cost(FeatureSize input, long channels, bool affine) => default;

    /// <inheritdoc/>
    public override nn.Module<Tensor, Tensor> Build(int inputChannels, int channels, bool affine) => new AveragePoolModule(this);

    /// <inheritdoc/>
    public override string Export(OnnxGraph graph, string x, FeatureSize input, nn.Module<Tensor, Tensor> module)
    {
        ArgumentNullException.ThrowIfNull(graph);
        return graph.AveragePool(
            x, Kernel, Stride, (Kernel - 1) / 2, countIncludePad: false, ImageSize.PaddingAfter(input, Kernel, Stride));
    }

    /// <inheritdoc/>
    public override long Workspace(FeatureSize input, FeatureSize output) => 0;

    internal override void Walk(MemoryWalk walk, long channels, bool affine) =>
        walk.Next(walk.Features.Reduced(Stride), readsInput: false, readsOutput: false, (walk.Features.Count, 0));
}

internal sealed class AveragePoolModule(AveragePool layer) : nn.Module<Tensor, Tensor>(nameof(AveragePoolModule)), ILaneModule
{
    private readonly int _kernel = layer.Kernel, _stride = layer.Stride, _padding = (layer.Kernel - 1) / 2;
    private readonly Window _window = Window.Square(layer.Kernel, layer.Stride, (layer.Kernel - 1) / 2);

    public override Tensor forward(Tensor input)
    {
        // On a GPU libtorch's way back through padded average pooling is wrong in channels-last order (PyTorch issue 188344).
        using var planar = _padding > 0 && input.device_type == DeviceType.CUDA ? input.contiguous() : null;
        return nn.functional.avg_pool2d(
            planar ?? input, _kernel, _stride, _padding, ceil_mode: _kernel % 2 == 0, count_include_pad: false);
    }

    public Tensor InLanes<T>(Tensor x, LaneRun run) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var y = Lanes.Empty(x, (x.size(1), ImageSize.Reduced(x.size(2), _stride), ImageSize.Reduced(x.size(3), _stride)));
        PoolingKernel<T>.Average(x, y, _window);
        var size = Lanes.SizeOf(x);
        run.Record((g, needed) =>
        {
            if (!needed)
                return null;
            var gx = Lanes.Empty(g, size);
            PoolingKernel<T>.AverageGradient(g, gx, _window);
            return gx;
        });
        return y;
    }
}
