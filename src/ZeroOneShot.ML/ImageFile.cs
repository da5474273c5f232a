using SkiaSharp;

namespace ZeroOneShot.ML;

/// <summary>
/// Decoding one image file as ML.NET does, but refusing what ML.NET lets pass: truncated files, of which Skia fills up the missing part, and
/// sizes that would exhaust the memory.
/// </summary>
internal static class ImageFile
{
    private const int LargestSide = 8192;
    private const long MostPixels = 64_000_000;

    /// <summary>The image, 4 bytes per pixel, in Bgra8888 or Rgba8888. The caller disposes it.</summary>
    /// <exception cref="InvalidDataException">The file is no image, truncated, or too large; the message names it.</exception>
    public static SKBitmap Decode(string path)
    {
        using var data = SKData.Create(path) ?? throw new InvalidDataException($"'{path}' cannot be read; expected an image file that this user may read.");
        using var codec = SKCodec.Create(data)
            ?? throw new InvalidDataException($"'{path}' is no image that can be decoded; expected png, jpg, bmp, gif or webp. Remove or replace the file.");
        var info = codec.Info;
        if (info.Width > LargestSide || info.Height > LargestSide || (long)info.Width * info.Height > MostPixels)
        {
            throw new InvalidDataException($"'{path}' is {info.Width} x {info.Height} pixels; expected at most {LargestSide} a side and " +
                $"{MostPixels / 1_000_000} megapixels. Make it smaller first.");
        }
        // The same colours as SKBitmap.Decode gives, which ML.NET calls.
        info = info.WithColorSpace(null);
        if (info.AlphaType == SKAlphaType.Unpremul)
            info = info.WithAlphaType(SKAlphaType.Premul);
        var bitmap = new SKBitmap(info);
        var result = codec.GetPixels(info, bitmap.GetPixels());
        if (result != SKCodecResult.Success)
        {
            bitmap.Dispose();
            throw new InvalidDataException(result == SKCodecResult.IncompleteInput
                ? $"'{path}' is truncated: it ends before the last pixel. Copy it again, or remove it."
                : $"'{path}' cannot be decoded ({result}). Copy it again, or remove it.");
        }
        if (bitmap.ColorType is SKColorType.Bgra8888 or SKColorType.Rgba8888)
            return bitmap;
        using (bitmap)
        {
            return bitmap.Copy(SKColorType.Bgra8888)
                ?? throw new InvalidDataException(
                    $"'{path}' has pixels of format {bitmap.ColorType}, which cannot be converted. Save it with 8 bits per channel.");
        }
    }

    /// <summary>The pixels as channels x height x width: red, green, blue, or grey as <see cref="ImagePixelsEstimator"/> makes it.</summary>
    public static void CopyPixels(SKBitmap bitmap, int channels, Span<byte> image)
    {
        var pixels = bitmap.GetPixelSpan();
        var (red, blue) = bitmap.ColorType == SKColorType.Bgra8888 ? (2, 0) : (0, 2);
        var plane = bitmap.Width * bitmap.Height;
        for (var row = 0; row < bitmap.Height; row++)
        {
            var line = pixels.Slice(row * bitmap.RowBytes, bitmap.Width * 4);
            for (var column = 0; column < bitmap.Width; column++)
            {
                var (r, g, b) = (line[column * 4 + red], line[column * 4 + 1], line[column * 4 + blue]);
                var at = row * bitmap.Width + column;
                if (channels == 1)
                {
                    image[at] = (byte)((ImagePixelsEstimator.Red * r + ImagePixelsEstimator.Green * g + ImagePixelsEstimator.Blue * b
                        + ImagePixelsEstimator.Whole / 2) / ImagePixelsEstimator.Whole);
                    continue;
                }
                (image[at], image[plane + at], image[2 * plane + at]) = (r, g, b);
            }
        }
    }
}
