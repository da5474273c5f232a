using System.Numerics;
using TorchSharp.Modules;
using ZeroOneShot.Kernels;
using ZeroOneShot.Onnx;
using static TorchSharp.torch;

namespace ZeroOneShot.Layers;

/// <summary>
/// Halves the image: ReLU, two 1x1 stride-2 convolutions of half the channels each, the second one on the image shifted by one pixel,
/// concatenated, then batch normalisation. An odd image is padded by one row and column for the shifted convolution.
/// </summary>
public sealed record FactorizedReduce : Layer
{
    internal static readonly Convolution Halving = new(1) { Stride = 2 };

    internal override bool RunsInLanes => true;

    /// <inheritdoc/>
    public override FeatureSize Output(FeatureSize input, long channels) => input.Reduced(2) with { Channels = channels };

    /// <inheritdoc/>
    public override LayerCost Cost(FeatureSize input, long channels, bool affine)
    {
        var weights = input.Channels * channels;
        return new LayerCost(weights + (affine ? 2 * channels : 0), weights * input.Reduced(2).Pixels);
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">There are fewer than 2 channels to make.</exception>
    public override nn.Module<Tensor, Tensor> Build(int inputChannels, int channels, bool affine) => channels >= 2
        ? new FactorizedReduceModule(inputChannels, channels, affine)
        : throw new ArgumentException($"A factorized reduction is to make {channels} channel(s); each of its two convolutions makes half " +
            "of them, so that it needs at least 2. Give the network more Channels, or smaller PartialChannels.", nameof(channels));

    /// <inheritdoc/>
    public override string Export(OnnxGraph graph, string x, FeatureSize input, nn.Module<Tensor, Tensor> module)
    {
        ArgumentNullException.ThrowIfNull(graph);
        var reduce = (FactorizedReduceModule)module;
        x = graph.Relu(x);
        var padded = input.Height % 2 == 0 && input.Width % 2 == 0 ? x : graph.PadEnd(x, [0, 0, input.Height % 2, input.Width % 2]);
        var shifted = graph.Slice(padded, [1, 1], [long.MaxValue, long.MaxValue], [2, 3]);
        var first = Halving.Export(graph, x, input, reduce.First);
        var second = Halving.Export(graph, shifted, input, reduce.Second);
        return new BatchNorm().Export(graph, graph.Concat(1, first, second), input.Reduced(2), reduce.BatchNorm);
    }

    internal override void Walk(MemoryWalk walk, long channels, bool affine)
    {
        var quarter = walk.Features.Reduced(2).Count;           // of the pixels, which each of the two convolutions reads
        walk.Make(2 * quarter);
        walk.Next(walk.Features.Reduced(2) with { Channels = channels },
            readsInput: false, readsOutput: false, (walk.Features.Count, quarter));
        if (!walk.IsRecorded)
            walk.LetGo(2 * quarter);
        walk.BatchNorm(affine);
    }
}

internal sealed class FactorizedReduceModule : nn.Module<Tensor, Tensor>, ILaneModule
{
    private static readonly Window s_first = new(1, 2, 1, 0), s_second = new(1, 2, 1, -1);

    private readonly ConvolutionModule conv_1, conv_2;
    private readonly BatchNormModule bn;
    private readonly ReluModule relu = new();

    public FactorizedReduceModule(int inputChannels, int outputChannels, bool affine) : base(nameof(FactorizedReduceModule))
    {
        conv_1 = new ConvolutionModule(FactorizedReduce.Halving, inputChannels, outputChannels / 2);
        conv_2 = new ConvolutionModule(FactorizedReduce.Halving, inputChannels, outputChannels - outputChannels / 2);
        bn = new BatchNormModule(outputChannels, affine);
        RegisterComponents();
    }

    public ConvolutionModule First => conv_1;

    public ConvolutionModule Second => conv_2;

    public BatchNormModule BatchNorm => bn;

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var rectified = relu.call(input);                                       // a module, so that hooks see it
        var shifted = ImageSize.PaddedToEven(rectified)[.., .., 1.., 1..];
        return bn.call(cat([conv_1.call(rectified), conv_2.call(shifted)], 1)).MoveToOuterDisposeScope();
    }

    public Tensor InLanes<T>(Tensor x, LaneRun run) where T : unmanaged, IFloatingPointIeee754<T>
    {
        run.Rectifying?.Invoke(x);
        var size = Lanes.SizeOf(x);
        var (height, width) = (ImageSize.Reduced(size.Height, 2), ImageSize.Reduced(size.Width, 2));
        var half = conv_1.Weight.size(0);
        var rest = conv_2.Weight.size(0);
        var y = Lanes.Empty(x, (half + rest, height, width));
        // Each half of the channels sees its own quarter of the pixels, the second shifted by one row and column.
        var (first, second) = (Lanes.Empty(x, (size.Channels, height, width)), Lanes.Empty(x, (size.Channels, height, width)));
        PoolingKernel<T>.Unfold(x, first, s_first);
        PoolingKernel<T>.Unfold(x, second, s_second);
        using (var part = y.narrow(1, 0, half))
            PointwiseKernel<T>.Forward(first, conv_1.Weight, part, rectify: true);
        using (var part = y.narrow(1, half, rest))
            PointwiseKernel<T>.Forward(second, conv_2.Weight, part, rectify: true);
        run.Record((g, needed) =>
        {
            var gx = needed ? Lanes.Empty(g, size).zero_() : null;
            Back(conv_1.Weight, first, 0, s_first);
            Back(conv_2.Weight, second, half, s_second);
            return gx;

            void Back(Parameter weight, Tensor picked, long channel, Window window)
            {
                using var part = g.narrow(1, channel, weight.size(0));
                using var gPicked = ConvolutionModule.PointwiseGradient<T>(
                    weight, picked, Lanes.SizeOf(picked), part, needed, rectify: true);
                if (gPicked is not null)
                    PoolingKernel<T>.AddUnfoldGradient(gPicked, gx!, window);
            }
        }, first, second);
        if (run.IsSpare(first))
        {
            first.Dispose();
            second.Dispose();
        }
        run.See(y, (conv_1, half), (conv_2, rest));
        return bn.InLanes<T>(y, run);
    }
}
