using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using ZeroOneShot.OneShot;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.ML;

/// <summary>What the three estimators do alike: promise annotations and read those of earlier stages.</summary>
internal static class StageSchema
{
    /// <exception cref="ArgumentException">The method searches without training, which the stages do not.</exception>
    public static void ThrowIfWithoutTraining(SearchMethod? method, string stage)
    {
        if (method?.Search == SearchKind.ZeroShot)
        {
            throw new ArgumentException($"Method {method} searches without training; {stage} is part of a one-shot search. " +
                $"Give {method} to MulticlassClassification.Trainers.ZeroOneShot, or choose another method here.");
        }
    }

    /// <summary>The schema with text annotations added to a column.</summary>
    public static SchemaShape Promise(
        SchemaShape schema, SchemaShape.Column column, LaterStages later, params IReadOnlyList<string> kinds)
    {
        var annotations = column.Annotations.Where(annotation => !kinds.Contains(annotation.Name)).Concat(kinds.Select(Text));
        var annotated = MLNetInternals.ShapeColumn(column.Name, column.Kind, column.ItemType, column.IsKey, new SchemaShape(annotations));
        later.ComeWith(annotated);
        return new SchemaShape(schema.Select(other => other.Name == column.Name ? annotated : other));
    }

    /// <summary>The schema with the columns that a multiclass classifier makes.</summary>
    public static SchemaShape PromiseScores(SchemaShape schema, SchemaShape.Column label, string scoreColumn, string predictedLabelColumn)
    {
        SchemaShape.Column[] score =
        [
            Text("ScoreColumnKind"),
            Text("ScoreValueKind"),
            MLNetInternals.ShapeColumn("ScoreColumnSetId", SchemaShape.Column.VectorKind.Scalar, NumberDataViewType.UInt32, true, null),
        ];
        var classNames = new[] { "SlotNames", "TrainingLabelValues" }
            .Select(kind => MLNetInternals.ShapeColumn(kind, SchemaShape.Column.VectorKind.Vector, TextDataViewType.Instance, false, null));
        var keyValues = label.Annotations.Where(annotation => annotation.Name == LabelColumn.KeyValues);
        return new SchemaShape(schema.Where(column => column.Name != scoreColumn && column.Name != predictedLabelColumn).Concat(
        [
            MLNetInternals.ShapeColumn(predictedLabelColumn, SchemaShape.Column.VectorKind.Scalar, NumberDataViewType.UInt32, true,
                new SchemaShape(score.Concat(keyValues))),
            MLNetInternals.ShapeColumn(scoreColumn, SchemaShape.Column.VectorKind.Vector, NumberDataViewType.Single, false,
                new SchemaShape(score.Concat(classNames))),
        ]));
    }

    private static SchemaShape.Column Text(string kind) =>
        MLNetInternals.ShapeColumn(kind, SchemaShape.Column.VectorKind.Scalar, TextDataViewType.Instance, false, null);

    /// <summary>Refuses what an earlier stage found in another search space than that of this one.</summary>
    /// <param name="column">The pixel column.</param>
    /// <param name="kind">The annotation that would be taken over.</param>
    /// <param name="space">The search space of this stage.</param>
    /// <param name="context">The host.</param>
    public static void RequireSpace(SchemaShape.Column column, string kind, SearchSpace space, IExceptionContext context)
    {
        if (LaterStages.Of(column)?.Space is { } earlier && space.Difference(earlier.Name, earlier.Signature) is var (found, expected))
        {
            throw SchemaErrors.Mismatch(context, "feature", column.Name, $"annotation '{kind}' of search space {expected}",
                $"one of search space {found}", "Give all stages the same Space");
        }
    }

    /// <summary>Refuses a pixel column that misses what an earlier stage adds.</summary>
    public static void Require(SchemaShape.Column column, string kind, string order, IExceptionContext context)
    {
        if (!column.Annotations.Any(annotation => annotation.Name == kind && annotation.ItemType is TextDataViewType))
            throw Missing(column.Name, kind, order, context);
    }

    /// <summary>An annotation that an earlier stage added.</summary>
    public static string Required(DataViewSchema.Column column, string kind, string order, IExceptionContext context) =>
        Optional(column, kind) ?? throw Missing(column.Name, kind, order, context);

    /// <summary>An annotation that an earlier stage may have added; null where it has not.</summary>
    public static string? Optional(DataViewSchema.Column column, string kind)
    {
        if (column.Annotations.Schema.GetColumnOrNull(kind)?.Type is not TextDataViewType)
            return null;
        ReadOnlyMemory<char> text = default;
        column.Annotations.GetValue(kind, ref text);
        return text.ToString();
    }

    private static Exception Missing(string column, string kind, string order, IExceptionContext context) =>
        SchemaErrors.Mismatch(context, "feature", column, $"annotation '{kind}'", "none", order);
}
