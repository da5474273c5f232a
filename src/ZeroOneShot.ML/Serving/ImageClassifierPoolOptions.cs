using System.Drawing;

namespace ZeroOneShot.ML;

/// <summary>The settings of <see cref="ImageClassifierPool"/>.</summary>
public sealed class ImageClassifierPoolOptions
{
    /// <summary>
    /// The most images that are decoded and scored at a time; others wait. At least 1; default: the number of processors.
    /// </summary>
    public int Concurrency { get; set; } = Environment.ProcessorCount;

    /// <summary>What images are refused, and at which size they are decoded. Default: as anywhere else.</summary>
    public ImageLimits Limits { get; set; } = new();

    /// <summary>
    /// The column in which the model takes images. Default <c>Image</c> or, where the model has no such column but one of whole files,
    /// that. Of no effect on a model that loads images from paths.
    /// </summary>
    public string ImageColumnName { get; set; } = "Image";

    /// <summary>
    /// The colour behind transparent pixels, without transparency of its own. Default null: the one that the model lays there itself, as
    /// <see cref="ImagePixelsEstimator"/> was told when it was fitted and as its saved zip does; white for a model that ignores
    /// transparency.
    /// </summary>
    public Color? Background { get; set; }

    /// <summary>The column of scores, whose slot names are the class names. Default <c>Score</c>.</summary>
    public string ScoreColumnName { get; set; } = "Score";
}
