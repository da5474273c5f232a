namespace ZeroOneShot.Tests;

/// <summary>A file of this library and one of its readers.</summary>
/// <param name="File">The file's name.</param>
/// <param name="Reader">What the table of <see cref="Damage"/> calls the reader.</param>
/// <param name="Content">The file's content.</param>
/// <param name="Read">All that the reader tells of the file at a path, as text.</param>
internal sealed record OwnFile(string File, string Reader, byte[] Content, Func<string, string> Read)
{
    /// <summary>What the reader says of another content under the file's name.</summary>
    public string Result(byte[] content)
    {
        var folder = Directory.CreateTempSubdirectory("zerooneshot-test-");
        try
        {
            var path = Path.Combine(folder.FullName, File);
            System.IO.File.WriteAllBytes(path, content);
            return Read(path);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
