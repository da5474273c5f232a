using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace ZeroOneShot.Persistence;

/// <summary>Lets one writer at a time into a file or a folder, over all processes of a machine.</summary>
/// <remarks>
/// The operating system holds the lock as long as the lock file is open, and frees it with the process, however that ends: there is no
/// stale lock, and no number of a process that another could have got meanwhile. The lock file stays, empty: to delete it would let two
/// writers in, one with the old file and one with the new. Beside it the owner's name stands in a file of its own, since a locked file
/// cannot be read; it is for the error message only. File systems without locks let everybody in.
/// </remarks>
internal sealed class WriterLock : IDisposable
{
    private readonly FileStream _held;
    private readonly string _owner;

    private WriterLock(FileStream held, string owner) => (_held, _owner) = (held, owner);

    /// <summary>Takes the lock.</summary>
    /// <param name="name">The path of the lock file without its extension.</param>
    /// <param name="what">What is locked, in an error's words: <c>Folder 'out'</c>.</param>
    /// <param name="purpose">What it is locked for, in an error's words: <c>a search</c>.</param>
    /// <exception cref="IOException">Another writer has it, or the folder cannot be created or written; the message says which.</exception>
    public static WriterLock Take(string name, string what, string purpose)
    {
        var (path, owner) = (name + ".lock", name + ".owner");
        AtomicFile.EnsureWritable(Path.GetDirectoryName(path)!);
        FileStream held;
        try
        {
            held = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new IOException(
                $"{what} cannot be locked: '{path}' belongs to another user ({e.Message}). Delete it if nobody uses it, or choose " +
                "another folder.", e);
        }
        catch (IOException e)
        {
            throw new IOException(
                $"{what} is in use by {OwnerOf(owner)}. Wait until that is over or end it, or choose another folder ({e.Message})", e);
        }
        var taken = new WriterLock(held, owner);
        try
        {
            using var self = Process.GetCurrentProcess();
            var text = string.Create(CultureInfo.InvariantCulture,
                $"process {self.Id} ({self.ProcessName}) on {Environment.MachineName}, for {purpose} since {DateTime.UtcNow:u}");
            AtomicFile.DeleteLeftovers(owner);
            AtomicFile.Write(owner, stream => stream.Write(Encoding.UTF8.GetBytes(text)));
            return taken;
        }
        catch
        {
            taken.Dispose();
            throw;
        }
    }

    /// <summary>Lets the next writer in.</summary>
    public void Dispose()
    {
        if (_held.SafeFileHandle.IsClosed)
            return;
        AtomicFile.DeleteQuietly(_owner);                   // while it is still this writer's
        _held.Dispose();
    }

    private static string OwnerOf(string owner)
    {
        try
        {
            using var text = new StreamReader(InputFile.Open(owner, "the name of a writer"));
            var buffer = new char[300];
            return text.ReadBlock(buffer) is > 0 and var read ? new string(buffer, 0, read) : "another run";
        }
        catch (Exception e) when (e is IOException or InvalidDataException)
        {
            return "another run";                           // which has just begun or is just over
        }
    }
}
