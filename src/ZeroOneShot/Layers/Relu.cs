using System.Numerics;
using ZeroOneShot.Kernels;
using ZeroOneShot.Onnx;
using static TorchSharp.torch;

namespace ZeroOneShot.Layers;

/// <summary>max(x, 0).</summary>
public sealed record Relu : Layer
{
    internal override bool RunsInLanes => true;

    internal override bool Rectifies => true;

    /// <inheritdoc/>
    public override FeatureSize Output(FeatureSize input, long channels) => input;

    /// <inheritdoc/>
    public override LayerCost Cost(FeatureSize input, long channels, bool affine) => default;

    /// <inheritdoc/>
    public override nn.Module<Tensor, Tensor> Build(int inputChannels, int channels, bool affine) => new ReluModule();

    /// <inheritdoc/>
    public override string Export(OnnxGraph graph, string x, FeatureSize input, nn.Module<Tensor, Tensor> module)
    {
        ArgumentNullException.ThrowIfNull(graph);
        return graph.Relu(x);
    }

    /// <inheritdoc/>
    public override long Workspace(FeatureSize input, FeatureSize output) => 0;

    internal override void Walk(MemoryWalk walk, long channels, bool affine) =>
        walk.Next(walk.Features, readsInput: false, readsOutput: true, (null, 0));
}

internal sealed class ReluModule() : nn.Module<Tensor, Tensor>(nameof(ReluModule)), IRectifier
{
    public override Tensor forward(Tensor input) => nn.functional.relu(input);

    public Tensor InLanes<T>(Tensor x, LaneRun run) where T : unmanaged, IFloatingPointIeee754<T>
    {
        run.Rectifying?.Invoke(x);
        var y = Lanes.EmptyLike(x);
        SumKernel<T>.Rectify(x, y);
        run.Record((g, needed) =>
        {
            if (!needed)
                return null;
            SumKernel<T>.Gate(g, y);
            return g;
        }, y);
        return y;
    }
}
