using System.Reflection;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace ZeroOneShot.ML.Tests;

/// <summary>ML.NET's own notions of schemas, as its own tests use them.</summary>
internal static class Schemas
{
    private static readonly MethodInfo s_create = Method(typeof(SchemaShape), "Create");

    private static readonly MethodInfo s_isCompatible = Method(typeof(SchemaShape.Column), "IsCompatibleWith");

    /// <summary>The promise that exactly describes a schema.</summary>
    public static SchemaShape Shape(DataViewSchema schema) => (SchemaShape)s_create.Invoke(null, [schema])!;

    /// <summary>Whether a column can stand where another is expected: same name, kind and type, and annotations that it has too.</summary>
    public static bool CanStandFor(SchemaShape.Column column, SchemaShape.Column expected) =>
        (bool)s_isCompatible.Invoke(expected, [column])!;

    /// <summary>Every visible value of every row, vectors to the last bit, columns by name.</summary>
    public static string[] Values(IDataView data)
    {
        var columns = data.Schema.Where(column => !column.IsHidden).OrderBy(column => column.Name).ToArray();
        using var cursor = data.GetRowCursor(columns);
        var values = columns.Select(column => Reader(cursor, column)).ToArray();
        var rows = new List<string>();
        while (cursor.MoveNext())
            rows.Add(string.Join("; ", columns.Zip(values, (column, value) => $"{column.Name} {value()}")));
        return [.. rows];
    }

    /// <summary>What gives the value of a column, as text, in the row's present place.</summary>
    public static Func<string> Reader(DataViewRow row, DataViewSchema.Column column) =>
        (Func<string>)Method(typeof(Schemas), nameof(ReaderOf)).MakeGenericMethod(column.Type.RawType).Invoke(null, [row, column])!;

    private static Func<string> ReaderOf<T>(DataViewRow row, DataViewSchema.Column column)
    {
        var getter = row.GetGetter<T>(column);
        T value = default!;
        return () =>
        {
            getter(ref value);
            return value switch
            {
                VBuffer<float> vector => string.Join(' ', vector.DenseValues().Select(BitConverter.SingleToInt32Bits)),
                VBuffer<byte> vector => Convert.ToHexString([.. vector.DenseValues()]),
                _ => value?.ToString() ?? "",
            };
        };
    }

    private static MethodInfo Method(Type type, string name) =>
        type.GetMethod(name, BindingFlags.Instance | BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic)!;
}
