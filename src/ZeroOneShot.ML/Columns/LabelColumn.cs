using System.Globalization;
using System.Reflection;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace ZeroOneShot.ML;

/// <summary>The column with the classes: a key.</summary>
/// <param name="Name">The column's name.</param>
/// <param name="ClassNames">The name of each class: its key value, or its number from 0 where the key has no values.</param>
internal sealed record LabelColumn(string Name, IReadOnlyList<string> ClassNames)
{
    public const string KeyValues = "KeyValues";

    private const string Role = "label";

    private const string Expected = "Key<UInt32>";

    private const string Hint = "Make it with MapValueToKey";

    private static readonly MethodInfo s_texts =
        typeof(LabelColumn).GetMethod(nameof(TextsOf), BindingFlags.NonPublic | BindingFlags.Static)!;

    public static SchemaShape.Column Find(SchemaShape schema, string name, IExceptionContext context)
    {
        var column = PixelColumn.Find(schema, name, Role, context);
        if (column.Kind != SchemaShape.Column.VectorKind.Scalar || !column.IsKey || column.ItemType != NumberDataViewType.UInt32)
            throw SchemaErrors.Mismatch(context, Role, name, Expected, PixelColumn.Describe(column), Hint);
        return column;
    }

    public static LabelColumn Find(DataViewSchema schema, string name, IExceptionContext context)
    {
        var column = schema.GetColumnOrNull(name) ?? throw SchemaErrors.NotFound(context, Role, name);
        if (column.Type is not KeyDataViewType key || key.RawType != typeof(uint))
            throw SchemaErrors.Mismatch(context, Role, name, Expected, PixelColumn.Describe(column.Type), Hint);
        if (key.Count < 2)
            throw OneClass(context, name);
        if (key.Count > (ulong)Array.MaxLength)
        {
            throw SchemaErrors.Mismatch(
                context, Role, name, $"at most {Array.MaxLength} classes", key.Count.ToString(CultureInfo.InvariantCulture), Hint);
        }
        return new LabelColumn(name, Names(column, (int)key.Count));
    }

    public static Exception OneClass(IExceptionContext context, string name) => context.Process(new ArgumentOutOfRangeException("input",
        $"Only one class found in the {name} column. " +
        "To build a multiclass classification model, the number of classes needs to be 2 or greater"));

    /// <summary>Whether some row has a class. Reads rows, of which it computes the label alone, until one has.</summary>
    public bool IsInAnyRow(IDataView data)
    {
        var column = data.Schema[Name];
        using var cursor = data.GetRowCursor([column]);
        var getter = cursor.GetGetter<uint>(column);
        uint key = 0;
        while (cursor.MoveNext())
        {
            getter(ref key);
            if (key > 0 && key <= ClassNames.Count)
                return true;
        }
        return false;
    }

    /// <summary>The annotations of a label column of which others than its key values do not matter.</summary>
    public static DataViewSchema.Annotations KeyValuesOf(DataViewSchema.Column column)
    {
        var annotations = new DataViewSchema.Annotations.Builder();
        annotations.Add(column.Annotations, kind => kind == KeyValues);
        return annotations.ToAnnotations();
    }

    /// <summary>An annotation with one value per class, as texts; null where there is none.</summary>
    public static string[]? Texts(DataViewSchema.Column column, string kind, int count) =>
        column.Annotations.Schema.GetColumnOrNull(kind)?.Type is VectorDataViewType vector && vector.Size == count && count > 0
            ? (string[])s_texts.MakeGenericMethod(vector.ItemType.RawType).Invoke(null, [column.Annotations, kind])!
            : null;

    private static string[] Names(DataViewSchema.Column column, int count) => Texts(column, KeyValues, count)
        ?? [.. Enumerable.Range(0, count).Select(label => label.ToString(CultureInfo.InvariantCulture))];

    private static string[] TextsOf<T>(DataViewSchema.Annotations annotations, string kind)
    {
        VBuffer<T> values = default;
        annotations.GetValue(kind, ref values);
        return [.. values.DenseValues().Select(value => Convert.ToString(value, CultureInfo.InvariantCulture) ?? "")];
    }
}
