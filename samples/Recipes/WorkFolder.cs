using System.IO.Compression;
using System.Reflection;

namespace Recipes;

/// <summary>
/// A temporary folder with the images of the recipes, each class a subfolder: clothes and more-clothes (other images of the same classes),
/// shoes and more-shoes. It is the current directory until it is disposed, so that the recipes read like programs run beside their data.
/// </summary>
internal sealed class WorkFolder : IDisposable
{
    private static readonly string[] s_clothes = ["bag", "sneaker", "trouser"], s_shoes = ["ankle-boot", "sandal", "sneaker"];

    private readonly string _before = Directory.GetCurrentDirectory();
    private readonly string _folder = Directory.CreateTempSubdirectory("zerooneshot-recipes-").FullName;

    public WorkFolder()
    {
        using var zip = new ZipArchive(Assembly.GetExecutingAssembly().GetManifestResourceStream("fashion-mnist-small.zip")!);
        Extract("train", s_clothes, "clothes", imagesPerClass: 40);
        Extract("test", s_clothes, "more-clothes", imagesPerClass: 20);
        Extract("train", s_shoes, "shoes", imagesPerClass: 40);
        Extract("test", s_shoes, "more-shoes", imagesPerClass: 20);
        Directory.SetCurrentDirectory(_folder);

        void Extract(string part, string[] classes, string folder, int imagesPerClass)
        {
            foreach (var name in classes)
            {
                Directory.CreateDirectory(Path.Combine(_folder, folder, name));
                var images = zip.Entries.Where(entry => entry.FullName.StartsWith($"{part}/{name}/", StringComparison.Ordinal));
                foreach (var image in images.Take(imagesPerClass))
                    image.ExtractToFile(Path.Combine(_folder, folder, name, image.Name));
            }
        }
    }

    public void Dispose()
    {
        Directory.SetCurrentDirectory(_before);
        Directory.Delete(_folder, recursive: true);
    }
}
