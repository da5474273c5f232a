using System.Drawing;

namespace ZeroOneShot.ML;

/// <summary>How images are checked before anything is trained: each is decoded once.</summary>
public sealed class ImageCheckOptions
{
    /// <summary>What to do about images that cannot be used. Default <see cref="FaultyImages.Fail"/>.</summary>
    public FaultyImages Faulty { get; set; } = FaultyImages.Fail;

    /// <summary>
    /// Where <see cref="FaultyImages.Quarantine"/> moves images; of a folder of classes, into subfolders called as their class, and outside
    /// that folder. Default null: beside the folder of classes, its name with <c>-quarantine</c> added; a table of paths has no default.
    /// </summary>
    public string? QuarantineFolder { get; set; }

    /// <summary>
    /// The colour behind transparent pixels, without transparency of its own, before which images of one colour only are told; and those
    /// that <see cref="ImageFolder.Read"/> reads. Default white. What <see cref="ImagePixelsEstimator"/> lays behind images is its own.
    /// </summary>
    public Color Background { get; set; } = Color.White;

    /// <summary>
    /// Told what was found and moved, before any image is used. Default null; the log of the MLContext is told in any case.
    /// </summary>
    public Action<ImageCheckReport>? Report { get; set; }
}
