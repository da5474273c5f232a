using System.Buffers.Binary;
using System.Globalization;
using System.IO.Compression;
using ZeroOneShot.Persistence;

namespace ZeroOneShot.Data;

/// <summary>
/// Reads grey images and labels in IDX files, the layout of MNIST, Fashion-MNIST and KMNIST, plain or compressed with gzip.
/// Source: http://yann.lecun.com/exdb/mnist.
/// </summary>
public static class IdxFiles
{
    private const byte UnsignedByte = 0x08;

    // What a byte of gzip can become at most; a header that promises more lies.
    private const long MostUnpackedPerByte = 1032;

    /// <summary>Reads a pair of files.</summary>
    /// <param name="imagesPath">
    /// The images: unsigned bytes, N x height x width (a file that begins with 00 00 08 03); gzip is recognised by content.
    /// </param>
    /// <param name="labelsPath">The labels: N unsigned bytes (a file that begins with 00 00 08 01); gzip is recognised by content.</param>
    /// <param name="classNames">The name of each class; by default the numbers 0 to the largest label.</param>
    /// <returns>Images of 1 x height x width.</returns>
    /// <exception cref="FileNotFoundException">A file does not exist.</exception>
    /// <exception cref="InvalidDataException">
    /// A file is empty, truncated, too long or of another kind, the two do not hold equally many records, or a label has no class name.
    /// </exception>
    public static ImageSet Read(string imagesPath, string labelsPath, IReadOnlyList<string>? classNames = null)
    {
        ArgumentNullException.ThrowIfNull(imagesPath);
        ArgumentNullException.ThrowIfNull(labelsPath);
        var (sizes, pixels) = ReadArray(imagesPath, "images", dimensions: 3);
        var (_, labels) = ReadArray(labelsPath, "labels", dimensions: 1);
        if (labels.Length != sizes[0])
            throw new InvalidDataException(
                $"File '{imagesPath}' has {sizes[0]} images and file '{labelsPath}' has {labels.Length} labels; expected as many " +
                "labels as images. Give two files of the same part.");
        classNames ??= [.. Enumerable.Range(0, labels.Max() + 1).Select(i => i.ToString(CultureInfo.InvariantCulture))];
        for (var record = 0; record < labels.Length; record++)
        {
            if (labels[record] >= classNames.Count)
                throw new InvalidDataException(
                    $"File '{labelsPath}', record {record} (counted from 0), has label {labels[record]}; expected 0 to " +
                    $"{classNames.Count - 1}, since {classNames.Count} class names were given. Name every class, or give no names.");
        }
        return new ImageSet(pixels, [.. labels.Select(label => (int)label)], new ImageShape(1, sizes[1], sizes[2]), classNames);
    }

    /// <summary>Reads a file, and unpacks it meanwhile if it begins as gzip does.</summary>
    private static (int[] Sizes, byte[] Values) ReadArray(string path, string content, int dimensions)
    {
        using var file = InputFile.Open(path, $"an IDX file of {content}");
        var compressed = file.ReadByte() == 0x1f && file.ReadByte() == 0x8b;
        file.Position = 0;
        if (!compressed)
            return ReadArray(file, file.Length, path, content, dimensions);
        try
        {
            using var gzip = new GZipStream(file, CompressionMode.Decompress);
            return ReadArray(gzip, MostUnpackedPerByte * file.Length, path, content, dimensions);
        }
        catch (InvalidDataException e) when (!e.Message.StartsWith("File '", StringComparison.Ordinal))
        {
            throw new InvalidDataException(
                $"File '{path}' begins as gzip, but cannot be unpacked: {e.Message} Copy or download it again.", e);
        }
    }

    /// <param name="stream">The content.</param>
    /// <param name="longest">How many bytes there can be; no more are asked for.</param>
    /// <param name="path">The file, for errors.</param>
    /// <param name="content">What should be in it, for errors.</param>
    /// <param name="dimensions">How many sizes the header has.</param>
    private static (int[] Sizes, byte[] Values) ReadArray(Stream stream, long longest, string path, string content, int dimensions)
    {
        var header = new byte[4 + 4 * dimensions];
        var found = stream.ReadAtLeast(header, header.Length, throwOnEndOfStream: false);
        byte[] magic = [0, 0, UnsignedByte, (byte)dimensions];
        if (found < 4 || !header.AsSpan(0, 4).SequenceEqual(magic))
            throw new InvalidDataException(
                $"File '{path}' begins with the bytes {Hex(header.AsSpan(0, Math.Min(found, 4)))}; expected {Hex(magic)}, as an IDX " +
                $"file of {content} ({dimensions} dimension(s) of unsigned bytes) does. Check that images and labels are not exchanged.");
        if (found < header.Length)
            throw new InvalidDataException(
                $"File '{path}' ends after {found} bytes, within its header of {header.Length}. Copy or download it again.");

        var sizes = new long[dimensions];
        for (var i = 0; i < dimensions; i++)
            sizes[i] = BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(4 + 4 * i));
        var total = sizes.Aggregate((Int128)1, (product, size) => product * size);
        if (total == 0 || total > Array.MaxLength)
            throw new InvalidDataException(
                $"File '{path}' says it holds {string.Join(" x ", sizes)} bytes of {content}; expected 1 to {Array.MaxLength} in all. " +
                "It is damaged, or has to be divided.");
        if (total > longest - header.Length)
            throw new InvalidDataException(
                $"File '{path}' ends after {(stream is FileStream ? "" : "at most ")}{longest - header.Length} of the {total} bytes " +
                $"({string.Join(" x ", sizes)} {content}) its header promises; it is truncated or damaged. Copy or download it again.");
        var values = new byte[(int)total];
        var read = stream.ReadAtLeast(values, values.Length, throwOnEndOfStream: false);
        if (read < values.Length)
            throw new InvalidDataException(
                $"File '{path}' ends after {read} of the {total} bytes ({string.Join(" x ", sizes)} {content}) its header promises; it " +
                "is truncated. Copy or download it again.");
        if (stream.ReadByte() >= 0)
            throw new InvalidDataException(
                $"File '{path}' goes on after the {total} bytes ({string.Join(" x ", sizes)} {content}) its header promises. It is " +
                "damaged: copy or download it again.");
        return ([.. sizes.Select(size => (int)size)], values);
    }

    private static string Hex(ReadOnlySpan<byte> bytes) => Convert.ToHexString(bytes);
}
