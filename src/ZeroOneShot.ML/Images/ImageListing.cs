namespace ZeroOneShot.ML;

/// <summary>The image files of a folder with one subfolder per class.</summary>
/// <param name="Files">The files with their class, class by class.</param>
/// <param name="ClassNames">The names of the classes.</param>
/// <param name="OtherFiles">How many files were left out, as <see cref="ImageCheckReport.OtherFiles"/>.</param>
internal sealed record ImageListing(
    IReadOnlyList<(string Path, int Label)> Files, IReadOnlyList<string> ClassNames, IReadOnlyDictionary<string, int> OtherFiles);
