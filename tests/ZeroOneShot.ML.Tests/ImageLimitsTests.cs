using System.Buffers;
using Microsoft.ML.Data;
using SkiaSharp;
using Xunit;

namespace ZeroOneShot.ML.Tests;

public sealed class ImageLimitsTests
{
    private const int Side = 256;

    // A GIF of one pixel on a screen of 8,000 x 8,000, and a grey JPEG of that size in 97 scans of a few bytes.
    private static readonly byte[] s_hugeScreen = File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "cases", "gif-screen8000.gif"));
    private static readonly byte[] s_manyScans = File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "cases", "jpg-prog1-96.jpg"));

    public static TheoryData<SKEncodedImageFormat> Formats =>
        [SKEncodedImageFormat.Png, SKEncodedImageFormat.Jpeg, SKEncodedImageFormat.Webp];

    [Fact]
    public void A_tiny_file_with_a_huge_screen_is_refused_by_a_limit_of_pixels()
    {
        var error = Refused(s_hugeScreen, new ImageLimits { MostPixels = 25_000_000 });
        Assert.Equal(ImageFault.TooLarge, error.Fault);
        Assert.Contains("8000 x 8000 pixels; expected at most 8192 a side and 25 megapixels", error.Message);
    }

    [Fact]
    public void A_JPEG_of_a_hundred_scans_is_refused_without_any_setting()
    {
        var error = Refused(s_manyScans, new ImageLimits());
        Assert.Equal(ImageFault.TooLarge, error.Fault);
        Assert.Contains("more than 32 scans", error.Message);
    }

    [Fact]
    public void The_header_says_how_often_a_JPEG_is_passed_over()
    {
        var limits = new ImageLimits { MostScans = 1000 };
        Assert.Equal(new ImageHeader(8000, 8000, 97), ImageFile.ReadHeader(new ReadOnlySequence<byte>(s_manyScans), limits: limits));
        Assert.Equal(97L * 8000 * 8000, new ImageHeader(8000, 8000, 97).Work);
        Assert.Equal(new ImageHeader(Side, Side, 1), ImageFile.ReadHeader(new ReadOnlySequence<byte>(Noise(SKEncodedImageFormat.Jpeg))));
        Assert.Equal(new ImageHeader(Side, Side, 1), ImageFile.ReadHeader(new ReadOnlySequence<byte>(Noise(SKEncodedImageFormat.Png))));
    }

    [Fact]
    public void A_picture_that_takes_too_long_to_decode_is_given_up()
    {
        var error = Refused(s_manyScans, new ImageLimits { MostScans = 1000, MostTime = TimeSpan.FromTicks(1) });
        Assert.Equal(ImageFault.TooSlow, error.Fault);
        Assert.Contains("took more than 1E-07 s to decode", error.Message);
    }

    [Fact]
    public void Decoding_can_be_cancelled()
    {
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();
        Assert.Throws<OperationCanceledException>(() => ImageFile.Decode(
            new ReadOnlySequence<byte>(Noise(SKEncodedImageFormat.Png)), "The image", new ImageLimits(), cancelled.Token));
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public void A_file_in_many_parts_and_under_a_time_limit_has_the_pixels_of_the_whole_file(SKEncodedImageFormat format)
    {
        var file = Noise(format);
        using var expected = ImageFile.Read(file);
        using var image = ImageFile.Read(
            Parts(file, 100), options: new() { Limits = new() { MostTime = TimeSpan.FromHours(1) } });
        Assert.Equal(expected.Pixels, image.Pixels);
    }

    [Theory]
    [InlineData(SKEncodedImageFormat.Jpeg, 64, 64)]
    [InlineData(SKEncodedImageFormat.Jpeg, 65, 96)]
    [InlineData(SKEncodedImageFormat.Webp, 64, 64)]
    [InlineData(SKEncodedImageFormat.Png, 64, Side)]                        // its decoder knows one size only
    [InlineData(SKEncodedImageFormat.Jpeg, 1000, Side)]                     // never enlarged
    public void Large_pictures_are_decoded_at_reduced_size_where_the_format_can(SKEncodedImageFormat format, int reduceTo, int expected)
    {
        using var image = ImageFile.Read(
            new ReadOnlySequence<byte>(Noise(format)), options: new() { Limits = new() { ReduceTo = reduceTo } });
        Assert.Equal((expected, expected), (image.Width, image.Height));
    }

    [Fact]
    public void A_reduced_picture_shows_the_same()
    {
        var file = Picture.Encoded(40, 24, SKEncodedImageFormat.Jpeg);
        using var whole = ImageFile.Read(file);
        using var half = ImageFile.Read(
            new ReadOnlySequence<byte>(file), options: new() { Limits = new() { ReduceTo = 12 } });
        Assert.Equal((20, 12), (half.Width, half.Height));
        // A slope of 5 levels a pixel: the mean of four pixels lies within 10 of each, but for the losses of JPEG.
        for (var y = 0; y < half.Height; y++)
        {
            for (var x = 0; x < half.Width; x++)
                Assert.InRange(Math.Abs(Blue(whole, 2 * x, 2 * y) - Blue(half, x, y)), 0, 20);
        }
    }

    [Fact]
    public void A_limit_that_nothing_can_keep_to_is_refused()
    {
        foreach (var limits in new ImageLimits[]
            { new() { LargestSide = 0 }, new() { MostPixels = 0 }, new() { MostBytes = 0 }, new() { MostScans = 0 },
              new() { ReduceTo = 0 }, new() { MostTime = TimeSpan.Zero }, new() { MostBytes = ImageFile.MostBytes + 1 } })
        {
            Assert.Throws<ArgumentOutOfRangeException>(
                () => ImageFile.ReadHeader(new ReadOnlySequence<byte>(s_hugeScreen), limits: limits));
        }
    }

    private static int Blue(MLImage image, int x, int y) =>
        image.Pixels[(y * image.Width + x) * 4 + (image.PixelFormat == MLPixelFormat.Bgra32 ? 0 : 2)];

    private static ImageFaultException Refused(byte[] file, ImageLimits limits)
    {
        var whole = new ReadOnlySequence<byte>(file);
        if (limits.MostTime is null)
            Assert.Throws<ImageFaultException>(() => ImageFile.ReadHeader(whole, limits: limits));
        return Assert.Throws<ImageFaultException>(() => ImageFile.Read(whole, options: new() { Limits = limits }));
    }

    private static byte[] Noise(SKEncodedImageFormat format)
    {
        using var bitmap = new SKBitmap(new SKImageInfo(Side, Side, SKColorType.Rgba8888, SKAlphaType.Opaque));
        var random = new Random(3);
        for (var y = 0; y < Side; y++)
        {
            for (var x = 0; x < Side; x++)
                bitmap.SetPixel(x, y, new SKColor((uint)random.Next() | 0xFF000000));
        }
        using var data = bitmap.Encode(format, 90);
        return data.ToArray();
    }

    private static ReadOnlySequence<byte> Parts(byte[] file, int length)
    {
        var first = new Part(file.AsMemory(0, length), 0);
        var last = first;
        for (var at = length; at < file.Length; at += length)
            last = last.Append(file.AsMemory(at, Math.Min(length, file.Length - at)));
        return new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length);
    }

    private sealed class Part : ReadOnlySequenceSegment<byte>
    {
        public Part(ReadOnlyMemory<byte> memory, long start) => (Memory, RunningIndex) = (memory, start);

        public Part Append(ReadOnlyMemory<byte> memory)
        {
            var next = new Part(memory, RunningIndex + Memory.Length);
            Next = next;
            return next;
        }
    }
}
