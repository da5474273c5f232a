using Microsoft.ML;
using Microsoft.ML.Data;

namespace ZeroOneShot.ML;

/// <summary>Which score is which class, for the Score column of any multiclass model, trained here or loaded.</summary>
public static class ScoreColumns
{
    private const string SlotNames = nameof(SlotNames), TrainingLabelValues = nameof(TrainingLabelValues);

    /// <summary>The names of the classes, in the order of the scores.</summary>
    /// <param name="scoreColumn">
    /// The column with the scores, for example <c>model.GetOutputSchema(inputSchema)["Score"]</c> or <c>engine.OutputSchema["Score"]</c>.
    /// </param>
    /// <exception cref="ArgumentException">The column does not say which score is which class.</exception>
    public static IReadOnlyList<string> GetClassLabels(this DataViewSchema.Column scoreColumn)
    {
        var count = (scoreColumn.Type as VectorDataViewType)?.Size ?? 0;
        return LabelColumn.Texts(scoreColumn, SlotNames, count) ?? LabelColumn.Texts(scoreColumn, TrainingLabelValues, count)
            ?? throw new ArgumentException(
                $"Column '{scoreColumn.Name}', {scoreColumn.Type}, does not say which score is which class: it has neither " +
                $"{SlotNames} nor {TrainingLabelValues}. Give the Score column of a multiclass model.", nameof(scoreColumn));
    }

    /// <summary>The classes of a prediction with their scores, the highest first.</summary>
    /// <param name="scoreColumn">The column with the scores, as for <see cref="GetClassLabels"/>.</param>
    /// <param name="scores">The scores of one row.</param>
    /// <param name="count">How many classes to give; all by default.</param>
    /// <exception cref="ArgumentException">
    /// The column does not say which score is which class, or there are more or fewer scores than classes.
    /// </exception>
    public static IReadOnlyList<ClassScore> GetClassScores(
        this DataViewSchema.Column scoreColumn, ReadOnlySpan<float> scores, int count = int.MaxValue) =>
        Sort(scoreColumn.GetClassLabels(), scores, count);

    internal static IReadOnlyList<ClassScore> Sort(IReadOnlyList<string> labels, ReadOnlySpan<float> scores, int count)
    {
        if (scores.Length != labels.Count)
        {
            throw new ArgumentException(
                $"There are {scores.Length} scores for {labels.Count} classes; give all scores of one row.", nameof(scores));
        }
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        var pairs = scores.ToArray().Select((score, i) => new ClassScore(labels[i], score));
        return [.. pairs.OrderByDescending(pair => pair.Score).Take(count)];
    }
}
