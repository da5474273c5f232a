namespace ZeroOneShot.Tests;

/// <summary>Where the repository is that the tests were built from.</summary>
internal static class Repository
{
    public static string Root { get; } = Find();

    private static string Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "ZeroOneShot.sln")))
                return folder.FullName;
        }
        throw new DirectoryNotFoundException(
            $"No folder above '{AppContext.BaseDirectory}' holds ZeroOneShot.sln; run the tests from a clone.");
    }
}
