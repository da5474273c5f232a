using System.Buffers;
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

    /// <summary>The most scans of a JPEG; encoders make about ten.</summary>
    public const int MostScans = 32;

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
    /// <exception cref="ArgumentException">A limit is out of its range, or the background is transparent.</exception>
    public static MLImage Read(string path, ImageReadOptions? options = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        options ??= new ImageReadOptions();
        using var bitmap = Decode(path, options.Limits);
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
        // Skia reads through a stream of its own, which cannot hold a span.
        var copy = ArrayPool<byte>.Shared.Rent(file.Length);
        try
        {
            file.CopyTo(copy);
            return Read(new ReadOnlySequence<byte>(copy, 0, file.Length), name, options);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(copy);
        }
    }

    /// <summary>Decodes the bytes of a file, in one part or several.</summary>
    /// <param name="file">The whole content of a file.</param>
    /// <param name="name">How messages call the image.</param>
    /// <param name="options">How to read; null: the default.</param>
    /// <returns>The image, which the caller disposes.</returns>
    /// <exception cref="ImageFaultException">The image is refused.</exception>
    /// <exception cref="ArgumentException">A limit is out of its range, or the background is transparent.</exception>
    public static MLImage Read(ReadOnlySequence<byte> file, string name = "The image", ImageReadOptions? options = null) =>
        ReadUnlessCancelled(file, name, options ?? new ImageReadOptions(), default);

    /// <summary>The same, ended early where it is cancelled.</summary>
    internal static MLImage ReadUnlessCancelled(
        ReadOnlySequence<byte> file, string name, ImageReadOptions options, CancellationToken cancellationToken)
    {
        options.Limits.Check(nameof(options));
        using var bitmap = Decode(file, name, options.Limits, cancellationToken);
        return ToImage(bitmap, options);
    }

    /// <summary>Reads the header of an image and refuses what decoding would refuse because of it.</summary>
    /// <param name="file">The whole content of a file.</param>
    /// <param name="name">How messages call the image.</param>
    /// <param name="limits">What is refused; null: the default.</param>
    /// <returns>What decoding it would take.</returns>
    /// <exception cref="ImageFaultException">The image is refused.</exception>
    public static ImageHeader ReadHeader(ReadOnlySequence<byte> file, string name = "The image", ImageLimits? limits = null)
    {
        limits ??= ImageLimits.Default;
        limits.Check(nameof(limits));
        using var codec = Open(file, new WatchedFile(file, null, default), name, limits, out var header);
        return header;
    }

    /// <summary>Decodes the rest of a stream.</summary>
    /// <param name="stream">The content of a file, up to <see cref="ImageLimits.MostBytes"/>; need not be able to seek. Left open.</param>
    /// <param name="name">How messages call the image.</param>
    /// <param name="options">How to read; null: the default.</param>
    /// <returns>The image, which the caller disposes.</returns>
    /// <exception cref="ImageFaultException">The image is refused.</exception>
    /// <exception cref="ArgumentException">The background is transparent.</exception>
    public static MLImage Read(Stream stream, string name = "The image", ImageReadOptions? options = null) =>
        Read(new ReadOnlySequence<byte>(ReadAll(stream, name, (options?.Limits ?? ImageLimits.Default).MostBytes)), name, options);

    /// <summary>The rest of a stream, not yet decoded.</summary>
    internal static ReadOnlyMemory<byte> ReadAll(Stream stream, string name = "The image", int most = MostBytes)
    {
        ArgumentNullException.ThrowIfNull(stream);
        var file = new MemoryStream();
        var buffer = new byte[BufferSize];
        for (int count; (count = stream.Read(buffer)) > 0;)
            Append(file, buffer.AsSpan(0, count), name, most);
        return file.GetBuffer().AsMemory(0, (int)file.Length);
    }

    /// <inheritdoc cref="ReadAll"/>
    internal static async Task<ReadOnlyMemory<byte>> ReadAllAsync(Stream stream, int most, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(stream);
        var file = new MemoryStream();
        var buffer = new byte[BufferSize];
        for (int count; (count = await stream.ReadAsync(buffer, cancellationToken).ConfigureAwait(false)) > 0;)
            Append(file, buffer.AsSpan(0, count), "The image", most);
        return file.GetBuffer().AsMemory(0, (int)file.Length);
    }

    /// <summary>
    /// The image of a file, 4 bytes per pixel, in Bgra8888 or Rgba8888, its colours multiplied by alpha. The caller disposes it.
    /// </summary>
    internal static SKBitmap Decode(string path, ImageLimits? limits = null)
    {
        limits ??= ImageLimits.Default;
        limits.Check(nameof(limits));
        if (!File.Exists(path))
            throw new ImageFaultException(ImageFault.Unreadable, $"There is no file '{path}'; expected an image.");
        try
        {
            // Pipes have no length either, and would be waited for.
            if (LengthOf(path) == 0)
                throw new ImageFaultException(ImageFault.NotAnImage, $"'{path}' is empty; expected {Formats}. Remove or replace it.");
            // Read, not mapped into memory as Skia would: a file that becomes shorter meanwhile would end the process.
            using var file = File.OpenRead(path);
            return Decode(new ReadOnlySequence<byte>(ReadAll(file, $"'{path}'", limits.MostBytes)), $"'{path}'", limits);
        }
        catch (Exception e) when (e is UnauthorizedAccessException or (IOException and not ImageFaultException))
        {
            throw new ImageFaultException(
                ImageFault.Unreadable, $"'{path}' cannot be read; expected an image file that this user may read. {e.Message}", e);
        }
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
    private static MLImage ToImage(SKBitmap bitmap, ImageReadOptions options)
    {
        if (Backgrounds.Checked(options.Background, nameof(options)) is { } background)
            Backgrounds.LayBehind(bitmap, background);
        return MLImage.CreateFromPixels(bitmap.Width, bitmap.Height, FormatOf(bitmap), bitmap.GetPixelSpan());
    }

    private static long LengthOf(string path) =>
        new FileInfo(File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path).Length;

    private static void Append(MemoryStream file, ReadOnlySpan<byte> bytes, string name, int most)
    {
        if (file.Length + bytes.Length > most)
            throw TooManyBytes(name, most);
        file.Write(bytes);
    }

    private static ImageFaultException TooManyBytes(string name, int most) => new(ImageFault.TooLarge, string.Create(
        CultureInfo.InvariantCulture, $"{name} has more than {most / (double)(1 << 20):0.##} MiB; make it smaller first."));

    /// <summary>The decoder of an image within the limits, before it has decoded anything.</summary>
    private static SKCodec Open(
        ReadOnlySequence<byte> file, WatchedFile watched, string name, ImageLimits limits, out ImageHeader header)
    {
        if (file.Length > limits.MostBytes)
            throw TooManyBytes(name, limits.MostBytes);
        var codec = SKCodec.Create(watched);
        try
        {
            if (codec is null)
                watched.ThrowIfTimeIsUp(name);
            if (codec is null || !s_formats.Contains(codec.EncodedFormat))
            {
                throw new ImageFaultException(
                    ImageFault.NotAnImage, $"{name} is no image that can be decoded; expected {Formats}. Remove or replace it.");
            }
            var scans = codec.EncodedFormat == SKEncodedImageFormat.Jpeg ? JpegScans.Count(file, limits.MostScans) : 1;
            header = new ImageHeader(codec.Info.Width, codec.Info.Height, scans);
            if (header.Width > limits.LargestSide || header.Height > limits.LargestSide ||
                (long)header.Width * header.Height > limits.MostPixels)
            {
                throw new ImageFaultException(ImageFault.TooLarge, string.Create(CultureInfo.InvariantCulture,
                    $"{name} is {header.Width} x {header.Height} pixels; expected at most {limits.LargestSide} a side and " +
                    $"{limits.MostPixels / 1e6:0.######} megapixels. Make it smaller first."));
            }
            if (scans > limits.MostScans)
            {
                throw new ImageFaultException(ImageFault.TooLarge,
                    $"{name} has more than {limits.MostScans} scans, each of which is decoded over the whole picture; encoders make " +
                    "about ten. Save it again.");
            }
            return codec;
        }
        catch
        {
            codec?.Dispose();
            throw;
        }
    }

    /// <summary>The image of a file, as <see cref="Decode(string, ImageLimits?)"/>; ends early where it is cancelled.</summary>
    internal static SKBitmap Decode(
        ReadOnlySequence<byte> file, string name, ImageLimits limits, CancellationToken cancellationToken = default)
    {
        var watched = new WatchedFile(file, limits.MostTime, cancellationToken);
        using var codec = Open(file, watched, name, limits, out _);
        var info = codec.Info.WithSize(Reduced(codec, limits.ReduceTo));
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
                watched.ThrowIfTimeIsUp(name);
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

    /// <summary>The size to decode at: full size, or the least number of eighths that leaves the short side that long.</summary>
    private static SKSizeI Reduced(SKCodec codec, int? shortSide)
    {
        const int parts = 8;
        for (var eighths = 1; eighths < parts && shortSide is not null; eighths++)
        {
            var size = codec.GetScaledDimensions(eighths / (float)parts);
            if (Math.Min(size.Width, size.Height) >= shortSide)
                return size;
        }
        return codec.Info.Size;
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
