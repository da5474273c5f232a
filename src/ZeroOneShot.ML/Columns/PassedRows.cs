using Microsoft.ML;
using Microsoft.ML.Data;

namespace ZeroOneShot.ML;

/// <summary>
/// The rows of other data under a schema with columns of the same types in the same places, some of which may be read in another way.
/// Nothing is copied.
/// </summary>
/// <param name="source">The other data.</param>
/// <param name="schema">The schema to show.</param>
/// <param name="reader">Reads columns in another way; null for none.</param>
internal sealed class PassedRows(IDataView source, DataViewSchema schema, PassedRows.Reader? reader = null) : IDataView
{
    /// <summary>
    /// The getter of a column of a row, a <see cref="ValueGetter{TValue}"/> of the column's type; null where the row's own will do.
    /// </summary>
    public delegate Delegate? Reader(DataViewRow source, DataViewSchema.Column column);

    public DataViewSchema Schema => schema;

    public bool CanShuffle => source.CanShuffle;

    public long? GetRowCount() => source.GetRowCount();

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null) =>
        new Cursor(source.GetRowCursor(At(source.Schema, columnsNeeded), rand), schema, reader);

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null) =>
        [.. source.GetRowCursorSet(At(source.Schema, columnsNeeded), n, rand).Select(cursor => new Cursor(cursor, schema, reader))];

    private static IEnumerable<DataViewSchema.Column> At(DataViewSchema schema, IEnumerable<DataViewSchema.Column> columns) =>
        columns.Select(column => schema[column.Index]);

    private static ValueGetter<TValue> Getter<TValue>(DataViewRow source, DataViewSchema.Column column, Reader? reader)
    {
        var own = source.Schema[column.Index];
        return reader?.Invoke(source, own) as ValueGetter<TValue> ?? source.GetGetter<TValue>(own);
    }

    /// <summary>The same for single rows.</summary>
    internal sealed class Mapper(DataViewSchema inputSchema, DataViewSchema outputSchema, Reader? reader = null) : IRowToRowMapper
    {
        public DataViewSchema InputSchema => inputSchema;

        public DataViewSchema OutputSchema => outputSchema;

        public IEnumerable<DataViewSchema.Column> GetDependencies(IEnumerable<DataViewSchema.Column> dependingColumns) =>
            At(inputSchema, dependingColumns);

        public DataViewRow GetRow(DataViewRow input, IEnumerable<DataViewSchema.Column> activeColumns)
        {
            ArgumentNullException.ThrowIfNull(input);
            return new Row(input, outputSchema, reader);
        }
    }

    private sealed class Cursor(DataViewRowCursor source, DataViewSchema schema, Reader? reader) : DataViewRowCursor
    {
        public override DataViewSchema Schema => schema;

        public override long Position => source.Position;

        public override long Batch => source.Batch;

        public override bool MoveNext() => source.MoveNext();

        public override bool IsColumnActive(DataViewSchema.Column column) => source.IsColumnActive(source.Schema[column.Index]);

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column) => Getter<TValue>(source, column, reader);

        public override ValueGetter<DataViewRowId> GetIdGetter() => source.GetIdGetter();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                source.Dispose();
            base.Dispose(disposing);
        }
    }

    private sealed class Row(DataViewRow source, DataViewSchema schema, Reader? reader) : DataViewRow
    {
        public override DataViewSchema Schema => schema;

        public override long Position => source.Position;

        public override long Batch => source.Batch;

        public override bool IsColumnActive(DataViewSchema.Column column) => source.IsColumnActive(source.Schema[column.Index]);

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column) => Getter<TValue>(source, column, reader);

        public override ValueGetter<DataViewRowId> GetIdGetter() => source.GetIdGetter();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                source.Dispose();
            base.Dispose(disposing);
        }
    }
}
