namespace ZeroOneShot.Report;

/// <summary>What is counted of predictions.</summary>
internal sealed class TestSummary
{
    // As ImageClassifierMetrics of ZeroOneShot.ML has them, and Guo et al., On Calibration of Modern Neural Networks, 2017.
    private const int Bins = 15;

    private readonly int[,] _counts;

    public TestSummary(TestResults results)
    {
        var (names, predictions) = (results.ClassNames, results.Predictions);
        _counts = new int[names.Count, names.Count];
        foreach (var prediction in predictions)
            _counts[prediction.Label, prediction.Predicted]++;
        Images = predictions.Count;
        Correct = predictions.Count(prediction => prediction.Label == prediction.Predicted);
        Classes = [.. names.Select((name, label) => new ClassFigures(
            name,
            Enumerable.Range(0, names.Count).Sum(predicted => _counts[label, predicted]),
            Enumerable.Range(0, names.Count).Sum(other => _counts[other, label]),
            _counts[label, label]))];
        Calibration = [.. Enumerable.Range(0, Bins).Select(bin =>
        {
            TestPrediction[] inBin = [.. predictions.Where(p => Math.Clamp((int)(p.Score * Bins), 0, Bins - 1) == bin)];
            return inBin.Length == 0
                ? default
                : new CalibrationBin(inBin.Length, inBin.Average(p => p.Score), inBin.Average(p => p.Label == p.Predicted ? 1.0 : 0));
        })];
        CalibrationError = Images == 0 ? 0 : Calibration.Sum(bin => bin.Images * Math.Abs(bin.Accuracy - bin.Confidence)) / Images;
    }

    public int Images { get; }

    public int Correct { get; }

    public double Accuracy => Images == 0 ? 0 : (double)Correct / Images;

    public IReadOnlyList<ClassFigures> Classes { get; }

    /// <summary>Bins of equal width.</summary>
    public IReadOnlyList<CalibrationBin> Calibration { get; }

    /// <summary>The mean difference between score and share that is right, over the images of the bins.</summary>
    public double CalibrationError { get; }

    /// <summary>How many images of a class were taken for another.</summary>
    public int Count(int label, int predicted) => _counts[label, predicted];

    /// <summary>The pairs of classes that are confused most.</summary>
    public IEnumerable<(int Label, int Predicted, int Images)> WorstPairs(int count) =>
        (from label in Enumerable.Range(0, Classes.Count)
         from predicted in Enumerable.Range(0, Classes.Count)
         where label != predicted && _counts[label, predicted] > 0
         orderby _counts[label, predicted] descending, label, predicted
         select (label, predicted, _counts[label, predicted])).Take(count);

    /// <summary>A class.</summary>
    /// <param name="Name">Its name.</param>
    /// <param name="Images">Images of it.</param>
    /// <param name="Predicted">Images taken for it.</param>
    /// <param name="Correct">Images of it taken for it.</param>
    internal sealed record ClassFigures(string Name, int Images, int Predicted, int Correct)
    {
        public double? Precision => Predicted == 0 ? null : (double)Correct / Predicted;

        public double? Recall => Images == 0 ? null : (double)Correct / Images;

        public double? F1 => Images + Predicted == 0 ? null : 2.0 * Correct / (Images + Predicted);
    }
}
