namespace ZeroOneShot.ML;

/// <summary>How a classifier does on one class: see <see cref="ImageClassifierMetrics.Classes"/>.</summary>
/// <param name="label"><see cref="Label"/>.</param>
/// <param name="images"><see cref="Images"/>.</param>
/// <param name="predicted"><see cref="Predicted"/>.</param>
/// <param name="correct"><see cref="Correct"/>.</param>
public sealed class ClassMetrics(string label, int images, int predicted, int correct)
{
    /// <summary>The name of the class.</summary>
    public string Label { get; } = label;

    /// <summary>The number of images of the class.</summary>
    public int Images { get; } = images;

    /// <summary>The number of images that were given the class.</summary>
    public int Predicted { get; } = predicted;

    /// <summary>The number of images of the class that were given it.</summary>
    public int Correct { get; } = correct;

    /// <summary>The share of the images given the class that are of it, 0 to 1; NaN where none was given it.</summary>
    public double Precision => (double)Correct / Predicted;

    /// <summary>The share of the images of the class that were given it, 0 to 1; NaN where there are none.</summary>
    public double Recall => (double)Correct / Images;
}
