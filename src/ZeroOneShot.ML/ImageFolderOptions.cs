namespace ZeroOneShot.ML;

/// <summary>How a folder of images is read.</summary>
public sealed record ImageFolderOptions
{
    /// <summary>What to do about images that cannot be used. Default <see cref="FaultyImages.Fail"/>.</summary>
    public FaultyImages Faulty { get; init; } = FaultyImages.Fail;

    /// <summary>
    /// Where <see cref="FaultyImages.Quarantine"/> moves images, into subfolders called as their class; outside the folder that is read. Default
    /// null: beside that folder, its name with <c>-quarantine</c> added.
    /// </summary>
    public string? QuarantineFolder { get; init; }

    /// <summary>Told what was found, before anything else is done with the images. Default null; the log of the MLContext is told in any case.</summary>
    public Action<ImageFolderReport>? Report { get; init; }
}
