using ZeroOneShot.ML;

namespace Microsoft.ML;

/// <summary>Evaluation of image classifiers, on <see cref="MLContext.MulticlassClassification"/>.</summary>
public static class ImageEvaluationCatalog
{
    /// <summary>
    /// Evaluates scored images: accuracy, top-k, log-loss, precision and recall of every class, calibration error and the confusion matrix.
    /// Rows without a label are left out.
    /// </summary>
    /// <param name="catalog">The catalog.</param>
    /// <param name="data">What a trained model has transformed.</param>
    /// <param name="labelColumnName">The label column, the key that the model was trained with.</param>
    /// <param name="scoreColumnName">The column of probabilities.</param>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or of another type.</exception>
    /// <exception cref="InvalidOperationException">No row has a label.</exception>
    /// <example>
    /// <code>
    /// var metrics = ml.MulticlassClassification.EvaluateImages(model.Transform(images));
    /// Console.WriteLine($"{metrics.Accuracy:0.000}, in the best five {metrics.TopAccuracy(5):0.000}");
    /// </code>
    /// </example>
    public static ImageClassifierMetrics EvaluateImages(
        this MulticlassClassificationCatalog catalog, IDataView data, string labelColumnName = "Label", string scoreColumnName = "Score")
    {
        ArgumentNullException.ThrowIfNull(catalog);
        ArgumentNullException.ThrowIfNull(data);
        using var channel = MLNetInternals.Environment(catalog).Register(nameof(EvaluateImages)).Start("Evaluation");
        return ImageClassifierMetrics.Of(data, labelColumnName, scoreColumnName, channel);
    }
}
