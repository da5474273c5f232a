using Microsoft.ML.Data;
using SkiaSharp;

namespace Predict;

/// <summary>An image file as ML.NET reads it, but refusing a truncated one, whose missing part ML.NET fills up without a word.</summary>
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
            SKCodecResult.Success => MLImage.CreateFromFile(path),
            SKCodecResult.IncompleteInput => throw new InvalidDataException($"'{path}' is truncated. Copy it again."),
            var result => throw new InvalidDataException($"'{path}' cannot be decoded ({result}). Copy it again."),
        };
    }
}
