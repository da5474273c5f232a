using System.CommandLine;
using System.IO.Compression;
using ZeroOneShot.Data;
using ZeroOneShot.ML;

namespace ZeroOneShot.Benchmarks.Compare;

/// <summary>The images that are compared on: CIFAR, IDX files, or a folder, or a zip of one, with a subfolder for every class.</summary>
internal static class ComparedImages
{
    // Of a folder, which has no test images of its own; split by class, the same for every seed.
    private const double TrainShare = 0.8;

    private const long SplitSeed = 0;

    private static readonly string[] s_idxParts = ["train", "t10k"];

    /// <summary>Where they are, on the command line.</summary>
    public static Option<string> Option()
    {
        var data = new Option<string>("--data")
        {
            Description = "A folder with CIFAR-10 or CIFAR-100 in the binary layout or with IDX files named as MNIST's, or a folder or a " +
                "zip with a subfolder of images for every class.",
            Required = true,
        };
        data.Validators.Add(result =>
        {
            try
            {
                if (result.Tokens is [var path])
                    Check(path.Value);
            }
            catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException)
            {
                result.AddError(e.Message);
            }
        });
        return data;
    }

    /// <summary>Reads them.</summary>
    /// <param name="path">CIFAR in the binary layout, a folder with IDX files named as MNIST's, another folder, or a zip.</param>
    /// <param name="size">Pixels a side that images of a folder are scaled to.</param>
    /// <param name="most">No more images to train on, and to test on, than these; null for all.</param>
    /// <exception cref="IOException">There are no such images.</exception>
    public static (ImageSet Train, ImageSet Test) Read(string path, int size, int? most)
    {
        var (train, test) = !CifarFiles.TryDetect(path, out var kind)
            ? Idx(path, s_idxParts[0]) is { } idx ? (idx, Idx(path, s_idxParts[1]) ?? throw NoTest(path))
                : ReadFolder(path, size).Split(TrainShare, SplitSeed)
            : kind == CifarKind.Cifar10 ? (CifarFiles.Read10(path, CifarPart.Train), CifarFiles.Read10(path, CifarPart.Test))
            : (CifarFiles.Read100(path, CifarPart.Train), CifarFiles.Read100(path, CifarPart.Test));
        return (Some(train), Some(test));

        ImageSet Some(ImageSet images) => most is { } count && count < images.Count
            ? images.Split((double)count / images.Count, SplitSeed).First : images;
    }

    /// <summary>Checks, without reading them, that there are images.</summary>
    /// <exception cref="IOException">There are none.</exception>
    /// <exception cref="InvalidDataException">A file is no zip.</exception>
    public static void Check(string path)
    {
        if (File.Exists(path))
            ZipFile.OpenRead(path).Dispose();
        else if (!Directory.Exists(path))
            throw new IOException($"There is no folder or zip '{path}'.");
        else if (!CifarFiles.TryDetect(path, out _) && IdxPaths(path, s_idxParts[0]) is null)
            Classes(path);
        else if (IdxPaths(path, s_idxParts[0]) is not null && IdxPaths(path, s_idxParts[1]) is null)
            throw NoTest(path);
    }

    private static FileNotFoundException NoTest(string path) =>
        new($"'{path}' holds IDX files to train on, but no {s_idxParts[1]}-images and {s_idxParts[1]}-labels to test on.");

    private static ImageSet? Idx(string path, string part) =>
        IdxPaths(path, part) is var (images, labels) ? IdxFiles.Read(images, labels) : null;

    private static (string Images, string Labels)? IdxPaths(string path, string part)
    {
        if (!Directory.Exists(path))
            return null;
        var files = Directory.GetFiles(path, $"{part}-*").Order(StringComparer.Ordinal).ToList();
        var (images, labels) = (files.Find(file => file.Contains("images", StringComparison.Ordinal)),
            files.Find(file => file.Contains("labels", StringComparison.Ordinal)));
        return images is null || labels is null ? null : (images, labels);
    }

    private static ImageSet ReadFolder(string path, int size)
    {
        if (!File.Exists(path))
            return ImageFolder.Read(Classes(path), out _, size, size);
        var folder = Directory.CreateTempSubdirectory("zerooneshot-");
        try
        {
            ZipFile.ExtractToDirectory(path, folder.FullName);
            return ImageFolder.Read(Classes(folder.FullName), out _, size, size);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>The folder itself, or the first one in it whose folders hold images.</summary>
    private static string Classes(string path)
    {
        var level = new List<string> { path };
        while (level.Count > 0)
        {
            var found = level.FirstOrDefault(folder => Directory.GetDirectories(folder).Count(HoldsImages) > 1);
            if (found is not null)
                return found;
            level = [.. level.SelectMany(Directory.GetDirectories).Order(StringComparer.Ordinal)];
        }
        throw new IOException($"'{path}' holds neither CIFAR in the binary layout, nor IDX files, nor folders of images, one a class.");
    }

    private static bool HoldsImages(string folder) => Directory.EnumerateFiles(folder).Any(ImageFolder.IsImage);
}
