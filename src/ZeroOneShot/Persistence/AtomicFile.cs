using System.Text;

namespace ZeroOneShot.Persistence;

/// <summary>Files that appear whole or not at all, so that a killed process never leaves half a checkpoint behind.</summary>
public static class AtomicFile
{
    private const string TemporaryExtension = ".tmp", WriteTest = "write-test";

    /// <summary>
    /// Writes a file: first under a temporary name in the same folder, flushed to disk, then moved over <paramref name="path"/>.
    /// The folder is created where it is missing. When anything fails, a file that was there before stays as it was.
    /// </summary>
    /// <param name="path">The file to write or replace.</param>
    /// <param name="write">Writes the content; the stream can seek and is closed afterwards.</param>
    /// <exception cref="IOException">The folder cannot be created or written, or the disk is full.</exception>
    public static void Write(string path, Action<Stream> write) => Write(path, previous: null, write);

    /// <summary>
    /// The same, and a file that was there before is kept as <paramref name="previous"/>. A process that is killed in between leaves that
    /// one alone.
    /// </summary>
    internal static void Write(string path, string? previous, Action<Stream> write)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(write);
        var target = Path.GetFullPath(path);
        if (Directory.Exists(target))
            throw new IOException($"'{target}' is a folder; expected the name of a file to write. Give a file name inside it.");
        ThrowIfNotRegular(target);
        var folder = Path.GetDirectoryName(target) ?? target;
        var temporary = TemporaryNameIn(folder, Path.GetFileName(target));
        try
        {
            using (var stream = Create(temporary, folder, target))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }
            if (previous is not null && File.Exists(target))
                MoveOver(target, previous);
            MoveOver(temporary, target);
        }
        catch (Exception e)
        {
            DeleteQuietly(temporary);
            if (e is IOException && IsOfSpace(e.HResult))
            {
                throw new IOException(
                    $"'{target}' cannot be written: there is no room for it ({e.Message}). Free some space there, or choose another " +
                    "folder.", e);
            }
            throw;
        }
    }

    /// <summary>
    /// Checks that files can be written to a folder, before long work whose result goes there: creates the folder where it is missing,
    /// writes a small file and removes it, as well as those of processes that were killed in this very check.
    /// </summary>
    /// <param name="folder">The folder.</param>
    /// <exception cref="IOException">The folder cannot be created or written.</exception>
    public static void EnsureWritable(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        var full = Path.GetFullPath(folder);
        var temporary = TemporaryNameIn(full, WriteTest);
        DeleteLeftovers(Path.Combine(full, WriteTest));     // of a process at work too, which is in nobody's way: it has the file open
        try
        {
            using var stream = Create(temporary, full, full);
            stream.WriteByte(0);
            stream.Flush(flushToDisk: true);
        }
        finally
        {
            DeleteQuietly(temporary);
        }
    }

    /// <summary>
    /// Deletes what processes that were killed within <see cref="Write(string, Action{Stream})"/> have left beside a file. Only while no
    /// other process writes it. A folder that cannot be read is left as it is.
    /// </summary>
    /// <param name="path">The file that was being written.</param>
    public static void DeleteLeftovers(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        var target = Path.GetFullPath(path);
        if (Path.GetDirectoryName(target) is not { } folder || !Directory.Exists(folder))
            return;
        var length = TemporaryNameIn(folder, Path.GetFileName(target)).Length;      // that of another file may begin alike
        var beginning = Path.Combine(folder, TemporaryBeginning(Path.GetFileName(target)));
        foreach (var file in FilesIn(folder))
        {
            if (file.Length == length && file.StartsWith(beginning, StringComparison.Ordinal))
                DeleteQuietly(file);
        }
    }

    /// <summary>Keeps pipes and devices, such as <c>/dev/null</c>, from being moved over and so lost.</summary>
    private static void ThrowIfNotRegular(string target)
    {
        const int invalidArgument = 22, noSuchDevice = 6;                   // Unix's; Windows has other numbers, and no such files
        if (!File.Exists(target) || new FileInfo(target) is { LinkTarget: not null } or { Length: > 0 })
            return;
        try
        {
            // The length of nothing but a regular file can be set. To open a pipe for reading too does not wait for a reader.
            using var file = new FileStream(target, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
            if (file.CanSeek)
                file.SetLength(0);
            else
                throw new IOException("It has no length.", invalidArgument);
        }
        catch (IOException e) when (e.HResult is invalidArgument or noSuchDevice)
        {
            throw new IOException($"'{target}' is a pipe or a device; expected the name of a file to write. Give another.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // An empty file that somebody has open, or that this user may not write: to be replaced it needs neither.
        }
    }

    // A full disk, a file larger than this user may write, a quota; then Windows's words for the first of these.
    private static bool IsOfSpace(int error) => OperatingSystem.IsWindows()
        ? error is unchecked((int)0x80070070) or unchecked((int)0x80070027) : error is 28 or 27 or 122;

    private static string[] FilesIn(string folder)
    {
        try
        {
            return Directory.GetFiles(folder, ".*" + TemporaryExtension);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    private static string TemporaryNameIn(string folder, string name) =>
        Path.Combine(folder, $"{TemporaryBeginning(name)}{Guid.NewGuid():N}{TemporaryExtension}");

    // A name may have 255 bytes, of which the rest of the temporary one needs some.
    private static string TemporaryBeginning(string name)
    {
        const int longest = 200;
        while (Encoding.UTF8.GetByteCount(name) > longest)
            name = name[..^(char.IsLowSurrogate(name[^1]) && name.Length > 1 ? 2 : 1)];
        return $".{name}.";
    }

    private static FileStream Create(string temporary, string folder, string target)
    {
        try
        {
            Directory.CreateDirectory(folder);
            return new FileStream(temporary, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new IOException(NotWritable(target, folder, e), e);
        }
    }

    private static void MoveOver(string temporary, string target)
    {
        try
        {
            File.Move(temporary, target, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new IOException(NotReplaceable(target, e), e);
        }
    }

    private static string NotWritable(string target, string folder, Exception e) =>
        $"'{target}' cannot be written: folder '{folder}' cannot be created or written to ({e.Message}). " +
        "Choose another folder, or give this user the right to write there.";

    private static string NotReplaceable(string target, Exception e) =>
        $"'{target}' cannot be replaced ({e.Message}). Close the program that has it open, or choose another file name.";

    internal static void DeleteQuietly(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The error that led here is the one to report; it may be the very reason why this fails too.
        }
    }
}
