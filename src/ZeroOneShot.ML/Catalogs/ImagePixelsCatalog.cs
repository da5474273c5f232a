using System.Drawing;
using ZeroOneShot.ML;

namespace Microsoft.ML;

/// <summary>From images to pixels, on <see cref="MLContext.Transforms"/>.</summary>
public static class ImagePixelsCatalog
{
    /// <summary>
    /// Makes a pixel column from a column of images, of paths or of files' bytes (<see cref="ImagePixelsEstimator"/>): read safely, turned
    /// upright, resized, padded, before a background, red before green before blue.
    /// </summary>
    /// <param name="catalog">The catalog.</param>
    /// <param name="outputColumnName">The pixel column to make, Vector&lt;Single, channels, height, width&gt;.</param>
    /// <param name="inputColumnName">The column of images, paths or files; null: the same name.</param>
    /// <param name="height">Pixels, 16 to 256.</param>
    /// <param name="width">Pixels, 16 to 256.</param>
    /// <param name="channels">3 for red, green and blue, or 1 for grey.</param>
    /// <param name="background">The colour behind transparent pixels and beside the image, without transparency; null: white.</param>
    /// <exception cref="ArgumentException">A number is out of its range, or the background is transparent.</exception>
    /// <example>
    /// <code>
    /// var pixels = ml.Transforms.ImagePixels("Features", "Image", height: 32, width: 32).Fit(images).Transform(images);
    /// </code>
    /// </example>
    public static ImagePixelsEstimator ImagePixels(
        this TransformsCatalog catalog, string outputColumnName = "Features", string? inputColumnName = "Image",
        int height = 32, int width = 32, int channels = 3, Color? background = null)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        return new ImagePixelsEstimator(
            MLNetInternals.Environment(catalog), outputColumnName, inputColumnName, height, width, channels, background);
    }
}
