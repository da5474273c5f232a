namespace ZeroOneShot.ML;

/// <summary>How a classifier does on one class.</summary>
/// <param name="Label">The name of the class.</param>
/// <param name="Images">The number of images of the class.</param>
/// <param name="Predicted">The number of images that were given the class.</param>
/// <param name="Correct">The number of images of the class that were given it.</param>
public sealed record ClassMetrics(string Label, int Images, int Predicted, int Correct)
{
    /// <summary>The share of the images given the class that are of it, 0 to 1; NaN where none was given it.</summary>
    public double Precision => (double)Correct / Predicted;

    /// <summary>The share of the images of the class that were given it, 0 to 1; NaN where there are none.</summary>
    public double Recall => (double)Correct / Images;
}
