using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;

namespace ZeroOneShot.ML;

/// <summary>
/// Adds an image column made of paths or of files' bytes, safely (<see cref="ImageFile"/>), or of images, which stay alive whatever the
/// components after it do.
/// </summary>
/// <remarks>
/// Transparent pixels stay so: what makes pixels of the images lays its colour behind them, here as in a loaded model. Saved as a stock
/// component, which has neither check: LoadImages for paths, and otherwise CopyColumns, so that a loaded model takes images in the column
/// that had the bytes, since ML.NET has no component that decodes bytes.
/// </remarks>
internal sealed class ImageColumnTransformer : ITransformer
{
    private readonly string _output;
    private readonly string _input;
    private readonly (int Width, int Height) _copied;
    private readonly ITransformer _saved;
    private readonly DataViewType _fittedOn;
    private readonly bool _givesAway;

    /// <summary>Makes the transformer.</summary>
    /// <param name="transforms">A catalog.</param>
    /// <param name="data">Data with the input column.</param>
    /// <param name="output">The image column to make.</param>
    /// <param name="input">A column of paths, bytes or images.</param>
    /// <param name="copied">Images of just this size are copied: ResizeImages to that size would dispose them.</param>
    /// <param name="givesAway">
    /// Whether an image belongs to who asked for it, until he asks for the next in the same place, as those of ML.NET's LoadImages do;
    /// otherwise it lives until anybody asks for the next.
    /// </param>
    public ImageColumnTransformer(
        TransformsCatalog transforms, IDataView data, string output, string input, (int Width, int Height) copied, bool givesAway = false)
    {
        (_output, _input, _copied, _givesAway) = (output, input, copied, givesAway);
        _fittedOn = data.Schema[input].Type;
        _saved = data.Schema[input].Type is TextDataViewType
            ? transforms.LoadImages(output, null, input).Fit(data)
            : transforms.CopyColumns(output, input).Fit(data);
    }

    public bool IsRowToRowMapper => true;

    /// <summary>The image column that is made.</summary>
    public string OutputColumnName => _output;

    /// <summary>Whether a column can be made an image column.</summary>
    public static bool Takes(DataViewType type) => type is ImageDataViewType or TextDataViewType || HoldsFiles(type);

    private static string Kind(DataViewType type) =>
        type is TextDataViewType ? "paths" : type is ImageDataViewType ? "images" : "the bytes of files";

    /// <summary>Whether a column holds the bytes of files.</summary>
    public static bool HoldsFiles(DataViewType type) =>
        type is VectorDataViewType { IsKnownSize: false } vector && vector.ItemType == NumberDataViewType.Byte;

    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema)
    {
        var column = inputSchema.GetColumnOrNull(_input)
            ?? throw new ArgumentOutOfRangeException(nameof(inputSchema), $"Could not find image column '{_input}', which had " +
                $"{Kind(_fittedOn)} when the model was fitted. Give data with it, or use an ImageClassifierPool, which takes images from " +
                "anywhere");
        if (!Takes(column.Type))
        {
            throw new ArgumentOutOfRangeException(nameof(inputSchema), $"Schema mismatch for image column '{_input}': " +
                $"expected Image, Text or Vector<Byte> of unknown size, got {PixelColumn.Describe(column.Type)}");
        }
        var output = new DataViewSchema.Builder();
        output.AddColumns(inputSchema);
        output.AddColumn(_output, new ImageDataViewType());
        return output.ToSchema();
    }

    public IDataView Transform(IDataView input) => new View(this, input);

    public IRowToRowMapper GetRowToRowMapper(DataViewSchema inputSchema) => new Mapper(this, inputSchema);

    void ICanSaveModel.Save(ModelSaveContext ctx) => _saved.Save(ctx);

    /// <summary>The columns of the input that these columns of the output are made of.</summary>
    private List<DataViewSchema.Column> Sources(DataViewSchema input, IEnumerable<DataViewSchema.Column> outputs) =>
        [.. outputs.Select(column => column.Index < input.Count ? input[column.Index] : input[_input]).DistinctBy(column => column.Index)];

    private sealed class View(ImageColumnTransformer parent, IDataView source) : IDataView
    {
        public DataViewSchema Schema { get; } = parent.GetOutputSchema(source.Schema);

        public bool CanShuffle => source.CanShuffle;

        public long? GetRowCount() => source.GetRowCount();

        public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null)
        {
            var needed = columnsNeeded.ToList();
            return Cursor(needed, source.GetRowCursor(parent.Sources(source.Schema, needed), rand));
        }

        public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null)
        {
            var needed = columnsNeeded.ToList();
            return [.. source.GetRowCursorSet(parent.Sources(source.Schema, needed), n, rand).Select(cursor => Cursor(needed, cursor))];
        }

        private Cursor Cursor(List<DataViewSchema.Column> needed, DataViewRowCursor cursor) =>
            new(cursor, parent.Columns(cursor, Schema, needed));
    }

    private sealed class Mapper(ImageColumnTransformer parent, DataViewSchema inputSchema) : IRowToRowMapper
    {
        public DataViewSchema InputSchema => inputSchema;

        public DataViewSchema OutputSchema { get; } = parent.GetOutputSchema(inputSchema);

        public IEnumerable<DataViewSchema.Column> GetDependencies(IEnumerable<DataViewSchema.Column> dependingColumns) =>
            parent.Sources(inputSchema, dependingColumns);

        public DataViewRow GetRow(DataViewRow input, IEnumerable<DataViewSchema.Column> activeColumns) =>
            new Row(input, parent.Columns(input, OutputSchema, [.. activeColumns]));
    }

    private RowColumns Columns(DataViewRow source, DataViewSchema schema, List<DataViewSchema.Column> active)
    {
        var asked = active.Any(column => column.Index == source.Schema.Count);
        return new RowColumns(source, schema, asked ? new Images(source, source.Schema[_input], _copied, _givesAway) : null);
    }

    /// <summary>The columns of a row or a cursor: those of the source, and after them the images, where they are asked for.</summary>
    private sealed record RowColumns(DataViewRow Source, DataViewSchema Schema, Images? Images)
    {
        public bool IsActive(DataViewSchema.Column column) =>
            column.Index < Source.Schema.Count ? Source.IsColumnActive(Source.Schema[column.Index]) : Images is not null;

        public ValueGetter<TValue> Getter<TValue>(DataViewSchema.Column column)
        {
            if (column.Index < Source.Schema.Count)
                return Source.GetGetter<TValue>(Source.Schema[column.Index]);
            if (Images is null)
                throw new ArgumentOutOfRangeException(nameof(column), $"Column '{column.Name}' was not asked for.");
            return (ValueGetter<MLImage?>)Images.Get as ValueGetter<TValue> ?? throw new ArgumentException(
                $"Column '{column.Name}' is {column.Type}; it cannot be read as {typeof(TValue)}.", nameof(column));
        }
    }

    private sealed class Cursor(DataViewRowCursor source, RowColumns columns) : DataViewRowCursor
    {
        public override DataViewSchema Schema => columns.Schema;

        public override long Position => source.Position;

        public override long Batch => source.Batch;

        public override bool MoveNext() => source.MoveNext();

        public override bool IsColumnActive(DataViewSchema.Column column) => columns.IsActive(column);

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column) => columns.Getter<TValue>(column);

        public override ValueGetter<DataViewRowId> GetIdGetter() => source.GetIdGetter();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                columns.Images?.Dispose();
                source.Dispose();
            }
            base.Dispose(disposing);
        }
    }

    private sealed class Row(DataViewRow source, RowColumns columns) : DataViewRow
    {
        public override DataViewSchema Schema => columns.Schema;

        public override long Position => source.Position;

        public override long Batch => source.Batch;

        public override bool IsColumnActive(DataViewSchema.Column column) => columns.IsActive(column);

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column) => columns.Getter<TValue>(column);

        public override ValueGetter<DataViewRowId> GetIdGetter() => source.GetIdGetter();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
            {
                columns.Images?.Dispose();
                source.Dispose();
            }
            base.Dispose(disposing);
        }
    }

    /// <summary>
    /// The images of one row after the other. Those made here live until the next: large photographs must not wait for the garbage
    /// collector.
    /// </summary>
    private sealed class Images : IDisposable
    {
        private readonly Func<MLImage> _read;
        private readonly bool _givesAway;
        private MLImage? _made;

        public Images(DataViewRow source, DataViewSchema.Column column, (int Width, int Height) copied, bool givesAway)
        {
            _givesAway = givesAway;
            switch (column.Type)
            {
                case TextDataViewType:
                    var getPath = source.GetGetter<ReadOnlyMemory<char>>(column);
                    ReadOnlyMemory<char> path = default;
                    _read = () =>
                    {
                        getPath(ref path);
                        return Keep(path.IsEmpty
                            ? throw new ImageFaultException(ImageFault.Unreadable,
                                $"{Row()} has an empty path in column '{column.Name}'; expected that of an image. Filter such rows out.")
                            : ImageFile.Read(path.ToString(), ImageReadOptions.Transparent));
                    };
                    break;
                case ImageDataViewType:
                    var getImage = source.GetGetter<MLImage?>(column);
                    MLImage? image = null;
                    _read = () =>
                    {
                        getImage(ref image);
                        if (image is null)
                        {
                            throw new ImageFaultException(ImageFault.Unreadable,
                                $"{Row()} has no image in column '{column.Name}'. Filter such rows out.");
                        }
                        Backgrounds.ThrowIfNotMultiplied(image, Image());
                        return (image.Width, image.Height) == copied
                            ? Keep(MLImage.CreateFromPixels(image.Width, image.Height, image.PixelFormat, image.Pixels))
                            : image;
                    };
                    break;
                default:
                    var getFile = source.GetGetter<VBuffer<byte>>(column);
                    VBuffer<byte> file = default;
                    _read = () =>
                    {
                        getFile(ref file);
                        return Keep(ImageFile.Read(
                            file.IsDense ? file.GetValues() : [.. file.DenseValues()], Image(), ImageReadOptions.Transparent));
                    };
                    break;
            }

            string Row() => $"Row {source.Position} (counted from 0)";

            string Image() => $"The image in row {source.Position} (counted from 0) of column '{column.Name}'";
        }

        public void Get(ref MLImage? value)
        {
            if (_givesAway)
                value?.Dispose();
            value = _read();
        }

        public void Dispose() => _made?.Dispose();

        private MLImage Keep(MLImage made)
        {
            if (_givesAway)
                return made;
            _made?.Dispose();
            return _made = made;
        }
    }
}
