using SkiaSharp;

namespace ZeroOneShot.ML.Tests;

/// <summary>A folder of images that exists for one test, its classes in <c>images</c>.</summary>
internal sealed class PictureFolder : IDisposable
{
    public const int Side = 32;

    private readonly TemporaryFolder _folder = new();

    public string FullName => _folder.FullName;

    public void Dispose() => _folder.Dispose();

    public string File(string name) => _folder.File(name);

    public string Write(string name, params byte[] content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(File(name))!);
        return _folder.Write(name, content);
    }

    public void WriteImages(int width, int height)
    {
        for (var i = 0; i < 6; i++)
            WriteImage(File($"images/{(i % 2 == 0 ? "cats" : "dogs")}/{i}.png"), width, height, i);
    }

    public static void WriteImage(string path, int width, int height, int seed, SKEncodedImageFormat format = SKEncodedImageFormat.Png)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        var random = new Random(seed);
        using var bitmap = new SKBitmap(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Opaque));
        for (var y = 0; y < height; y++)
        {
            for (var x = 0; x < width; x++)
                bitmap.SetPixel(x, y, new SKColor((byte)random.Next(256), (byte)random.Next(256), (byte)random.Next(256)));
        }
        using var data = bitmap.Encode(format, 90);
        System.IO.File.WriteAllBytes(path, data.ToArray());
    }

    public void WriteAllKinds()
    {
        WriteImages(50, 40);
        foreach (var (name, content) in new (string, byte[])[]
        {
            ("cats/bmp.bmp", Picture.Bmp(33, 32)),
            ("cats/grey.png", Picture.Encoded(32, 32, SKEncodedImageFormat.Png, grey: true)),
            ("cats/palette.png", Picture.PalettePng(100, 20)),
            ("dogs/16.png", Picture.Png16(31, 64)),
            ("dogs/camera.jpg", Picture.Jpeg(80, 60, 6)),
            ("dogs/transparent.webp", Picture.Encoded(17, 23, SKEncodedImageFormat.Webp, alpha: 100)),
        })
        {
            System.IO.File.WriteAllBytes(File("images/" + name), content);
        }
    }

    /// <summary>Adds four files that are faulty, in the order of the listing.</summary>
    public List<(string Path, ImageFault Fault)> WriteFaulty()
    {
        List<(string Name, ImageFault Fault, byte[] Content)> faulty =
        [
            ("cats/a.png", ImageFault.NotAnImage, "hello"u8.ToArray()),
            ("cats/b.png", ImageFault.Truncated, Picture.Png16(40, 40)[..^200]),
            ("dogs/c.jpg", ImageFault.Truncated, Picture.Encoded(40, 40, SKEncodedImageFormat.Jpeg)[..^200]),
            ("dogs/d.png", ImageFault.TooLarge, Picture.Bomb(60_000, 60_000)),
        ];
        foreach (var (name, _, content) in faulty)
            System.IO.File.WriteAllBytes(File("images/" + name), content);
        return [.. faulty.Select(file => (Path: File("images/" + file.Name), file.Fault))];
    }
}
