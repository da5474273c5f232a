namespace ZeroOneShot.Yardstick.Tests;

internal sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("yardstick").FullName;

    public string File(string name, string? text = null)
    {
        var file = System.IO.Path.Combine(Path, name);
        if (text is not null)
            System.IO.File.WriteAllText(file, text);
        return file;
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
