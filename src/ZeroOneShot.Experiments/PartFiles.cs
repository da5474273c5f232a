namespace ZeroOneShot.Experiments;

/// <summary>
/// Parts of a unit of work that others may do while its worker does the rest: the worker asks for them in files of the unit's folder, and
/// finds what is done in others.
/// </summary>
public static class PartFiles
{
    /// <summary>The folder of these files, below that of the unit.</summary>
    public const string Folder = "parts";

    private const string AskedEnd = ".ask.json", DoneEnd = ".done.json";

    /// <summary>The name of the file that asks for a part, relative to the unit's folder.</summary>
    /// <param name="part">The name of the part.</param>
    public static string Asked(string part) => $"{Folder}/{part}{AskedEnd}";

    /// <summary>The name of the file that has what was asked for, relative to the unit's folder.</summary>
    /// <param name="part">The name of the part.</param>
    public static string Done(string part) => $"{Folder}/{part}{DoneEnd}";

    /// <summary>The part that a file asks for; null where it asks for none.</summary>
    /// <param name="file">The name of a file, relative to the unit's folder.</param>
    public static string? PartAsked(string file) => Part(file, AskedEnd);

    /// <summary>The part of which a file has what was asked for; null where it has none.</summary>
    /// <param name="file">The name of a file, relative to the unit's folder.</param>
    public static string? PartDone(string file) => Part(file, DoneEnd);

    /// <summary>The parts that a folder asks for, the first first.</summary>
    /// <param name="folder">The folder of a unit, or of a part of one, which asks for that part alone.</param>
    public static IReadOnlyList<string> AllAsked(string folder)
    {
        try
        {
            return
            [
                .. Directory.GetFiles(Path.Combine(folder, Folder)).Select(file => PartAsked($"{Folder}/{Path.GetFileName(file)}"))
                    .OfType<string>().Order(StringComparer.Ordinal),
            ];
        }
        catch (DirectoryNotFoundException)                          // also where it is deleted meanwhile
        {
            return [];
        }
    }

    private static string? Part(string? file, string end) =>
        file is not null && file.StartsWith(Folder + "/", StringComparison.Ordinal) && file.EndsWith(end, StringComparison.Ordinal)
            ? file[(Folder.Length + 1)..^end.Length] : null;
}
