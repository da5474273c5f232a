using System.Runtime.InteropServices;
using Microsoft.ML.Data;
using SkiaSharp;

namespace Predict;

/// <summary>
/// An image file as ML.NET reads it, but turned upright as the camera noted (EXIF), which ML.NET does not do, and refusing a truncated one,
/// whose missing part ML.NET fills up without a word. Transparent pixels stay so: a model with ImagePixels lays its colour behind them.
/// </summary>
internal static class ImageFile
{
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">The file is no image, or truncated.</exception>
    public static MLImage Read(string path)
    {
        if (!File.Exists(path))
            throw new FileNotFoundException($"There is no file '{path}'; expected an image.");
        // SkiaSharp comes with Microsoft.ML.ImageAnalytics.
        using var codec = SKCodec.Create(path)
            ?? throw new InvalidDataException($"'{path}' is no image that can be decoded; expected png, jpg, bmp, gif or webp.");
        using var bitmap = new SKBitmap(codec.Info);
        return codec.GetPixels(codec.Info, bitmap.GetPixels()) switch
        {
            SKCodecResult.Success => Upright(MLImage.CreateFromFile(path), codec.EncodedOrigin),
            SKCodecResult.IncompleteInput => throw new InvalidDataException($"'{path}' is truncated. Copy it again."),
            var result => throw new InvalidDataException($"'{path}' cannot be decoded ({result}). Copy it again."),
        };
    }

    private static MLImage Upright(MLImage image, SKEncodedOrigin origin)
    {
        // Where the image begins, and how far on its pixels lie, along a row of the result and from one row to the next.
        var (width, height) = (image.Width, image.Height);
        var last = width * height - 1;
        (int Start, int Along, int Down)? order = origin switch
        {
            SKEncodedOrigin.TopRight => (width - 1, -1, width),
            SKEncodedOrigin.BottomRight => (last, -1, -width),
            SKEncodedOrigin.BottomLeft => (last - width + 1, 1, -width),
            SKEncodedOrigin.LeftTop => (0, width, 1),
            SKEncodedOrigin.RightTop => (last - width + 1, -width, 1),
            SKEncodedOrigin.RightBottom => (last, -width, -1),
            SKEncodedOrigin.LeftBottom => (width - 1, width, -1),
            _ => null,
        };
        if (order is not { } walk)
            return image;
        using (image)
        {
            if (origin >= SKEncodedOrigin.LeftTop)
                (width, height) = (height, width);
            var from = MemoryMarshal.Cast<byte, uint>(image.Pixels);
            var to = new uint[from.Length];
            for (var i = 0; i < to.Length; i++)
                to[i] = from[walk.Start + i / width * walk.Down + i % width * walk.Along];
            return MLImage.CreateFromPixels(width, height, image.PixelFormat, MemoryMarshal.AsBytes(to.AsSpan()));
        }
    }
}
