using System.Drawing;
using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.ML.Data;
using SkiaSharp;

namespace ZeroOneShot.ML;

/// <summary>
/// Decodes images from paths, bytes and streams, all to the same pixels: those that ML.NET decodes, but turned upright where the camera
/// noted how it was held (EXIF, of jpg and webp). Refuses what ML.NET lets pass: truncated files, of which Skia fills up the missing part,
/// and sizes that would exhaust the memory.
/// </summary>
/// <remarks>
/// Formats: png, jpg, bmp, gif (its first picture) and webp, of any colour depth, with a palette, or of inverted CMYK; 16 bits per channel
/// become 8. Behind transparent pixels lies white, or <see cref="ImageReadOptions.Background"/>. What follows the end of a picture is
/// ignored; damage that the checksums of a png show is refused.
/// </remarks>
public static class ImageFile
{
    /// <summary>The largest width and height of an image, in pixels.</summary>
    public const int LargestSide = 8192;

    /// <summary>The largest width x height of an image, in pixels.</summary>
    public const long MostPixels = 64_000_000;

    /// <summary>The most bytes that are read from a file or a stream.</summary>
    public const int MostBytes = 1 << 28;

    private const int BufferSize = 1 << 16;

    private const string Formats = "png, jpg, bmp, gif or webp";

    // Skia decodes more, such as wbmp, as which many a file passes that is no image at all.
    private static readonly SKEncodedImageFormat[] s_formats =
    [
        SKEncodedImageFormat.Png, SKEncodedImageFormat.Jpeg, SKEncodedImageFormat.Bmp, SKEncodedImageFormat.Gif, SKEncodedImageFormat.Webp,
    ];

    /// <summary>Decodes a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="options">How to read; null: the default.</param>
    /// <returns>The image, which the caller disposes.</returns>
    /// <exception cref="ImageFaultException">The file cannot be read, or the image is refused.</exception>
    /// <exception cref="ArgumentException">The background is transparent.</exception>
    public static MLImage Read(string path, ImageReadOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        using var bitmap = Decode(path);
        return ToImage(bitmap, options);
    }

    /// <summary>Decodes the bytes of a file.</summary>
    /// <param name="file">The whole content of a file.</param>
    /// <param name="name">How messages call the image.</param>
    /// <param name="options">How to read; null: the default.</param>
    /// <returns>The image, which the caller disposes.</returns>
    /// <exception cref="ImageFaultException">The image is refused.</exception>
    /// <exception cref="ArgumentException">The background is transparent.</exception>
    public static MLImage Read(ReadOnlySpan<byte> file, string name = "The image", ImageReadOptions? options = null)
    {
        using var bitmap = Decode(file, name);
        return ToImage(bitmap, options);
    }

    /// <summary>Decodes the rest of a stream.</summary>
    /// <param name="stream">The content of a file, up to <see cref="MostBytes"/>; need not be able to seek. Left open.</param>
    /// <param name="name">How messages call the image.</param>
    /// <param name="options">How to read; null: the default.</param>
    /// <returns>The image, which the caller disposes.</returns>
    /// <exception cref="ImageFaultException">The image is refused.</exception>
    /// <exception cref="ArgumentException">The background is transparent.</exception>
    public static MLImage Read(Stream stream, string name = "The image", ImageReadOptions? options = null) =>
        Read(ReadAll(stream, name).Span, name, options);

    /// <summary>The rest of a stream, not yet decoded.</summary>
    internal static ReadOnlyMemory<byte> ReadAll(Stream stream, string name = "The image")
    {
        ArgumentNullException.ThrowIfNull(stream);
        var file = new MemoryStream();
        var buffer = new byte[BufferSize];
        for (int count; (count = stream.Read(buffer)) > 0;)
            Append(file, buffer.AsSpan(0, count), name);
        return file.GetBuffer().AsMemory(0, (int)file.Length);
    }

    /// <inheritdoc cref="ReadAll"/>
    internal static async Task<ReadOnlyMemory<byte>> ReadAllAsync(Stream stream, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(stream);
        var file = new MemoryStream();
        var buffer = new byte[BufferSize];
        for (int count; (count = await stream.ReadAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0;)
            Append(file, buffer.AsSpan(0, count), "The image");
        return file.GetBuffer().AsMemory(0, (int)file.Length);
    }

    /// <summary>
    /// The image of a file, 4 bytes per pixel, in Bgra8888 or Rgba8888, its colours multiplied by alpha. The caller disposes it.
    /// </summary>
    internal static SKBitmap Decode(string path)
    {
        if (!File.Exists(path))
            throw new ImageFaultException(ImageFault.Unreadable, $"There is no file '{path}'; expected an image.");
        try
        {
            // Pipes have no length either, and would be waited for.
            if (LengthOf(path) == 0)
                throw new ImageFaultException(ImageFault.NotAnImage, $"'{path}' is empty; expected {Formats}. Remove or replace it.");
            // Read, not mapped into memory as Skia would: a file that becomes shorter meanwhile would end the process.
            using var file = File.OpenRead(path);
            using var data = SKData.CreateCopy(ReadAll(file, $"'{path}'").Span);
            return Decode(data, $"'{path}'");
        }
        catch (Exception e) when (e is UnauthorizedAccessException or (IOException and not ImageFaultException))
        {
            throw new ImageFaultException(
                ImageFault.Unreadable, $"'{path}' cannot be read; expected an image file that this user may read. {e.Message}", e);
        }
    }

    /// <inheritdoc cref="Decode(string)"/>
    internal static SKBitmap Decode(ReadOnlySpan<byte> file, string name)
    {
        using var data = SKData.CreateCopy(file);
        return Decode(data, name);
    }

    /// <summary>
    /// The pixels as channels x height x width: red, green, blue, or grey as <see cref="ImagePixelsEstimator"/> makes it, before a
    /// background.
    /// </summary>
    internal static void CopyPixels(SKBitmap bitmap, int channels, Color background, Span<byte> image)
    {
        Backgrounds.LayBehind(bitmap, background);
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

    /// <summary>The pixels of a bitmap, which SkiaSharp shows as read-only.</summary>
    internal static Span<byte> Writable(SKBitmap bitmap)
    {
        var pixels = bitmap.GetPixelSpan();
        return MemoryMarshal.CreateSpan(ref MemoryMarshal.GetReference(pixels), pixels.Length);
    }

    /// <summary>What ML.NET calls the order of a bitmap's colours.</summary>
    internal static MLPixelFormat FormatOf(SKBitmap bitmap) =>
        bitmap.ColorType == SKColorType.Bgra8888 ? MLPixelFormat.Bgra32 : MLPixelFormat.Rgba32;

    /// <summary>Whether a file begins as an image of a format that can be decoded, whatever its name.</summary>
    internal static bool BeginsAsImage(string path)
    {
        Span<byte> start = stackalloc byte[18];
        try
        {
            // Pipes have no length, and would be waited for.
            if (LengthOf(path) < start.Length)
                return false;
            using var file = File.OpenRead(path);
            file.ReadExactly(start);
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException)
        {
            return false;
        }
        return start is [0x89, (byte)'P', (byte)'N', (byte)'G', ..] || start is [0xFF, 0xD8, 0xFF, ..]
            || start.StartsWith("GIF87a"u8) || start.StartsWith("GIF89a"u8)
            || start.StartsWith("RIFF"u8) && start[8..].StartsWith("WEBP"u8)
            // Four bytes that are nought, and the length of the second header: two letters alone begin many a text.
            || start.StartsWith("BM"u8) && start[6..10].IndexOfAnyExcept((byte)0) < 0 && start[14] is 12 or (>= 40 and <= 124)
                && start[15..].IndexOfAnyExcept((byte)0) < 0;
    }

    /// <summary>A copy as ML.NET has images.</summary>
    private static MLImage ToImage(SKBitmap bitmap, ImageReadOptions? options)
    {
        if (Backgrounds.Checked((options ?? new ImageReadOptions()).Background, nameof(options)) is { } background)
            Backgrounds.LayBehind(bitmap, background);
        return MLImage.CreateFromPixels(bitmap.Width, bitmap.Height, FormatOf(bitmap), bitmap.GetPixelSpan());
    }

    private static long LengthOf(string path) =>
        new FileInfo(File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path).Length;

    private static void Append(MemoryStream file, ReadOnlySpan<byte> bytes, string name)
    {
        if (file.Length + bytes.Length > MostBytes)
            throw new ImageFaultException(ImageFault.TooLarge, $"{name} has more than {MostBytes >> 20} MiB; make it smaller first.");
        file.Write(bytes);
    }

    private static SKBitmap Decode(SKData data, string name)
    {
        using var codec = SKCodec.Create(data);
        if (codec is null || !s_formats.Contains(codec.EncodedFormat))
        {
            throw new ImageFaultException(
                ImageFault.NotAnImage, $"{name} is no image that can be decoded; expected {Formats}. Remove or replace it.");
        }
        var info = codec.Info;
        if (info.Width > LargestSide || info.Height > LargestSide || (long)info.Width * info.Height > MostPixels)
        {
            throw new ImageFaultException(ImageFault.TooLarge, string.Create(CultureInfo.InvariantCulture,
                $"{name} is {info.Width} x {info.Height} pixels; expected at most {LargestSide} a side and " +
                $"{MostPixels / 1_000_000} megapixels. Make it smaller first."));
        }
        // The same colours as SKBitmap.Decode gives, which ML.NET calls.
        info = info.WithColorSpace(null);
        if (info.AlphaType == SKAlphaType.Unpremul)
            info = info.WithAlphaType(SKAlphaType.Premul);
        var bitmap = new SKBitmap(info);
        try
        {
            var result = codec.GetPixels(info, bitmap.GetPixels());
            if (result != SKCodecResult.Success)
            {
                throw result == SKCodecResult.IncompleteInput
                    ? new ImageFaultException(
                        ImageFault.Truncated, $"{name} is truncated: it ends before the last pixel. Copy it again, or remove it.")
                    : new ImageFaultException(ImageFault.Damaged, $"{name} cannot be decoded ({result}). Copy it again, or remove it.");
            }
            if (bitmap.ColorType is not (SKColorType.Bgra8888 or SKColorType.Rgba8888))
                bitmap = Replace(bitmap, InColour(bitmap));
            if (codec.EncodedOrigin is not (SKEncodedOrigin.TopLeft or SKEncodedOrigin.Default))
                bitmap = Replace(bitmap, Upright(bitmap, codec.EncodedOrigin));
            return bitmap;
        }
        catch
        {
            bitmap.Dispose();
            throw;
        }

        SKBitmap Replace(SKBitmap old, SKBitmap? next)
        {
            if (next is null)
            {
                throw new ImageFaultException(ImageFault.Damaged,
                    $"{name} has pixels of format {old.ColorType}, which cannot be converted. Save it with 8 bits per channel.");
            }
            old.Dispose();
            return next;
        }
    }

    /// <summary>
    /// The same pixels in 4 bytes each; null where Skia cannot. (SKBitmap.Copy leaves as many bytes to the garbage collector as it copies.)
    /// </summary>
    private static SKBitmap? InColour(SKBitmap bitmap)
    {
        var colour = new SKBitmap(bitmap.Info.WithColorType(SKColorType.Bgra8888));
        using var pixels = bitmap.PeekPixels();
        if (pixels.ReadPixels(colour.Info, colour.GetPixels(), colour.RowBytes))
            return colour;
        colour.Dispose();
        return null;
    }

    /// <summary>
    /// The picture as it was seen, of one whose first pixel lies in another corner; the corners are named as EXIF does, row before column.
    /// </summary>
    private static SKBitmap Upright(SKBitmap bitmap, SKEncodedOrigin origin)
    {
        var (width, height) = (bitmap.Width, bitmap.Height);
        var turned = origin >= SKEncodedOrigin.LeftTop;
        var upright = new SKBitmap(bitmap.Info.WithSize(turned ? height : width, turned ? width : height));
        var from = MemoryMarshal.Cast<byte, uint>(bitmap.GetPixelSpan());
        var to = MemoryMarshal.Cast<byte, uint>(Writable(upright));
        // Where the source begins, and how far on its pixels lie, along a row of the result and from one row to the next.
        var (start, along, down) = origin switch
        {
            SKEncodedOrigin.TopRight => (width - 1, -1, width),
            SKEncodedOrigin.BottomRight => (width * height - 1, -1, -width),
            SKEncodedOrigin.BottomLeft => (width * (height - 1), 1, -width),
            SKEncodedOrigin.LeftTop => (0, width, 1),
            SKEncodedOrigin.RightTop => (width * (height - 1), -width, 1),
            SKEncodedOrigin.RightBottom => (width * height - 1, -width, -1),
            SKEncodedOrigin.LeftBottom => (width - 1, width, -1),
            _ => (0, 1, width),
        };
        for (var row = 0; row < upright.Height; row++)
        {
            var at = start + row * down;
            for (var column = 0; column < upright.Width; column++, at += along)
                to[row * upright.Width + column] = from[at];
        }
        return upright;
    }
}
