using System.Numerics;
using TorchSharp.Modules;
using ZeroOneShot.Kernels;
using ZeroOneShot.Onnx;
using static TorchSharp.torch;

namespace ZeroOneShot.Layers;

/// <summary>A convolution with padding dilation * (kernel - 1) / 2: with an odd kernel it keeps the image size at stride 1.</summary>
/// <param name="Kernel">Rows and columns of the kernel, odd in an operation.</param>
public sealed record Convolution(HeightWidth Kernel) : Layer
{
    /// <summary>Pixels from one place to the next. Default 1.</summary>
    public HeightWidth Stride { get; init; } = 1;

    /// <summary>Distance between kernel taps, in pixels. Default 1.</summary>
    public HeightWidth Dilation { get; init; } = 1;

    /// <summary>
    /// True: one kernel per channel. False, the default: from the operation's input channels to its output channels.
    /// </summary>
    public bool Depthwise { get; init; }

    /// <summary>Whether it adds a learned number per channel. Default: none.</summary>
    public ConvolutionBias Bias { get; init; }

    /// <summary>It makes the output channels of its list divided by this. Default 1.</summary>
    public int OutputDivisor { get; init; } = 1;

    /// <summary>Zero rows and columns added at each border.</summary>
    public HeightWidth Padding => (Dilation.Height * (Kernel.Height - 1) / 2, Dilation.Width * (Kernel.Width - 1) / 2);

    internal Window Window => new(Kernel, Stride, Dilation, Padding);

    internal override bool RunsInLanes => true;

    /// <inheritdoc/>
    public override FeatureSize Output(FeatureSize input, long channels) =>
        new(Depthwise ? input.Channels : channels / OutputDivisor, Window.HeightOf(input.Height), Window.WidthOf(input.Width));

    /// <inheritdoc/>
    public override LayerCost Cost(FeatureSize input, long channels, bool affine)
    {
        var output = Output(input, channels);
        var weights = output.Channels * (Depthwise ? 1 : input.Channels) * Window.Taps;
        return new LayerCost(weights + (HasBias(affine) ? output.Channels : 0), weights * output.Pixels);
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentException">The part of the output channels that it makes is less than one.</exception>
    public override nn.Module<Tensor, Tensor> Build(int inputChannels, int channels, bool affine)
    {
        if (inputChannels < 1 || !Depthwise && channels < OutputDivisor)
        {
            throw new ArgumentException($"A convolution would have {inputChannels} input channels, and of {channels} output channels the " +
                $"{OutputDivisor}th part; expected at least one of each. Give the network more channels, or the layer a smaller " +
                $"{nameof(OutputDivisor)}.");
        }
        return new ConvolutionModule(this, inputChannels, Depthwise ? inputChannels : channels / OutputDivisor, HasBias(affine));
    }

    /// <inheritdoc/>
    public override string Export(OnnxGraph graph, string x, FeatureSize input, nn.Module<Tensor, Tensor> module)
    {
        ArgumentNullException.ThrowIfNull(graph);
        var convolution = (ConvolutionModule)module;
        return graph.Conv(
            x, convolution.Weight, convolution.Bias, Stride, Padding, Dilation, Depthwise ? (int)convolution.Weight.shape[0] : 1);
    }

    internal override bool ReadsRectified => true;

    /// <inheritdoc/>
    public override long Workspace(FeatureSize input, FeatureSize output) => 0;

    internal override void Walk(MemoryWalk walk, long channels, bool affine) => walk.Convolution(this, channels, affine, rectify: false);

    internal override void WalkRectified(MemoryWalk walk, long channels, bool affine) =>
        walk.Convolution(this, channels, affine, rectify: true);

    internal bool HasBias(bool affine) => Bias == ConvolutionBias.Always || Bias == ConvolutionBias.UnlessAffine && !affine;
}

internal sealed class ConvolutionModule : nn.Module<Tensor, Tensor>, IRectifyingModule, IDrawnWeights
{
    private readonly Parameter weight;
    private readonly Parameter? bias;
    private readonly Window _window;
    private readonly bool _depthwise;

    public ConvolutionModule(Convolution layer, int inputChannels, int outputChannels, bool hasBias = false)
        : base(nameof(ConvolutionModule))
    {
        (Layer, _window, _depthwise) = (layer, layer.Window, layer.Depthwise);
        weight = nn.Parameter(empty(outputChannels, _depthwise ? 1 : inputChannels, layer.Kernel.Height, layer.Kernel.Width));
        if (hasBias)
            bias = nn.Parameter(empty(outputChannels));
        RegisterComponents();
    }

    public Convolution Layer { get; }

    public Parameter Weight => weight;

    public Parameter? Bias => bias;

    public override Tensor forward(Tensor input)
    {
        if (bias is null)
            return Convolutions.Run(input, weight, Layer);
        using var scope = NewDisposeScope();
        return (Convolutions.Run(input, weight, Layer) + bias.view(1, -1, 1, 1)).MoveToOuterDisposeScope();
    }

    public void Draw(WeightDraw draw)
    {
        draw.Weight(weight);
        if (bias is not null)
            draw.Bias(bias, weight.numel() / weight.shape[0]);
    }

    public Tensor InLanes<T>(Tensor x, LaneRun run) where T : unmanaged, IFloatingPointIeee754<T> => InLanes<T>(x, run, rectify: false);

    public Tensor InLanes<T>(Tensor x, LaneRun run, bool rectify) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var y = _depthwise ? Depthwise<T>(x, run, rectify) : OverAllChannels<T>(x, run, rectify);
        if (bias is null)
        {
            run.See(y, (this, y.size(1)));
            return y;
        }
        // In y's memory: nothing reads what a convolution makes.
        var shift = LaneNumbers<T>.Of(bias)!;
        BatchNormKernel<T>.Scale(y, y, run.Images, [.. Enumerable.Repeat(1.0, shift.Length)], shift);
        run.Record((g, _) =>
        {
            if (bias.requires_grad)
                LaneNumbers<T>.AddToGradient(bias, BatchNormKernel<T>.Products(g, g).Sums);
            return g;
        });
        run.See(y, (this, y.size(1)));
        return y;
    }

    private Tensor Depthwise<T>(Tensor x, LaneRun run, bool rectify) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var size = Lanes.SizeOf(x);
        var y = Lanes.Empty(x, (size.Channels, _window.HeightOf(size.Height), _window.WidthOf(size.Width)));
        DepthwiseKernel<T>.Forward(x, weight, y, _window, rectify);
        run.Record((g, needed) =>
        {
            if (weight.requires_grad)
                DepthwiseKernel<T>.AddWeightGradient(g, x, LaneNumbers<T>.Gradient(weight), _window, rectify);
            if (!needed)
                return null;
            var gx = Lanes.Empty(g, size);
            DepthwiseKernel<T>.InputGradient(g, weight, gx, _window, rectify ? x : null);
            return gx;
        }, weight.requires_grad || rectify ? x : null);
        return y;
    }

    /// <summary>
    /// A product of matrices in every pixel; with a larger window or a stride, of the pixels that the window meets.
    /// </summary>
    private Tensor OverAllChannels<T>(Tensor x, LaneRun run, bool rectify) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var neighbours = _window.Taps == 1 && _window.Stride == 1 ? x : Unfold<T>(x, run);
        var y = Lanes.Empty(x, (weight.size(0), neighbours.size(2), neighbours.size(3)));
        PointwiseKernel<T>.Forward(neighbours, weight, y, rectify);
        var size = Lanes.SizeOf(neighbours);
        run.Record(
            (g, needed) => PointwiseGradient<T>(weight, neighbours, size, g, needed, rectify),
            weight.requires_grad || rectify ? neighbours : null);
        if (!ReferenceEquals(neighbours, x) && run.IsSpare(neighbours))
            neighbours.Dispose();
        return y;
    }

    private Tensor Unfold<T>(Tensor x, LaneRun run) where T : unmanaged, IFloatingPointIeee754<T>
    {
        var size = Lanes.SizeOf(x);
        var neighbours = Lanes.Empty(x, (size.Channels * _window.Taps, _window.HeightOf(size.Height), _window.WidthOf(size.Width)));
        PoolingKernel<T>.Unfold(x, neighbours, _window);
        run.Record((g, needed) =>
        {
            if (!needed)
                return null;
            var gx = Lanes.Empty(g, size).zero_();
            PoolingKernel<T>.AddUnfoldGradient(g, gx, _window);
            return gx;
        });
        return neighbours;
    }

    /// <summary>The gradients of a product of matrices in every pixel.</summary>
    internal static Tensor? PointwiseGradient<T>(
        Parameter weight, Tensor x, (long, long, long) size, Tensor gradient, bool needed, bool rectify)
        where T : unmanaged, IFloatingPointIeee754<T>
    {
        if (weight.requires_grad)
            PointwiseKernel<T>.AddWeightGradient(gradient, x, LaneNumbers<T>.Gradient(weight), rectify);
        if (!needed)
            return null;
        var gx = Lanes.Empty(gradient, size);
        PointwiseKernel<T>.InputGradient(gradient, weight, gx, rectify ? x : null);
        return gx;
    }
}
