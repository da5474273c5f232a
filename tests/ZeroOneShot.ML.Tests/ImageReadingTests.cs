using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;
using SkiaSharp;
using Xunit;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.ML.Tests;

/// <summary>The same picture gives the same pixels, whichever way it comes.</summary>
public sealed class ImageReadingTests : IDisposable
{
    private const int Side = PictureFolder.Side;

    private readonly PictureFolder _folder = new();
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
        var pipeline = _ml.Transforms.ImagePixels("Features", "Image", Side, Side)
            .Append(_ml.MulticlassClassification.Trainers.CellNet(train));
        using var model = pipeline.Fit(data);
        _ml.Model.Save(model, data.Schema, _folder.File("model.zip"));
        var loaded = _ml.Model.Load(_folder.File("model.zip"), out _);
        float[]? expected = null;
        foreach (var either in new[] { model, loaded })
        {
            using var engine = _ml.Model.CreatePredictionEngine<ImageRow, Prediction>(
                either, new PredictionEngineOptions { OwnsTransformer = false });
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
        _folder.WriteImages(Side, Side);
        var read = ImageFolder.Read(_folder.File("images"), out _, channels: 1);
        var data = Pipeline(Side, Side, 1);
        Assert.Equal(Enumerable.Range(0, read.Count).SelectMany(i => read.Pixels(i).ToArray().Select(pixel => (float)pixel)),
            data.GetColumn<float[]>("Features").SelectMany(pixels => pixels));

        var grey = _ml.Data.LoadFromEnumerable([new ImageRow { Image = MLImage.CreateFromPixels(Side, Side, MLPixelFormat.Rgba32,
            [.. Enumerable.Range(0, Side * Side).SelectMany(p => new[] { (byte)p, (byte)p, (byte)p, (byte)255 })]) }]);
        using var pixels = _ml.Transforms.ImagePixels("Features", "Image", Side, Side, channels: 1).Fit(grey);
        Assert.Equal(
            Enumerable.Range(0, Side * Side).Select(p => (float)(byte)p),
            pixels.Transform(grey).GetColumn<float[]>("Features").Single());
    }

    [Theory]
    [InlineData(32, 32)]
    [InlineData(50, 40)]
    [InlineData(20, 90)]
    public void A_folder_gives_the_same_pixels_through_the_pipeline_and_through_the_reader(int width, int height)
    {
        _folder.WriteImages(width, height);
        var read = ImageFolder.Read(_folder.File("images"), out _, Side, Side);
        Assert.Equal(["cats", "dogs"], read.ClassNames);
        Assert.Equal([0, 0, 0, 1, 1, 1], Enumerable.Range(0, read.Count).Select(read.Label));
        Assert.Equal(Enumerable.Range(0, read.Count).SelectMany(i => read.Pixels(i).ToArray().Select(pixel => (float)pixel)),
            Pipeline(Side, Side, 3).GetColumn<float[]>("Features").SelectMany(pixels => pixels));
        if (width == Side)
        {
            var asTheyAre = ImageFolder.Read(_folder.File("images"), out _);
            Assert.Equal(read.Pixels(5), asTheyAre.Pixels(5));
        }
    }

    [Fact]
    public void Images_of_mixed_size_are_refused_by_name_unless_a_size_is_given()
    {
        _folder.WriteImages(Side, Side);
        PictureFolder.WriteImage(_folder.File("images/dogs/3.png"), 20, 24, 3);
        var error = Assert.Throws<InvalidDataException>(() => ImageFolder.Read(_folder.File("images"), out _));
        Assert.Contains(Path.Combine("dogs", "3.png") + "' is 20 x 24 pixels", error.Message);
        Assert.Equal(6, ImageFolder.Read(_folder.File("images"), out _, Side, Side).Count);
        Assert.Throws<ArgumentException>(() => ImageFolder.Read(_folder.File("images"), out _, Side));
    }

    [Fact]
    public void Images_of_every_kind_and_size_in_one_folder_give_the_same_pixels_through_paths_bytes_images_and_the_reader()
    {
        _folder.WriteAllKinds();
        var read = ImageFolder.Read(_folder.File("images"), out _, Side, Side);
        float[][] expected = [.. Enumerable.Range(0, read.Count)
            .Select(i => read.Pixels(i).ToArray().Select(pixel => (float)pixel).ToArray())];
        Assert.Equal(12, expected.Length);
        var paths = _ml.Data.LoadImageFolder(_folder.File("images"));
        Assert.Equal(expected, Pixels.Of(_ml, paths, "ImagePath"));
        string[] files = [.. paths.GetColumn<string>("ImagePath")];
        var contents = _ml.Data.LoadFromEnumerable(files.Select(file => new FileRow { File = File.ReadAllBytes(file) }));
        Assert.Equal(expected, Pixels.Of(_ml, contents, "File"));
        var images = _ml.Data.LoadFromEnumerable(files.Select(file => new AnyImageRow
        {
            Image = ImageFile.Read(file, new ImageReadOptions { Background = null }),
        }).ToList());
        Assert.Equal(expected, Pixels.Of(_ml, images, "Image"));
        Assert.Equal(expected, Pixels.Of(_ml, paths, "Image"));
    }

    [Fact]
    public void A_photograph_held_upright_looks_the_same_as_one_turned_by_its_EXIF_note()
    {
        Directory.CreateDirectory(_folder.File("images/cats"));
        foreach (var orientation in (int[])[1, 6])
            File.WriteAllBytes(_folder.File($"images/cats/{orientation}.jpg"), Picture.Jpeg(20, 50, orientation));
        var features = Pixels.Of(_ml, _ml.Data.LoadImageFolder(_folder.File("images")), "ImagePath");
        // 20 x 50 is scaled to 13 x 32, in the middle of 32 columns; turned, to 32 x 13, in the middle of the rows.
        Assert.True(features[0].AsSpan(0, 8).IndexOfAnyExcept(255) < 0);
        Assert.True(features[1].AsSpan(0, 8 * Side).IndexOfAnyExcept(255) < 0);
        Assert.NotEqual(255, features[1][16 * Side]);
    }

    [Theory]
    [InlineData(Side, Side)]
    [InlineData(Side + 1, Side)]
    [InlineData(Side, Side + 1)]
    [InlineData(7, 300)]
    public void Images_in_memory_of_any_size_live_through_several_passes(int width, int height)
    {
        var rows = Enumerable.Range(0, 4).Select(i => new AnyImageRow
        {
            Image = MLImage.CreateFromPixels(
                width, height, MLPixelFormat.Bgra32, [.. Enumerable.Repeat((byte)(50 * i), 4 * width * height)]),
        }).ToList();
        var data = _ml.Data.LoadFromEnumerable(rows);
        var first = Pixels.Of(_ml, data, "Image");
        Assert.Equal(first, Pixels.Of(_ml, data, "Image"));
        Assert.All(rows, row => Assert.Equal((width, height), (row.Image!.Width, row.Image.Height)));
    }

    [Theory]
    [InlineData("ImagePath")]
    [InlineData("File")]
    [InlineData("Image")]
    public void A_saved_pipeline_loads_as_stock_components_with_the_same_scores(string column)
    {
        _folder.WriteImages(50, 40);
        var paths = _ml.Data.LoadImageFolder(_folder.File("images"));
        string[] files = [.. paths.GetColumn<string>("ImagePath")];
        var images = files.Select((file, i) => new AnyImageRow { Image = ImageFile.Read(file), Label = (uint)i / 3 }).ToList();
        var data = column switch
        {
            "ImagePath" => paths,
            "File" => _ml.Data.LoadFromEnumerable(
                files.Select((file, i) => new FileRow { File = File.ReadAllBytes(file), Label = (uint)i / 3 })),
            _ => _ml.Data.LoadFromEnumerable(images),
        };
        var train = Toy.Train(PublishedGenotypes.DartsV1);
        train.Settings = train.Settings with { Epochs = 1, BatchSize = 4 };
        using var model = _ml.Transforms.ImagePixels("Features", column, Side, Side)
            .Append(_ml.MulticlassClassification.Trainers.CellNet(train)).Fit(data);
        _ml.Model.Save(model, data.Schema, _folder.File("model.zip"));
        var loaded = new MLContext().Model.Load(_folder.File("model.zip"), out _);
        Assert.DoesNotContain(Steps(loaded), step => step.GetType().Assembly == typeof(ImagePixelsEstimator).Assembly);
        // ML.NET cannot decode bytes: the loaded model takes an image where they were.
        var given = column == "File" ? _ml.Transforms.CopyColumns("File", "Image").Fit(_ml.Data.LoadFromEnumerable(images))
            .Transform(_ml.Data.LoadFromEnumerable(images)) : data;
        var expected = model.Transform(data).GetColumn<float[]>("Score").ToArray();
        Assert.Equal(expected, loaded.Transform(given).GetColumn<float[]>("Score"));
        using (var pool = ImageClassifierPool.Load(_folder.File("model.zip")))
            Assert.Equal(expected.Select(scores => scores.Max()), files.Select(file => pool.Classify(file)[0].Score));
        (loaded as IDisposable)?.Dispose();

        static IEnumerable<ITransformer> Steps(ITransformer model) =>
            model is IEnumerable<ITransformer> chain ? chain.SelectMany(Steps) : [model];
    }

    [Fact]
    public void A_damaged_file_stops_the_pipeline_by_name()
    {
        _folder.WriteImages(Side, Side);
        var path = _folder.File("images/cats/0.png");
        File.WriteAllBytes(path, File.ReadAllBytes(path)[..^200]);
        var data = _ml.Data.LoadImageFolder(_folder.File("images"), check: false);
        var error = Assert.ThrowsAny<Exception>(() => Pixels.Of(_ml, data, "ImagePath"));
        Assert.Contains($"'{path}' is truncated", error.ToString());
    }

    [Fact]
    public void A_bad_image_among_bytes_is_named_by_its_row_and_column_when_fitting()
    {
        var good = Picture.Encoded(20, 20, SKEncodedImageFormat.Png);
        foreach (var (bad, reason) in new[] { (good[..^30], "is truncated"), ("hello"u8.ToArray(), "is no image") })
        {
            var data = _ml.Data.LoadFromEnumerable(Enumerable.Range(0, 12).Select(
                i => new FileRow { File = i == 7 ? bad : good, Label = (uint)i % 2 }));
            var pipeline = _ml.Transforms.ImagePixels("Features", "File", 16, 16)
                .Append(_ml.MulticlassClassification.Trainers.CellNet(Toy.Train(PublishedGenotypes.DartsV1)));
            var error = Assert.Throws<ImageFaultException>(() => pipeline.Fit(data));
            Assert.StartsWith($"The image in row 7 (counted from 0) of column 'File' {reason}", error.Message);
        }
    }

    [Fact]
    public void A_row_without_an_image_is_named_and_not_taken_for_background()
    {
        var data = _ml.Data.LoadFromEnumerable(Enumerable.Range(0, 4).Select(i => new AnyImageRow { Image = i == 2 ? null : InMemory(i) }));
        var error = Assert.ThrowsAny<Exception>(() => Pixels.Of(_ml, data, "Image"));
        Assert.Contains("Row 2 (counted from 0) has no image in column 'Image'", error.ToString());
    }

    [Fact]
    public void Images_of_a_folder_can_be_kept_divided_and_cross_validated()
    {
        _folder.WriteImages(20, 24);
        var data = _ml.Data.LoadImageFolder(_folder.File("images"));
        Assert.Equal(["Image", "ImagePath", "Label"], data.Schema.Select(column => column.Name).Order());
        // Each belongs to who asked for it, as those of ML.NET's own LoadImages do.
        var kept = new List<MLImage?>();
        using (var cursor = data.GetRowCursor([data.Schema["Image"]]))
        {
            var getter = cursor.GetGetter<MLImage?>(data.Schema["Image"]);
            while (cursor.MoveNext())
            {
                MLImage? image = null;
                getter(ref image);
                kept.Add(image);
            }
        }
        Assert.Equal(6, kept.Count);
        Assert.All(kept, image => Assert.Equal((20, 24), (image!.Width, image.Height)));
        var parts = _ml.Data.TrainTestSplit(data, 0.5, seed: 3);
        Assert.Equal(6, Pixels.Of(_ml, parts.TrainSet, "Image").Length + Pixels.Of(_ml, parts.TestSet, "Image").Length);
        var train = Toy.Train(PublishedGenotypes.DartsV1);
        train.Settings = train.Settings with { Epochs = 1, BatchSize = 2 };
        var pipeline = _ml.Transforms.ImagePixels("Features", "Image", 16, 16).AppendCacheCheckpoint(_ml)
            .Append(_ml.MulticlassClassification.Trainers.CellNet(train));
        Assert.Equal(2, _ml.MulticlassClassification.CrossValidate(data, pipeline, numberOfFolds: 2, seed: 4).Count);
        // ML.NET leaves images out of what it keeps or shuffles, and says nothing of it.
        foreach (var without in new[] { _ml.Data.Cache(data), _ml.Data.ShuffleRows(data) })
        {
            var error = Assert.Throws<ArgumentOutOfRangeException>(() => pipeline.Fit(without));
            Assert.Contains("Could not find image column 'Image'", error.Message);
            Assert.Contains("do these after ImagePixels, or give it the paths", error.Message);
            Assert.Equal(6, Pixels.Of(_ml, without, "ImagePath").Length);
        }
    }

    [Fact]
    public void A_row_without_a_path_stops_the_pipeline_by_the_name_of_its_column()
    {
        _folder.WriteImages(Side, Side);
        var data = _ml.Data.LoadFromEnumerable(new[] { new OnePath { ImagePath = "" } });
        var error = Assert.ThrowsAny<Exception>(() => Pixels.Of(_ml, data, "ImagePath"));
        Assert.Contains("Row 0 (counted from 0) has an empty path in column 'ImagePath'", error.ToString());
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
        Assert.Contains("Schema mismatch for image column 'Features': expected Image, Text or Vector<Byte> of unknown size, " +
            "got Vector<Single, 3, 16, 16>", error.Message);
        Assert.Throws<ArgumentOutOfRangeException>(
            () => _ml.Transforms.ImagePixels("Pixels", "Features").Append(Toy.Trainer(_ml)).Fit(data));
        Assert.Throws<ArgumentOutOfRangeException>(() => _ml.Transforms.ImagePixels("Pixels", "Image", 8, 8));
    }

    private IDataView Pipeline(int height, int width, int channels)
    {
        var data = _ml.Data.LoadImageFolder(_folder.File("images"));
        return _ml.Transforms.LoadImages("Image", null, "ImagePath")
            .Append(_ml.Transforms.ImagePixels("Features", "Image", height, width, channels))
            .Fit(data).Transform(data);
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
        return [.. Enumerable.Range(0, 3)
            .SelectMany(channel => Enumerable.Range(0, Side * Side).Select(p => (float)pixels[p * 4 + channel]))];
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
