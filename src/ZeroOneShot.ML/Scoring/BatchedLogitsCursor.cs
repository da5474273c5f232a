using System.Runtime.ExceptionServices;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.OnnxRuntime;

namespace ZeroOneShot.ML;

/// <summary>
/// Reads rows ahead, chunk by chunk, on the thread of its caller, while other threads compute the logits of the chunks read before. Values
/// of the other columns wait in buffers for their row's turn.
/// </summary>
internal sealed class BatchedLogitsCursor : DataViewRowCursor
{
    // Enough that the cost of a call of ONNX Runtime does not count, few enough that a layer's values stay in a processor's cache.
    internal const int RowsPerChunk = 8;

    private readonly DataViewRowCursor _source;
    private readonly DataViewSchema.Column _logitsColumn;
    private readonly SharedSession _session;
    private readonly Dictionary<int, HeldColumn> _columns;
    private readonly ValueGetter<DataViewRowId> _readId;
    private readonly Action<Chunk, int> _readPixels;
    private readonly int _classes;

    // In order; the one before them is being served, and the others are free.
    private readonly Queue<Chunk> _ahead = new();
    private readonly Stack<Chunk> _free;
    private Chunk? _current;
    private int _row;
    private bool _sourceEnded, _disposed;
    private ExceptionDispatchInfo? _failure;

    public BatchedLogitsCursor(DataViewRowCursor source, DataViewSchema schema, DataViewSchema.Column features,
        DataViewSchema.Column logits, IReadOnlyList<DataViewSchema.Column> columns, SharedSession session, int cursors)
    {
        (_source, Schema, _logitsColumn, _session) = (source, schema, logits, session);
        _classes = ((VectorDataViewType)logits.Type).Size;
        // One that is served and, for every processor, one that is computed and one that waits; cursors read side by side share these.
        var chunks = 1 + Math.Max(1, 2 * Environment.ProcessorCount / cursors);
        _columns = columns.ToDictionary(column => column.Index,
            column => HeldColumn.Create(source, source.Schema[column.Index], chunks * RowsPerChunk));
        _readId = source.GetIdGetter();
        if (((VectorDataViewType)features.Type).ItemType == NumberDataViewType.Byte)
        {
            _readPixels = Reader<byte>(features);
            _free = Chunks<byte>(chunks);
        }
        else
        {
            _readPixels = Reader<float>(features);
            _free = Chunks<float>(chunks);
        }
    }

    /// <summary>The most rows that are read before they are asked for.</summary>
    internal static int RowsAhead => 2 * Environment.ProcessorCount * RowsPerChunk;

    public override DataViewSchema Schema { get; }

    public override long Position => _current?.Positions[_row] ?? -1;

    public override long Batch => _current?.Batches[_row] ?? 0;

    private int Slot => Current.Index * RowsPerChunk + _row;

    private Chunk Current => _current ?? throw new InvalidOperationException("The cursor is not on a row; call MoveNext first.");

    public override bool MoveNext()
    {
        if (_current is not null && ++_row < _current.Rows)
            return true;
        if (_current is not null)
            _free.Push(_current);
        _current = null;
        while (!_sourceEnded && _free.Count > 1)
            ReadAhead();
        if (!_ahead.TryPeek(out var chunk))
        {
            _failure?.Throw();
            return false;
        }
        chunk.Computing.GetAwaiter().GetResult();
        (_current, _row) = (_ahead.Dequeue(), 0);
        return true;
    }

    public override bool IsColumnActive(DataViewSchema.Column column) =>
        column.Index == _logitsColumn.Index || _columns.ContainsKey(column.Index);

    public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column)
    {
        Delegate getter;
        if (column.Index == _logitsColumn.Index)
            getter = (ValueGetter<VBuffer<float>>)GetLogits;
        else if (_columns.TryGetValue(column.Index, out var held))
            getter = held.Getter(() => Slot);
        else
            throw new ArgumentOutOfRangeException(nameof(column), $"Column '{column.Name}' was not asked for when the cursor was made.");
        return getter as ValueGetter<TValue> ?? throw new ArgumentException(
            $"Column '{column.Name}' is {column.Type}; it cannot be read as {typeof(TValue)}.", nameof(column));
    }

    public override ValueGetter<DataViewRowId> GetIdGetter() => (ref DataViewRowId value) => value = Current.Ids[_row];

    protected override void Dispose(bool disposing)
    {
        if (disposing && !_disposed)
        {
            _disposed = true;
            // An error of rows that nobody asked for is nobody's.
            while (_ahead.TryDequeue(out var chunk))
                ((IAsyncResult)chunk.Computing).AsyncWaitHandle.WaitOne();
            (_current, _sourceEnded) = (null, true);
            _session.Release();
            _source.Dispose();
        }
        base.Dispose(disposing);
    }

    private void GetLogits(ref VBuffer<float> value)
    {
        var editor = VBufferEditor.Create(ref value, _classes);
        Current.Logits.AsSpan(_row * _classes, _classes).CopyTo(editor.Values);
        value = editor.Commit();
    }

    private void ReadAhead()
    {
        var chunk = _free.Pop();
        chunk.Rows = 0;
        try
        {
            while (chunk.Rows < RowsPerChunk && !_sourceEnded)
            {
                if (_source.MoveNext())
                    ReadRow(chunk);
                else
                    _sourceEnded = true;
            }
        }
        catch (Exception e)
        {
            // It is the reader's when the rows before it have been served.
            (_failure, _sourceEnded) = (ExceptionDispatchInfo.Capture(e), true);
        }
        if (chunk.Rows == 0)
        {
            _free.Push(chunk);
            return;
        }
        chunk.Computing = Task.Run(chunk.Compute);
        _ahead.Enqueue(chunk);
    }

    private void ReadRow(Chunk chunk)
    {
        var row = chunk.Rows;
        (chunk.Positions[row], chunk.Batches[row]) = (_source.Position, _source.Batch);
        _readId(ref chunk.Ids[row]);
        foreach (var column in _columns.Values)
            column.Read(chunk.Index * RowsPerChunk + row);
        _readPixels(chunk, row);
        chunk.Rows++;
    }

    /// <summary>Takes the session, last of all that could fail.</summary>
    private Stack<Chunk> Chunks<T>(int count)
        where T : unmanaged
    {
        var session = _session.Take();
        return new(Enumerable.Range(0, count).Select(i => new Chunk<T>(i, session, _session)));
    }

    private Action<Chunk, int> Reader<T>(DataViewSchema.Column features)
        where T : unmanaged
    {
        var size = _session.RowSize;
        var getter = _source.GetGetter<VBuffer<T>>(features);
        VBuffer<T> pixels = default;
        return (chunk, row) =>
        {
            getter(ref pixels);
            PixelValues.CheckCount(pixels.Length, size, features.Name, _source.Position);
            pixels.CopyTo(((Chunk<T>)chunk).Pixels.AsSpan(row * size, size));
        };
    }

    /// <summary>Rows that are computed together.</summary>
    private abstract class Chunk(int index)
    {
        public int Index => index;

        public int Rows { get; set; }

        public long[] Positions { get; } = new long[RowsPerChunk];

        public long[] Batches { get; } = new long[RowsPerChunk];

        public DataViewRowId[] Ids { get; } = new DataViewRowId[RowsPerChunk];

        public float[] Logits { get; protected set; } = [];

        public Task Computing { get; set; } = Task.CompletedTask;

        public abstract void Compute();
    }

    private sealed class Chunk<T>(int index, InferenceSession session, SharedSession shared) : Chunk(index)
        where T : unmanaged
    {
        public T[] Pixels { get; } = new T[RowsPerChunk * shared.RowSize];

        public override void Compute() => Logits = shared.Compute(session, Pixels, Rows);
    }
}
