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

    /// <summary>The column of scores, whose slot names are the class names. Default <c>Score</c>.</summary>
    public string ScoreColumnName { get; set; } = "Score";
}
