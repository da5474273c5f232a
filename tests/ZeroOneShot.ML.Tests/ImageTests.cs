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
        WriteImages(Side, Side);
        var read = ImageFolder.Read(_folder.File("images"), channels: 1);
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
        Assert.Equal(
            ["0.png", "2.png", "4.png", "1.png", "3.png", "5.png"],
            data.GetColumn<string>("ImagePath").Select(path => Path.GetFileName(path)));
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
        var (folder, sentence) = (_folder.File("images"), $"'{path}' is truncated");
        Assert.Contains(sentence, Assert.Throws<ImageFaultException>(() => _ml.Data.LoadImageFolder(folder)).Message);
        Assert.Contains(sentence, Assert.Throws<ImageFaultException>(() => ImageFolder.Read(folder)).Message);
    }

    [Fact]
    public void A_file_that_is_no_image_is_refused_by_name()
    {
        WriteImages(Side, Side);
        var path = _folder.File("images/cats/1.jpg");
        File.WriteAllText(path, "hello");
        var error = Assert.Throws<ImageFaultException>(() => _ml.Data.LoadImageFolder(_folder.File("images")));
        Assert.Contains($"'{path}' is no image", error.Message);
        File.WriteAllBytes(path, []);
        Assert.Contains(path, Assert.Throws<ImageFaultException>(() => ImageFolder.Read(_folder.File("images"))).Message);
    }

    [Fact]
    public void Images_of_every_kind_and_size_in_one_folder_give_the_same_pixels_through_paths_bytes_images_and_the_reader()
    {
        WriteAllKinds();
        var read = ImageFolder.Read(_folder.File("images"), Side, Side);
        float[][] expected = [.. Enumerable.Range(0, read.Count)
            .Select(i => read.Pixels(i).ToArray().Select(pixel => (float)pixel).ToArray())];
        Assert.Equal(12, expected.Length);
        var paths = _ml.Data.LoadImageFolder(_folder.File("images"));
        Assert.Equal(expected, Features(paths, "ImagePath"));
        string[] files = [.. paths.GetColumn<string>("ImagePath")];
        var contents = _ml.Data.LoadFromEnumerable(files.Select(file => new FileRow { File = File.ReadAllBytes(file) }));
        Assert.Equal(expected, Features(contents, "File"));
        var images = _ml.Data.LoadFromEnumerable(files.Select(file => new AnyImageRow
        {
            Image = ImageFile.Read(file, new ImageReadOptions { Background = null }),
        }).ToList());
        Assert.Equal(expected, Features(images, "Image"));
        Assert.Equal(expected, Features(paths, "Image"));
    }

    [Fact]
    public void A_photograph_held_upright_looks_the_same_as_one_turned_by_its_EXIF_note()
    {
        Directory.CreateDirectory(_folder.File("images/cats"));
        foreach (var orientation in (int[])[1, 6])
            File.WriteAllBytes(_folder.File($"images/cats/{orientation}.jpg"), Picture.Jpeg(20, 50, orientation));
        var features = Features(_ml.Data.LoadImageFolder(_folder.File("images")), "ImagePath");
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
        var first = Features(data, "Image");
        Assert.Equal(first, Features(data, "Image"));
        Assert.All(rows, row => Assert.Equal((width, height), (row.Image!.Width, row.Image.Height)));
    }

    [Theory]
    [InlineData("ImagePath")]
    [InlineData("File")]
    [InlineData("Image")]
    public void A_saved_pipeline_loads_as_stock_components_with_the_same_scores(string column)
    {
        WriteImages(50, 40);
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
        WriteImages(Side, Side);
        var path = _folder.File("images/cats/0.png");
        File.WriteAllBytes(path, File.ReadAllBytes(path)[..^200]);
        var data = _ml.Data.LoadImageFolder(_folder.File("images"), check: false);
        var error = Assert.ThrowsAny<Exception>(() => Features(data, "ImagePath"));
        Assert.Contains($"'{path}' is truncated", error.ToString());
    }

    [Fact]
    public void Images_that_cannot_be_used_are_skipped_and_counted()
    {
        WriteImages(Side, Side);
        var faulty = WriteFaulty();
        ImageCheckReport? report = null;
        var messages = new List<string>();
        _ml.Log += (_, e) => messages.Add(e.Message);
        var options = new ImageCheckOptions { Faulty = FaultyImages.Skip, Report = found => report = found };
        var data = _ml.Data.LoadImageFolder(_folder.File("images"), options);
        Assert.Equal(6, data.GetColumn<string>("ImagePath").Count());
        Assert.Equal((6, 4), (report!.Used, report.Faulty.Count));
        Assert.Equal(faulty, report.Faulty.Select(image => (image.Path, image.Fault)));
        Assert.Equal([1, 2, 1], report.Counts.OrderBy(count => count.Key).Select(count => count.Value));
        Assert.All(report.Faulty, image => Assert.Contains(image.Path, image.Message));
        Assert.All(report.Faulty, image => Assert.True(File.Exists(image.Path) && image.MovedTo is null));
        Assert.Contains(messages, message => message.EndsWith(
            $"Used 6 of 10 images in '{_folder.File("images")}'; left out 1 NotAnImage, 2 Truncated, 1 TooLarge"));
        Assert.Equal(6, ImageFolder.Read(_folder.File("images"), Side, Side, options: options).Count);
    }

    [Fact]
    public void Images_that_cannot_be_used_are_moved_away_with_the_reason()
    {
        WriteImages(Side, Side);
        var faulty = WriteFaulty();
        ImageCheckReport? report = null;
        var options = new ImageCheckOptions { Faulty = FaultyImages.Quarantine, Report = found => report = found };
        Assert.Equal(6, _ml.Data.LoadImageFolder(_folder.File("images"), options).GetColumn<string>("ImagePath").Count());
        foreach (var image in report!.Faulty)
        {
            Assert.False(File.Exists(image.Path));
            Assert.Equal(image.Path.Replace("images", "images-quarantine"), image.MovedTo);
            Assert.StartsWith($"{image.Fault}: ", File.ReadAllText(image.MovedTo + ".txt"));
        }
        Assert.Equal(faulty.Count, report.Faulty.Count);
        Assert.Equal(6, _ml.Data.LoadImageFolder(_folder.File("images")).GetColumn<string>("ImagePath").Count());

        // Another image of the same name does not overwrite the first.
        File.WriteAllText(faulty[0].Path, "no image either");
        _ml.Data.LoadImageFolder(_folder.File("images"), options);
        Assert.NotEqual(faulty[0].Path.Replace("images", "images-quarantine"), Assert.Single(report.Faulty).MovedTo);
        Assert.True(File.Exists(report.Faulty[0].MovedTo));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Images_that_cannot_be_moved_stay_and_are_reported_with_the_reason(bool folder)
    {
        WriteImages(Side, Side);
        var faulty = WriteFaulty();
        ImageCheckReport? report = null;
        var options = new ImageCheckOptions
        {
            Faulty = FaultyImages.Quarantine,
            QuarantineFolder = Path.Combine(_folder.Write("file", 1), "away"),          // no folder can be made in a file
            Report = found => report = found,
        };
        var kept = folder
            ? _ml.Data.LoadImageFolder(_folder.File("images"), options)
            : _ml.Data.CheckImages(_ml.Data.LoadImageFolder(_folder.File("images"), check: false), options: options);
        Assert.Equal(6, kept.GetColumn<string>("ImagePath").Count());
        Assert.Equal(faulty, report!.Faulty.Select(image => (image.Path, image.Fault)));
        Assert.All(report.Faulty, image => Assert.True(File.Exists(image.Path) && image.MovedTo is null));
        Assert.All(report.Faulty, image => Assert.Contains("It could not be moved to", image.Message));
    }

    [Fact]
    public void A_row_without_a_path_stops_the_pipeline_by_the_name_of_its_column()
    {
        WriteImages(Side, Side);
        var data = _ml.Data.LoadFromEnumerable(new[] { new OnePath { ImagePath = "" } });
        var error = Assert.ThrowsAny<Exception>(() => Features(data, "ImagePath"));
        Assert.Contains("Row 0 (counted from 0) has an empty path in column 'ImagePath'", error.ToString());
    }

    [Theory]
    [InlineData("ImagePath")]
    [InlineData("File")]
    public void A_table_of_paths_or_files_is_checked_alike(string column)
    {
        WriteImages(Side, Side);
        var faulty = WriteFaulty();
        var paths = _ml.Data.LoadImageFolder(_folder.File("images"), check: false);
        string[] files = [.. paths.GetColumn<string>("ImagePath")];
        var data = column == "ImagePath"
            ? paths
            : _ml.Data.LoadFromEnumerable(files.Select((file, i) => new FileRow { File = File.ReadAllBytes(file), Label = (uint)i % 2 }));
        ImageCheckReport? report = null;
        var options = new ImageCheckOptions { Faulty = FaultyImages.Skip, Report = found => report = found };
        var kept = _ml.Data.CheckImages(data, column, options);
        var bad = files.Index().Where(file => faulty.Any(image => image.Path == file.Item)).Select(file => file.Index).ToArray();
        Assert.Equal((6, 4, 6), (report!.Used, report.Faulty.Count, kept.GetRowCount()));
        var named = column == "ImagePath" ? faulty.Select(image => image.Path) : bad.Select(row => $"{row}");
        Assert.Equal(named, report.Faulty.Select(image => image.Path));
        Assert.Equal(faulty.Select(image => image.Fault), report.Faulty.Select(image => image.Fault));
        Assert.Equal(data.GetColumn<uint>("Label").Where((_, row) => !bad.Contains(row)), kept.GetColumn<uint>("Label"));
        Assert.Equal(6, Features(kept, column).Length);
        Assert.Equal(6, Features(_ml.Data.ShuffleRows(kept), column).Length);
        Assert.Throws<ImageFaultException>(() => _ml.Data.CheckImages(data, column));
        var quarantine = new ImageCheckOptions { Faulty = FaultyImages.Quarantine };
        Assert.Throws<ArgumentException>(() => _ml.Data.CheckImages(data, column, quarantine));
        Assert.Throws<ArgumentOutOfRangeException>(() => _ml.Data.CheckImages(data, "Label"));
    }

    [Fact]
    public void Faulty_images_of_a_table_of_paths_are_moved_away()
    {
        WriteImages(Side, Side);
        var faulty = WriteFaulty();
        var paths = _ml.Data.LoadImageFolder(_folder.File("images"), check: false);
        var options = new ImageCheckOptions { Faulty = FaultyImages.Quarantine, QuarantineFolder = _folder.File("away") };
        Assert.Equal(6, _ml.Data.CheckImages(paths, options: options).GetColumn<string>("ImagePath").Count());
        Assert.All(faulty, image => Assert.False(File.Exists(image.Path)));
        Assert.All(faulty, image => Assert.True(File.Exists(Path.Combine(_folder.File("away"), Path.GetFileName(image.Path)))));
    }

    [Fact]
    public void A_class_without_one_usable_image_and_a_quarantine_among_the_classes_are_refused()
    {
        WriteImages(Side, Side);
        foreach (var file in Directory.GetFiles(_folder.File("images/cats")))
            File.WriteAllText(file, "no image");
        var skip = new ImageCheckOptions { Faulty = FaultyImages.Skip };
        var error = Assert.Throws<InvalidDataException>(() => _ml.Data.LoadImageFolder(_folder.File("images"), skip));
        Assert.Contains("cats' has no image that can be used, of 3", error.Message);
        var inside = new ImageCheckOptions { Faulty = FaultyImages.Quarantine, QuarantineFolder = _folder.File("images/bad") };
        Assert.Throws<ArgumentException>(() => _ml.Data.LoadImageFolder(_folder.File("images"), inside));
    }

    [Fact]
    public void Folders_without_images_are_refused()
    {
        Assert.Throws<DirectoryNotFoundException>(() => ImageFolder.Read(_folder.File("nowhere")));
        Directory.CreateDirectory(_folder.File("images"));
        Assert.Contains("has no subfolders", Assert.Throws<InvalidDataException>(
            () => _ml.Data.LoadImageFolder(_folder.File("images"))).Message);
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
        return [.. Enumerable.Range(0, 3)
            .SelectMany(channel => Enumerable.Range(0, Side * Side).Select(p => (float)pixels[p * 4 + channel]))];
    }

    private float[][] Features(IDataView data, string column)
    {
        using var pixels = _ml.Transforms.ImagePixels("Features", column, Side, Side).Fit(data);
        var view = pixels.Transform(data);
        Assert.DoesNotContain(view.Schema, made => made.Name.StartsWith("Features."));
        return [.. view.GetColumn<float[]>("Features")];
    }

    private void WriteAllKinds()
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
            File.WriteAllBytes(_folder.File("images/" + name), content);
        }
    }

    /// <summary>Adds four files that are faulty, in the order of the listing.</summary>
    private List<(string Path, ImageFault Fault)> WriteFaulty()
    {
        List<(string Name, ImageFault Fault, byte[] Content)> faulty =
        [
            ("cats/a.png", ImageFault.NotAnImage, "hello"u8.ToArray()),
            ("cats/b.png", ImageFault.Truncated, Picture.Png16(40, 40)[..^200]),
            ("dogs/c.jpg", ImageFault.Truncated, Picture.Encoded(40, 40, SKEncodedImageFormat.Jpeg)[..^200]),
            ("dogs/d.png", ImageFault.TooLarge, Picture.Bomb(60_000, 60_000)),
        ];
        foreach (var (name, _, content) in faulty)
            File.WriteAllBytes(_folder.File("images/" + name), content);
        return [.. faulty.Select(file => (Path: _folder.File("images/" + file.Name), file.Fault))];
    }

    private sealed class OnePath
    {
        public string ImagePath { get; set; } = "";
    }

    private sealed class FileRow
    {
        public byte[] File { get; set; } = [];

        [KeyType(2)]
        public uint Label { get; set; }
    }

    private sealed class AnyImageRow
    {
        [ImageType(1, 1)]
        public MLImage? Image { get; set; }

        [KeyType(2)]
        public uint Label { get; set; }
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
