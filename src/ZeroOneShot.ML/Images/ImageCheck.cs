using System.Buffers;
using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms.Image;
using SkiaSharp;

namespace ZeroOneShot.ML;

/// <summary>Decoding images once to find those that cannot be used.</summary>
internal static class ImageCheck
{
    /// <summary>What decoding an image showed: a fault, or whether all its pixels have one colour.</summary>
    public readonly record struct Finding(ImageFaultException? Fault, bool OneColour);

    /// <summary>What is found in each image, in order.</summary>
    /// <param name="images">What decodes an image or throws.</param>
    /// <param name="options">With <see cref="FaultyImages.Fail"/>, the first fault is thrown.</param>
    public static IReadOnlyList<Finding> Findings(IEnumerable<Func<SKBitmap>> images, ImageCheckOptions options)
    {
        var background = Backgrounds.Checked(options.Background, nameof(options)) ?? Backgrounds.Default;
        var findings = new List<Finding>();
        foreach (var finding in images.AsParallel().AsOrdered().Select(Find))
        {
            if (finding.Fault is not null && options.Faulty == FaultyImages.Fail)
                throw finding.Fault;
            findings.Add(finding);
        }
        return findings;

        Finding Find(Func<SKBitmap> decode)
        {
            try
            {
                using var bitmap = decode();
                return new Finding(null, Backgrounds.IsOneColour(bitmap, background));
            }
            catch (ImageFaultException e)
            {
                return new Finding(e, false);
            }
        }
    }

    /// <summary>
    /// What is said of a faulty image file, after moving it into a folder where one is given. One that cannot be moved stays.
    /// </summary>
    public static FaultyImage Found(string path, string? folder, ImageFaultException fault)
    {
        try
        {
            return new FaultyImage(path, fault.Fault, fault.Message, folder is null ? null : Move(path, folder, fault));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return new FaultyImage(path, fault.Fault, $"{fault.Message} It could not be moved to '{folder}': {e.Message}", null);
        }
    }

    /// <summary>Moves a file into a folder, with a text file beside it that says why.</summary>
    /// <returns>Where it is now.</returns>
    private static string Move(string path, string folder, ImageFaultException fault)
    {
        Directory.CreateDirectory(folder);
        var (name, extension) = (Path.GetFileNameWithoutExtension(path), Path.GetExtension(path));
        var target = Path.Combine(folder, name + extension);
        for (var i = 2; File.Exists(target); i++)
            target = Path.Combine(folder, $"{name} ({i}){extension}");
        // The reason first: what fails after the move would make a file that is gone look as if it had stayed.
        File.WriteAllText(target + ".txt", $"{fault.Fault}: {fault.Message}\n");
        // To overwrite, though there is nothing, takes a single step of the system, which happens as a whole or not at all.
        File.Move(path, target, overwrite: true);
        return target;
    }

    /// <summary>Tells the caller and the log.</summary>
    public static void Report(ImageCheckReport report, ImageCheckOptions options, IChannel channel)
    {
        options.Report?.Invoke(report);
        if (report.IsClean)
            channel.Info(MessageSensitivity.UserData, "{0}", report);
        else
            channel.Warning(MessageSensitivity.UserData, "{0}", report);
    }

    /// <summary>The rows whose images can be used.</summary>
    public static IDataView Rows(IDataView data, string columnName, ImageCheckOptions options, IChannel channel)
    {
        var column = data.Schema.GetColumnOrNull(columnName) ?? throw SchemaErrors.NotFound(channel, "image", columnName);
        var isPath = column.Type is TextDataViewType;
        if (!ImageColumnTransformer.Takes(column.Type) || column.Type is ImageDataViewType)
        {
            throw SchemaErrors.Mismatch(channel, "image", columnName, "Text or Vector<Byte> of unknown size",
                PixelColumn.Describe(column.Type), "Give paths, or the bytes of files; images in memory are decoded already");
        }
        if (options.Faulty == FaultyImages.Quarantine && (!isPath || options.QuarantineFolder is null))
        {
            throw new ArgumentException(isPath
                ? "There is no QuarantineFolder; give one to move images to."
                : $"Column '{columnName}' holds bytes, which cannot be moved to a quarantine; skip them, or give a column of paths.",
                nameof(options));
        }
        var paths = new List<string>();
        using var cursor = data.GetRowCursor([column]);
        var findings = Findings(isPath ? Paths(cursor, column, paths) : Files(cursor, column), options);
        var faulty = new List<FaultyImage>();
        foreach (var (row, finding) in findings.Index())
        {
            if (finding.Fault is not { } fault)
                continue;
            var name = Name(row);
            faulty.Add(Found(
                name, options.Faulty == FaultyImages.Quarantine && File.Exists(name) ? options.QuarantineFolder : null, fault));
        }
        var report = new ImageCheckReport(columnName, findings.Count - faulty.Count, faulty)
        {
            OneColour = [.. findings.Index().Where(finding => finding.Item.OneColour).Select(finding => Name(finding.Index))],
        };
        Report(report, options, channel);
        return faulty.Count == 0 ? data : new ChosenRows(data, [.. findings.Select(finding => finding.Fault is null)]);

        string Name(int row) => isPath ? paths[row] : row.ToString(CultureInfo.InvariantCulture);
    }

    private static IEnumerable<Func<SKBitmap>> Paths(DataViewRowCursor cursor, DataViewSchema.Column column, List<string> paths)
    {
        var getter = cursor.GetGetter<ReadOnlyMemory<char>>(column);
        ReadOnlyMemory<char> value = default;
        while (cursor.MoveNext())
        {
            getter(ref value);
            var path = value.ToString();
            paths.Add(path);
            yield return () => ImageFile.Decode(path);
        }
    }

    private static IEnumerable<Func<SKBitmap>> Files(DataViewRowCursor cursor, DataViewSchema.Column column)
    {
        var getter = cursor.GetGetter<VBuffer<byte>>(column);
        VBuffer<byte> value = default;
        for (var row = 0; cursor.MoveNext(); row++)
        {
            getter(ref value);
            var (file, name) = (value.DenseValues().ToArray(), $"The image in row {row} (counted from 0) of column '{column.Name}'");
            yield return () => ImageFile.Decode(new ReadOnlySequence<byte>(file), name, ImageLimits.Default);
        }
    }
}
