using System.IO.Compression;
using System.Reflection;
using Microsoft.ML;
using Microsoft.ML.Data;
using ZeroOneShot.Data;
using ZeroOneShot.ML;

namespace ImageSearch;

/// <summary>A data set as it is found.</summary>
/// <param name="Name">For the reader of the output.</param>
/// <param name="Train">The images to train on.</param>
/// <param name="Test">The images to test on, of the same classes.</param>
/// <param name="IsGrey">Whether it is known to have no colours.</param>
internal sealed record ImageSource(string Name, ImageList Train, ImageList Test, bool IsGrey = false)
{
    private const double TestShare = 0.2;

    /// <summary>The Fashion-MNIST inside this application: PNGs in folders train and test.</summary>
    public static ImageSource Embedded()
    {
        using var zip = new ZipArchive(Assembly.GetExecutingAssembly().GetManifestResourceStream("fashion-mnist-small.zip")!);
        var images = zip.Entries.Where(entry => entry.Name.EndsWith(".png", StringComparison.Ordinal));
        var files = images.ToLookup(entry => entry.FullName.Split('/')[0]);
        return new ImageSource("Fashion-MNIST, a small part", List(files["train"]), List(files["test"]), IsGrey: true);

        static ImageList List(IEnumerable<ZipArchiveEntry> entries)
        {
            var byClass = entries.GroupBy(entry => entry.FullName.Split('/')[1]).OrderBy(of => of.Key, StringComparer.Ordinal).ToList();
            var images = byClass.SelectMany((of, label) => of.Select(entry => new LabelledImage(entry.FullName, label, Reader(entry))));
            return new ImageList([.. images], [.. byClass.Select(of => of.Key)]);
        }

        static Func<MLImage> Reader(ZipArchiveEntry entry)
        {
            var file = new MemoryStream();
            using var stream = entry.Open();
            stream.CopyTo(file);
            return () => MLImage.CreateFromStream(new MemoryStream(file.ToArray()));
        }
    }

    /// <summary>The data set of a folder, of whichever kind it is.</summary>
    /// <exception cref="IOException">The folder or a file of it is missing.</exception>
    /// <exception cref="InvalidDataException">A file is damaged, or the folder has not the structure expected.</exception>
    public static ImageSource Open(MLContext mlContext, string folder, int seed)
    {
        if (!Directory.Exists(folder))
        {
            throw new DirectoryNotFoundException(
                $"There is no folder '{Path.GetFullPath(folder)}'; expected CIFAR files in it, or one subfolder of images per class.");
        }
        if (CifarOf(folder) is { } kind)
        {
            return new ImageSource(kind == CifarKind.Cifar10 ? "CIFAR-10" : "CIFAR-100",
                Cifar(folder, kind, CifarPart.Train), Cifar(folder, kind, CifarPart.Test));
        }
        if (Directory.Exists(Path.Combine(folder, "train")) && Directory.Exists(Path.Combine(folder, "test")))
        {
            var (train, test) = (Files(mlContext, Path.Combine(folder, "train")), Files(mlContext, Path.Combine(folder, "test")));
            CheckSameClasses(folder, train.ClassNames, test.ClassNames);
            return new ImageSource($"Images of '{folder}'", train, test);
        }
        var parts = Files(mlContext, folder).Split(TestShare, seed);
        return new ImageSource($"Images of '{folder}', a fifth of them to test", parts.Train, parts.Test);
    }

    // Damaged CIFAR files are not detected by their length, but still have their names, and reading them names the damage.
    private static CifarKind? CifarOf(string folder)
    {
        if (CifarFiles.TryDetect(folder, out var kind))
            return kind;
        if (Directory.EnumerateFiles(folder, "data_batch_*.bin").Any())
            return CifarKind.Cifar10;
        return File.Exists(Path.Combine(folder, "train.bin")) ? CifarKind.Cifar100 : null;
    }

    private static ImageList Cifar(string folder, CifarKind kind, CifarPart part)
    {
        var set = kind == CifarKind.Cifar10 ? CifarFiles.Read10(folder, part) : CifarFiles.Read100(folder, part);
        var name = part.ToString().ToLowerInvariant();
        var images = Enumerable.Range(0, set.Count).Select(i => new LabelledImage($"{name}/{i:00000}", set.Label(i), () => Image(set, i)));
        return new ImageList([.. images], set.ClassNames);
    }

    private static MLImage Image(ImageSet set, int index)
    {
        var pixels = set.Pixels(index);
        var plane = set.Shape.Height * set.Shape.Width;
        var bgra = new byte[plane * 4];
        for (var i = 0; i < plane; i++)
            (bgra[4 * i], bgra[4 * i + 1], bgra[4 * i + 2], bgra[4 * i + 3]) = (pixels[2 * plane + i], pixels[plane + i], pixels[i], 255);
        return MLImage.CreateFromPixels(set.Shape.Width, set.Shape.Height, MLPixelFormat.Bgra32, bgra);
    }

    private static ImageList Files(MLContext mlContext, string folder)
    {
        var view = mlContext.Data.LoadImageFolder(folder);
        VBuffer<ReadOnlyMemory<char>> names = default;
        view.Schema["Label"].GetKeyValues(ref names);
        // Transparent pixels are left to ImagePixels, as an application that loads the saved model leaves them.
        var asTheyAre = new ImageReadOptions { Background = null };
        // Keys count from 1.
        var images = view.GetColumn<string>("ImagePath").Zip(view.GetColumn<uint>("Label"));
        return new ImageList(
            [.. images.Select(
                image => new LabelledImage(image.First, (int)image.Second - 1, () => ImageFile.Read(image.First, asTheyAre)))],
            [.. names.DenseValues().Select(name => name.ToString())]);
    }

    private static void CheckSameClasses(string folder, IReadOnlyList<string> train, IReadOnlyList<string> test)
    {
        string[] onlyInOne = [.. train.Except(test).Select(name => $"train/{name}"), .. test.Except(train).Select(name => $"test/{name}")];
        if (onlyInOne.Length > 0)
        {
            throw new InvalidDataException($"Folder '{folder}' has {string.Join(", ", onlyInOne)} without a counterpart; " +
                "expected subfolders of the same names in train and test.");
        }
    }
}
