using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;
using SkiaSharp;
using Xunit;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.ML.Tests;

public sealed class ImageTests : IDisposable
{
    private const int Side = 32;

    private readonly TemporaryFolder _folder = new();
    private readonly MLContext _ml = new(seed: 1);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Images_in_memory_of_the_right_size_keep_their_pixels_and_live_through_several_passes()
    {
        var rows = Enumerable.Range(0, 6).Select(i => new ImageRow { Image = InMemory(i) }).ToArray();
        var data = _ml.Data.LoadFromEnumerable(rows);
        using var pixels = _ml.Transforms.ImagePixels("Features", "Image", Side, Side).Fit(data);
        var view = pixels.Transform(data);
        Assert.Equal(["Features", "Image", "Label"], view.Schema.Select(column => column.Name).Order());
        Assert.Equal(new VectorDataViewType(NumberDataViewType.Single, 3, Side, Side), view.Schema["Features"].Type);
        for (var pass = 0; pass < 3; pass++)
        {
            var seen = view.GetColumn<float[]>("Features").ToArray();
            for (var i = 0; i < rows.Length; i++)
                Assert.Equal(Planes(i), seen[i]);
        }
        Assert.All(rows, row => Assert.Equal(Side, row.Image.Width));
    }

    [Fact]
    public void One_image_in_memory_can_be_classified_again_and_again_before_and_after_loading()
    {
        var rows = Enumerable.Range(0, 24).Select(i => new ImageRow { Image = InMemory(i), Label = (uint)i % 2 }).ToArray();
        var data = _ml.Data.LoadFromEnumerable(rows);
        var train = Toy.Train(PublishedGenotypes.DartsV1);
        train.Settings = train.Settings with { Epochs = 1 };
        var pipeline = _ml.Transforms.ImagePixels("Features", "Image", Side, Side).Append(_ml.MulticlassClassification.Trainers.CellNet(train));
        using var model = pipeline.Fit(data);
        _ml.Model.Save(model, data.Schema, _folder.File("model.zip"));
        var loaded = _ml.Model.Load(_folder.File("model.zip"), out _);
        float[]? expected = null;
        foreach (var either in new[] { model, loaded })
        {
            using var engine = _ml.Model.CreatePredictionEngine<ImageRow, Prediction>(either, new PredictionEngineOptions { OwnsTransformer = false });
            foreach (var row in new[] { rows[0], rows[1], rows[0], rows[0] })
            {
                var score = engine.Predict(row).Score;
                if (row == rows[0])
                    Assert.Equal(expected ??= score, score);
            }
        }
        (loaded as IDisposable)?.Dispose();
    }

    [Fact]
    public void Grey_is_the_same_in_the_pipeline_and_in_the_reader_and_exact_for_grey_images()
    {
        WriteImages(Side, Side);
        var read = ImageFolder.Read(_folder.File("images"), channels: 1);
        var data = Pipeline(Side, Side, 1);
        Assert.Equal(Enumerable.Range(0, read.Count).SelectMany(i => read.Pixels(i).ToArray().Select(pixel => (float)pixel)),
            data.GetColumn<float[]>("Features").SelectMany(pixels => pixels));

        var grey = _ml.Data.LoadFromEnumerable([new ImageRow { Image = MLImage.CreateFromPixels(Side, Side, MLPixelFormat.Rgba32,
            [.. Enumerable.Range(0, Side * Side).SelectMany(p => new[] { (byte)p, (byte)p, (byte)p, (byte)255 })]) }]);
        using var pixels = _ml.Transforms.ImagePixels("Features", "Image", Side, Side, channels: 1).Fit(grey);
        Assert.Equal(Enumerable.Range(0, Side * Side).Select(p => (float)(byte)p), pixels.Transform(grey).GetColumn<float[]>("Features").Single());
    }

    [Theory]
    [InlineData(32, 32)]
    [InlineData(50, 40)]
    [InlineData(20, 90)]
    public void A_folder_gives_the_same_pixels_through_the_pipeline_and_through_the_reader(int width, int height)
    {
        WriteImages(width, height);
        var read = ImageFolder.Read(_folder.File("images"), Side, Side);
        Assert.Equal(["cats", "dogs"], read.ClassNames);
        Assert.Equal([0, 0, 0, 1, 1, 1], Enumerable.Range(0, read.Count).Select(read.Label));
        Assert.Equal(Enumerable.Range(0, read.Count).SelectMany(i => read.Pixels(i).ToArray().Select(pixel => (float)pixel)),
            Pipeline(Side, Side, 3).GetColumn<float[]>("Features").SelectMany(pixels => pixels));
        if (width == Side)
        {
            var asTheyAre = ImageFolder.Read(_folder.File("images"));
            Assert.Equal(read.Pixels(5), asTheyAre.Pixels(5));
        }
    }

    [Fact]
    public void A_folder_is_listed_in_ordinal_order_with_class_names()
    {
        WriteImages(Side, Side);
        File.WriteAllText(_folder.File("images/cats/notes.txt"), "not an image");
        var data = _ml.Data.LoadImageFolder(_folder.File("images"));
        Assert.Equal(["0.png", "2.png", "4.png", "1.png", "3.png", "5.png"], data.GetColumn<string>("ImagePath").Select(path => Path.GetFileName(path)));
        Assert.Equal([1u, 1u, 1u, 2u, 2u, 2u], data.GetColumn<uint>("Label"));
        VBuffer<ReadOnlyMemory<char>> names = default;
        data.Schema["Label"].GetKeyValues(ref names);
        Assert.Equal(["cats", "dogs"], names.DenseValues().Select(name => name.ToString()));
    }

    [Fact]
    public void Images_of_mixed_size_are_refused_by_name_unless_a_size_is_given()
    {
        WriteImages(Side, Side);
        WriteImage(_folder.File("images/dogs/3.png"), 20, 24, 3);
        var error = Assert.Throws<InvalidDataException>(() => ImageFolder.Read(_folder.File("images")));
        Assert.Contains(Path.Combine("dogs", "3.png") + "' is 20 x 24 pixels", error.Message);
        Assert.Equal(6, ImageFolder.Read(_folder.File("images"), Side, Side).Count);
        Assert.Throws<ArgumentException>(() => ImageFolder.Read(_folder.File("images"), Side));
    }

    [Theory]
    [InlineData(SKEncodedImageFormat.Png)]
    [InlineData(SKEncodedImageFormat.Jpeg)]
    public void A_truncated_image_is_refused_by_name(SKEncodedImageFormat format)
    {
        WriteImages(Side, Side);
        var path = _folder.File($"images/dogs/9.{(format == SKEncodedImageFormat.Png ? "png" : "jpg")}");
        WriteImage(path, Side, Side, 9, format);
        File.WriteAllBytes(path, File.ReadAllBytes(path)[..^200]);
        Assert.Contains($"'{path}' is truncated", Assert.Throws<InvalidDataException>(() => _ml.Data.LoadImageFolder(_folder.File("images"))).Message);
        Assert.Contains($"'{path}' is truncated", Assert.Throws<InvalidDataException>(() => ImageFolder.Read(_folder.File("images"))).Message);
    }

    [Fact]
    public void A_file_that_is_no_image_is_refused_by_name()
    {
        WriteImages(Side, Side);
        var path = _folder.File("images/cats/1.jpg");
        File.WriteAllText(path, "hello");
        Assert.Contains($"'{path}' is no image", Assert.Throws<InvalidDataException>(() => _ml.Data.LoadImageFolder(_folder.File("images"))).Message);
        File.WriteAllBytes(path, []);
        Assert.Contains(path, Assert.Throws<InvalidDataException>(() => ImageFolder.Read(_folder.File("images"))).Message);
    }

    [Fact]
    public void An_image_bomb_is_refused_by_its_header()
    {
        Directory.CreateDirectory(_folder.File("images/cats"));
        var path = _folder.File("images/cats/bomb.png");
        WriteImage(path, Side, Side, 1);
        var png = File.ReadAllBytes(path);
        (png[16], png[17], png[20], png[21]) = (0, 1, 0, 1);   // 65,536 and some pixels a side; the checksum of the header is set right below
        var crc = BitConverter.GetBytes(Crc(png.AsSpan(12, 17)));
        Array.Reverse(crc);
        crc.CopyTo(png, 29);
        File.WriteAllBytes(path, png);
        Assert.Contains("expected at most 8192 a side", Assert.Throws<InvalidDataException>(() => ImageFolder.Read(_folder.File("images"))).Message);
    }

    [Fact]
    public void Folders_without_images_are_refused()
    {
        Assert.Throws<DirectoryNotFoundException>(() => ImageFolder.Read(_folder.File("nowhere")));
        Directory.CreateDirectory(_folder.File("images"));
        Assert.Contains("has no subfolders", Assert.Throws<InvalidDataException>(() => _ml.Data.LoadImageFolder(_folder.File("images"))).Message);
        Directory.CreateDirectory(_folder.File("images/cats"));
        Assert.Contains("cats' has no images", Assert.Throws<InvalidDataException>(() => ImageFolder.Read(_folder.File("images"))).Message);
    }

    [Fact]
    public void CIFAR_comes_as_pixels_and_a_key_with_class_names()
    {
        var record = new byte[3073];
        record[0] = 3;
        record[1] = 200;
        record[3072] = 7;
        File.WriteAllBytes(_folder.File("data_batch_1.bin"), [.. record, .. record]);
        var data = _ml.Data.LoadCifar10(_folder.FullName);
        Assert.Equal(new VectorDataViewType(NumberDataViewType.Single, 3, 32, 32), data.Schema["Features"].Type);
        Assert.Equal([4u, 4u], data.GetColumn<uint>("Label"));
        var pixels = data.GetColumn<float[]>("Features").First();
        Assert.Equal((200f, 7f), (pixels[0], pixels[^1]));
        VBuffer<ReadOnlyMemory<char>> names = default;
        data.Schema["Label"].GetKeyValues(ref names);
        Assert.Equal("cat", names.GetItemOrDefault(3).ToString());

        File.WriteAllBytes(_folder.File("data_batch_1.bin"), record[..3000]);
        Assert.Contains("3073", Assert.Throws<InvalidDataException>(() => _ml.Data.LoadCifar10(_folder.FullName)).Message);
        File.WriteAllBytes(_folder.File("train.bin"), new byte[3074]);
        Assert.Equal([1u], _ml.Data.LoadCifar100(_folder.FullName).GetColumn<uint>("Label"));
    }

    [Fact]
    public void A_column_that_holds_no_images_is_refused()
    {
        var data = Toy.Data(_ml);
        var error = Assert.Throws<ArgumentOutOfRangeException>(() => _ml.Transforms.ImagePixels("Pixels", "Features").Fit(data));
        Assert.Contains("Schema mismatch for image column 'Features': expected Image, got Vector<Single, 3, 16, 16>", error.Message);
        Assert.Throws<ArgumentOutOfRangeException>(() => _ml.Transforms.ImagePixels("Pixels", "Features").Append(Toy.Trainer(_ml)).Fit(data));
        Assert.Throws<ArgumentOutOfRangeException>(() => _ml.Transforms.ImagePixels("Pixels", "Image", 8, 8));
    }

    private IDataView Pipeline(int height, int width, int channels)
    {
        var data = _ml.Data.LoadImageFolder(_folder.File("images"));
        return _ml.Transforms.LoadImages("Image", null, "ImagePath").Append(_ml.Transforms.ImagePixels("Features", "Image", height, width, channels))
            .Fit(data).Transform(data);
    }

    private void WriteImages(int width, int height)
    {
        for (var i = 0; i < 6; i++)
            WriteImage(_folder.File($"images/{(i % 2 == 0 ? "cats" : "dogs")}/{i}.png"), width, height, i);
    }

    private static void WriteImage(string path, int width, int height, int seed, SKEncodedImageFormat format = SKEncodedImageFormat.Png)
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
        File.WriteAllBytes(path, data.ToArray());
    }

    private static byte[] Rgba(int seed)
    {
        var pixels = new byte[Side * Side * 4];
        new Random(seed).NextBytes(pixels);
        for (var p = 3; p < pixels.Length; p += 4)
            pixels[p] = 255;
        return pixels;
    }

    private static MLImage InMemory(int seed) => MLImage.CreateFromPixels(Side, Side, MLPixelFormat.Rgba32, Rgba(seed));

    private static float[] Planes(int seed)
    {
        var pixels = Rgba(seed);
        return [.. Enumerable.Range(0, 3).SelectMany(channel => Enumerable.Range(0, Side * Side).Select(p => (float)pixels[p * 4 + channel]))];
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

    private sealed class ImageRow
    {
        [ImageType(Side, Side)]
        public MLImage Image { get; set; } = null!;

        [KeyType(2)]
        public uint Label { get; set; }
    }

    private sealed class Prediction
    {
        public float[] Score { get; set; } = [];
    }
}
