using System.Drawing;
using System.Runtime.InteropServices;
using Microsoft.ML.Data;
using SkiaSharp;

namespace ZeroOneShot.ML;

/// <summary>Laying a colour behind transparent pixels, whose colours are multiplied by alpha already.</summary>
internal static class Backgrounds
{
    /// <summary>The colour that is meant where none is given.</summary>
    public static Color Default => Color.White;

    /// <exception cref="ArgumentException">The colour is transparent itself.</exception>
    public static Color? Checked(Color? background, string parameter)
    {
        if (background is { A: < 255 } colour)
        {
            throw new ArgumentException(
                $"The background has alpha {colour.A}; expected a colour without transparency, such as Color.White.", parameter);
        }
        return background;
    }

    /// <summary>A colour channel of a pixel before a background: the nearest whole of colour + background x (1 - alpha / 255).</summary>
    public static byte Over(byte colour, byte alpha, byte background) =>
        // No sum lies in the middle between two wholes. More than 255 is of colours that were not multiplied by alpha.
        (byte)Math.Min(colour + (background * (255 - alpha) + 127) / 255, 255);

    /// <summary>Lays a colour behind all pixels of a bitmap of 4 bytes per pixel.</summary>
    public static void LayBehind(SKBitmap bitmap, Color background) =>
        LayBehind(ImageFile.Writable(bitmap), ImageFile.FormatOf(bitmap), background);

    /// <summary>The same for pixels.</summary>
    public static void LayBehind(Span<byte> pixels, MLPixelFormat format, Color background)
    {
        var (first, third) = format == MLPixelFormat.Bgra32 ? (background.B, background.R) : (background.R, background.B);
        for (var i = 0; i < pixels.Length; i += 4)
        {
            var alpha = pixels[i + 3];
            if (alpha == 255)
                continue;
            pixels[i] = Over(pixels[i], alpha, first);
            pixels[i + 1] = Over(pixels[i + 1], alpha, background.G);
            pixels[i + 2] = Over(pixels[i + 2], alpha, third);
            pixels[i + 3] = 255;
        }
    }

    /// <summary>
    /// Refuses colours that were not multiplied by alpha: an image whose fourth byte means nothing, mostly, which would come out as
    /// background.
    /// </summary>
    /// <param name="image">An image in memory.</param>
    /// <param name="name">How messages call it.</param>
    /// <exception cref="ImageFaultException">A pixel is brighter than its alpha.</exception>
    public static void ThrowIfNotMultiplied(MLImage image, string name)
    {
        var pixels = image.Pixels;
        for (var i = 0; i < pixels.Length; i += 4)
        {
            var alpha = pixels[i + 3];
            if (alpha < 255 && (pixels[i] > alpha || pixels[i + 1] > alpha || pixels[i + 2] > alpha))
            {
                throw new ImageFaultException(ImageFault.Damaged,
                    $"{name} has a pixel of alpha {alpha} whose colour is brighter (row {i / 4 / image.Width}, column " +
                    $"{i / 4 % image.Width}); expected colours multiplied by alpha, as MLImage.CreateFromFile makes them. Where nothing " +
                    "is transparent, set the fourth byte of each pixel to 255.");
            }
        }
    }

    /// <summary>Whether all pixels have one colour before a background.</summary>
    public static bool IsOneColour(SKBitmap bitmap, Color background)
    {
        LayBehind(bitmap, background);
        var pixels = MemoryMarshal.Cast<byte, uint>(bitmap.GetPixelSpan());
        return pixels.IndexOfAnyExcept(pixels[0]) < 0;
    }
}
