using System.IO.Compression;
using System.Reflection;
using Microsoft.ML;
using Microsoft.ML.Data;
using ZeroOneShot.Data;
using ZeroOneShot.ML;
using ZeroOneShot.Persistence;

namespace ZeroOneShot.Tool.Data;

/// <summary>A data set as it is found.</summary>
/// <param name="Name">For the reader of the output.</param>
/// <param name="Train">The images to train on.</param>
/// <param name="Test">The images to test on, of the same classes; null where the data have no such part.</param>
/// <param name="IsGrey">Whether it is known to have no colours.</param>
internal sealed record ImageSource(string Name, ImageList Train, ImageList? Test, bool IsGrey = false)
{
    /// <summary>The word for the images that this program brings along.</summary>
    public const string Sample = "sample";

    /// <summary>What the argument DATA may be.</summary>
    public const string Kinds =
        "A folder with one subfolder of images per class, or with such folders called train and test; a zip of such a folder; a folder " +
        "of CIFAR-10 or CIFAR-100 (binary version) or of IDX files (as MNIST); a CSV file of path and class, a line each; or the word " +
        $"'{Sample}' for 2,500 images of Fashion-MNIST that this program brings along.";

    private static readonly string[] s_idxParts = ["train", "t10k"];

    /// <summary>What is odd about the files: which were left out, which have one colour only.</summary>
    public IReadOnlyList<string> Oddities { get; init; } = [];

    /// <summary>The data set at a place, of whichever kind it is.</summary>
    /// <exception cref="IOException">Nothing is there, or a file is missing.</exception>
    /// <exception cref="InvalidDataException">A file is damaged, or the data have not the structure expected.</exception>
    public static ImageSource Open(MLContext mlContext, string place)
    {
        if (place == Sample && !Path.Exists(place))
        {
            return OfZip(Assembly.GetExecutingAssembly().GetManifestResourceStream("fashion-mnist-small.zip")!, place,
                "Fashion-MNIST, a small part") with { IsGrey = true };
        }
        if (File.Exists(place))
            return OfFile(mlContext, place);
        if (!Directory.Exists(place))
            throw new DirectoryNotFoundException($"There is nothing at '{Path.GetFullPath(place)}'. Give the images. {Kinds}");
        if (CifarOf(place) is { } kind)
        {
            return new ImageSource(kind == CifarKind.Cifar10 ? "CIFAR-10" : "CIFAR-100",
                Cifar(place, kind, CifarPart.Train), Cifar(place, kind, CifarPart.Test));
        }
        if (Idx(place, s_idxParts[0]) is { } train)
        {
            var test = Idx(place, s_idxParts[1]);
            var list = ListOf(train, "train");
            return new ImageSource($"IDX files of '{place}'", list,
                test is null ? null : ListOf(test, "test") with { ClassNames = list.ClassNames }, IsGrey: true);
        }
        var oddities = new List<string>();
        if (Directory.Exists(Path.Combine(place, "train")) && Directory.Exists(Path.Combine(place, "test")))
        {
            return Parts($"Images of '{place}'", Files("train"), Files("test")) with { Oddities = oddities };
        }
        return new ImageSource($"Images of '{place}'", Files(""), null) { Oddities = oddities };

        ImageList Files(string part) => ImageSource.Files(mlContext, Path.Combine(place, part), oddities);
    }

    private static ImageSource OfFile(MLContext mlContext, string place)
    {
        using var stream = InputFile.Open(place, "a zip of images, or a CSV list of them");
        if (stream.ReadByte() == 'P' && stream.ReadByte() == 'K')
        {
            stream.Position = 0;
            return OfZip(stream, place, $"Images of '{place}'");
        }
        return new ImageSource($"Images listed in '{place}'", CsvList.Read(mlContext, place), null);
    }

    private static ImageSource OfZip(Stream stream, string place, string name)
    {
        using var zip = OpenZip(stream, name);
        // Hidden ones are left out, as in a folder: a Mac puts one beside every file.
        var images = zip.Entries.Where(entry => entry.Length > 0 && !IsHidden(entry) && ImageFolder.Extensions.Contains(
            Path.GetExtension(entry.Name).ToLowerInvariant())).ToList();
        if (images.Count == 0)
            throw new InvalidDataException($"{name} are none: the zip has no images. Give a zip of one folder of images per class.");
        // Beside images, as in the folder of a class.
        var folders = images.Select(FolderOf).ToHashSet();
        var others = zip.Entries.Where(entry => entry.Length > 0 && !IsHidden(entry) && folders.Contains(FolderOf(entry))).Except(images)
            .CountBy(entry => Path.GetExtension(entry.Name).ToLowerInvariant()).ToDictionary();
        string[] oddities = others.Count == 0 ? []
            : [$"{new ImageCheckReport(place, images.Count, []) { OtherFiles = others }}"];
        var (train, test) = (List("train/"), List("test/"));
        return (train.Images.Count > 0 && test.Images.Count > 0 ? Parts(name, train, test) : new ImageSource(name, List(""), null))
            with { Oddities = oddities };

        ImageList List(string under)
        {
            var byClass = images.Select(entry => (Entry: entry, Path: entry.FullName.Replace('\\', '/')))
                .Where(at => at.Path.StartsWith(under, StringComparison.Ordinal))
                .Select(at => (at.Entry, at.Path, Class: Path.GetFileName(Path.GetDirectoryName(at.Path)) ?? ""))
                .GroupBy(at => at.Class).OrderBy(of => of.Key, StringComparer.Ordinal).ToList();
            // Parts of a data set, or classes that lie one folder higher: to put them together would mix what belongs apart.
            foreach (var of in byClass)
            {
                string[] folders =
                    [.. of.Select(at => Path.GetDirectoryName(at.Path) ?? "").Distinct().Order(StringComparer.Ordinal)];
                if (folders.Length > 1)
                {
                    throw new InvalidDataException($"{name}: class '{of.Key}' is in two folders, '{folders[0]}' and '{folders[1]}'; " +
                        "expected one folder of images per class, or such folders below train and test.");
                }
            }
            return new ImageList(
                [.. byClass.SelectMany((of, label) => of.Select(at => new LabelledImage(at.Path, label, Reader(at.Entry, at.Path))))],
                [.. byClass.Select(of => of.Key)]);
        }

        // Packed in memory as in the zip, more or less: images do not pack well. A damaged one would be another picture in silence.
        Func<MLImage> Reader(ZipArchiveEntry entry, string path)
        {
            if (entry.Length > ImageFile.MostBytes)
                throw new InvalidDataException($"'{path}' has {entry.Length} bytes; expected an image of at most {ImageFile.MostBytes}.");
            var file = CheckedZip.Read(entry, place);
            return () => ImageFile.Read(file, path, s_asTheyAre);
        }

        static string FolderOf(ZipArchiveEntry entry) => entry.FullName[..^entry.Name.Length];

        // What macOS adds to a zip has the endings of the images that it describes.
        static bool IsHidden(ZipArchiveEntry entry) =>
            entry.FullName.Split('/', '\\').Any(part => part.StartsWith('.') || part == "__MACOSX");
    }

    private static ZipArchive OpenZip(Stream stream, string name)
    {
        try
        {
            return new ZipArchive(stream);
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException(
                $"{name} cannot be read: the zip is damaged or its end is missing ({e.Message}). Copy it again.", e);
        }
    }

    // Transparent pixels are left to ImagePixels, as an application that loads the saved model leaves them.
    private static readonly ImageReadOptions s_asTheyAre = new() { Background = null };

    /// <summary>An image of a file, to be decoded when it is needed.</summary>
    public static Func<MLImage> Reader(string path) => () => ImageFile.Read(path, s_asTheyAre);

    // Damaged CIFAR files are not detected by their length, but still have their names, and reading them names the damage.
    private static CifarKind? CifarOf(string folder)
    {
        if (CifarFiles.TryDetect(folder, out var kind))
            return kind;
        if (Directory.EnumerateFiles(folder, "data_batch_*.bin").Any())
            return CifarKind.Cifar10;
        return File.Exists(Path.Combine(folder, "train.bin")) ? CifarKind.Cifar100 : null;
    }

    private static ImageList Cifar(string folder, CifarKind kind, CifarPart part) => ListOf(
        kind == CifarKind.Cifar10 ? CifarFiles.Read10(folder, part) : CifarFiles.Read100(folder, part), part.ToString().ToLowerInvariant());

    private static ImageSet? Idx(string folder, string part)
    {
        var (images, labels) = (Named("images-idx3-ubyte"), Named("labels-idx1-ubyte"));
        return images is null || labels is null ? null : IdxFiles.Read(images, labels);

        string? Named(string what) => ((string[])[$"{part}-{what}", $"{part}-{what}.gz", $"{part}-{what.Replace("-idx", ".idx")}"])
            .Select(name => Path.Combine(folder, name)).FirstOrDefault(File.Exists);
    }

    private static ImageList ListOf(ImageSet set, string part) => new(
        [.. Enumerable.Range(0, set.Count).Select(i => new LabelledImage($"{part}/{i:00000}", set.Label(i), () => Image(set, i)))],
        set.ClassNames);

    private static MLImage Image(ImageSet set, int index)
    {
        var pixels = set.Pixels(index);
        var plane = set.Shape.Height * set.Shape.Width;
        var (green, blue) = set.Shape.Channels == 3 ? (plane, 2 * plane) : (0, 0);
        var bgra = new byte[plane * 4];
        for (var i = 0; i < plane; i++)
            (bgra[4 * i], bgra[4 * i + 1], bgra[4 * i + 2], bgra[4 * i + 3]) = (pixels[blue + i], pixels[green + i], pixels[i], 255);
        return MLImage.CreateFromPixels(set.Shape.Width, set.Shape.Height, MLPixelFormat.Bgra32, bgra);
    }

    private static ImageList Files(MLContext mlContext, string folder, List<string> oddities)
    {
        var view = mlContext.Data.LoadImageFolder(folder, new ImageCheckOptions
        {
            Report = report =>
            {
                if (report.OtherFiles.Count > 0 || report.OneColour.Count > 0)
                    oddities.Add($"{report}");
            },
        });
        VBuffer<ReadOnlyMemory<char>> names = default;
        view.Schema["Label"].GetKeyValues(ref names);
        // Keys count from 1.
        var images = view.GetColumn<string>("ImagePath").Zip(view.GetColumn<uint>("Label"));
        return new ImageList(
            [.. images.Select(image => new LabelledImage(image.First, (int)image.Second - 1, Reader(image.First)))],
            [.. names.DenseValues().Select(name => name.ToString())]);
    }

    private static ImageSource Parts(string name, ImageList train, ImageList test)
    {
        string[] onlyInOne = [.. train.ClassNames.Except(test.ClassNames).Select(of => $"train/{of}"),
            .. test.ClassNames.Except(train.ClassNames).Select(of => $"test/{of}")];
        var unmatched = string.Join(", ", onlyInOne);
        return onlyInOne.Length == 0 ? new ImageSource(name, train, test) : throw new InvalidDataException(
            $"{name}: {unmatched} have no counterpart; expected subfolders of the same names in train and test.");
    }
}
