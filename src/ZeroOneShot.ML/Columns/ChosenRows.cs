using Microsoft.ML;
using Microsoft.ML.Data;

namespace ZeroOneShot.ML;

/// <summary>Some of the rows of data, in their order.</summary>
/// <param name="source">The data, which give the same rows in every pass.</param>
/// <param name="chosen">Whether each row is taken.</param>
internal sealed class ChosenRows(IDataView source, IReadOnlyList<bool> chosen) : IDataView
{
    public DataViewSchema Schema => source.Schema;

    // Rows are known by their place.
    public bool CanShuffle => false;

    public long? GetRowCount() => chosen.Count(taken => taken);

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null) =>
        new Cursor(source.GetRowCursor(columnsNeeded), chosen);

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null) =>
        [GetRowCursor(columnsNeeded)];

    private sealed class Cursor(DataViewRowCursor source, IReadOnlyList<bool> chosen) : DataViewRowCursor
    {
        private int _row = -1;
        private long _position = -1;

        public override DataViewSchema Schema => source.Schema;

        public override long Position => _position;

        public override long Batch => source.Batch;

        public override bool MoveNext()
        {
            while (source.MoveNext())
            {
                if (++_row < chosen.Count && !chosen[_row])
                    continue;
                _position++;
                return true;
            }
            _position = -1;
            return false;
        }

        public override bool IsColumnActive(DataViewSchema.Column column) => source.IsColumnActive(column);

        public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column) => source.GetGetter<TValue>(column);

        public override ValueGetter<DataViewRowId> GetIdGetter() => source.GetIdGetter();

        protected override void Dispose(bool disposing)
        {
            if (disposing)
                source.Dispose();
            base.Dispose(disposing);
        }
    }
}
