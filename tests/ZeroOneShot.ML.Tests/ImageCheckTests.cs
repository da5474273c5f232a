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
        Assert.Contains(sentence, Assert.Throws<ImageFaultException>(() => ImageFolder.Read(folder)).Message);
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
        Assert.Contains(path, Assert.Throws<ImageFaultException>(() => ImageFolder.Read(_folder.File("images"))).Message);
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
        Assert.Equal(6, ImageFolder.Read(_folder.File("images"), Side, Side, options: options).Count);
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
        Assert.Throws<DirectoryNotFoundException>(() => ImageFolder.Read(_folder.File("nowhere")));
        Directory.CreateDirectory(_folder.File("images"));
        Assert.Contains("has no subfolders", Assert.Throws<InvalidDataException>(
            () => _ml.Data.LoadImageFolder(_folder.File("images"))).Message);
        Directory.CreateDirectory(_folder.File("images/cats"));
        Assert.Contains("cats' has no images", Assert.Throws<InvalidDataException>(() => ImageFolder.Read(_folder.File("images"))).Message);
    }
}
