namespace ZeroOneShot.Tests;

/// <summary>
/// The recorded results of the public code, in tests/golden and tests/golden2 of the repository; GOLDEN_DIR and GOLDEN2_DIR name other
/// folders.
/// </summary>
internal static class Golden
{
    public static string Folder { get; } = Given("GOLDEN_DIR", "golden");

    /// <summary>The second set: spaces, methods and ranking functions beyond those of the paper.</summary>
    public static string SecondFolder { get; } = Given("GOLDEN2_DIR", "golden2");

    /// <summary>A file of the first set, or else of the second.</summary>
    public static string File(string name) =>
        Path.Combine(Folder, name) is var path && System.IO.File.Exists(path) ? path : Path.Combine(SecondFolder, name);

    private static string Given(string variable, string folder) => Environment.GetEnvironmentVariable(variable) is { Length: > 0 } given
        ? given
        : Path.Combine(Repository.Root, "tests", folder);
}
