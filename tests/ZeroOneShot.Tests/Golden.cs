namespace ZeroOneShot.Tests;

/// <summary>
/// The recorded results of the public code, in tests/golden of the repository; GOLDEN_DIR names another folder.
/// </summary>
internal static class Golden
{
    public static string Folder { get; } = Environment.GetEnvironmentVariable("GOLDEN_DIR") is { Length: > 0 } given
        ? given
        : Path.Combine(Repository.Root, "tests", "golden");

    public static string File(string name) => Path.Combine(Folder, name);
}
