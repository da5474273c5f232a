using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using ZeroOneShot.Data;
using ZeroOneShot.Networks;

namespace ZeroOneShot.ML;

/// <summary>The column with the images: a vector of channels x height x width pixel values.</summary>
/// <param name="Name">The column's name.</param>
/// <param name="Shape">The size of each image.</param>
/// <param name="IsByte">Whether the values are Byte; otherwise they are Single.</param>
internal sealed record PixelColumn(string Name, ImageShape Shape, bool IsByte)
{
    private const string Role = "feature";

    private const string Expected = "Vector<Single, channels, height, width> or Vector<Byte, channels, height, width>";

    private const string Example = "Make it with ImagePixels, or with ExtractPixels after ResizeImages (interleavePixelColors: false)";

    /// <summary>What can be checked before any data is there: that the column is a vector of the right items, of known size.</summary>
    public static SchemaShape.Column Find(SchemaShape schema, string name, IExceptionContext context)
    {
        var column = Find(schema, name, Role, context);
        if (column.Kind != SchemaShape.Column.VectorKind.Vector || column.IsKey || !IsPixelType(column.ItemType))
            throw SchemaErrors.Mismatch(context, Role, name, Expected, Describe(column), Example);
        return column;
    }

    public static SchemaShape.Column Find(SchemaShape schema, string name, string role, IExceptionContext context, string hint = "")
    {
        foreach (var column in schema)
        {
            if (column.Name == name)
                return column;
        }
        throw SchemaErrors.NotFound(context, role, name, hint);
    }

    public static PixelColumn Find(DataViewSchema schema, string name, IExceptionContext context)
    {
        var column = schema.GetColumnOrNull(name) ?? throw SchemaErrors.NotFound(context, Role, name);
        if (column.Type is not VectorDataViewType vector || !IsPixelType(vector.ItemType))
            throw Wrong("");
        var dimensions = vector.Dimensions;
        if (!vector.IsKnownSize || dimensions.Length != 3 || dimensions.Any(length => length <= 0))
            throw Wrong("");
        if (dimensions[0] is not (1 or 3))
        {
            throw Wrong(dimensions[2] is 1 or 3 or 4
                ? "It seems to be interleaved, height x width x channels: call ExtractPixels with interleavePixelColors: false"
                : "Images have 3 channels or 1: call ExtractPixels with ColorBits.Rgb, or with ColorBits.Red for grey images");
        }
        var shape = new ImageShape(dimensions[0], dimensions[1], dimensions[2]);
        if (!Fits(shape.Height) || !Fits(shape.Width))
        {
            throw Wrong($"Images have {CellNet.SmallestImage} to {CellNet.LargestImage} pixels a side: " +
                "resize them first, for example with ImagePixels");
        }
        return new PixelColumn(name, shape, vector.ItemType == NumberDataViewType.Byte);

        Exception Wrong(string hint) =>
            SchemaErrors.Mismatch(context, Role, name, Expected, Describe(column.Type), hint.Length > 0 ? hint : Example);
    }

    /// <summary>
    /// Refuses data whose column of this name holds other pixels. A vector without dimensions will do if its size is right.
    /// </summary>
    public void ThrowIfOther(DataViewSchema schema, IExceptionContext context)
    {
        var type = (schema.GetColumnOrNull(Name) ?? throw SchemaErrors.NotFound(context, Role, Name)).Type;
        var item = IsByte ? NumberDataViewType.Byte : NumberDataViewType.Single;
        int[] dimensions = [Shape.Channels, Shape.Height, Shape.Width];
        if (type is VectorDataViewType vector && vector.ItemType == item
            && (vector.Dimensions.SequenceEqual(dimensions) || vector.Dimensions is [var size] && size == Shape.Size))
        {
            return;
        }
        throw SchemaErrors.Mismatch(context, Role, Name, $"Vector<{item}, {string.Join(", ", dimensions)}>", Describe(type),
            "The network was trained on such pixels; prepare the images in the same way");
    }

    public static string Describe(SchemaShape.Column column)
    {
        var item = column.IsKey ? $"Key<{column.ItemType}>" : column.ItemType.ToString();
        return column.Kind switch
        {
            SchemaShape.Column.VectorKind.Vector => $"Vector<{item}>",
            SchemaShape.Column.VectorKind.VariableVector => $"Vector<{item}> of unknown size",
            _ => item ?? "",
        };
    }

    public static string Describe(DataViewType type) =>
        type is VectorDataViewType { IsKnownSize: false } ? $"{type} of unknown size" : type.ToString() ?? "";

    private static bool IsPixelType(DataViewType type) => type == NumberDataViewType.Single || type == NumberDataViewType.Byte;

    private static bool Fits(int side) => side is >= CellNet.SmallestImage and <= CellNet.LargestImage;
}
