using Xunit;

namespace ZeroOneShot.Tests.Data;

/// <summary>Where tests find the real CIFAR files: in the folder CIFAR_DIR names, else in ../shared/data beside the repository.</summary>
internal static class CifarData
{
    /// <summary>
    /// The folder of one of the data sets, such as <c>cifar-10-batches-bin</c>; the calling test is skipped where it is absent.
    /// </summary>
    public static string FolderOrSkip(string name)
    {
        var parent = Environment.GetEnvironmentVariable("CIFAR_DIR") is { Length: > 0 } named
            ? named
            : Path.Combine(RepositoryRoot() ?? ".", "..", "shared", "data");
        var folder = Path.Combine(parent, name);
        Assert.SkipUnless(Directory.Exists(folder), $"There is no {name} in {parent}; set CIFAR_DIR to the folder that holds it.");
        return folder;
    }

    private static string? RepositoryRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "ZeroOneShot.sln")))
                return folder.FullName;
        }
        return null;
    }
}
