using ZeroOneShot.Data;
using ZeroOneShot.Layers;
using ZeroOneShot.Networks;
using ZeroOneShot.Runtime;
using static TorchSharp.torch;

namespace ZeroOneShot.Training;

/// <summary>
/// Start values of the first convolution that tell apart what is different in images: principal components of their patches. Drawn filters
/// mostly see how bright a patch is, all of them the same (Coates and Ng 2012, section 2; for short trainings on CIFAR-10 Page 2019 and
/// Jordan 2024, section 3.2, who keep them fixed; here they are trained like all other weights). The batch norm behind it makes the
/// components equally large.
/// </summary>
internal static class PatchWhitening
{
    // Patches of which the covariance is taken. Of 27 numbers each in color; more change nothing.
    private const int Patches = 1 << 16;

    /// <summary>
    /// Replaces the filters of the first convolution, if it reads patches of images: two for every component, of either sign, since a ReLU
    /// follows, beginning with the component that varies most. What is left over keeps its values.
    /// </summary>
    /// <param name="network">A network on the CPU.</param>
    /// <param name="images">The images that it is trained on.</param>
    /// <param name="statistics">By which they are normalised.</param>
    /// <param name="random">Decides which patches are taken.</param>
    public static void Apply(CellNet network, ImageSet images, ChannelStatistics statistics, RandomStream random)
    {
        if (network.modules().OfType<ConvolutionModule>().FirstOrDefault() is not { Layer: { Depthwise: false } layer } first
            || layer.Window.Taps == 1 || first.Weight.shape[1] != images.Shape.Channels)
            return;
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var numbers = images.Shape.Channels * layer.Window.Taps;
        var (_, components) = linalg.eigh(Covariance(images, statistics, layer, random.Random));          // of the least variance first
        var filters = (int)Math.Min(first.Weight.shape[0] / 2, numbers);
        for (var i = 0; i < filters; i++)
        {
            var component = components.select(1, numbers - 1 - i).to(first.Weight.dtype).view(first.Weight.shape[1..]);
            first.Weight[2 * i].copy_(component);
            first.Weight[2 * i + 1].copy_(-component);
        }
    }

    /// <summary>The second moments of normalised patches, in the order of a filter's numbers.</summary>
    private static Tensor Covariance(ImageSet images, ChannelStatistics statistics, Convolution layer, Random random)
    {
        var shape = images.Shape;
        var (rows, columns) = layer.Kernel;
        var (down, across) = layer.Dilation;
        var (heights, widths) = (shape.Height - (rows - 1) * down, shape.Width - (columns - 1) * across);
        var (size, patch) = (shape.Channels * rows * columns, new double[shape.Channels * rows * columns]);
        var products = new double[size * size];
        for (var n = 0; n < Patches && heights > 0 && widths > 0; n++)
        {
            var pixels = images.Pixels(random.Next(images.Count));
            var (top, left, at) = (random.Next(heights), random.Next(widths), 0);
            for (var channel = 0; channel < shape.Channels; channel++)
            {
                for (var tap = 0; tap < rows * columns; tap++)
                {
                    var (y, x) = (top + tap / columns * down, left + tap % columns * across);
                    var pixel = pixels[(channel * shape.Height + y) * shape.Width + x];
                    patch[at++] = (pixel / 255.0 - statistics.Mean[channel]) / statistics.Std[channel];
                }
            }
            for (var i = 0; i < size; i++)
            {
                for (var j = 0; j < size; j++)
                    products[i * size + j] += patch[i] * patch[j] / Patches;
            }
        }
        return tensor(products, [size, size], ScalarType.Float64);
    }
}
