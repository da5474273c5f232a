using Microsoft.ML;
using Microsoft.ML.Data;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.Yardstick;

/// <summary>What the surrogate's ML.NET model reads.</summary>
internal sealed class GenotypeRow
{
    /// <summary>What trees see.</summary>
    public float[] Features { get; set; } = [];

    /// <summary>What the linear model sees: the same and more.</summary>
    public float[] LinearFeatures { get; set; } = [];

    /// <summary>The measured accuracy less <see cref="AccuracySurrogate"/>'s mean, where the model is trained.</summary>
    public float Label { get; set; }

    public static GenotypeRow Of(Genotype genotype)
    {
        var features = GenotypeFeatures.Of(genotype);
        return new() { Features = features[..GenotypeFeatures.Count], LinearFeatures = features };
    }

    /// <summary>The rows as ML.NET reads them, made as they are read.</summary>
    public static IDataView View(MLContext context, IEnumerable<GenotypeRow> rows)
    {
        var schema = SchemaDefinition.Create(typeof(GenotypeRow));
        schema[nameof(Features)].ColumnType = new VectorDataViewType(NumberDataViewType.Single, GenotypeFeatures.Count);
        schema[nameof(LinearFeatures)].ColumnType = new VectorDataViewType(NumberDataViewType.Single, GenotypeFeatures.LinearCount);
        return context.Data.LoadFromEnumerable(rows, schema);
    }
}
