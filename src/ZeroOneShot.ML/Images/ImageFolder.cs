using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;
using ZeroOneShot.Data;

namespace ZeroOneShot.ML;

/// <summary>Reads a folder with one subfolder of images per class into memory.</summary>
public static class ImageFolder
{
    /// <summary>
    /// The endings of file names that are taken for images, in small letters; capitals do as well. Other files are left out.
    /// </summary>
    public static IReadOnlyList<string> Extensions { get; } = [".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp"];

    /// <summary>Decodes every image once.</summary>
    /// <param name="path">
    /// The folder; its subfolders, in ordinal order of their names, are the classes, and the images lie directly in them,
    /// read in ordinal order.
    /// </param>
    /// <param name="height">
    /// Pixels to resize to, as <see cref="ImagePixelsEstimator"/> does, 16 to 64; null (then the width too) to take the images as they are.
    /// </param>
    /// <param name="width">Pixels to resize to, 16 to 64; null to take the images as they are.</param>
    /// <param name="channels">3 for red, green and blue, or 1 for grey.</param>
    /// <param name="options">What to do about images that cannot be used; null: fail.</param>
    /// <exception cref="ArgumentException">A number is out of its range, or only one of height and width is given.</exception>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    /// <exception cref="ImageFaultException">
    /// An image cannot be used (and is to be neither skipped nor moved). The message names the file.
    /// </exception>
    /// <exception cref="InvalidDataException">
    /// The folder has no subfolders, one of them has no images that can be used, or, without a height and a width, an image has another
    /// size than the first. The message names the file.
    /// </exception>
    public static ImageSet Read(string path, int? height = null, int? width = null, int channels = 3, ImageCheckOptions? options = null)
    {
        ImagePixelsEstimator.CheckChannels(channels);
        if (height is null != width is null)
        {
            throw new ArgumentException(
                $"The height is {height?.ToString() ?? "null"} and the width {width?.ToString() ?? "null"}; give both or neither.",
                nameof(height));
        }
        if (height is not null && width is not null)
        {
            ImagePixelsEstimator.CheckSide(height.Value, nameof(height));
            ImagePixelsEstimator.CheckSide(width.Value, nameof(width));
        }
        // Reading the images fails at the first faulty one anyway.
        var (files, classNames) = options is null or { Faulty: FaultyImages.Fail, Report: null } ? List(path) : Usable();
        var shape = height is { } h && width is { } w ? new ImageShape(channels, h, w) : ShapeOf(files[0].Path, channels);
        var pixels = new byte[ImageSet.ByteCount(files.Count, shape)];
        if (height is null)
            ReadAsTheyAre(files, shape, pixels);
        else
            ReadResized(files, shape, pixels);
        return new ImageSet(pixels, [.. files.Select(file => file.Label)], shape, classNames);

        (IReadOnlyList<(string Path, int Label)> Files, IReadOnlyList<string> ClassNames) Usable()
        {
            var (listing, report) = ListUsable(path, options);
            options.Report?.Invoke(report);
            return listing;
        }
    }

    /// <summary>The image files of a folder, class by class.</summary>
    internal static (IReadOnlyList<(string Path, int Label)> Files, IReadOnlyList<string> ClassNames) List(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var folder = Path.GetFullPath(path);
        if (!Directory.Exists(folder))
        {
            throw new DirectoryNotFoundException(
                $"There is no folder '{folder}'; expected a folder with one subfolder of images per class. Check the path.");
        }
        string[] classes = [.. Directory.EnumerateDirectories(folder)
            .Where(name => !Path.GetFileName(name).StartsWith('.')).Order(StringComparer.Ordinal)];
        if (classes.Length == 0)
        {
            throw new InvalidDataException(
                $"Folder '{folder}' has no subfolders; expected one subfolder of images per class, called as the class.");
        }
        var files = new List<(string, int)>();
        foreach (var (label, name) in classes.Index())
        {
            var before = files.Count;
            files.AddRange(Directory.EnumerateFiles(name).Where(IsImage).Order(StringComparer.Ordinal).Select(file => (file, label)));
            if (files.Count == before)
            {
                throw new InvalidDataException(
                    $"Folder '{name}' has no images; expected at least one file that ends in {string.Join(", ", Extensions)}. " +
                    "Add images of the class, or remove the folder.");
            }
        }
        return (files, [.. classes.Select(name => Path.GetFileName(name))]);
    }

    /// <summary>The image files of a folder that can be decoded; the others are dealt with as the options say.</summary>
    internal static ((IReadOnlyList<(string Path, int Label)> Files, IReadOnlyList<string> ClassNames) Listing, ImageCheckReport Report)
        ListUsable(string path, ImageCheckOptions options)
    {
        var (files, classNames) = List(path);
        var folder = Path.GetFullPath(path);
        var quarantine = Path.GetFullPath(options.QuarantineFolder ?? Path.TrimEndingDirectorySeparator(folder) + "-quarantine");
        if (options.Faulty == FaultyImages.Quarantine && (quarantine + Path.DirectorySeparatorChar).StartsWith(
            Path.TrimEndingDirectorySeparator(folder) + Path.DirectorySeparatorChar, StringComparison.Ordinal))
        {
            throw new ArgumentException(
                $"QuarantineFolder '{quarantine}' lies in '{folder}', where it would be a class; give one outside.", nameof(options));
        }
        var decoding = files.Select<(string Path, int Label), Action>(file => () => ImageFile.Decode(file.Path).Dispose());
        var found = ImageCheck.Faults(decoding, options.Faulty);
        var usable = files.Where((_, i) => found[i] is null).ToList();
        var used = usable.Select(file => file.Label).ToHashSet();
        foreach (var (label, name) in classNames.Index())
        {
            if (!used.Contains(label))
            {
                var example = files.Zip(found).First(file => file.First.Label == label).Second!;
                throw new InvalidDataException($"Folder '{Path.Combine(folder, name)}' has no image that can be used, of " +
                    $"{files.Count(file => file.Label == label)}; for example: {example.Message}");
            }
        }
        var faulty = new List<FaultyImage>();
        foreach (var (file, fault) in files.Zip(found))
        {
            if (fault is null)
                continue;
            var folderOfClass = Path.Combine(quarantine, classNames[file.Label]);
            faulty.Add(ImageCheck.Found(file.Path, options.Faulty == FaultyImages.Quarantine ? folderOfClass : null, fault));
        }
        return ((usable, classNames), new ImageCheckReport(folder, usable.Count, faulty));
    }

    private static bool IsImage(string file) =>
        !Path.GetFileName(file).StartsWith('.') && Extensions.Contains(Path.GetExtension(file), StringComparer.OrdinalIgnoreCase);

    private static ImageShape ShapeOf(string path, int channels)
    {
        using var bitmap = ImageFile.Decode(path);
        return new ImageShape(channels, bitmap.Height, bitmap.Width);
    }

    private static void ReadAsTheyAre(IReadOnlyList<(string Path, int Label)> files, ImageShape shape, Span<byte> pixels)
    {
        foreach (var (i, file) in files.Index())
        {
            using var bitmap = ImageFile.Decode(file.Path);
            if (bitmap.Height != shape.Height || bitmap.Width != shape.Width)
            {
                throw new InvalidDataException(
                    $"'{file.Path}' is {bitmap.Width} x {bitmap.Height} pixels, '{files[0].Path}' {shape.Width} x {shape.Height}; " +
                    "expected images of one size. Give a height and a width to resize them to.");
            }
            ImageFile.CopyPixels(bitmap, shape.Channels, pixels.Slice(i * shape.Size, shape.Size));
        }
    }

    // The very components of the pipeline resize here too, so that both ways give the same pixels.
    private static void ReadResized(IReadOnlyList<(string Path, int Label)> files, ImageShape shape, Span<byte> pixels)
    {
        var ml = new MLContext();
        var rows = ml.Data.LoadFromEnumerable(Rows(files));
        using var resizing = ml.Transforms
            .ImagePixels(nameof(ImageRow.Image), nameof(ImageRow.Image), shape.Height, shape.Width, shape.Channels)
            .Fit(rows);
        var resized = resizing.Transform(rows);
        var column = resized.Schema[nameof(ImageRow.Image)];
        using var cursor = resized.GetRowCursor([column]);
        var getter = cursor.GetGetter<VBuffer<float>>(column);
        VBuffer<float> values = default;
        for (var i = 0; cursor.MoveNext(); i++)
        {
            getter(ref values);
            var image = pixels.Slice(i * shape.Size, shape.Size);
            foreach (var (at, value) in values.Items())
                image[at] = (byte)value;
        }
    }

    // Large photographs must not wait for the garbage collector: an image lives until the next is asked for.
    private static IEnumerable<ImageRow> Rows(IReadOnlyList<(string Path, int Label)> files)
    {
        foreach (var (path, _) in files)
        {
            using var image = ImageFile.Read(path);
            yield return new ImageRow { Image = image };
        }
    }

    private sealed class ImageRow
    {
        // The attribute demands a size, though images of any may come: resizing looks at each image.
        [ImageType(1, 1)]
        public MLImage? Image { get; set; }
    }
}
