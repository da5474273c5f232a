using System.Numerics;
using TorchSharp.Modules;
using ZeroOneShot.Kernels;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using static TorchSharp.torch;

namespace ZeroOneShot.Networks;

/// <summary>
/// The layers' modules on features in the order of <see cref="Lanes"/>: forwards, and backwards by <see cref="LaneRun.Record"/>.
/// </summary>
internal static unsafe class LaneLayers<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    public static Tensor Forward(nn.Module<Tensor, Tensor> module, Tensor x, LaneRun run) => module switch
    {
        IdentityModule => x.alias(),
        ReluModule => Relu(x, run),
        LayerSequence sequence => Chain(sequence.Layers.Modules, x, run),
        ModuleChain chain => Chain(chain.Modules, x, run),
        ConvolutionModule convolution => Convolution(convolution, x, run, rectify: false),
        BatchNormModule norm => BatchNorm(norm, x, run),
        ZeroModule zero => Reduced(x, x.size(1), zero.Stride).zero_(),
        BypassModule { Stride: 1 } => x.alias(),
        BypassModule { Stride: var stride } => MaxPool(x, run, BypassModule.Window, stride, padding: 0),
        PoolModule { Layer: Layer.MaxPool(var kernel, var stride) } => MaxPool(x, run, kernel, stride, (kernel - 1) / 2),
        PoolModule { Layer: Layer.AveragePool(var kernel, var stride) } => AveragePool(x, run, kernel, stride),
        FactorizedReduceModule reduce => FactorizedReduce(reduce, x, run),
        _ => throw new NotSupportedException($"Module {module.GetName()} has no form in lanes."),
    };

    private static Tensor MaxPool(Tensor x, LaneRun run, int kernel, int stride, int padding)
    {
        var y = Reduced(x, x.size(1), stride);
        PoolingKernel<T>.Max(x, y, kernel, stride, padding);
        run.Record((g, needed) =>
        {
            if (!needed)
                return null;
            var gx = empty_like(x);
            PoolingKernel<T>.MaxGradient(g, x, y, gx, kernel, stride, padding);
            return gx;
        }, x, y);
        return y;
    }

    private static Tensor Chain(IReadOnlyList<nn.Module<Tensor, Tensor>> modules, Tensor x, LaneRun run)
    {
        for (var i = 0; i < modules.Count; i++)
        {
            // A ReLU is part of the convolution behind it, which rectifies what it reads.
            var y = modules[i] is ReluModule && i + 1 < modules.Count && modules[i + 1] is ConvolutionModule convolution
                ? Convolution(convolution, x, run, rectify: i++ >= 0)
                : Forward(modules[i], x, run);
            if (!ReferenceEquals(x, y) && run.IsSpare(x))
                x.Dispose();
            x = y;
        }
        return x;
    }

    private static Tensor Relu(Tensor x, LaneRun run)
    {
        var y = nn.functional.relu(x);
        run.Record((g, needed) => needed ? g.mul_(y.IsPositive()) : null, y);
        return y;
    }

    private static Tensor Convolution(ConvolutionModule convolution, Tensor x, LaneRun run, bool rectify)
    {
        var (layer, weight) = (convolution.Layer, convolution.Weight);
        if (!layer.Depthwise)
        {
            // A product of matrices in every pixel; with a larger window or a stride, of the pixels that the window meets.
            var neighbours = layer is { Kernel: 1, Stride: 1 }
                ? x
                : Unfold(x, run, layer.Kernel, layer.Stride, layer.Dilation, -layer.Padding);
            var product = Lanes.Empty(x, (weight.size(0), neighbours.size(2), neighbours.size(3)));
            Pointwise(weight, neighbours, product, run, rectify);
            if (!ReferenceEquals(neighbours, x) && run.IsSpare(neighbours))
                neighbours.Dispose();
            return product;
        }
        var y = Reduced(x, x.size(1), layer.Stride);
        DepthwiseKernel<T>.Forward(x, weight, y, layer, rectify);
        var size = Lanes.SizeOf(x);
        run.Record((g, needed) =>
        {
            if (weight.requires_grad)
                DepthwiseKernel<T>.AddWeightGradient(g, x, Gradient(weight), layer, rectify);
            if (!needed)
                return null;
            var gx = Lanes.Empty(g, size);
            DepthwiseKernel<T>.InputGradient(g, weight, gx, layer, rectify ? x : null);
            return gx;
        }, weight.requires_grad || rectify ? x : null);
        return y;
    }

    private static void Pointwise(Parameter weight, Tensor x, Tensor y, LaneRun run, bool rectify)
    {
        PointwiseKernel<T>.Forward(x, weight, y, rectify);
        var size = Lanes.SizeOf(x);
        run.Record((g, needed) => PointwiseGradient(weight, x, size, g, needed, rectify), weight.requires_grad || rectify ? x : null);
    }

    private static Tensor? PointwiseGradient(
        Parameter weight, Tensor x, (long, long, long) size, Tensor gradient, bool needed, bool rectify)
    {
        if (weight.requires_grad)
            PointwiseKernel<T>.AddWeightGradient(gradient, x, Gradient(weight), rectify);
        if (!needed)
            return null;
        var gx = Lanes.Empty(gradient, size);
        PointwiseKernel<T>.InputGradient(gradient, weight, gx, rectify ? x : null);
        return gx;
    }

    private static Tensor Unfold(Tensor x, LaneRun run, int kernel, int stride, int dilation, int offset)
    {
        var neighbours = Reduced(x, x.size(1) * kernel * kernel, stride);
        PoolingKernel<T>.Unfold(x, neighbours, kernel, stride, dilation, offset);
        var size = Lanes.SizeOf(x);
        run.Record((g, needed) =>
        {
            if (!needed)
                return null;
            var gx = Lanes.Empty(g, size).zero_();
            PoolingKernel<T>.AddUnfoldGradient(g, gx, kernel, stride, dilation, offset);
            return gx;
        });
        return neighbours;
    }

    private static Tensor BatchNorm(BatchNormModule norm, Tensor x, LaneRun run)
    {
        var output = run.IsSpare(x) ? x : empty_like(x);
        var (scale, shift) = (Numbers(norm.Weight), Numbers(norm.Bias));
        if (!norm.training)
        {
            var (mean, variance) = (Numbers(norm.RunningMean)!, Numbers(norm.RunningVariance)!);
            var factors = variance.Select((v, c) => (scale?[c] ?? 1) / Math.Sqrt(v + BatchNormModule.Epsilon)).ToArray();
            BatchNormKernel<T>.Scale(x, output, run.Images, factors, [.. factors.Select((f, c) => (shift?[c] ?? 0) - f * mean[c])]);
            run.Record((_, _) => throw new NotSupportedException("A batch norm in evaluation mode does not run backwards in lanes."));
            return output;
        }
        var (means, variances) = BatchNormKernel<T>.Statistics(x, run.Images);
        if (norm.Tracks)
            Track(norm, means, variances, (double)run.Images * x.size(2) * x.size(3));
        var inverse = Array.ConvertAll(variances, v => 1 / Math.Sqrt(v + BatchNormModule.Epsilon));
        BatchNormKernel<T>.Scale(x, output, run.Images, inverse, [.. inverse.Select((f, c) => -f * means[c])]);
        var normalized = output;
        if (scale is not null)
        {
            output = empty_like(normalized);
            BatchNormKernel<T>.Scale(normalized, output, run.Images, scale, shift!);
        }
        run.Record((g, needed) =>
        {
            var (sums, products) = BatchNormKernel<T>.Products(g, normalized);
            if (scale is not null)
            {
                Add(norm.Weight!, products);
                Add(norm.Bias!, sums);
            }
            if (!needed)
                return null;
            BatchNormKernel<T>.InputGradient(
                g, normalized, run.Images, scale is null ? inverse : [.. inverse.Select((f, c) => f * scale[c])], sums, products);
            return g;
        }, normalized);
        if (!ReferenceEquals(output, normalized) && run.IsSpare(normalized))
            normalized.Dispose();
        return output;
    }

    private static Tensor AveragePool(Tensor x, LaneRun run, int kernel, int stride)
    {
        var y = Reduced(x, x.size(1), stride);
        PoolingKernel<T>.Average(x, y, kernel, stride, (kernel - 1) / 2);
        var size = Lanes.SizeOf(x);
        run.Record((g, needed) =>
        {
            if (!needed)
                return null;
            var gx = Lanes.Empty(g, size);
            PoolingKernel<T>.AverageGradient(g, gx, kernel, stride, (kernel - 1) / 2);
            return gx;
        });
        return y;
    }

    private static Tensor FactorizedReduce(FactorizedReduceModule reduce, Tensor x, LaneRun run)
    {
        var size = Lanes.SizeOf(x);
        var half = reduce.First.Weight.size(0);
        var rest = reduce.Second.Weight.size(0);
        var y = Reduced(x, half + rest, stride: 2);
        // Each half of the channels sees its own quarter of the pixels, the second shifted by one row and column.
        var (first, second) = (Reduced(x, x.size(1), 2), Reduced(x, x.size(1), 2));
        PoolingKernel<T>.Unfold(x, first, kernel: 1, stride: 2, dilation: 1, offset: 0);
        PoolingKernel<T>.Unfold(x, second, kernel: 1, stride: 2, dilation: 1, offset: 1);
        using (var part = y.narrow(1, 0, half))
            PointwiseKernel<T>.Forward(first, reduce.First.Weight, part, rectify: true);
        using (var part = y.narrow(1, half, rest))
            PointwiseKernel<T>.Forward(second, reduce.Second.Weight, part, rectify: true);
        run.Record((g, needed) =>
        {
            var gx = needed ? Lanes.Empty(g, size).zero_() : null;
            Back(reduce.First.Weight, first, 0, offset: 0);
            Back(reduce.Second.Weight, second, half, offset: 1);
            return gx;

            void Back(Parameter weight, Tensor picked, long channel, int offset)
            {
                using var part = g.narrow(1, channel, weight.size(0));
                using var gPicked = PointwiseGradient(weight, picked, Lanes.SizeOf(picked), part, needed, rectify: true);
                if (gPicked is not null)
                    PoolingKernel<T>.AddUnfoldGradient(gPicked, gx!, kernel: 1, stride: 2, dilation: 1, offset);
            }
        }, first, second);
        if (run.IsSpare(first))
        {
            first.Dispose();
            second.Dispose();
        }
        return BatchNorm(reduce.BatchNorm, y, run);
    }

    private static Tensor Reduced(Tensor x, long channels, int stride) =>
        Lanes.Empty(x, (channels, ImageSize.Reduced(x.size(2), stride), ImageSize.Reduced(x.size(3), stride)));

    private static Tensor Gradient(Parameter parameter) => parameter.grad ??= zeros_like(parameter);

    private static void Add(Parameter parameter, double[] gradient)
    {
        if (!parameter.requires_grad)
            return;
        using var sum = Gradient(parameter);
        var numbers = Memory.Of<T>(sum);
        for (var i = 0; i < gradient.Length; i++)
            numbers[i] += T.CreateTruncating(gradient[i]);
    }

    private static double[]? Numbers(Tensor? values)
    {
        if (values is null)
            return null;
        var numbers = Memory.Of<T>(values);
        var result = new double[values.size(0)];
        for (var i = 0; i < result.Length; i++)
            result[i] = double.CreateTruncating(numbers[i]);
        return result;
    }

    private static void Track(BatchNormModule norm, double[] means, double[] variances, double count)
    {
        Move(norm.RunningMean, means, 1);
        Move(norm.RunningVariance, variances, count / (count - 1));               // the unbiased one, as libtorch keeps it

        static void Move(Tensor running, double[] values, double factor)
        {
            var numbers = Memory.Of<T>(running);
            for (var c = 0; c < values.Length; c++)
                numbers[c] += T.CreateTruncating(BatchNormModule.Momentum * (factor * values[c] - double.CreateTruncating(numbers[c])));
        }
    }
}
