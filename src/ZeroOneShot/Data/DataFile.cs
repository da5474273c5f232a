namespace ZeroOneShot.Data;

/// <summary>Opening a file of a data set, with the errors that all readers share.</summary>
internal static class DataFile
{
    /// <summary>Opens a file for reading from its beginning.</summary>
    /// <param name="path">The file.</param>
    /// <param name="expected">What should be in it, for the error message.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">The file is empty.</exception>
    public static FileStream Open(string path, string expected)
    {
        if (!File.Exists(path))
            throw new FileNotFoundException($"There is no file '{Path.GetFullPath(path)}'; expected {expected}. Check the path.", path);
        var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1 << 18, FileOptions.SequentialScan);
        if (file.Length > 0)
            return file;
        file.Dispose();
        throw new InvalidDataException($"File '{path}' is empty; expected {expected}. Copy or download it again.");
    }
}
