using System.Numerics;
using TorchSharp.Modules;
using ZeroOneShot.Kernels;
using ZeroOneShot.Layers;
using static TorchSharp.torch;

namespace ZeroOneShot.Networks;

/// <summary>
/// The auxiliary classifier of DARTS: ReLU, average pooling to 2x2, 1x1 convolution to 128 channels, batch norm, ReLU, 2x2 convolution to
/// 768, batch norm, ReLU, linear. At the 8x8 pixels that 32x32 images have there, the pooling is 5x5 with stride 3, and with stride 2 at
/// the 7x7 pixels that 224x224 images have behind the stem for ImageNet, as in the public code.
/// </summary>
internal sealed class AuxiliaryHead : nn.Module<Tensor, Tensor>
{
    private const int First = 128, Second = 768, Window = 2;

    private readonly ModuleChain features;
    private readonly Linear classifier;

    /// <param name="channels">Channels of the features it reads.</param>
    /// <param name="classes">Number of classes.</param>
    /// <param name="batchNorm">Whether a batch norm follows the second convolution: <see cref="SearchSpaces.Stem"/>.</param>
    public AuxiliaryHead(int channels, int classes, bool batchNorm) : base(nameof(AuxiliaryHead))
    {
        IEnumerable<nn.Module<Tensor, Tensor>> second = batchNorm ? [new BatchNormModule(Second, affine: true)] : [];
        features = new ModuleChain([
            new ReluModule(),
            new PoolToTwo(),
            new ConvolutionModule(new Layers.Convolution(1), channels, First),
            new BatchNormModule(First, affine: true),
            new ReluModule(),
            new ConvolutionModule(new Layers.Convolution(Window), First, Second),
            .. second,
            new ReluModule(),
        ]);
        classifier = nn.Linear(Second, classes);
        RegisterComponents();
    }

    /// <summary>The learned parameters.</summary>
    public static long Parameters(int channels, int classes, bool batchNorm) =>
        (long)channels * First + 2 * First + First * Second * Window * Window + (batchNorm ? 2 * Second : 0) + (Second + 1L) * classes;

    /// <summary>All but the classifier: the features of 1x1 pixels that it reads.</summary>
    public ModuleChain Features => features;

    public Linear Classifier => classifier;

    /// <summary>What it holds from its forward to its backward run, in numbers per image.</summary>
    public static long Holds(long channels)
    {
        const int pixels = Window * Window;
        // Pooled features; of each convolution its output and rectified ones, and the neighbours that the second reads.
        return pixels * (channels + 3 * First + First) + 3 * Second;
    }

    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        return classifier.call(features.call(input).flatten(1)).MoveToOuterDisposeScope();
    }

    private sealed class PoolToTwo() : nn.Module<Tensor, Tensor>(nameof(PoolToTwo)), IRectifyingModule
    {
        private const int Pixels = 2;

        public override Tensor forward(Tensor input)
        {
            using var scope = NewDisposeScope();
            // A single row or column is both.
            for (var dimension = 2; dimension < 4; dimension++)
                input = input.shape[dimension] == 1 ? cat([input, input], dimension) : input;
            var (kernelHeight, kernelWidth) = (Kernel(input.shape[2]), Kernel(input.shape[3]));
            return nn.functional.avg_pool2d(
                input, (kernelHeight, kernelWidth), (input.shape[2] - kernelHeight, input.shape[3] - kernelWidth), (0, 0))
                .MoveToOuterDisposeScope();
        }

        public Tensor InLanes<T>(Tensor x, LaneRun run) where T : unmanaged, IFloatingPointIeee754<T> =>
            InLanes<T>(x, run, rectify: false);

        public Tensor InLanes<T>(Tensor x, LaneRun run, bool rectify) where T : unmanaged, IFloatingPointIeee754<T>
        {
            var size = Lanes.SizeOf(x);
            var (height, width) = (OfTwo(size.Height), OfTwo(size.Width));
            var window = new Kernels.Window((height.Kernel, width.Kernel), (height.Stride, width.Stride), 1, 0);
            var y = Lanes.Empty(x, (size.Channels, Pixels, Pixels));
            PoolingKernel<T>.Average(x, y, window, rectify);
            run.Record((g, needed) =>
            {
                if (!needed)
                    return null;
                var gx = Lanes.Empty(g, size);
                PoolingKernel<T>.AverageGradient(g, gx, window, rectify ? x : null);
                return gx;
            }, rectify ? x : null);
            return y;
        }

        // A single row or column is both: two windows without a step between them.
        private static (int Kernel, int Stride) OfTwo(long size) =>
            size == 1 ? (1, 0) : ((int)Kernel(size), (int)(size - Kernel(size)));

        // Two windows of five eighths of the side: 5 with stride 3 at 8 pixels, with stride 2 at 7; 1 at 2.
        private static long Kernel(long size) => Math.Min((5 * size + 7) / 8, size - 1);
    }
}
