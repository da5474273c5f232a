using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace ZeroOneShot.ML;

/// <summary>
/// Passes rows through as they are and adds annotations (<see cref="SearchAnnotations"/>) to the pixel column. All columns keep their
/// place, the hidden ones too, and the pixel column its other annotations.
/// </summary>
/// <remarks>Saved, it is an empty chain of transformers: what it found matters only to the stages fitted after it.</remarks>
public abstract class AnnotatingTransformer : ITransformer
{
    private readonly IHost _host;
    private readonly IReadOnlyDictionary<string, string> _annotations;

    internal AnnotatingTransformer(IHost host, string columnName, IReadOnlyDictionary<string, string> annotations) =>
        (_host, FeatureColumnName, _annotations) = (host, columnName, annotations);

    /// <summary>The name of the pixel column.</summary>
    public string FeatureColumnName { get; }

    /// <summary>Always true.</summary>
    public bool IsRowToRowMapper => true;

    /// <summary>The schema with the pixel column annotated.</summary>
    /// <param name="inputSchema">A schema with the pixel column.</param>
    /// <exception cref="ArgumentOutOfRangeException">The pixel column is missing or of another type.</exception>
    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        PixelColumn.Find(inputSchema, FeatureColumnName, _host);
        var annotated = inputSchema[FeatureColumnName];
        var output = new DataViewSchema.Builder();
        foreach (var column in inputSchema)
            output.AddColumn(column.Name, column.Type, column.Index == annotated.Index ? Annotate(column) : column.Annotations);
        return output.ToSchema();
    }

    /// <summary>A view of the same rows under <see cref="GetOutputSchema"/>; nothing is copied or computed.</summary>
    /// <param name="input">Data with the pixel column.</param>
    /// <exception cref="ArgumentOutOfRangeException">The pixel column is missing or of another type.</exception>
    public IDataView Transform(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        return new PassedRows(input, GetOutputSchema(input.Schema));
    }

    /// <summary>The same for single rows.</summary>
    /// <param name="inputSchema">A schema with the pixel column.</param>
    /// <exception cref="ArgumentOutOfRangeException">The pixel column is missing or of another type.</exception>
    public IRowToRowMapper GetRowToRowMapper(DataViewSchema inputSchema) =>
        new PassedRows.Mapper(inputSchema, GetOutputSchema(inputSchema));

    void ICanSaveModel.Save(ModelSaveContext ctx) => ((ICanSaveModel)new TransformerChain<ITransformer>()).Save(ctx);

    private DataViewSchema.Annotations Annotate(DataViewSchema.Column column)
    {
        var annotations = new DataViewSchema.Annotations.Builder();
        annotations.Add(column.Annotations, kind => !_annotations.ContainsKey(kind));
        foreach (var (kind, text) in _annotations)
            annotations.AddPrimitiveValue(kind, TextDataViewType.Instance, text.AsMemory());
        return annotations.ToAnnotations();
    }
}
