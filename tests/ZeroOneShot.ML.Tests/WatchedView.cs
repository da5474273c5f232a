using Microsoft.ML;

namespace ZeroOneShot.ML.Tests;

/// <summary>Data that keep which columns were asked of them.</summary>
internal sealed class WatchedView(IDataView source) : IDataView
{
    /// <summary>The columns that each cursor was asked for.</summary>
    public List<string[]> Cursors { get; } = [];

    public DataViewSchema Schema => source.Schema;

    public bool CanShuffle => source.CanShuffle;

    public long? GetRowCount() => source.GetRowCount();

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null) =>
        source.GetRowCursor(Watched(columnsNeeded), rand);

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null) =>
        source.GetRowCursorSet(Watched(columnsNeeded), n, rand);

    private DataViewSchema.Column[] Watched(IEnumerable<DataViewSchema.Column> columns)
    {
        var asked = columns.ToArray();
        Cursors.Add([.. asked.Select(column => column.Name).Order()]);
        return asked;
    }
}
