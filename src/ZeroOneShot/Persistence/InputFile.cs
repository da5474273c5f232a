namespace ZeroOneShot.Persistence;

/// <summary>
/// Opening files of models, weights and data for reading. They must be regular files: to open a pipe waits until somebody writes to it, and
/// a device such as <c>/dev/zero</c> never ends.
/// </summary>
internal static class InputFile
{
    /// <summary>Opens a regular file for reading from its beginning.</summary>
    /// <param name="path">The file.</param>
    /// <param name="expected">What should be in it, in an error's words: <c>an IDX file of labels</c>.</param>
    /// <exception cref="FileNotFoundException">There is no such file, or it is a folder.</exception>
    /// <exception cref="InvalidDataException">The file is empty, a pipe or a device.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static FileStream Open(string path, string expected)
    {
        ThrowIfNotRegular(path, expected);
        FileStream file;
        try
        {
            file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete,
                bufferSize: 1 << 16, FileOptions.SequentialScan);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new IOException($"File '{path}' cannot be read by this user ({e.Message}). Give the right to read it, or copy it.", e);
        }
        if (file.CanSeek && file.Length > 0)
            return file;
        file.Dispose();                                     // became another one between the check and the opening
        throw NotRegular(path, expected);
    }

    /// <summary>The text of a regular file, in UTF-8.</summary>
    /// <param name="path">The file.</param>
    /// <param name="expected">What should be in it, in an error's words.</param>
    /// <param name="mostBytes">The most bytes that it may have.</param>
    /// <exception cref="FileNotFoundException">There is no such file, or it is a folder.</exception>
    /// <exception cref="InvalidDataException">The file is empty, too large, a pipe or a device.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static string ReadText(string path, string expected, long mostBytes)
    {
        using var file = Open(path, expected);
        if (file.Length > mostBytes)
        {
            throw new InvalidDataException(
                $"File '{path}' has {file.Length} bytes; expected {expected}, of at most {mostBytes}. Take another copy of it.");
        }
        using var text = new StreamReader(file);
        return text.ReadToEnd();
    }

    /// <summary>The checks of <see cref="Open"/>, for a file that others open.</summary>
    public static void ThrowIfNotRegular(string path, string expected)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (Directory.Exists(path))
            throw new FileNotFoundException($"'{Path.GetFullPath(path)}' is a folder; expected {expected}. Give a file in it.", path);
        if (!File.Exists(path))
            throw new FileNotFoundException($"There is no file '{Path.GetFullPath(path)}'; expected {expected}. Check the path.", path);
        // Nothing but a regular file has a length, and to ask for it opens nothing. A link's own length is that of its text.
        var file = new FileInfo(path);
        if ((file.LinkTarget is null ? file : file.ResolveLinkTarget(returnFinalTarget: true))
            is not FileInfo { Exists: true, Length: > 0 })
            throw NotRegular(path, expected);
    }

    /// <summary>Looks into a folder that is there, where a user may not be allowed to.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="look">What to do with it and the folders in it; to its end, not lazily.</param>
    /// <exception cref="IOException">This user may not.</exception>
    public static T In<T>(string folder, Func<T> look)
    {
        try
        {
            return look();
        }
        catch (UnauthorizedAccessException e)
        {
            throw new IOException(
                $"Folder '{folder}', or one in it, cannot be read by this user ({e.Message}). Give the right to read it, or copy it.", e);
        }
    }

    private static InvalidDataException NotRegular(string path, string expected) =>
        new($"File '{path}' is empty, or it is a pipe or a device. Expected {expected}, in a regular file. Copy or download it again.");
}
