using Microsoft.ML;
using Microsoft.ML.Data;
using SkiaSharp;
using Xunit;

namespace ZeroOneShot.ML.Tests;

/// <summary>What is found before anything is trained: images that cannot be used, and files that are none.</summary>
public sealed class ImageCheckTests : IDisposable
{
    private const int Side = PictureFolder.Side;

    private readonly PictureFolder _folder = new();
    private readonly MLContext _ml = new(seed: 1);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_folder_is_listed_in_ordinal_order_with_class_names()
    {
        _folder.WriteImages(Side, Side);
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

    [Theory]
    [InlineData(SKEncodedImageFormat.Png)]
    [InlineData(SKEncodedImageFormat.Jpeg)]
    public void A_truncated_image_is_refused_by_name(SKEncodedImageFormat format)
    {
        _folder.WriteImages(Side, Side);
        var path = _folder.File($"images/dogs/9.{(format == SKEncodedImageFormat.Png ? "png" : "jpg")}");
        PictureFolder.WriteImage(path, Side, Side, 9, format);
        File.WriteAllBytes(path, File.ReadAllBytes(path)[..^200]);
        var (folder, sentence) = (_folder.File("images"), $"'{path}' is truncated");
        Assert.Contains(sentence, Assert.Throws<ImageFaultException>(() => _ml.Data.LoadImageFolder(folder)).Message);
        Assert.Contains(sentence, Assert.Throws<ImageFaultException>(() => ImageFolder.Read(folder, out _)).Message);
    }

    [Fact]
    public void A_file_that_is_no_image_is_refused_by_name()
    {
        _folder.WriteImages(Side, Side);
        var path = _folder.File("images/cats/1.jpg");
        File.WriteAllText(path, "hello");
        var error = Assert.Throws<ImageFaultException>(() => _ml.Data.LoadImageFolder(_folder.File("images")));
        Assert.Contains($"'{path}' is no image", error.Message);
        File.WriteAllBytes(path, []);
        Assert.Contains(path, Assert.Throws<ImageFaultException>(() => ImageFolder.Read(_folder.File("images"), out _)).Message);
    }

    [Fact]
    public void Images_that_cannot_be_used_are_skipped_and_counted()
    {
        _folder.WriteImages(Side, Side);
        var faulty = _folder.WriteFaulty();
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
        Assert.Equal(6, ImageFolder.Read(_folder.File("images"), out _, Side, Side, options: options).Count);
    }

    [Fact]
    public void Images_that_cannot_be_used_are_moved_away_with_the_reason()
    {
        _folder.WriteImages(Side, Side);
        var faulty = _folder.WriteFaulty();
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
        _folder.WriteImages(Side, Side);
        var faulty = _folder.WriteFaulty();
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

    [Theory]
    [InlineData("ImagePath")]
    [InlineData("File")]
    public void A_table_of_paths_or_files_is_checked_alike(string column)
    {
        _folder.WriteImages(Side, Side);
        var faulty = _folder.WriteFaulty();
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
        Assert.Equal(6, Pixels.Of(_ml, kept, column).Length);
        Assert.Equal(6, Pixels.Of(_ml, _ml.Data.ShuffleRows(kept), column).Length);
        Assert.Throws<ImageFaultException>(() => _ml.Data.CheckImages(data, column));
        var quarantine = new ImageCheckOptions { Faulty = FaultyImages.Quarantine };
        Assert.Throws<ArgumentException>(() => _ml.Data.CheckImages(data, column, quarantine));
        Assert.Throws<ArgumentOutOfRangeException>(() => _ml.Data.CheckImages(data, "Label"));
    }

    [Fact]
    public void Faulty_images_of_a_table_of_paths_are_moved_away()
    {
        _folder.WriteImages(Side, Side);
        var faulty = _folder.WriteFaulty();
        var paths = _ml.Data.LoadImageFolder(_folder.File("images"), check: false);
        var options = new ImageCheckOptions { Faulty = FaultyImages.Quarantine, QuarantineFolder = _folder.File("away") };
        Assert.Equal(6, _ml.Data.CheckImages(paths, options: options).GetColumn<string>("ImagePath").Count());
        Assert.All(faulty, image => Assert.False(File.Exists(image.Path)));
        Assert.All(faulty, image => Assert.True(File.Exists(Path.Combine(_folder.File("away"), Path.GetFileName(image.Path)))));
    }

    [Fact]
    public void A_class_without_one_usable_image_and_a_quarantine_among_the_classes_are_refused()
    {
        _folder.WriteImages(Side, Side);
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
        Assert.Throws<DirectoryNotFoundException>(() => ImageFolder.Read(_folder.File("nowhere"), out _));
        Directory.CreateDirectory(_folder.File("images"));
        Assert.Contains("has no subfolders", Assert.Throws<InvalidDataException>(
            () => _ml.Data.LoadImageFolder(_folder.File("images"))).Message);
        Directory.CreateDirectory(_folder.File("images/cats"));
        var error = Assert.Throws<InvalidDataException>(() => ImageFolder.Read(_folder.File("images"), out _));
        Assert.Contains("cats' has no images", error.Message);
    }

    [Fact]
    public void Files_that_are_no_images_are_counted_by_their_ending()
    {
        _folder.WriteImages(Side, Side);
        for (var i = 0; i < 50; i++)
            _folder.Write($"images/cats/{i}.TIF", [0x49, 0x49, 42, 0, .. new byte[100]]);
        for (var i = 0; i < 5; i++)
            _folder.Write($"images/dogs/{i}.heic", [0, 0, 0, 24, .. "ftypheic"u8, .. new byte[100]]);
        _folder.Write("images/dogs/BMW.txt", "BMW is a car, and no bitmap"u8.ToArray());
        _folder.Write("images/dogs/notes");
        _folder.Write("images/dogs/.hidden", 1);
        ImageCheckReport? report = null;
        var messages = new List<string>();
        _ml.Log += (_, e) => messages.Add(e.Message);
        var data = _ml.Data.LoadImageFolder(_folder.File("images"), new ImageCheckOptions { Report = found => report = found });
        Assert.Equal(6, data.GetColumn<string>("ImagePath").Count());
        var sentence = $"Used 6 of 63 files in '{_folder.File("images")}'; left out 50 .tif, 5 .heic, 1 .txt, 1 without ending";
        Assert.Equal(sentence, report!.ToString());
        Assert.Contains(messages, message => message.EndsWith(sentence));
        Assert.Equal(50, report.OtherFiles[".tif"]);
        messages.Clear();
        _ml.Data.LoadImageFolder(_folder.File("images"), check: false);
        Assert.Contains(messages, message => message.EndsWith("left out 50 .tif, 5 .heic, 1 .txt, 1 without ending"));
        // Reading without a log to say it in.
        Assert.Equal(6, ImageFolder.Read(_folder.File("images"), out var read, Side, Side).Count);
        Assert.Equal(sentence, read.ToString());
    }

    [Fact]
    public void A_folder_that_this_user_may_not_read_is_refused_by_name()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Unix permissions.");
        if (OperatingSystem.IsWindows())
            return;
        Assert.SkipWhen(Environment.IsPrivilegedProcess, "Root may read anything.");
        _folder.WriteImages(Side, Side);
        var closed = _folder.File("images/cats");
        File.SetUnixFileMode(closed, UnixFileMode.None);
        try
        {
            foreach (var read in (Action[])[() => _ml.Data.LoadImageFolder(_folder.File("images")), () => _ml.Data.LoadCifar10(closed)])
                Assert.Contains($"{closed}' is denied", Assert.Throws<IOException>(read).Message);
        }
        finally
        {
            File.SetUnixFileMode(closed, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    [Fact]
    public void Images_are_known_by_how_they_begin_and_not_only_by_their_name()
    {
        var png = Picture.Encoded(20, 20, SKEncodedImageFormat.Png);
        _folder.Write("images/cats/a.jpg", png);
        _folder.Write("images/cats/b.txt", png);
        _folder.Write("images/cats/c", Picture.Bmp(20, 20));
        _folder.Write("images/cats/d.dat", Picture.Encoded(20, 20, SKEncodedImageFormat.Jpeg));
        _folder.Write("images/dogs/e.img", Picture.Encoded(20, 20, SKEncodedImageFormat.Webp));
        _folder.Write("images/dogs/f.gif_", File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "cases", "anim.gif")));
        var data = _ml.Data.LoadImageFolder(_folder.File("images"));
        Assert.Equal(
            ["a.jpg", "b.txt", "c", "d.dat", "e.img", "f.gif_"],
            data.GetColumn<string>("ImagePath").Select(path => Path.GetFileName(path)));
        Assert.Equal(6, ImageFolder.Read(_folder.File("images"), out _, Side, Side).Count);
        // One that says it is an image and is none, or is damaged, is not passed over.
        _folder.Write("images/cats/g.dat", png[..^30]);
        Assert.Contains("g.dat' is truncated", Assert.Throws<ImageFaultException>(
            () => _ml.Data.LoadImageFolder(_folder.File("images"))).Message);
    }

    [Fact]
    public void Images_that_lie_beside_or_below_the_folders_of_classes_are_counted()
    {
        _folder.WriteImages(Side, Side);
        var png = Picture.Encoded(20, 20, SKEncodedImageFormat.Png);
        _folder.Write("images/loose.png", png);
        _folder.Write("images/labels.csv", 1);
        _folder.Write("images/cats/old/1.png", png);
        _folder.Write("images/cats/old/older/2.png", png);
        ImageCheckReport? report = null;
        _ml.Data.LoadImageFolder(_folder.File("images"), new ImageCheckOptions { Report = found => report = found });
        Assert.EndsWith("left out 2 .png deeper than a class, 1 .png beside the classes", report!.ToString());
        _folder.Write("images/empty/2.tif", 1);
        var error = Assert.Throws<InvalidDataException>(() => _ml.Data.LoadImageFolder(_folder.File("images")));
        Assert.Contains("empty' has no images, but 1 .tif; expected at least one file", error.Message);
    }

    [Theory]
    [InlineData("train", "val")]
    [InlineData("Training", "TEST")]
    [InlineData("test", "train", "valid")]
    [InlineData("train")]
    [InlineData("train", "annotations")]
    public void Parts_of_the_data_are_not_taken_for_classes(params string[] folders)
    {
        var train = folders.First(folder => folder.StartsWith("train", StringComparison.OrdinalIgnoreCase));
        foreach (var folder in folders)
        {
            foreach (var name in (string[])["cats", "dogs"])
                PictureFolder.WriteImage(_folder.File($"data/{folder}/{name}/1.png"), Side, Side, 1);
        }
        Action[] reads = [() => _ml.Data.LoadImageFolder(_folder.File("data")), () => ImageFolder.Read(_folder.File("data"), out _)];
        foreach (var read in reads)
        {
            var error = Assert.Throws<InvalidDataException>(read);
            Assert.Contains($"Give one part, for example '{_folder.File("data/" + train)}'", error.Message);
        }
        Assert.Equal(2, _ml.Data.LoadImageFolder(_folder.File("data/" + train)).GetColumn<string>("ImagePath").Count());
    }

    [Fact]
    public void Parts_without_classes_are_refused_too_but_a_class_may_be_called_train()
    {
        PictureFolder.WriteImage(_folder.File("flat/train/1.png"), Side, Side, 1);
        PictureFolder.WriteImage(_folder.File("flat/test/1.png"), Side, Side, 1);
        Assert.Contains("or rename the folders if they are classes", Assert.Throws<InvalidDataException>(
            () => _ml.Data.LoadImageFolder(_folder.File("flat"))).Message);
        PictureFolder.WriteImage(_folder.File("vehicles/train/1.png"), Side, Side, 1);
        PictureFolder.WriteImage(_folder.File("vehicles/plane/1.png"), Side, Side, 1);
        Assert.Equal(2, _ml.Data.LoadImageFolder(_folder.File("vehicles")).GetColumn<string>("ImagePath").Count());
    }

    [Theory]
    [InlineData("folder")]
    [InlineData("ImagePath")]
    [InlineData("File")]
    public void Pictures_of_one_colour_only_are_noted_and_used(string source)
    {
        _folder.WriteImages(Side, Side);
        // White at half on white: one colour before white, and before black another one.
        _folder.Write("images/cats/half.png", File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "cases", "alphahalf.png")));
        // Black on transparency: one colour before black only.
        _folder.Write("images/dogs/black.png", File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "cases", "alphablack.png")));
        Assert.Equal(["half.png"], Noted(new ImageCheckOptions()));
        Assert.Equal(["black.png", "half.png"], Noted(new ImageCheckOptions { Background = System.Drawing.Color.Black }).Order());

        string[] Noted(ImageCheckOptions options)
        {
            ImageCheckReport? report = null;
            var messages = new List<string>();
            _ml.Log += (_, e) => messages.Add(e.Message);
            options.Report = found => report = found;
            var paths = _ml.Data.LoadImageFolder(_folder.File("images"), check: false);
            string[] files = [.. paths.GetColumn<string>("ImagePath")];
            if (source == "folder")
                _ml.Data.LoadImageFolder(_folder.File("images"), options);
            else if (source == "ImagePath")
                _ml.Data.CheckImages(paths, options: options);
            else
            {
                _ml.Data.CheckImages(
                    _ml.Data.LoadFromEnumerable(files.Select(file => new FileRow { File = File.ReadAllBytes(file) })), "File", options);
            }
            Assert.Equal((8, 0), (report!.Used, report.Faulty.Count));
            Assert.Contains(messages, message => message.EndsWith(
                $"; {report.OneColour.Count} have one colour only, for example '{report.OneColour[0]}'"));
            return [.. report.OneColour.Select(name => Path.GetFileName(source == "File" ? files[int.Parse(name)] : name))];
        }
    }
}
