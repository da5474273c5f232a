using System.Buffers.Binary;
using System.IO.Compression;
using System.Text;
using SkiaSharp;

namespace ZeroOneShot.ML.Tests;

/// <summary>Small image files of every kind, made here.</summary>
internal static class Picture
{
    /// <summary>The colour of a pixel of the picture that the files show: it has no symmetry, and its channels differ.</summary>
    public static (byte Red, byte Green, byte Blue) At(int x, int y) => ((byte)(x * 5), (byte)(y * 7), (byte)(255 - x * 3 - y));

    /// <summary>The picture, or its grey, as Skia encodes it.</summary>
    public static byte[] Encoded(int width, int height, SKEncodedImageFormat format, bool grey = false, byte alpha = 255)
    {
        using var bitmap = Bitmap(width, height, alpha);
        using var greyed = grey ? bitmap.Copy(SKColorType.Gray8) : null;
        using var data = (greyed ?? bitmap).Encode(format, 100);
        return data.ToArray();
    }

    /// <summary>A JPEG whose pixels lie as a camera in this orientation (1 to 8, EXIF tag 274) stores them.</summary>
    public static byte[] Jpeg(int width, int height, int orientation)
    {
        var jpeg = Encoded(width, height, SKEncodedImageFormat.Jpeg);
        byte[] exif =
        [
            .. Encoding.ASCII.GetBytes("Exif\0\0MM"), 0, 42, 0, 0, 0, 8,       // big-endian TIFF, first directory at 8
            0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, (byte)orientation, 0, 0,    // one entry: 274, SHORT, 1 value
            0, 0, 0, 0,
        ];
        return [.. jpeg[..2], 0xFF, 0xE1, 0, (byte)(exif.Length + 2), .. exif, .. jpeg[2..]];
    }

    /// <summary>A PNG of 16 bits per channel; the lower bytes are noise.</summary>
    public static byte[] Png16(int width, int height) => Png(width, height, depth: 16, colorType: 2, 6, (x, y, pixel) =>
    {
        var (r, g, b) = At(x, y);
        ReadOnlySpan<byte> values = [r, r, g, g, b, b];
        values.CopyTo(pixel);
    });

    /// <summary>A PNG of 256 colours in a palette.</summary>
    public static byte[] PalettePng(int width, int height) =>
        Png(width, height, depth: 8, colorType: 3, 1, (x, y, pixel) => pixel[0] = (byte)((x + y * width) % 256),
            [.. Enumerable.Range(0, 256).SelectMany(i => new[] { (byte)i, (byte)(255 - i), (byte)(i / 2) })]);

    /// <summary>A BMP of 24 bits per pixel, which begins with the last row.</summary>
    public static byte[] Bmp(int width, int height)
    {
        var stride = (width * 3 + 3) / 4 * 4;
        var file = new byte[54 + stride * height];
        (file[0], file[1]) = ((byte)'B', (byte)'M');
        (int At, int Value)[] header =
            [(2, file.Length), (10, 54), (14, 40), (18, width), (22, height), (26, 1 | 24 << 16), (34, stride * height)];
        foreach (var (at, value) in header)
            BinaryPrimitives.WriteInt32LittleEndian(file.AsSpan(at), value);
        for (var y = 0; y < height; y++)
        {
            for (var x = 0; x < width; x++)
            {
                var (r, g, b) = At(x, y);
                var at = 54 + (height - 1 - y) * stride + 3 * x;
                (file[at], file[at + 1], file[at + 2]) = (b, g, r);
            }
        }
        return file;
    }

    /// <summary>A PNG that says it has this size, and of which no pixel follows.</summary>
    public static byte[] Bomb(int width, int height) => Png(width, height, 8, 2, 3, null);

    private static byte[] Png(
        int width, int height, byte depth, byte colorType, int bytesPerPixel, PaintPixel? paint, byte[]? palette = null)
    {
        var header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        (header[8], header[9]) = (depth, colorType);
        using var pixels = new MemoryStream();
        using (var compressed = new ZLibStream(pixels, CompressionLevel.Fastest, leaveOpen: true))
        {
            var row = new byte[1 + (paint is null ? 0 : width * bytesPerPixel)];
            for (var y = 0; y < (paint is null ? 1 : height); y++)
            {
                for (var x = 0; paint is not null && x < width; x++)
                    paint(x, y, row.AsSpan(1 + x * bytesPerPixel, bytesPerPixel));
                compressed.Write(row);
            }
        }
        return
        [
            0x89, .. "PNG\r\n"u8, 0x1A, (byte)'\n', .. Chunk("IHDR", header), .. palette is null ? [] : Chunk("PLTE", palette),
            .. Chunk("IDAT", pixels.ToArray()), .. Chunk("IEND", []),
        ];
    }

    private delegate void PaintPixel(int x, int y, Span<byte> pixel);

    private static byte[] Chunk(string name, byte[] content)
    {
        byte[] named = [.. Encoding.ASCII.GetBytes(name), .. content];
        var (length, check) = (new byte[4], new byte[4]);
        BinaryPrimitives.WriteInt32BigEndian(length, content.Length);
        BinaryPrimitives.WriteUInt32BigEndian(check, Crc(named));
        return [.. length, .. named, .. check];
    }

    private static SKBitmap Bitmap(int width, int height, byte alpha)
    {
        var alphaType = alpha == 255 ? SKAlphaType.Opaque : SKAlphaType.Unpremul;
        var bitmap = new SKBitmap(new SKImageInfo(width, height, SKColorType.Rgba8888, alphaType));
        for (var y = 0; y < height; y++)
        {
            for (var x = 0; x < width; x++)
            {
                var (r, g, b) = At(x, y);
                bitmap.SetPixel(x, y, new SKColor(r, g, b, alpha));
            }
        }
        return bitmap;
    }

    private static uint Crc(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var value in bytes)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++)
                crc = (crc & 1) != 0 ? 0xEDB88320 ^ (crc >> 1) : crc >> 1;
        }
        return ~crc;
    }
}
