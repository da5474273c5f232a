using System.Drawing;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;
using SkiaSharp;
using ZeroOneShot.Data;
using ZeroOneShot.Persistence;

namespace ZeroOneShot.ML;

/// <summary>Reads a folder with one subfolder of images per class into memory.</summary>
public static class ImageFolder
{
    // The names that data sets give their parts; the folders of classes lie in these.
    private static readonly string[] s_parts =
        ["train", "training", "val", "valid", "validation", "test", "testing", "dev", "eval", "evaluation", "holdout"];

    /// <summary>
    /// The endings of file names that are taken for images, in small letters; capitals do as well. A file with another ending is an image
    /// if it begins as one of these formats does; others are left out, and counted in the report of a check.
    /// </summary>
    public static IReadOnlyList<string> Extensions { get; } = [".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp"];

    /// <summary>Checks every image, as <see cref="ImageDataCatalog.LoadImageFolder(DataOperationsCatalog, string, bool)"/> does, and
    /// reads those that can be used.</summary>
    /// <param name="path">
    /// The folder; its subfolders, in ordinal order of their names, are the classes, and the images lie directly in them,
    /// read in ordinal order.
    /// </param>
    /// <param name="report">
    /// What was left out, for want of a log to say it in; as <see cref="ImageCheckOptions.Report"/> is told before the images are read.
    /// </param>
    /// <param name="height">
    /// Pixels to resize to, as <see cref="ImagePixelsEstimator"/> does, 16 to 256; null (then the width too) to take the images as they
    /// are.
    /// </param>
    /// <param name="width">Pixels to resize to, 16 to 256; null to take the images as they are.</param>
    /// <param name="channels">3 for red, green and blue, or 1 for grey.</param>
    /// <param name="options">
    /// What to do about images that cannot be used, and the colour behind transparent pixels; null: the default.
    /// </param>
    /// <exception cref="ArgumentException">
    /// A number is out of its range, only one of height and width is given, or the background is transparent.
    /// </exception>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    /// <exception cref="IOException">This user may not read a folder.</exception>
    /// <exception cref="ImageFaultException">
    /// An image cannot be used (and is to be neither skipped nor moved). The message names the file.
    /// </exception>
    /// <exception cref="InvalidDataException">
    /// The folder has no subfolders, they are parts of the data such as <c>train</c> and <c>val</c>, one of them has no images that can be
    /// used, or, without a height and a width, an image has another size than the first. The message names the file.
    /// </exception>
    public static ImageSet Read(string path, out ImageCheckReport report, int? height = null, int? width = null, int channels = 3,
        ImageCheckOptions? options = null)
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
        options ??= new();
        var background = Backgrounds.Checked(options.Background, nameof(options)) ?? Backgrounds.Default;
        ((var files, var classNames, _), report) = ListUsable(path, options);
        options.Report?.Invoke(report);
        var shape = height is { } h && width is { } w ? new ImageShape(channels, h, w) : ShapeOf(files[0].Path, channels);
        var images = new ImageBlocks(shape, files.Count);
        if (height is null)
            ReadAsTheyAre(files, shape, background, images);
        else
            ReadResized(files, shape, background, images);
        return new ImageSet(images, [.. files.Select(file => file.Label)], shape, [.. classNames]);
    }

    /// <summary>The image files of a folder, class by class.</summary>
    internal static ImageListing List(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var folder = Path.GetFullPath(path);
        if (!Directory.Exists(folder))
        {
            throw new DirectoryNotFoundException(
                $"There is no folder '{folder}'; expected a folder with one subfolder of images per class. Check the path.");
        }
        return InputFile.In(folder, () => ListReadable(folder));
    }

    private static ImageListing ListReadable(string folder)
    {
        string[] classes = Subfolders(folder);
        if (classes.Length == 0)
        {
            throw new InvalidDataException(
                $"Folder '{folder}' has no subfolders; expected one subfolder of images per class, called as the class.");
        }
        ThrowIfParts(folder, classes);
        var files = new List<(string, int)>();
        var others = new Dictionary<string, int>();
        Count(others, Directory.EnumerateFiles(folder).Where(IsImage), file => $"{Ending(file)} beside the classes");
        foreach (var (label, name) in classes.Index())
        {
            var found = Directory.EnumerateFiles(name).Where(file => !IsHidden(file)).ToLookup(IsImage);
            var left = new Dictionary<string, int>();
            Count(left, found[false], Ending);
            Count(left, Subfolders(name).SelectMany(AllFiles).Where(IsImage), file => $"{Ending(file)} deeper than a class");
            if (!found[true].Any())
            {
                throw new InvalidDataException(
                    $"Folder '{name}' has no images{(left.Count > 0 ? $", but {ImageCheckReport.Describe(left)}" : "")}; expected at " +
                    $"least one file directly in it that is one of {string.Join(", ", Extensions)}. Add images of the class, convert " +
                    "what is there, or remove the folder.");
            }
            files.AddRange(found[true].Order(StringComparer.Ordinal).Select(file => (file, label)));
            foreach (var (kind, count) in left)
                others[kind] = others.GetValueOrDefault(kind) + count;
        }
        return new ImageListing(files, [.. classes.Select(name => Path.GetFileName(name))], others);
    }

    /// <summary>The image files of a folder that can be decoded; the others are dealt with as the options say.</summary>
    internal static (ImageListing Listing, ImageCheckReport Report) ListUsable(string path, ImageCheckOptions options)
    {
        var (files, classNames, others) = List(path);
        var folder = Path.GetFullPath(path);
        var quarantine = Path.GetFullPath(options.QuarantineFolder ?? Path.TrimEndingDirectorySeparator(folder) + "-quarantine");
        if (options.Faulty == FaultyImages.Quarantine && (quarantine + Path.DirectorySeparatorChar).StartsWith(
            Path.TrimEndingDirectorySeparator(folder) + Path.DirectorySeparatorChar, StringComparison.Ordinal))
        {
            throw new ArgumentException(
                $"QuarantineFolder '{quarantine}' lies in '{folder}', where it would be a class; give one outside.", nameof(options));
        }
        var found = ImageCheck.Findings(
            files.Select<(string Path, int Label), Func<SKBitmap>>(file => () => ImageFile.Decode(file.Path)), options);
        var usable = files.Where((_, i) => found[i].Fault is null).ToList();
        var used = usable.Select(file => file.Label).ToHashSet();
        foreach (var (label, name) in classNames.Index())
        {
            if (!used.Contains(label))
            {
                var example = files.Zip(found).First(file => file.First.Label == label).Second.Fault!;
                throw new InvalidDataException($"Folder '{Path.Combine(folder, name)}' has no image that can be used, of " +
                    $"{files.Count(file => file.Label == label)}; for example: {example.Message}");
            }
        }
        var faulty = new List<FaultyImage>();
        foreach (var (file, finding) in files.Zip(found))
        {
            if (finding.Fault is not { } fault)
                continue;
            var folderOfClass = Path.Combine(quarantine, classNames[file.Label]);
            faulty.Add(ImageCheck.Found(file.Path, options.Faulty == FaultyImages.Quarantine ? folderOfClass : null, fault));
        }
        return (new ImageListing(usable, classNames, others), new ImageCheckReport(folder, usable.Count, faulty)
        {
            OtherFiles = others,
            OneColour = [.. files.Where((_, i) => found[i].OneColour).Select(file => file.Path)],
        });
    }

    private static bool IsPart(string folder) => s_parts.Contains(Path.GetFileName(folder), StringComparer.OrdinalIgnoreCase);

    private static void ThrowIfParts(string folder, string[] classes)
    {
        // One of several may well be a class, as trains are among vehicles; but not if it has folders and no image itself.
        if (!classes.All(IsPart)
            && !classes.Any(name => IsPart(name) && Subfolders(name).Length > 0 && !Directory.EnumerateFiles(name).Any(IsImage)))
        {
            return;
        }
        var parts = classes.Where(IsPart).ToList();
        var example = parts.Find(name => Path.GetFileName(name).StartsWith(s_parts[0], StringComparison.OrdinalIgnoreCase)) ?? parts[0];
        throw new InvalidDataException(
            $"Folder '{folder}' has the subfolders {string.Join(", ", parts.Select(name => $"'{Path.GetFileName(name)}'"))}, which seem " +
            "to be parts of the data and not classes; expected one subfolder of images per class. Give one part, for example " +
            $"'{example}'; or rename the folders if they are classes.");
    }

    private static string[] Subfolders(string folder) =>
        [.. Directory.EnumerateDirectories(folder).Where(name => !IsHidden(name)).Order(StringComparer.Ordinal)];

    // Links to folders may lead round in a circle.
    private static IEnumerable<string> AllFiles(string folder) => Directory.EnumerateFiles(
        folder, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint });

    private static void Count(Dictionary<string, int> counts, IEnumerable<string> files, Func<string, string> kind)
    {
        foreach (var (name, count) in files.CountBy(kind))
            counts[name] = counts.GetValueOrDefault(name) + count;
    }

    private static string Ending(string file) =>
        Path.GetExtension(file) is { Length: > 0 } ending ? ending.ToLowerInvariant() : "without ending";

    private static bool IsHidden(string path) => Path.GetFileName(path).StartsWith('.');

    /// <summary>Whether a file of a folder is taken for an image: by its ending, or by how it begins. Hidden ones are not.</summary>
    /// <param name="file">The path of a file; one that cannot be read is taken by its ending alone.</param>
    public static bool IsImage(string file) => !IsHidden(file)
        && (Extensions.Contains(Path.GetExtension(file), StringComparer.OrdinalIgnoreCase) || ImageFile.BeginsAsImage(file));

    private static ImageShape ShapeOf(string path, int channels)
    {
        using var bitmap = ImageFile.Decode(path);
        return new ImageShape(channels, bitmap.Height, bitmap.Width);
    }

    private static void ReadAsTheyAre(
        IReadOnlyList<(string Path, int Label)> files, ImageShape shape, Color background, ImageBlocks images)
    {
        foreach (var file in files)
        {
            using var bitmap = ImageFile.Decode(file.Path);
            if (bitmap.Height != shape.Height || bitmap.Width != shape.Width)
            {
                throw new InvalidDataException(
                    $"'{file.Path}' is {bitmap.Width} x {bitmap.Height} pixels, '{files[0].Path}' {shape.Width} x {shape.Height}; " +
                    "expected images of one size. Give a height and a width to resize them to.");
            }
            ImageFile.CopyPixels(bitmap, shape.Channels, background, images.Add());
        }
    }

    // The very components of the pipeline resize here too, so that both ways give the same pixels.
    private static void ReadResized(
        IReadOnlyList<(string Path, int Label)> files, ImageShape shape, Color background, ImageBlocks images)
    {
        var ml = new MLContext();
        var rows = ml.Data.LoadFromEnumerable(Rows(files));
        using var resizing = ml.Transforms
            .ImagePixels(nameof(ImageRow.Image), nameof(ImageRow.Image), shape.Height, shape.Width, shape.Channels, background)
            .Fit(rows);
        var resized = resizing.Transform(rows);
        var column = resized.Schema[nameof(ImageRow.Image)];
        using var cursor = resized.GetRowCursor([column]);
        var getter = cursor.GetGetter<VBuffer<float>>(column);
        VBuffer<float> values = default;
        while (cursor.MoveNext())
        {
            getter(ref values);
            var image = images.Add();
            foreach (var (at, value) in values.Items(all: true))
                image[at] = (byte)value;
        }
    }

    // Large photographs must not wait for the garbage collector: an image lives until the next is asked for.
    private static IEnumerable<ImageRow> Rows(IReadOnlyList<(string Path, int Label)> files)
    {
        foreach (var (path, _) in files)
        {
            using var image = ImageFile.Read(path, ImageReadOptions.Transparent);
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
