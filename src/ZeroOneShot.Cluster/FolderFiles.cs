using System.Security.Cryptography;
using System.Text.RegularExpressions;

namespace ZeroOneShot.Cluster;

/// <summary>The files of a folder as they travel: names below the folder, lengths and hashes.</summary>
internal static partial class FolderFiles
{
    /// <summary>A part of a file in one message.</summary>
    public const int ChunkBytes = 256 * 1024;

    /// <summary>The files, the oldest first, without hidden ones (locks, half-written ones) and a checkpoint's earlier copies.</summary>
    public static IReadOnlyList<string> Names(string folder) => !Directory.Exists(folder) ? [] :
    [
        .. new DirectoryInfo(folder).EnumerateFiles("*", SearchOption.AllDirectories)
            .OrderBy(file => file.LastWriteTimeUtc).ThenBy(file => file.FullName, StringComparer.Ordinal)
            .Select(file => Path.GetRelativePath(folder, file.FullName).Replace('\\', '/'))
            .Where(name => IsName(name) && !name.Contains(".previous", StringComparison.Ordinal)),
    ];

    /// <summary>The same with their hashes.</summary>
    public static IReadOnlyList<FileNote> Notes(string folder) => [.. Names(folder).Select(name => Note(folder, name))];

    /// <summary>A file with its hash.</summary>
    public static FileNote Note(string folder, string name)
    {
        using var file = File.OpenRead(Path.Combine(folder, name));
        return new FileNote(name, file.Length, Convert.ToHexStringLower(SHA256.HashData(file)));
    }

    public static string Hash(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(SHA256.HashData(bytes));

    /// <summary>Whether a name of the network leads to a place below a folder, and to no hidden file.</summary>
    public static bool IsName(string name) => name.Length <= 200 && Name().IsMatch(name);

    /// <exception cref="InvalidDataException">The name leads elsewhere.</exception>
    public static string PathOf(string folder, string name) => IsName(name) ? Path.Combine(folder, name) :
        throw new InvalidDataException($"'{name}' is no name of a file below a folder; expected letters, digits and ._- between slashes.");

    /// <summary>A part of a file; empty behind its end.</summary>
    public static byte[] Read(string path, long offset)
    {
        using var file = File.OpenRead(path);
        file.Seek(offset, SeekOrigin.Begin);
        var bytes = new byte[(int)Math.Clamp(file.Length - offset, 0, ChunkBytes)];
        file.ReadExactly(bytes);
        return bytes;
    }

    [GeneratedRegex(@"^[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*\z", RegexOptions.NonBacktracking)]
    private static partial Regex Name();
}
