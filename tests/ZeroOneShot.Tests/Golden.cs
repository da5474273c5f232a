namespace ZeroOneShot.Tests;

/// <summary>The recorded results of the public code, in tests/golden of the repository; GOLDEN_DIR names another folder.</summary>
internal static class Golden
{
    public static string Folder { get; } =
        Environment.GetEnvironmentVariable("GOLDEN_DIR") is { Length: > 0 } given ? given : InRepository();

    public static string File(string name) => Path.Combine(Folder, name);

    private static string InRepository()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (System.IO.File.Exists(Path.Combine(folder.FullName, "ZeroOneShot.sln")))
                return Path.Combine(folder.FullName, "tests", "golden");
        }
        throw new DirectoryNotFoundException(
            $"No folder above '{AppContext.BaseDirectory}' holds ZeroOneShot.sln; set GOLDEN_DIR to the folder tests/golden.");
    }
}
