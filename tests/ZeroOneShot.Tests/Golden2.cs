namespace ZeroOneShot.Tests;

/// <summary>
/// The second set of recorded results of the public code, in tests/golden2 of the repository; GOLDEN2_DIR names another folder.
/// </summary>
internal static class Golden2
{
    public static string Folder { get; } = Environment.GetEnvironmentVariable("GOLDEN2_DIR") is { Length: > 0 } given
        ? given
        : Path.Combine(Repository.Root, "tests", "golden2");

    public static string File(string name) => Path.Combine(Folder, name);
}
