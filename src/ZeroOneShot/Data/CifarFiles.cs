using System.Globalization;
using System.Text;
using ZeroOneShot.Persistence;

namespace ZeroOneShot.Data;

/// <summary>
/// Reads CIFAR-10 and CIFAR-100 in their original "binary version": records of the label (CIFAR-100: coarse label, fine label), then 1,024
/// red, 1,024 green and 1,024 blue bytes, row by row. Source: https://www.cs.toronto.edu/~kriz/cifar.html.
/// </summary>
public static class CifarFiles
{
    private const int LongestNameFile = 1 << 16;

    private static readonly ImageShape s_shape = new(3, 32, 32);

    private static readonly Layout s_cifar10 = new("CIFAR-10", "data_batch_*.bin", "test_batch.bin",
        [new Labels(10, "batches.meta.txt", ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"])]);

    private static readonly Layout s_cifar100 = new("CIFAR-100", "train.bin", "test.bin",
        [new Labels(20, "coarse_label_names.txt", Numbers(20)), new Labels(100, "fine_label_names.txt", Numbers(100))]);

    /// <summary>Reads CIFAR-10.</summary>
    /// <param name="path">
    /// The folder with <c>data_batch_1.bin</c> and so on (any number of them, read in numerical order) and <c>test_batch.bin</c>; or one
    /// such file.
    /// </param>
    /// <param name="part">The part to read from a folder; of no effect on one file.</param>
    /// <returns>Images of 3x32x32 with the class names of <c>batches.meta.txt</c> beside the files, else the published names.</returns>
    /// <exception cref="FileNotFoundException">The path or the files of the part do not exist.</exception>
    /// <exception cref="InvalidDataException">A file is empty, truncated, or has a label out of range.</exception>
    /// <exception cref="IOException">A file or the folder cannot be read.</exception>
    public static ImageSet Read10(string path, CifarPart part) => Read(path, part, s_cifar10, labelIndex: 0);

    /// <summary>Reads CIFAR-100.</summary>
    /// <param name="path">The folder with <c>train.bin</c> and <c>test.bin</c>; or one such file.</param>
    /// <param name="part">The part to read from a folder; of no effect on one file.</param>
    /// <param name="coarse">Whether the labels are the 20 coarse ones; by default they are the 100 fine ones.</param>
    /// <returns>
    /// Images of 3x32x32 with the class names of <c>fine_label_names.txt</c> or <c>coarse_label_names.txt</c> beside the files, else
    /// numbers.
    /// </returns>
    /// <exception cref="FileNotFoundException">The path or the file of the part does not exist.</exception>
    /// <exception cref="InvalidDataException">A file is empty, truncated, or has a label out of range.</exception>
    /// <exception cref="IOException">A file or the folder cannot be read.</exception>
    public static ImageSet Read100(string path, CifarPart part, bool coarse = false) => Read(path, part, s_cifar100, coarse ? 0 : 1);

    /// <summary>Tells which CIFAR a folder holds, by the names and the lengths of its files.</summary>
    /// <param name="folder">The folder; it need not exist.</param>
    /// <param name="kind">The data set found.</param>
    /// <returns>Whether there is a file of either; CIFAR-10 if there are both.</returns>
    /// <exception cref="IOException">The folder cannot be read.</exception>
    public static bool TryDetect(string folder, out CifarKind kind)
    {
        ArgumentNullException.ThrowIfNull(folder);
        kind = CifarKind.Cifar10;
        if (!Directory.Exists(folder))
            return false;
        if (Holds(folder, s_cifar10))
            return true;
        kind = CifarKind.Cifar100;
        return Holds(folder, s_cifar100);
    }

    private static bool Holds(string folder, Layout layout) => InputFile.In(folder, () =>
        Directory.EnumerateFiles(folder, layout.TrainFiles).Concat(Directory.EnumerateFiles(folder, layout.TestFile))
            .Any(file => new FileInfo(file).Length is > 0 and var length && length % layout.RecordLength == 0));

    private static ImageSet Read(string path, CifarPart part, Layout layout, int labelIndex)
    {
        ArgumentNullException.ThrowIfNull(path);
        var files = Files(path, part, layout);
        var counts = files.Select(file => RecordCount(file, layout)).ToArray();
        var pixels = new byte[ImageSet.ByteCount(counts.Sum(), s_shape)];
        var labels = new int[counts.Sum()];
        var record = 0;
        foreach (var (file, count) in files.Zip(counts))
        {
            ReadRecords(file, layout, labelIndex, labels.AsSpan(record, (int)count), pixels.AsSpan(record * s_shape.Size));
            record += (int)count;
        }
        var folder = Path.GetDirectoryName(Path.GetFullPath(files[0]))!;
        return new ImageSet(pixels, labels, s_shape, ClassNames(folder, layout.Labels[labelIndex]));
    }

    private static string[] Files(string path, CifarPart part, Layout layout)
    {
        if (File.Exists(path))
            return [path];
        var wanted = part switch
        {
            CifarPart.Train => layout.TrainFiles,
            CifarPart.Test => layout.TestFile,
            _ => throw new ArgumentOutOfRangeException(nameof(part), part,
                $"The part is {part}; expected {CifarPart.Train} or {CifarPart.Test}."),
        };
        if (!Directory.Exists(path))
            throw new FileNotFoundException(
                $"There is no folder or file '{Path.GetFullPath(path)}'; expected a folder with '{wanted}', or one file of the binary " +
                $"version of {layout.Name}. Check the path.", path);
        // Shorter names first puts data_batch_10 after data_batch_9.
        string[] files = InputFile.In<string[]>(path, () =>
            [.. Directory.EnumerateFiles(path, wanted).OrderBy(file => file.Length).ThenBy(file => file, StringComparer.Ordinal)]);
        return files.Length > 0
            ? files
            : throw new FileNotFoundException(
                $"Folder '{Path.GetFullPath(path)}' has no '{wanted}'; expected the {part} part of the binary version of {layout.Name}. " +
                "Unpack it there, or give the folder that holds it.", Path.Combine(path, wanted));
    }

    private static long RecordCount(string file, Layout layout)
    {
        using var stream = InputFile.Open(file, $"{layout.Name} records of {layout.RecordLength} bytes");
        var (count, rest) = Math.DivRem(stream.Length, layout.RecordLength);
        return rest == 0
            ? count
            : throw new InvalidDataException(
                $"File '{file}' has {stream.Length} bytes; expected a multiple of {layout.RecordLength}, the length of a " +
                $"{layout.Name} record ({count} records and {rest} bytes found). It is truncated, or of another kind: " +
                "copy it again, or read it as what it is.");
    }

    private static void ReadRecords(string file, Layout layout, int labelIndex, Span<int> labels, Span<byte> pixels)
    {
        using var stream = InputFile.Open(file, $"{layout.Name} records");
        Span<byte> labelBytes = stackalloc byte[layout.Labels.Length];
        for (var record = 0; record < labels.Length; record++)
        {
            var image = pixels.Slice(record * s_shape.Size, s_shape.Size);
            if (stream.ReadAtLeast(labelBytes, labelBytes.Length, throwOnEndOfStream: false) < labelBytes.Length
                || stream.ReadAtLeast(image, image.Length, throwOnEndOfStream: false) < image.Length)
            {
                throw new InvalidDataException(
                    $"File '{file}' became shorter while it was read: it ends in record {record} of {labels.Length}. Read it again.");
            }
            for (var i = 0; i < labelBytes.Length; i++)
            {
                if (labelBytes[i] >= layout.Labels[i].Count)
                    throw new InvalidDataException(
                        $"File '{file}', record {record} (counted from 0), has label {labelBytes[i]} in byte {i}; {layout.Name} allows " +
                        $"0 to {layout.Labels[i].Count - 1} there. The file is damaged, or of another kind: copy it again, or read it as " +
                        "what it is.");
            }
            labels[record] = labelBytes[labelIndex];
        }
    }

    private static string[] ClassNames(string folder, Labels labels)
    {
        var file = Path.Combine(folder, labels.NameFile);
        if (!File.Exists(file))
            return labels.Names;
        using var stream = InputFile.Open(file, $"{labels.Count} class names, one a line");
        if (stream.Length > LongestNameFile)
        {
            throw new InvalidDataException(
                $"File '{file}' has {stream.Length} bytes; expected {labels.Count} class names, one a line, in " +
                $"at most {LongestNameFile}. Restore it, or remove it to use built-in names.");
        }
        using var reader = new StreamReader(stream, Encoding.UTF8);
        string[] names = [.. reader.ReadToEnd().Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)];
        return names.Length == labels.Count
            ? names
            : throw new InvalidDataException(
                $"File '{file}' has {names.Length} class names; expected {labels.Count}, one a line. Restore it, or remove it to use " +
                "built-in names.");
    }

    private static string[] Numbers(int count) => [.. Enumerable.Range(0, count).Select(i => i.ToString(CultureInfo.InvariantCulture))];

    /// <summary>
    /// One label byte of a record: how many classes it tells apart, the file of their names, and the names without that file.
    /// </summary>
    private sealed record Labels(int Count, string NameFile, string[] Names);

    /// <summary>How one of the data sets is laid out in files; one entry of labels for each label byte of a record.</summary>
    private sealed record Layout(string Name, string TrainFiles, string TestFile, Labels[] Labels)
    {
        public int RecordLength => Labels.Length + s_shape.Size;
    }
}
