using System.Diagnostics;
using Microsoft.ML.Data;
using SkiaSharp;
using Xunit;

namespace ZeroOneShot.ML.Tests;

public sealed class ImageFileTests : IDisposable
{
    private const int Width = 40, Height = 24;

    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string> Kinds => [.. Files.Keys];

    private static Dictionary<string, byte[]> Files { get; } = new()
    {
        ["png"] = Picture.Encoded(Width, Height, SKEncodedImageFormat.Png),
        ["jpg"] = Picture.Encoded(Width, Height, SKEncodedImageFormat.Jpeg),
        ["webp"] = Picture.Encoded(Width, Height, SKEncodedImageFormat.Webp),
        ["bmp"] = Picture.Bmp(Width, Height),
        ["grey png"] = Picture.Encoded(Width, Height, SKEncodedImageFormat.Png, grey: true),
        ["transparent png"] = Picture.Encoded(Width, Height, SKEncodedImageFormat.Png, alpha: 128),
        ["png of 16 bits"] = Picture.Png16(Width, Height),
        ["palette png"] = Picture.PalettePng(Width, Height),
    };

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Paths_bytes_and_streams_give_the_pixels_that_ML_NET_gives(string kind)
    {
        var file = Files[kind];
        using var expected = MLImage.CreateFromStream(new MemoryStream(file));
        var asTheyAre = new ImageReadOptions { Background = null };
        using var ofPath = ImageFile.Read(_folder.Write("a", file), asTheyAre);
        using var ofBytes = ImageFile.Read(file, options: asTheyAre);
        using var ofStream = ImageFile.Read(new TrickleStream(file), options: asTheyAre);
        foreach (var image in new[] { ofPath, ofBytes, ofStream })
        {
            Assert.Equal((Width, Height, expected.PixelFormat), (image.Width, image.Height, image.PixelFormat));
            Assert.Equal(expected.Pixels, image.Pixels);
        }
    }

    [Theory]
    [InlineData("ga8.png", 40, 20, 40, 0x000000, 0xFFFFFF)]                    // grey with alpha, nothing transparent
    [InlineData("g16.png", 40, 20, 40, 0x000000, 0xFFFFFF)]                    // grey of 16 bits
    [InlineData("b16.bmp", 10, 6, 1, 0xFF0000, 0xFF0000)]                      // 16 bits a pixel
    [InlineData("pal.png", 40, 20, 4, 0xFF0000, 0xFFFFFF)]                     // a palette of red, green, blue and white
    [InlineData("paltrns.png", 40, 20, 3, 0xFFFFFF, 0xFFFFFF)]                 // the same, its red transparent
    [InlineData("mono1.png", 40, 20, 2, 0xFFFFFF, 0x000000)]                   // one bit a pixel
    [InlineData("cmyk_inv.jpg", 16, 16, 1, 0x37F5F5, 0x37F5F5)]                // CMYK, inverted as Adobe does
    [InlineData("anim.gif", 8, 8, 1, 0xC80A0A, 0xC80A0A)]                      // the first of two pictures
    [InlineData("trail.png", 40, 20, 40, 0x0000FF, 0xFF0000)]                  // 7 kB of rubbish behind the end
    public void Pictures_of_every_mode_are_read_whole_and_alike(string name, int width, int height, int colours, int first, int last)
    {
        var path = Path.Combine(AppContext.BaseDirectory, "cases", name);
        using var image = ImageFile.Read(path);
        using var ofBytes = ImageFile.Read(File.ReadAllBytes(path));
        using var ofStream = ImageFile.Read(new TrickleStream(File.ReadAllBytes(path)));
        Assert.Equal(image.Pixels, ofBytes.Pixels);
        Assert.Equal(image.Pixels, ofStream.Pixels);
        int[] seen = [.. Enumerable.Range(0, width * height).Select(i => Pixel(image, i % width, i / width))
            .Select(pixel => pixel.Item1 << 16 | pixel.Item2 << 8 | pixel.Item3)];
        Assert.Equal((width, height), (image.Width, image.Height));
        Assert.Equal((colours, first, last), (seen.Distinct().Count(), seen[0], seen[^1]));
    }

    [Fact]
    public void Rubbish_behind_the_end_of_a_picture_changes_nothing()
    {
        var file = File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "cases", "trail.png"));
        var end = file.AsSpan().IndexOf("IEND"u8) + 8;
        Assert.InRange(end, 1, file.Length - 1000);
        using var whole = ImageFile.Read(file);
        using var cut = ImageFile.Read(file.AsSpan(0, end));
        Assert.Equal(cut.Pixels, whole.Pixels);
    }

    [Fact]
    public void A_png_chunk_with_a_wrong_checksum_is_refused_and_not_half_read()
    {
        var path = Path.Combine(AppContext.BaseDirectory, "cases", "crcbad.png");
        foreach (var read in (Func<MLImage>[])[() => ImageFile.Read(path), () => ImageFile.Read(File.ReadAllBytes(path))])
        {
            Assert.Equal(ImageFault.Damaged, Assert.Throws<ImageFaultException>(read).Fault);
        }
    }

    [Theory]
    [InlineData("png")]
    [InlineData("bmp")]
    [InlineData("png of 16 bits")]
    public void Colours_come_out_as_they_went_in(string kind)
    {
        using var image = ImageFile.Read(Files[kind]);
        for (var y = 0; y < Height; y++)
        {
            for (var x = 0; x < Width; x++)
                Assert.Equal(Picture.At(x, y), Pixel(image, x, y));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(7)]
    [InlineData(8)]
    public void A_photograph_is_turned_upright(int orientation)
    {
        using var stored = ImageFile.Read(Picture.Encoded(Width, Height, SKEncodedImageFormat.Jpeg));
        using var upright = ImageFile.Read(Picture.Jpeg(Width, Height, orientation));
        Assert.Equal(orientation <= 4 ? (Width, Height) : (Height, Width), (upright.Width, upright.Height));
        for (var row = 0; row < Height; row++)
        {
            for (var column = 0; column < Width; column++)
            {
                // EXIF: the stored row 0 is the visual top, bottom, left or right, and the stored column 0 the visual side named second.
                var (x, y) = orientation switch
                {
                    1 => (column, row),                                 // top, left
                    2 => (Width - 1 - column, row),                     // top, right
                    3 => (Width - 1 - column, Height - 1 - row),        // bottom, right
                    4 => (column, Height - 1 - row),                    // bottom, left
                    5 => (row, column),                                 // left, top
                    6 => (Height - 1 - row, column),                    // right, top
                    7 => (Height - 1 - row, Width - 1 - column),        // right, bottom
                    _ => (row, Width - 1 - column),                     // left, bottom
                };
                Assert.Equal(Pixel(stored, column, row), Pixel(upright, x, y));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_file_cut_short_is_refused(string kind)
    {
        var file = Files[kind];
        var error = Assert.Throws<ImageFaultException>(() => ImageFile.Read(file.AsSpan(0, file.Length * 2 / 3), "'half'"));
        Assert.True(error.Fault is ImageFault.Truncated or ImageFault.Damaged or ImageFault.NotAnImage, error.Fault.ToString());
        Assert.StartsWith("'half'", error.Message);
        Assert.ThrowsAny<ImageFaultException>(() => ImageFile.Read(_folder.Write("half", file[..(file.Length / 2)])));
    }

    [Fact]
    public void Bytes_that_are_no_image_are_refused()
    {
        foreach (var bytes in (byte[][])[[], [0], "hello, world"u8.ToArray(), new byte[5000]])
            Assert.Equal(ImageFault.NotAnImage, Assert.Throws<ImageFaultException>(() => ImageFile.Read(bytes)).Fault);
    }

    [Fact]
    public void A_file_that_cannot_be_read_is_refused()
    {
        Assert.Equal(ImageFault.Unreadable, Assert.Throws<ImageFaultException>(() => ImageFile.Read(_folder.File("nowhere.png"))).Fault);
        Assert.Equal(ImageFault.Unreadable, Assert.Throws<ImageFaultException>(() => ImageFile.Read(_folder.FullName)).Fault);
    }

    [Theory]
    [InlineData(8193, 10, true)]
    [InlineData(10, 8193, true)]
    [InlineData(8001, 8000, true)]
    [InlineData(65_500, 65_500, true)]
    [InlineData(8192, 7812, false)]
    public void Sizes_are_judged_by_the_header(int width, int height, bool refused)
    {
        // Neither has the pixels that it announces.
        var error = Assert.Throws<ImageFaultException>(() => ImageFile.Read(Picture.Bomb(width, height)));
        Assert.Equal(refused, error.Fault == ImageFault.TooLarge);
        if (refused)
            Assert.Contains($"is {width} x {height} pixels; expected at most 8192 a side and 64 megapixels", error.Message);
    }

    [Fact]
    public void An_empty_file_a_pipe_and_a_format_that_is_not_promised_are_no_images()
    {
        byte[] wbmp = [0, 0, 5, 5, .. new byte[20]];
        Assert.Equal(ImageFault.NotAnImage, FaultOf(() => ImageFile.Read(wbmp)));
        Assert.Equal(ImageFault.NotAnImage, FaultOf(() => ImageFile.Read(_folder.Write("empty.png"))));
        if (!OperatingSystem.IsWindows())
        {
            Process.Start("mkfifo", _folder.File("pipe.png")).WaitForExit();
            Assert.Equal(ImageFault.NotAnImage, FaultOf(() => ImageFile.Read(_folder.File("pipe.png"))));
            File.CreateSymbolicLink(_folder.File("link.png"), _folder.Write("a.png", Files["png"]));
            ImageFile.Read(_folder.File("link.png")).Dispose();
        }

        static ImageFault FaultOf(Func<MLImage> read) => Assert.Throws<ImageFaultException>(read).Fault;
    }

    [Fact]
    public async Task A_file_that_becomes_shorter_while_it_is_read_is_refused_or_read_as_it_was()
    {
        var file = Picture.Bmp(1500, 1000);
        var path = _folder.Write("a.bmp", file);
        using var stop = new CancellationTokenSource();
        var writing = Task.Factory.StartNew(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                using var stream = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
                stream.SetLength(1000);
                Thread.Yield();
                stream.Write(file);
            }
        }, TaskCreationOptions.LongRunning);
        for (var i = 0; i < 50; i++)
        {
            try
            {
                ImageFile.Read(path).Dispose();
            }
            catch (ImageFaultException)
            {
            }
        }
        await stop.CancelAsync();
        await writing;
    }

    [Theory]
    [InlineData("grey png")]
    [InlineData("png")]
    public void Reading_leaves_no_memory_to_the_garbage_collector(string kind)
    {
        // 4 megapixels: what a hundred images left behind would show.
        var file = Picture.Encoded(2000, 2000, SKEncodedImageFormat.Png, grey: kind.StartsWith("grey"));
        ImageFile.Read(file).Dispose();
        var before = Environment.WorkingSet;
        for (var i = 0; i < 60; i++)
            ImageFile.Read(file).Dispose();
        Assert.InRange(Environment.WorkingSet - before, long.MinValue, 100 << 20);
    }

    [Fact]
    public void A_stream_without_end_is_refused()
    {
        var error = Assert.Throws<ImageFaultException>(() => ImageFile.Read(new EndlessStream()));
        Assert.Equal(ImageFault.TooLarge, error.Fault);
    }

    private static (byte, byte, byte) Pixel(MLImage image, int x, int y)
    {
        var pixel = image.Pixels.Slice(4 * (y * image.Width + x), 4);
        return image.PixelFormat == MLPixelFormat.Rgba32 ? (pixel[0], pixel[1], pixel[2]) : (pixel[2], pixel[1], pixel[0]);
    }

    /// <summary>Gives a few bytes at a time and cannot seek, as a network does.</summary>
    private sealed class TrickleStream(byte[] content) : MemoryStream(content)
    {
        public override bool CanSeek => false;

        public override int Read(byte[] buffer, int offset, int count) => base.Read(buffer, offset, Math.Min(count, 100));

        public override int Read(Span<byte> buffer) => base.Read(buffer[..Math.Min(buffer.Length, 100)]);
    }

    private sealed class EndlessStream : MemoryStream
    {
        public override int Read(Span<byte> buffer) => buffer.Length;

        public override int Read(byte[] buffer, int offset, int count) => count;
    }
}
