using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace ZeroOneShot.ML;

/// <summary>
/// Hands rows on as they are, and refuses to read a pixel column whose values are no pixel values: a network makes scores of anything.
/// </summary>
/// <param name="column">The pixel column, of Single.</param>
/// <param name="scale">What a value is multiplied by to be from 0 to 255.</param>
/// <param name="context">The component that asks.</param>
internal sealed class PixelCheck(string column, float scale, IExceptionContext context) : ITransformer
{
    public bool IsRowToRowMapper => true;

    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema) => inputSchema;

    public IDataView Transform(IDataView input) => new PassedRows(input, input.Schema, Read);

    public IRowToRowMapper GetRowToRowMapper(DataViewSchema inputSchema) => new PassedRows.Mapper(inputSchema, inputSchema, Read);

    void ICanSaveModel.Save(ModelSaveContext ctx) => ((ICanSaveModel)new TransformerChain<ITransformer>()).Save(ctx);

    private ValueGetter<VBuffer<float>>? Read(DataViewRow row, DataViewSchema.Column read)
    {
        if (read.Name != column || read.IsHidden)
            return null;
        var getter = row.GetGetter<VBuffer<float>>(read);
        var size = ((VectorDataViewType)read.Type).Size;
        return (ref VBuffer<float> values) =>
        {
            getter(ref values);
            PixelValues.CheckCount(values.Length, size, column, row.Position);
            PixelValues.Check(values.GetValues(), scale, column, row.Position, context);
        };
    }
}
