namespace ZeroOneShot.ML;

/// <summary>What was found when images were checked.</summary>
/// <param name="Source">The folder, or the column.</param>
/// <param name="Used">The number of images that can be used.</param>
/// <param name="Faulty">The images that were left out, in their order.</param>
public sealed record ImageCheckReport(string Source, int Used, IReadOnlyList<FaultyImage> Faulty)
{
    /// <summary>The number of images left out, by their fault; faults that did not occur are absent.</summary>
    public IReadOnlyDictionary<ImageFault, int> Counts { get; } = Faulty.CountBy(image => image.Fault).ToDictionary();

    /// <summary>One sentence with the counts.</summary>
    public override string ToString()
    {
        var faults = string.Join(", ", Counts.OrderBy(count => count.Key).Select(count => $"{count.Value} {count.Key}"));
        return $"Used {Used} of {Used + Faulty.Count} images in '{Source}'{(Faulty.Count > 0 ? $"; left out {faults}" : "")}";
    }
}
