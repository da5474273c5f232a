using Microsoft.ML;
using Microsoft.ML.Data;

namespace ZeroOneShot.ML;

/// <summary>
/// Computes one column of numbers from another with an ONNX model out of memory, row by row. Saved, it is ML.NET's OnnxTransformer, which
/// itself would need the model in a file while it lives: a temporary folder that is full or read-only is no obstacle to this one.
/// </summary>
internal sealed class OnnxStep : ITransformer, IDisposable
{
    private readonly byte[] _saved;
    private readonly SharedSession _session;
    private readonly string _input, _output;
    private readonly VectorDataViewType _outputType;

    /// <param name="saved">The model as it is saved: its input and output have the columns' names, and its output a row's shape.</param>
    /// <param name="session">The model as it is run, owned.</param>
    /// <param name="output">The column to make.</param>
    /// <param name="outputType">Its type: a vector of Single.</param>
    /// <param name="input">The column to read: a vector of Single or Byte.</param>
    public OnnxStep(byte[] saved, SharedSession session, string output, VectorDataViewType outputType, string input) =>
        (_saved, _session, _output, _outputType, _input) = (saved, session, output, outputType, input);

    public bool IsRowToRowMapper => true;

    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema)
    {
        var output = new DataViewSchema.Builder();
        output.AddColumns(inputSchema);
        output.AddColumn(_output, _outputType);
        return output.ToSchema();
    }

    public IDataView Transform(IDataView input) => new View(this, input);

    public IRowToRowMapper GetRowToRowMapper(DataViewSchema inputSchema) => new Mapper(this, inputSchema);

    public void Dispose() => _session.Dispose();

    void ICanSaveModel.Save(ModelSaveContext ctx) => MLNetInternals.SaveAsOnnxTransformer(ctx, _saved, _input, _output);

    /// <summary>The columns of the input that these columns of the output are made of.</summary>
    private List<DataViewSchema.Column> Sources(DataViewSchema input, IEnumerable<DataViewSchema.Column> outputs) =>
        [.. outputs.Select(column => column.Index < input.Count ? input[column.Index] : input[_input]).DistinctBy(column => column.Index)];

    /// <summary>A getter of a column, by which a row may be one of many (a cursor).</summary>
    private ValueGetter<TValue> Getter<TValue>(DataViewRow source, DataViewSchema.Column column)
    {
        if (column.Index < source.Schema.Count)
            return source.GetGetter<TValue>(source.Schema[column.Index]);
        Delegate getter = source.Schema[_input].Type is VectorDataViewType { ItemType: var item } && item == NumberDataViewType.Byte
            ? Computed<byte>(source)
            : Computed<float>(source);
        return getter as ValueGetter<TValue> ?? throw new ArgumentException(
            $"Column '{column.Name}' is {column.Type}; it cannot be read as {typeof(TValue)}.", nameof(column));
    }

    private ValueGetter<VBuffer<float>> Computed<T>(DataViewRow source)
        where T : unmanaged
    {
        var read = source.GetGetter<VBuffer<T>>(source.Schema[_input]);
        var (values, last) = (new T[_session.RowSize], new T[_session.RowSize]);
        VBuffer<T> row = default;
        float[]? result = null;
        return (ref VBuffer<float> value) =>
        {
            read(ref row);
            if (row.Length != values.Length)
            {
                throw new InvalidOperationException(
                    $"Column '{_input}' has a vector of {row.Length} values in this row; expected {values.Length}, as the model takes.");
            }
            row.CopyTo(values);
            // More than one of the steps that follow may ask for the same row.
            if (result is null || !values.AsSpan().SequenceEqual(last))
            {
                result = null;
                (values, last) = (last, values);
                var session = _session.Take();
                try
                {
                    result = _session.Compute(session, last, rows: 1);
                }
                finally
                {
                    _session.Release();
                }
            }
            var editor = VBufferEditor.Create(ref value, result.Length);
            result.CopyTo(editor.Values);
            value = editor.Commit();
        };
    }

    private sealed class View(OnnxStep step, IDataView source) : IDataView
    {
        public DataViewSchema Schema { get; } = step.GetOutputSchema(source.Schema);

        public bool CanShuffle => source.CanShuffle;

        public long? GetRowCount() => source.GetRowCount();

        public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null)
        {
            var needed = columnsNeeded.ToList();
            return new Cursor(step, source.GetRowCursor(step.Sources(source.Schema, needed), rand), Schema, needed);
        }

        public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null)
        {
            var needed = columnsNeeded.ToList();
            return [.. source.GetRowCursorSet(step.Sources(source.Schema, needed), n, rand)
                .Select(cursor => new Cursor(step, cursor, Schema, needed))];
        }
    }

    private sealed class Cursor(
        OnnxStep step, DataViewRowCursor source, DataViewSchema schema, List<DataViewSchema.Column> needed) : DataViewRowCursor
    {
        public override DataViewSchema Schema => schema;

        public override long Position => source.Position;

        public override long Batch => source.Batch;

        public override bool MoveNext() => source.MoveNext();

        public override bool IsColumnActive(DataViewSchema.Column column) => needed.Any(one => one.Index == column.Index);

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column) => IsColumnActive(column)
            ? step.Getter<TValue>(source, column)
            : throw new ArgumentOutOfRangeException(nameof(column), $"Column '{column.Name}' was not asked for when the cursor was made.");

        public override ValueGetter<DataViewRowId> GetIdGetter() => source.GetIdGetter();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                source.Dispose();
            base.Dispose(disposing);
        }
    }

    private sealed class Mapper(OnnxStep step, DataViewSchema inputSchema) : IRowToRowMapper
    {
        public DataViewSchema InputSchema => inputSchema;

        public DataViewSchema OutputSchema { get; } = step.GetOutputSchema(inputSchema);

        public IEnumerable<DataViewSchema.Column> GetDependencies(IEnumerable<DataViewSchema.Column> dependingColumns) =>
            step.Sources(inputSchema, dependingColumns);

        public DataViewRow GetRow(DataViewRow input, IEnumerable<DataViewSchema.Column> activeColumns)
        {
            ArgumentNullException.ThrowIfNull(input);
            return new Row(step, input, OutputSchema, [.. activeColumns]);
        }
    }

    private sealed class Row(OnnxStep step, DataViewRow source, DataViewSchema schema, List<DataViewSchema.Column> active) : DataViewRow
    {
        public override DataViewSchema Schema => schema;

        public override long Position => source.Position;

        public override long Batch => source.Batch;

        public override bool IsColumnActive(DataViewSchema.Column column) => column.Index < source.Schema.Count
            ? source.IsColumnActive(source.Schema[column.Index])
            : active.Any(one => one.Index == column.Index);

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column) => step.Getter<TValue>(source, column);

        public override ValueGetter<DataViewRowId> GetIdGetter() => source.GetIdGetter();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                source.Dispose();
            base.Dispose(disposing);
        }
    }
}
