namespace ZeroOneShot.Persistence;

/// <summary>
/// The two texts with which this library marks every file that it writes: the version of its format and the SHA-256 of its content. One
/// of them without the other is damage, so that no single wrong byte can make a file look like one that never had a checksum.
/// </summary>
internal static class Checksum
{
    /// <summary>The metadata key of the version of the format.</summary>
    public const string FormatKey = "zerooneshot.format";

    /// <summary>The metadata key of the checksum.</summary>
    public const string Key = "zerooneshot.sha256";

    /// <summary>The version that this library writes.</summary>
    public const string Format = "1";

    /// <summary>Characters of a checksum.</summary>
    public const int Length = 64;

    /// <summary>Whether a metadata key is kept for this purpose.</summary>
    public static bool Owns(string key) => key is FormatKey or Key;

    /// <summary>Refuses texts of a caller under one of the two keys.</summary>
    /// <exception cref="ArgumentException">There is one.</exception>
    public static void ThrowIfOwned(IEnumerable<string> keys)
    {
        if (keys.FirstOrDefault(Owns) is { } key)
            throw new ArgumentException($"The metadata have a text for '{key}', a key kept for the file's checksum. Choose another key.");
    }

    /// <summary>The checksum that a file should have; null where it has no mark of this library.</summary>
    /// <param name="metadata">The texts of the file, by key.</param>
    /// <param name="where">The file, in an error's words.</param>
    /// <exception cref="InvalidDataException">The file has one mark only, or is of a version that this library does not know.</exception>
    public static string? Expected(IReadOnlyDictionary<string, string> metadata, string where)
    {
        var (hasFormat, hasChecksum) = (metadata.TryGetValue(FormatKey, out var format), metadata.TryGetValue(Key, out var checksum));
        if (!hasFormat && !hasChecksum)
            return null;
        if (!hasFormat || !hasChecksum || checksum!.Length != Length)
            throw Damaged(where);
        return format == Format
            ? checksum
            : throw new InvalidDataException($"{where} is of format '{format}'; this version of the library reads format '{Format}'. " +
                "The file is damaged, or a newer version wrote it: take another copy of it, or update ZeroOneShot.");
    }

    /// <summary>The error that a file is not what was written.</summary>
    public static InvalidDataException Damaged(string where) =>
        new($"{where} is damaged: its content is not what its checksum says. Take another copy of it, or write it again.");

    /// <summary>The error that a file should have a checksum and has none.</summary>
    public static InvalidDataException Missing(string where) =>
        new($"{where} has no checksum, and everything that this library writes has one: it is damaged, or another program wrote it. " +
            "Take another copy of it, or write it again.");
}
