using Microsoft.ML;
using Microsoft.ML.Data;

namespace ZeroOneShot.ML;

/// <summary>The values of one column for rows that were read ahead, each in a slot of its own.</summary>
internal abstract class HeldColumn
{
    /// <summary>Reads the column of a cursor.</summary>
    /// <param name="source">The cursor.</param>
    /// <param name="column">A column whose values may be copied: a primitive one, or a vector.</param>
    /// <param name="slots">The number of values held at most.</param>
    public static HeldColumn Create(DataViewRowCursor source, DataViewSchema.Column column, int slots)
    {
        var (kind, item) = column.Type is VectorDataViewType vector
            ? (typeof(Vectors<>), vector.ItemType.RawType)
            : (typeof(Scalars<>), column.Type.RawType);
        return (HeldColumn)Activator.CreateInstance(kind.MakeGenericType(item), source, column, slots)!;
    }

    /// <summary>Puts the value of the cursor's row into a slot.</summary>
    public abstract void Read(int slot);

    /// <summary>
    /// A getter, <see cref="ValueGetter{TValue}"/> of the column's type, of the value in the slot that is current when it is called.
    /// </summary>
    public abstract Delegate Getter(Func<int> slot);

    private sealed class Scalars<T>(DataViewRowCursor source, DataViewSchema.Column column, int slots) : HeldColumn
    {
        private readonly ValueGetter<T> _read = source.GetGetter<T>(column);
        private readonly T[] _values = new T[slots];

        public override void Read(int slot) => _read(ref _values[slot]);

        public override Delegate Getter(Func<int> slot) => (ValueGetter<T>)((ref T value) => value = _values[slot()]);
    }

    private sealed class Vectors<T>(DataViewRowCursor source, DataViewSchema.Column column, int slots) : HeldColumn
    {
        private readonly ValueGetter<VBuffer<T>> _read = source.GetGetter<VBuffer<T>>(column);
        private readonly VBuffer<T>[] _values = new VBuffer<T>[slots];

        public override void Read(int slot) => _read(ref _values[slot]);

        public override Delegate Getter(Func<int> slot) =>
            (ValueGetter<VBuffer<T>>)((ref VBuffer<T> value) => _values[slot()].CopyTo(ref value));
    }
}
