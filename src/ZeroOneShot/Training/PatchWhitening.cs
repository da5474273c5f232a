using ZeroOneShot.Data;
using ZeroOneShot.Kernels;
using ZeroOneShot.Layers;
using ZeroOneShot.Networks;
using ZeroOneShot.Runtime;
using static TorchSharp.torch;

namespace ZeroOneShot.Training;

/// <summary>
/// Start values of the first convolution that tell apart what is different in images: principal components of their patches. Drawn filters
/// mostly see how bright a patch is, all of them the same (Coates and Ng 2012, section 2; for short trainings on CIFAR-10 Page 2019 and
/// Jordan 2024, section 3.2, who keep them fixed; here they are trained like all other weights). The batch norm behind them makes the
/// components equally large.
/// </summary>
internal static class PatchWhitening
{
    // Patches of which the second moments are taken; fewer of large filters, whose products would take seconds.
    private const int Patches = 1 << 16;

    private const long Products = 1 << 26;

    // Of the variance of the first component. What varies less is noise, or nothing, as colors in grey pictures: normalised like all
    // others its gradient would be many times theirs.
    private const double LeastVariance = 1e-4;

    /// <summary>Replaces the filters of the network's first layer, if that is a convolution with a batch norm behind it.</summary>
    /// <param name="network">A network on the CPU.</param>
    /// <param name="images">The images that it is trained on.</param>
    /// <param name="statistics">By which they are normalised.</param>
    /// <param name="random">Decides which patches are taken.</param>
    public static void Apply(CellNet network, ImageSet images, ChannelStatistics statistics, RandomStream random)
    {
        if (network.Plan.Stem.Parts[0] is [Convolution { Depthwise: false } layer, BatchNorm, ..] && layer.Window.Taps > 1)
            Apply(network.modules().OfType<ConvolutionModule>().First().Weight, layer.Dilation, images, statistics, random);
    }

    /// <summary>
    /// Replaces filters: two for every component, of either sign, since a ReLU follows, beginning with the component that varies most.
    /// Those that are left over keep their values.
    /// </summary>
    /// <param name="filters">Outputs x channels x height x width, on the CPU.</param>
    /// <param name="dilation">Distance between the numbers of a filter, in pixels.</param>
    /// <param name="images">The images that they are trained on.</param>
    /// <param name="statistics">By which these are normalised.</param>
    /// <param name="random">Decides which patches are taken.</param>
    public static void Apply(
        Tensor filters, HeightWidth dilation, ImageSet images, ChannelStatistics statistics, RandomStream random)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var (rows, columns) = ((int)filters.shape[2], (int)filters.shape[3]);
        if (SecondMoments(images, statistics, (rows, columns), dilation, random.Random) is not { } moments)
            return;
        var (variances, components) = linalg.eigh(moments);                       // of the least variance first
        var least = LeastVariance * variances[-1].item<double>();
        var pairs = Math.Min(filters.shape[0] / 2, variances.gt(least).sum().item<long>());
        for (var i = 0L; i < pairs; i++)
        {
            var component = components.select(1, -1 - i).to(filters.dtype).reshape(filters.shape[1..]);
            filters[2 * i].copy_(component);
            filters[2 * i + 1].copy_(-component);
        }
    }

    /// <summary>Those of normalised patches, in the order of a filter's numbers; null where the images are smaller than a filter.</summary>
    private static Tensor? SecondMoments(
        ImageSet images, ChannelStatistics statistics, HeightWidth kernel, HeightWidth dilation, Random random)
    {
        var shape = images.Shape;
        var (rows, columns) = kernel;
        var (heights, widths) = (shape.Height - (rows - 1) * dilation.Height, shape.Width - (columns - 1) * dilation.Width);
        if (heights < 1 || widths < 1)
            return null;
        var size = shape.Channels * rows * columns;
        var (patch, products) = (new double[size], new double[size * size]);
        var patches = Math.Max(size, Math.Min(Patches, Products / ((long)size * size)));
        for (var n = 0L; n < patches; n++)
        {
            var pixels = images.Pixels(random.Next(images.Count));
            var (top, left, at) = (random.Next(heights), random.Next(widths), 0);
            for (var channel = 0; channel < shape.Channels; channel++)
            {
                for (var tap = 0; tap < rows * columns; tap++)
                {
                    var (y, x) = (top + tap / columns * dilation.Height, left + tap % columns * dilation.Width);
                    var pixel = pixels[(channel * shape.Height + y) * shape.Width + x];
                    patch[at++] = (pixel / 255.0 - statistics.Mean[channel]) / statistics.Std[channel];
                }
            }
            for (var i = 0; i < size; i++)
            {
                for (var j = 0; j < size; j++)
                    products[i * size + j] += patch[i] * patch[j];
            }
        }
        return tensor(products, [size, size], ScalarType.Float64) / patches;
    }
}
