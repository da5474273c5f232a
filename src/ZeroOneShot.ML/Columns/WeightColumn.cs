using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace ZeroOneShot.ML;

/// <summary>The column that says how much each example counts in the training: a Single.</summary>
internal static class WeightColumn
{
    private const string Role = "example weight", Expected = "Single";

    private const string Hint = "Make it with ConvertType, or leave ExampleWeightColumnName null";

    /// <summary>Checks that a column that is named is there, and of the right type.</summary>
    public static void Check(SchemaShape schema, string? name, IExceptionContext context)
    {
        if (name is null)
            return;
        var column = PixelColumn.Find(schema, name, Role, context);
        if (column.Kind != SchemaShape.Column.VectorKind.Scalar || column.IsKey || column.ItemType != NumberDataViewType.Single)
            throw SchemaErrors.Mismatch(context, Role, name, Expected, PixelColumn.Describe(column), Hint);
    }

    /// <inheritdoc cref="Check(SchemaShape, string?, IExceptionContext)"/>
    public static void Check(DataViewSchema schema, string? name, IExceptionContext context)
    {
        if (name is null)
            return;
        var column = schema.GetColumnOrNull(name) ?? throw SchemaErrors.NotFound(context, Role, name);
        if (column.Type != NumberDataViewType.Single)
            throw SchemaErrors.Mismatch(context, Role, name, Expected, PixelColumn.Describe(column.Type), Hint);
    }

    /// <summary>Refuses a value that is no weight.</summary>
    /// <exception cref="InvalidOperationException">It is negative or not finite. The message names column, row and value.</exception>
    public static void CheckValue(float weight, string name, long row, IExceptionContext context)
    {
        if (weight >= 0 && float.IsFinite(weight))
            return;
        throw context.Process(new InvalidOperationException(string.Create(CultureInfo.InvariantCulture,
            $"Column '{name}' has weight {weight} in row {row} (counted from 0); expected a finite number, 0 or more. " +
            $"Give the row 0 to leave it out.")));
    }
}
