using System.Globalization;
using System.Text;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace ZeroOneShot.ML;

/// <summary>
/// How well a classifier does on images with labels: what ML.NET's own metrics have not, or have under other names. By
/// <c>ml.MulticlassClassification.EvaluateImages(model.Transform(images))</c>.
/// </summary>
public sealed class ImageClassifierMetrics
{
    /// <summary>The number of bins of <see cref="CalibrationError"/>.</summary>
    public const int CalibrationBins = 15;

    // What a probability of 0 is taken for, as in ML.NET.
    private const double Least = 1e-15;

    private readonly int[] _ranks;

    private ImageClassifierMetrics(
        int[] ranks, double logLoss, double calibrationError, IReadOnlyList<IReadOnlyList<int>> confusion,
        IReadOnlyList<ClassMetrics> classes) =>
        (_ranks, LogLoss, CalibrationError, Confusion, Classes) = (ranks, logLoss, calibrationError, confusion, classes);

    /// <summary>The number of images.</summary>
    public int Images => _ranks.Sum();

    /// <summary>The share of images classified rightly, 0 to 1.</summary>
    public double Accuracy => TopAccuracy(1);

    /// <summary>The mean of the classes' recalls, 0 to 1, of those classes that have images: every class counts alike.</summary>
    public double BalancedAccuracy => Classes.Where(of => of.Images > 0).Average(of => of.Recall);

    /// <summary>The mean of -log of the right class's probability, in nats, at least 0.</summary>
    public double LogLoss { get; }

    /// <summary>
    /// The expected calibration error, 0 to 1: by how much the highest probability differs from the share of images classified rightly,
    /// over <see cref="CalibrationBins"/> bins of equal width, each weighted by its images (Guo et al. 2017, Eq. 3).
    /// </summary>
    public double CalibrationError { get; }

    /// <summary>Images by class (first index) and predicted class (second), in the order of <see cref="Classes"/>.</summary>
    public IReadOnlyList<IReadOnlyList<int>> Confusion { get; }

    /// <summary>Precision and recall of every class, in the order of the scores.</summary>
    public IReadOnlyList<ClassMetrics> Classes { get; }

    /// <summary>The share of images whose class is among the most probable, 0 to 1.</summary>
    /// <param name="count">How many of the most probable, at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="count"/> is below 1.</exception>
    public double TopAccuracy(int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        return (double)_ranks.Take(count).Sum() / Images;
    }

    /// <summary>The metrics as text: one line for all, one for each class.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{Images} images: accuracy {Accuracy:0.0000}, top 5 {TopAccuracy(5):0.0000}, ");
        text.Append(CultureInfo.InvariantCulture, $"balanced {BalancedAccuracy:0.0000}, log-loss {LogLoss:0.0000}, ");
        text.Append(CultureInfo.InvariantCulture, $"calibration error {CalibrationError:0.0000}");
        foreach (var of in Classes)
        {
            text.Append(CultureInfo.InvariantCulture,
                $"\n{of.Label}: {of.Images} images, precision {of.Precision:0.0000}, recall {of.Recall:0.0000}");
        }
        return text.ToString();
    }

    /// <summary>Counts a scored view.</summary>
    internal static ImageClassifierMetrics Of(IDataView data, string labelColumn, string scoreColumn, IExceptionContext context)
    {
        var names = LabelColumn.Find(data.Schema, labelColumn, context).ClassNames;
        var score = data.Schema.GetColumnOrNull(scoreColumn) ?? throw SchemaErrors.NotFound(context, "score", scoreColumn);
        // Keys are numbered by whoever made them: the names say what is what.
        var classes = ScoredClasses(score) ?? names;
        if (score.Type is not VectorDataViewType { ItemType: NumberDataViewType item } vector
            || item != NumberDataViewType.Single || vector.Size != classes.Count)
        {
            throw SchemaErrors.Mismatch(context, "score", scoreColumn, $"Vector<Single, {names.Count}>, one score a class",
                score.Type.ToString()!, "Give data that the trained model has transformed");
        }
        int[] places = [.. names.Select(name => classes.ToList().IndexOf(name))];
        if (Array.IndexOf(places, -1) is >= 0 and var unknown)
        {
            throw SchemaErrors.Mismatch(context, "label", labelColumn, $"the classes of column {scoreColumn}, {Some(classes)}",
                $"class '{names[unknown]}'", "Give images of the model's classes, under the same names");
        }
        var (ranks, confusion) = (new int[classes.Count], classes.Select(_ => new int[classes.Count]).ToArray());
        var bins = new (double Confidence, int Correct, int Count)[CalibrationBins];
        var logLoss = 0.0;
        using var cursor = data.GetRowCursor([data.Schema[labelColumn], score]);
        var (getLabel, getScore) = (cursor.GetGetter<uint>(data.Schema[labelColumn]), cursor.GetGetter<VBuffer<float>>(score));
        var (key, values, dense) = (0u, default(VBuffer<float>), new float[classes.Count]);
        while (cursor.MoveNext())
        {
            getLabel(ref key);
            if (key == 0 || key > names.Count)
                continue;
            getScore(ref values);
            values.CopyTo(dense);
            if (!dense.All(float.IsFinite))
            {
                throw context.Process(new InvalidOperationException(
                    $"A row has a score in column {scoreColumn} that is no finite number; expected probabilities. Look at the " +
                    "model's weights, and at the images."));
            }
            var label = places[key - 1];
            // Of equal scores the first is the predicted one.
            var rank = dense.Index().Count(other => other.Item > dense[label] || other.Item == dense[label] && other.Index < label);
            ranks[rank]++;
            var predicted = Array.IndexOf(dense, dense.Max());
            confusion[label][predicted]++;
            logLoss -= Math.Log(Math.Max(dense[label], Least));
            ref var bin = ref bins[Math.Clamp((int)(dense[predicted] * CalibrationBins), 0, CalibrationBins - 1)];
            bin = (bin.Confidence + dense[predicted], bin.Correct + (predicted == label ? 1 : 0), bin.Count + 1);
        }
        var count = ranks.Sum();
        if (count == 0)
            throw context.Process(new InvalidOperationException($"No row has a value in the {labelColumn} column; give labelled images."));
        return new ImageClassifierMetrics(
            ranks, logLoss / count, bins.Sum(bin => Math.Abs(bin.Confidence - bin.Correct)) / count, confusion,
            [.. classes.Select((name, i) =>
                new ClassMetrics(name, confusion[i].Sum(), confusion.Sum(row => row[i]), confusion[i][i]))]);
    }

    private static IReadOnlyList<string>? ScoredClasses(DataViewSchema.Column score)
    {
        if (!score.HasSlotNames())
            return null;
        VBuffer<ReadOnlyMemory<char>> names = default;
        score.GetSlotNames(ref names);
        return [.. names.DenseValues().Select(name => name.ToString())];
    }

    private static string Some(IReadOnlyList<string> names) =>
        string.Join(", ", names.Take(5)) + (names.Count > 5 ? $" and {names.Count - 5} more" : "");
}
