using Microsoft.ML;
using Microsoft.ML.Data;

namespace ZeroOneShot.ML;

/// <summary>
/// Data with a column of logits, which cursors compute some rows ahead, in small batches on all processors. Order, columns and values are
/// those of computing row by row.
/// </summary>
/// <param name="source">The data.</param>
/// <param name="rowByRow">
/// The same data with the logits made row by row: the schema, and what is read where batches cannot be.
/// </param>
/// <param name="features">The pixel column of the data.</param>
/// <param name="logits">The name of the column of logits.</param>
/// <param name="session">From a batch of pixels to a batch of logits, on one processor.</param>
internal sealed class BatchedLogits(
    IDataView source, IDataView rowByRow, DataViewSchema.Column features, string logits, SharedSession session) : IDataView
{
    public DataViewSchema Schema => rowByRow.Schema;

    public bool CanShuffle => source.CanShuffle;

    public long? GetRowCount() => source.GetRowCount();

    public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null)
    {
        var needed = columnsNeeded.ToList();
        return InBatches(needed) ? Batched(needed, source.GetRowCursor(Sources(needed), rand), 1) : rowByRow.GetRowCursor(needed, rand);
    }

    public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null)
    {
        var needed = columnsNeeded.ToList();
        if (!InBatches(needed))
            return rowByRow.GetRowCursorSet(needed, n, rand);
        var cursors = source.GetRowCursorSet(Sources(needed), n, rand);
        return [.. cursors.Select(cursor => Batched(needed, cursor, cursors.Length))];
    }

    private bool IsLogits(DataViewSchema.Column column) => column.Index == Schema[logits].Index;

    // Values of rows ahead are held back until their turn, which an image, whose owner disposes it, may not live to see.
    private bool InBatches(List<DataViewSchema.Column> needed) =>
        needed.Any(IsLogits) && needed.All(column => column.Type is PrimitiveDataViewType or VectorDataViewType) && IsBatch(features.Type);

    private bool IsBatch(DataViewType type) => type is VectorDataViewType vector && vector.Size == session.RowSize;

    private IEnumerable<DataViewSchema.Column> Sources(List<DataViewSchema.Column> needed) =>
        needed.Where(column => !IsLogits(column)).Select(column => source.Schema[column.Index]).Append(features)
            .DistinctBy(column => column.Index);

    private BatchedLogitsCursor Batched(List<DataViewSchema.Column> needed, DataViewRowCursor cursor, int cursors)
    {
        try
        {
            return new(cursor, Schema, features, Schema[logits],
                [.. needed.Where(column => !IsLogits(column)).DistinctBy(column => column.Index)], session, cursors);
        }
        catch
        {
            cursor.Dispose();
            throw;
        }
    }
}
