namespace ZeroOneShot.ML;

/// <summary>What was found when images were checked.</summary>
/// <param name="source"><see cref="Source"/>.</param>
/// <param name="used"><see cref="Used"/>.</param>
/// <param name="faulty"><see cref="Faulty"/>.</param>
public sealed class ImageCheckReport(string source, int used, IReadOnlyList<FaultyImage> faulty)
{
    /// <summary>The folder, or the column.</summary>
    public string Source { get; } = source;

    /// <summary>The number of images that can be used.</summary>
    public int Used { get; } = used;

    /// <summary>The images that were left out, in their order.</summary>
    public IReadOnlyList<FaultyImage> Faulty { get; } = faulty;

    /// <summary>The number of images left out, by their fault; faults that did not occur are absent.</summary>
    public IReadOnlyDictionary<ImageFault, int> Counts { get; } = faulty.CountBy(image => image.Fault).ToDictionary();

    /// <summary>
    /// How many files of a folder were left out because they are no images, by the ending of their name in small letters, such as
    /// <c>.tif</c>; and how many images because they do not lie in the folder of a class, such as <c>.png beside the classes</c> and
    /// <c>.png deeper than a class</c>. Names that begin with a dot do not count.
    /// </summary>
    public IReadOnlyDictionary<string, int> OtherFiles { get; init; } = new Dictionary<string, int>();

    /// <summary>
    /// The images that are used though all their pixels have one colour, before the background of the options: paths, or the numbers of
    /// rows.
    /// </summary>
    public IReadOnlyList<string> OneColour { get; init; } = [];

    /// <summary>Whether there is something to look at.</summary>
    internal bool IsClean => Faulty.Count == 0 && OtherFiles.Count == 0 && OneColour.Count == 0;

    /// <summary>One sentence with the counts.</summary>
    public override string ToString()
    {
        var leftOut = Counts.OrderBy(count => count.Key).Select(count => $"{count.Value} {count.Key}").Append(Describe(OtherFiles));
        var what = string.Join(", ", leftOut.Where(part => part.Length > 0));
        var all = Used + Faulty.Count + OtherFiles.Values.Sum();
        return $"Used {Used} of {all} {(OtherFiles.Count > 0 ? "files" : "images")} in '{Source}'"
            + (what.Length > 0 ? $"; left out {what}" : "")
            + (OneColour.Count > 0 ? $"; {OneColour.Count} have one colour only, for example '{OneColour[0]}'" : "");
    }

    /// <summary>Counts as text, the most first.</summary>
    internal static string Describe(IReadOnlyDictionary<string, int> files) => string.Join(", ",
        files.OrderByDescending(count => count.Value).ThenBy(count => count.Key, StringComparer.Ordinal)
            .Select(count => $"{count.Value} {count.Key}"));
}
