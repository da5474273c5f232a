using Microsoft.ML;
using Microsoft.ML.Data;

namespace ImageSearch;

/// <summary>How well a model does on the test images.</summary>
/// <param name="Metrics">The measures of ML.NET.</param>
/// <param name="Predictions">One for each image, in order.</param>
/// <param name="ClassNames">The name of each class, in the order of the labels.</param>
internal sealed record Evaluation(
    MulticlassClassificationMetrics Metrics, IReadOnlyList<Prediction> Predictions, IReadOnlyList<string> ClassNames)
{
    /// <summary>Share of images classified rightly.</summary>
    public double Accuracy => Metrics.MicroAccuracy;

    /// <summary>Scores every image once.</summary>
    /// <exception cref="OperationCanceledException">The run was cancelled.</exception>
    public static Evaluation Of(
        MLContext mlContext, IDataView scored, IReadOnlyList<string> classNames, CancellationToken cancellationToken)
    {
        var cached = mlContext.Data.Cache(
            scored, nameof(ScoredRow.ImagePath), nameof(ScoredRow.Label), nameof(ScoredRow.PredictedLabel), nameof(ScoredRow.Score));
        var predictions = new List<Prediction>();
        foreach (var row in mlContext.Data.CreateEnumerable<ScoredRow>(cached, reuseRowObject: true))
        {
            cancellationToken.ThrowIfCancellationRequested();
            // Keys count from 1.
            var (label, predicted) = ((int)row.Label - 1, (int)row.PredictedLabel - 1);
            predictions.Add(new Prediction(row.ImagePath, label, predicted, row.Score[predicted]));
        }
        return new Evaluation(mlContext.MulticlassClassification.Evaluate(cached), predictions, classNames);
    }

    private sealed class ScoredRow
    {
        public string ImagePath { get; set; } = "";

        public uint Label { get; set; }

        public uint PredictedLabel { get; set; }

        public float[] Score { get; set; } = [];
    }
}
