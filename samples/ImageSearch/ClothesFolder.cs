using System.IO.Compression;
using System.Reflection;

namespace ImageSearch;

/// <summary>2,500 images of Fashion-MNIST as files, each class a subfolder, until it is disposed.</summary>
internal sealed class ClothesFolder : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("zerooneshot-clothes-").FullName;

    public ClothesFolder()
    {
        using var zip = new ZipArchive(Assembly.GetExecutingAssembly().GetManifestResourceStream("fashion-mnist-small.zip")!);
        zip.ExtractToDirectory(_folder);
    }

    public string Train => Path.Combine(_folder, "train");

    public string Test => Path.Combine(_folder, "test");

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
