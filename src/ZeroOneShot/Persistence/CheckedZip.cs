using System.IO.Compression;
using System.IO.Hashing;

namespace ZeroOneShot.Persistence;

/// <summary>
/// Reading zips whose entries are what their directory says. .NET compares neither the checksum (CRC-32) nor the length of an entry with
/// what comes out of it, and unpacks a small file to as many gigabytes as it likes.
/// </summary>
internal static class CheckedZip
{
    // An entry may unpack to this in any case, and to so many times its packed length where that is more. Weights and images hardly
    // shrink.
    private const long AlwaysAllowed = 64L << 20;
    private const long MostUnpackedPerByte = 100;

    /// <summary>Whether a file begins as a zip; it is then where it was.</summary>
    public static bool Begins(FileStream file)
    {
        Span<byte> start = stackalloc byte[4];
        var length = file.ReadAtLeast(start, start.Length, throwOnEndOfStream: false);
        file.Position = 0;
        return length == start.Length && start.SequenceEqual("PK\u0003\u0004"u8);
    }

    /// <summary>Opens a zip for reading; the file stays open after it.</summary>
    /// <exception cref="InvalidDataException">The file is cut short or damaged.</exception>
    public static ZipArchive Open(FileStream file, string path)
    {
        ZipArchive? zip = null;
        try
        {
            zip = new ZipArchive(file, ZipArchiveMode.Read, leaveOpen: true);
            _ = zip.Entries;                                // which reads the directory
            return zip;
        }
        catch (Exception e) when (IsOfDamage(e))
        {
            zip?.Dispose();
            throw new InvalidDataException($"'{path}' begins as a zip but cannot be read as one: {e.Message} " +
                "Expected an ONNX model (.onnx), or an ML.NET model (.zip) that holds one. Take another copy of it, or save it again.", e);
        }
    }

    /// <summary>Refuses a zip whose entries together would unpack to far more than the file can hold, however small each is.</summary>
    /// <exception cref="InvalidDataException">They would.</exception>
    public static void ThrowIfLarger(ZipArchive zip, FileStream file, string path)
    {
        var unpacked = zip.Entries.Aggregate((Int128)0, (sum, entry) => sum + entry.Length);
        if (unpacked > AlwaysAllowed + (Int128)MostUnpackedPerByte * file.Length)
        {
            throw new InvalidDataException($"'{path}' has {file.Length} bytes and would unpack to {unpacked}; expected at most " +
                $"{MostUnpackedPerByte} times as many. It is damaged, or was made to do harm.");
        }
    }

    /// <summary>The content of an entry.</summary>
    /// <exception cref="InvalidDataException">The entry is damaged.</exception>
    public static byte[] Read(ZipArchiveEntry entry, string path)
    {
        // Not by the length that the directory says: nothing is allocated that is not there.
        using var content = new MemoryStream();
        Unpack(entry, path, content);
        return content.ToArray();
    }

    /// <summary>Reads an entry to its end.</summary>
    /// <exception cref="InvalidDataException">The entry is damaged.</exception>
    public static void Verify(ZipArchiveEntry entry, string path) => Unpack(entry, path, Stream.Null);

    private static void Unpack(ZipArchiveEntry entry, string path, Stream content)
    {
        var where = $"Entry '{entry.FullName}' of '{path}'";
        if (entry.Length > AlwaysAllowed && entry.Length / MostUnpackedPerByte > entry.CompressedLength)
        {
            throw new InvalidDataException($"{where} would unpack {entry.CompressedLength} bytes to {entry.Length}; expected at most " +
                $"{MostUnpackedPerByte} times as many. It is damaged, or was made to do harm.");
        }
        var hash = new Crc32();
        long length = 0;
        try
        {
            using var stream = entry.Open();
            var buffer = new byte[1 << 16];
            for (int read; length <= entry.Length && (read = stream.Read(buffer)) > 0; length += read)
            {
                hash.Append(buffer.AsSpan(0, read));
                content.Write(buffer, 0, read);
            }
        }
        catch (Exception e) when (IsOfDamage(e))
        {
            throw new InvalidDataException($"{where} cannot be unpacked: {e.Message} Take another copy of the file, or save it again.", e);
        }
        if (length != entry.Length || hash.GetCurrentHashAsUInt32() != entry.Crc32)
            throw Checksum.Damaged(where);
    }

    // What .NET throws where lengths, places and methods in a zip make no sense.
    private static bool IsOfDamage(Exception e) =>
        e is InvalidDataException or IOException or ArgumentException or NotSupportedException or OverflowException;
}
