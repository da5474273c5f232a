using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms.Image;

namespace ZeroOneShot.ML;

/// <summary>Decoding images once to find those that cannot be used.</summary>
internal static class ImageCheck
{
    /// <summary>The fault of each image, null for none, in order.</summary>
    /// <param name="images">What makes an image or throws.</param>
    /// <param name="policy">With <see cref="FaultyImages.Fail"/>, the first fault is thrown.</param>
    public static IReadOnlyList<ImageFaultException?> Faults(IEnumerable<Action> images, FaultyImages policy)
    {
        var faults = new List<ImageFaultException?>();
        foreach (var fault in images.AsParallel().AsOrdered().Select(Fault))
        {
            if (fault is not null && policy == FaultyImages.Fail)
                throw fault;
            faults.Add(fault);
        }
        return faults;

        static ImageFaultException? Fault(Action decode)
        {
            try
            {
                decode();
                return null;
            }
            catch (ImageFaultException e)
            {
                return e;
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
        if (report.Faulty.Count > 0)
            channel.Warning(MessageSensitivity.UserData, "{0}", report);
        else
            channel.Info(MessageSensitivity.UserData, "{0}", report);
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
        var faults = Faults(isPath ? Paths(cursor, column, paths) : Files(cursor, column), options.Faulty);
        var faulty = new List<FaultyImage>();
        foreach (var (row, fault) in faults.Index())
        {
            if (fault is null)
                continue;
            var path = isPath ? paths[row] : row.ToString(CultureInfo.InvariantCulture);
            faulty.Add(Found(
                path, options.Faulty == FaultyImages.Quarantine && File.Exists(path) ? options.QuarantineFolder : null, fault));
        }
        var report = new ImageCheckReport(columnName, faults.Count - faulty.Count, faulty);
        Report(report, options, channel);
        return faulty.Count == 0 ? data : new ChosenRows(data, [.. faults.Select(fault => fault is null)]);
    }

    private static IEnumerable<Action> Paths(DataViewRowCursor cursor, DataViewSchema.Column column, List<string> paths)
    {
        var getter = cursor.GetGetter<ReadOnlyMemory<char>>(column);
        ReadOnlyMemory<char> value = default;
        while (cursor.MoveNext())
        {
            getter(ref value);
            var path = value.ToString();
            paths.Add(path);
            yield return () => ImageFile.Decode(path).Dispose();
        }
    }

    private static IEnumerable<Action> Files(DataViewRowCursor cursor, DataViewSchema.Column column)
    {
        var getter = cursor.GetGetter<VBuffer<byte>>(column);
        VBuffer<byte> value = default;
        for (var row = 0; cursor.MoveNext(); row++)
        {
            getter(ref value);
            var (file, name) = (value.DenseValues().ToArray(), $"The image in row {row}");
            yield return () => ImageFile.Read(file, name).Dispose();
        }
    }
}
