namespace ZeroOneShot.Persistence;

/// <summary>
/// Keeps a folder for one writer, so that two runs started by mistake do not mix their results: a second one, of whatever process, is
/// refused with the first one's name until that is disposed or its process has ended, however it ended.
/// </summary>
/// <remarks>
/// Only writers that take the lock respect it. The folder keeps an empty file <c>.zerooneshot.lock</c>. Checkpoints need no such lock:
/// every run locks its own.
/// </remarks>
public sealed class FolderLock : IDisposable
{
    private readonly WriterLock _lock;

    private FolderLock(string folder, WriterLock taken) => (Folder, _lock) = (folder, taken);

    /// <summary>The full path of the folder.</summary>
    public string Folder { get; }

    /// <summary>Takes a folder, which is created where it is missing.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="purpose">What it is wanted for, in the words of the error that others get, for example <c>image search</c>.</param>
    /// <exception cref="IOException">
    /// Another run has it, which the message names by process, machine, purpose and time; or it cannot be created or written.
    /// </exception>
    public static FolderLock Take(string folder, string purpose)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        ArgumentException.ThrowIfNullOrEmpty(purpose);
        var full = Path.GetFullPath(folder);
        return new FolderLock(full, WriterLock.Take(Path.Combine(full, ".zerooneshot"), $"Folder '{full}'", purpose));
    }

    /// <summary>Lets the next writer in.</summary>
    public void Dispose() => _lock.Dispose();
}
