using System.Drawing;
using Microsoft.ML;
using Microsoft.ML.Data;
using SkiaSharp;
using Xunit;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.ML.Tests;

public sealed class TransparencyTests : IDisposable
{
    private const int Side = PictureFolder.Side;

    private readonly PictureFolder _folder = new();
    private readonly MLContext _ml = new(seed: 1);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Black_and_white_on_transparency_are_seen_before_white_or_the_colour_chosen()
    {
        var (black, half) = (Case("alphablack.png"), Case("alphahalf.png"));
        Assert.Equal([(0, 0, 0), (255, 255, 255)], Colours(black).Order());
        Assert.Equal([(0, 0, 0), (10, 200, 30)], Colours(black, Color.FromArgb(10, 200, 30)).Order());
        Assert.Equal([(255, 255, 255)], Colours(half));
        Assert.Equal([(128, 128, 128)], Colours(half, Color.Black));
        // 128 of white and 127 / 255 of the background.
        Assert.Equal([(255, 128, 128)], Colours(half, Color.Red));
        Assert.Throws<ArgumentException>(() => Colours(half, Color.FromArgb(100, Color.Red)));
        Assert.Throws<ArgumentException>(() => _ml.Transforms.ImagePixels(background: Color.Transparent));
        Assert.Throws<ArgumentException>(() => ImageFolder.Read(Icons(2), out _, options: new() { Background = Color.Transparent }));
    }

    [Theory]
    [InlineData(Side, Side, 3)]
    [InlineData(Side, Side, 1)]
    [InlineData(50, 20, 3)]
    [InlineData(20, 70, 1)]
    public void Paths_bytes_images_and_the_reader_give_the_same_pixels_before_the_same_colour(int width, int height, int channels)
    {
        Glass(width, height);
        var colour = Color.FromArgb(200, 30, 100);
        var paths = _ml.Data.LoadImageFolder(_folder.File("images"));
        string[] files = [.. paths.GetColumn<string>("ImagePath")];
        var contents = _ml.Data.LoadFromEnumerable(files.Select(file => new FileRow { File = File.ReadAllBytes(file) }));
        var images = _ml.Data.LoadFromEnumerable(files.Select(file => new AnyImageRow { Image = MLImage.CreateFromFile(file) }).ToList());
        var expected = Features(paths, "ImagePath");
        Assert.Equal(expected, Features(paths, "Image"));
        Assert.Equal(expected, Features(contents, "File"));
        Assert.Equal(expected, Features(images, "Image"));
        var options = new ImageCheckOptions { Background = colour };
        var read = ImageFolder.Read(_folder.File("images"), out _, Side, Side, channels, options);
        Assert.Equal(expected, Enumerable.Range(0, read.Count).Select(Image));
        if ((width, height) == (Side, Side))
        {
            read = ImageFolder.Read(_folder.File("images"), out _, null, null, channels, options);
            Assert.Equal(expected, Enumerable.Range(0, read.Count).Select(Image));
        }
        // Before white they are others.
        Assert.NotEqual(expected, Features(paths, "ImagePath", Color.White));

        float[] Image(int i) => [.. read.Pixels(i).ToArray().Select(pixel => (float)pixel)];

        float[][] Features(IDataView data, string column, Color? other = null)
        {
            using var pixels = _ml.Transforms.ImagePixels("Features", column, Side, Side, channels, other ?? colour).Fit(data);
            return [.. pixels.Transform(data).GetColumn<float[]>("Features")];
        }
    }

    [Fact]
    public void Beside_a_picture_that_does_not_fill_the_size_lies_the_same_colour()
    {
        _folder.WriteImages(40, 20);
        var paths = _ml.Data.LoadImageFolder(_folder.File("images"));
        foreach (var (colour, expected) in new[] { ((Color?)null, (255f, 255f, 255f)), (Color.Orange, (255f, 165f, 0f)) })
        {
            var features = Pixels.Of(_ml, paths, "ImagePath", colour);
            Assert.All(features, image => Assert.Equal(expected, (image[0], image[Side * Side], image[2 * Side * Side])));
        }
    }

    [Theory]
    [InlineData("Image")]
    [InlineData("ImagePath")]
    [InlineData("File")]
    public void Black_icons_are_told_apart_by_the_model_its_zip_and_the_pool(string column)
    {
        var paths = _ml.Data.LoadImageFolder(Icons(64));
        string[] files = [.. paths.GetColumn<string>("ImagePath")];
        uint[] labels = [.. paths.GetColumn<uint>("Label")];
        // LoadFromEnumerable counts keys from 0.
        var data = column == "File"
            ? _ml.Data.LoadFromEnumerable(
                files.Zip(labels, (file, label) => new FileRow { File = File.ReadAllBytes(file), Label = label - 1 }))
            : paths;
        var train = Toy.Train(PublishedGenotypes.DartsV1);
        train.Settings = train.Settings with { Epochs = 12 };
        var colour = Color.FromArgb(90, 160, 220);
        using var model = _ml.Transforms.ImagePixels("Features", column, 16, 16, background: colour)
            .Append(_ml.MulticlassClassification.Trainers.CellNet(train)).Fit(data);
        var scored = model.Transform(data);
        Assert.All(scored.GetColumn<float[]>("Features"), pixels => Assert.InRange(pixels.Distinct().Count(), 2, int.MaxValue));
        Assert.InRange(_ml.MulticlassClassification.Evaluate(scored).MicroAccuracy, 0.9, 1);
        var expected = scored.GetColumn<float[]>("Score").ToArray();

        _ml.Model.Save(model, data.Schema, _folder.File("model.zip"));
        var loaded = new MLContext().Model.Load(_folder.File("model.zip"), out _);
        var images = _ml.Data.LoadFromEnumerable(files.Select(file => new AnyImageRow { Image = MLImage.CreateFromFile(file) }).ToList());
        var given = column == "ImagePath" ? paths : _ml.Transforms.CopyColumns("File", "Image").Fit(images).Transform(images);
        Assert.Equal(expected, loaded.Transform(given).GetColumn<float[]>("Score"));
        (loaded as IDisposable)?.Dispose();

        using var pool = ImageClassifierPool.Load(_folder.File("model.zip"));
        Assert.Equal(expected, files.Select(file => InOrder(pool.Classify(file))));
        Assert.Equal(expected, files.Select(file => InOrder(pool.Classify(File.ReadAllBytes(file)))));
        Assert.Equal(expected, files.Select(file => InOrder(pool.Classify(new MemoryStream(File.ReadAllBytes(file))))));
        Assert.Equal(expected, images.GetColumn<MLImage>("Image").Select(image => InOrder(pool.Classify(image))));
        // A colour of one's own lies there before the model's.
        using var other = ImageClassifierPool.Load(_folder.File("model.zip"), new() { Background = Color.Black });
        Assert.All(files, file => Assert.Equal(other.Classify(files[0]), other.Classify(file)));
    }

    [Fact]
    public void A_model_that_ignores_transparency_gets_its_pictures_before_white_from_the_pool()
    {
        var paths = _ml.Data.LoadImageFolder(Icons(16));
        var train = Toy.Train(PublishedGenotypes.DartsV1);
        train.Settings = train.Settings with { Epochs = 1 };
        using var model = _ml.Transforms.ResizeImages("Small", 16, 16, "Image")
            .Append(_ml.Transforms.ExtractPixels("Features", "Small"))
            .Append(_ml.MulticlassClassification.Trainers.CellNet(train)).Fit(paths);
        using var pool = new ImageClassifierPool(model);
        using var black = new ImageClassifierPool(model, options: new() { Background = Color.Black });
        var file = paths.GetColumn<string>("ImagePath").First();
        using var before = ImageFile.Read(file);
        Assert.Equal(pool.Classify(before), pool.Classify(file));
        Assert.NotEqual(black.Classify(file), pool.Classify(file));
    }

    [Fact]
    public void Images_in_memory_whose_fourth_byte_means_nothing_are_refused_and_not_made_background()
    {
        byte[] pixels = [.. Enumerable.Repeat<byte[]>([200, 100, 50, 0], 20 * 20).SelectMany(pixel => pixel)];
        var image = MLImage.CreateFromPixels(20, 20, MLPixelFormat.Rgba32, pixels);
        var data = _ml.Data.LoadFromEnumerable(new[] { new AnyImageRow { Image = image } });
        var error = Assert.ThrowsAny<Exception>(() => Pixels.Of(_ml, data, "Image"));
        Assert.Contains(
            "The image in row 0 (counted from 0) of column 'Image' has a pixel of alpha 0 whose colour is brighter", error.ToString());
        using var model = new TrainedOnImages(_ml);
        using var pool = new ImageClassifierPool(model.Model);
        Assert.Contains("set the fourth byte of each pixel to 255", Assert.Throws<ImageFaultException>(() => pool.Classify(image)).Message);
    }

    private static byte[] Case(string name) => File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "cases", name));

    /// <summary>The colours of a file, which its path and a stream give too.</summary>
    private HashSet<(int Red, int Green, int Blue)> Colours(byte[] file, Color? background = null)
    {
        var options = background is null ? null : new ImageReadOptions { Background = background };
        using var image = ImageFile.Read(file, options: options);
        using var ofPath = ImageFile.Read(_folder.Write("file", file), options);
        using var ofStream = ImageFile.Read(new MemoryStream(file), options: options);
        Assert.Equal(image.Pixels, ofPath.Pixels);
        Assert.Equal(image.Pixels, ofStream.Pixels);
        var bgr = image.GetBGRPixels;
        return [.. Enumerable.Range(0, bgr.Length / 3).Select(i => ((int)bgr[3 * i + 2], (int)bgr[3 * i + 1], (int)bgr[3 * i]))];
    }

    private static float[] InOrder(IReadOnlyList<ClassScore> scores) =>
        [.. scores.OrderBy(score => score.Label, StringComparer.Ordinal).Select(score => score.Score)];

    /// <summary>Black bars on transparency, across or down, at chance places.</summary>
    private string Icons(int count)
    {
        var random = new Random(3);
        for (var i = 0; i < count; i++)
        {
            var (across, at) = (i % 2 == 0, random.Next(12));
            Draw(_folder.File($"images/{(across ? "across" : "down")}/{i:00}.png"), 16, 16,
                (x, y) => (across ? y : x) - at is >= 0 and < 4 ? SKColors.Black : SKColors.Transparent);
        }
        return _folder.File("images");
    }

    /// <summary>Pictures of all colours and all degrees of transparency.</summary>
    private void Glass(int width, int height)
    {
        var random = new Random(5);
        for (var i = 0; i < 4; i++)
        {
            Draw(_folder.File($"images/{(i % 2 == 0 ? "cats" : "dogs")}/{i}.png"), width, height, (_, _) => new SKColor(
                (byte)random.Next(256), (byte)random.Next(256), (byte)random.Next(256), (byte)random.Next(256)));
        }
    }

    private static void Draw(string path, int width, int height, Func<int, int, SKColor> colour)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using var bitmap = new SKBitmap(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Unpremul));
        for (var y = 0; y < height; y++)
        {
            for (var x = 0; x < width; x++)
                bitmap.SetPixel(x, y, colour(x, y));
        }
        using var data = bitmap.Encode(SKEncodedImageFormat.Png, 100);
        File.WriteAllBytes(path, data.ToArray());
    }
}
