using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;

namespace ZeroOneShot.ML;

/// <summary>
/// Adds an image column made of paths or of files' bytes, safely (<see cref="ImageFile"/>), or of images, which stay alive whatever the
/// components after it do.
/// </summary>
/// <remarks>
/// Saved as a stock component, which has neither check: LoadImages for paths, and otherwise CopyColumns, so that a loaded model takes
/// images in the column that had the bytes, since ML.NET has no component that decodes bytes.
/// </remarks>
internal sealed class ImageColumnTransformer : ITransformer
{
    private readonly string _output;
    private readonly string _input;
    private readonly (int Width, int Height) _copied;
    private readonly ITransformer _saved;

    /// <summary>Makes the transformer.</summary>
    /// <param name="transforms">A catalog.</param>
    /// <param name="data">Data with the input column.</param>
    /// <param name="output">The image column to make.</param>
    /// <param name="input">A column of paths, bytes or images.</param>
    /// <param name="copied">Images of just this size are copied: ResizeImages to that size would dispose them.</param>
    public ImageColumnTransformer(
        TransformsCatalog transforms, IDataView data, string output, string input, (int Width, int Height) copied)
    {
        (_output, _input, _copied) = (output, input, copied);
        _saved = data.Schema[input].Type is TextDataViewType
            ? transforms.LoadImages(output, null, input).Fit(data)
            : transforms.CopyColumns(output, input).Fit(data);
    }

    public bool IsRowToRowMapper => true;

    /// <summary>Whether a column can be made an image column.</summary>
    public static bool Takes(DataViewType type) => type is ImageDataViewType or TextDataViewType || HoldsFiles(type);

    /// <summary>Whether a column holds the bytes of files.</summary>
    public static bool HoldsFiles(DataViewType type) =>
        type is VectorDataViewType { IsKnownSize: false } vector && vector.ItemType == NumberDataViewType.Byte;

    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema)
    {
        var column = inputSchema.GetColumnOrNull(_input)
            ?? throw new ArgumentOutOfRangeException(nameof(inputSchema), $"Could not find image column '{_input}'");
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
        return new RowColumns(source, schema, asked ? new Images(source, source.Schema[_input], _copied) : null);
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
        private readonly Func<MLImage?> _read;
        private MLImage? _made;

        public Images(DataViewRow source, DataViewSchema.Column column, (int Width, int Height) copied)
        {
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
                                $"A row has an empty path in column '{column.Name}'; expected that of an image. Filter such rows out.")
                            : ImageFile.Read(path.ToString()));
                    };
                    break;
                case ImageDataViewType:
                    var getImage = source.GetGetter<MLImage?>(column);
                    MLImage? image = null;
                    _read = () =>
                    {
                        getImage(ref image);
                        return image is not null && (image.Width, image.Height) == copied
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
                        return Keep(file.IsDense ? ImageFile.Read(file.GetValues()) : ImageFile.Read([.. file.DenseValues()]));
                    };
                    break;
            }
        }

        public void Get(ref MLImage? value) => value = _read();

        public void Dispose() => _made?.Dispose();

        private MLImage Keep(MLImage made)
        {
            _made?.Dispose();
            return _made = made;
        }
    }
}
