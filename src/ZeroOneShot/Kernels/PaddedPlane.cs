using System.Numerics;
using System.Runtime.CompilerServices;

namespace ZeroOneShot.Kernels;

/// <summary>
/// A copy of a plane with a border before and after every row, so that a window slides along it without asking where the row ends. Rows of
/// the window above and below the plane are left out (<see cref="Window.RowsInside"/>).
/// </summary>
/// <param name="height">Rows of the plane.</param>
/// <param name="width">Columns of the plane.</param>
/// <param name="before">Columns of the border before the plane.</param>
/// <param name="after">Columns after it.</param>
internal readonly unsafe struct PaddedPlane<T>(int height, int width, int before, int after)
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private static int Lanes => Kernels.Lanes.Count<T>();

    /// <summary>The copy of a plane over which the window of a convolution slides.</summary>
    public static PaddedPlane<T> Around(int height, int width, Window window) =>
        new(height, width, window.Padding.Width, window.Padding.Width);

    /// <summary>
    /// The copy of a plane over which the window of a pooling slides, which may reach farther beyond the end than the beginning.
    /// </summary>
    public static PaddedPlane<T> AroundPool(int height, int width, Window window) =>
        new(height, width, window.Padding.Width, window.Kernel.Width);

    /// <summary>Numbers from a row to the next.</summary>
    public int RowLength => (before + width + after) * Lanes;

    /// <summary>Numbers of the whole copy.</summary>
    public long Size => (long)height * RowLength;

    private int First => before * Lanes;

    /// <summary>Copies a plane, rectified if asked for, and draws the border.</summary>
    public void Fill(T* padded, T* plane, T border, bool rectify)
    {
        Loops.Widest.Fill(plane, width * Lanes, padded, before * Lanes, after * Lanes, height, border, rectify);
    }

    /// <summary>Copies the plane out of the border; zeros where <paramref name="gate"/>, of the plane's size, is not positive.</summary>
    public void Take(T* padded, T* plane, T* gate)
    {
        if (gate == null)
            Loops.Widest.Copy(padded + First, RowLength, plane, width * Lanes, height);
        else
            Loops.Widest.CopyGated(padded + First, RowLength, plane, gate, width * Lanes, height);
    }

    private abstract class Loops
    {
        public static Loops Widest { get; } =
            Registers.Widest<Loops>(new Loops<Register512<T>>(), new Loops<Register256<T>>(), new Loops<Register128<T>>());

        /// <summary>Copies rows that follow one another, a border before and after each.</summary>
        public abstract void Fill(T* from, int count, T* to, int before, int after, int rows, T border, bool rectify);

        /// <summary>Copies rows, each of some numbers, to where they follow one another.</summary>
        public abstract void Copy(T* from, int fromRow, T* to, int count, int rows);

        /// <summary>The same; zeros where the gate there is not positive.</summary>
        public abstract void CopyGated(T* from, int fromRow, T* to, T* gate, int count, int rows);
    }

    private sealed class Loops<V> : Loops where V : struct, IRegister<V, T>
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public override void Fill(T* from, int count, T* to, int before, int after, int rows, T border, bool rectify)
        {
            var edge = V.Create(border);
            for (var y = 0; y < rows; y++, from += count)
            {
                for (nint i = 0; i < before; i += V.Count, to += V.Count)
                    edge.Store(to);
                if (rectify)
                {
                    for (nint i = 0; i < count; i += V.Count)
                        V.Rectified(V.Load(from + i)).Store(to + i);
                }
                else
                {
                    for (nint i = 0; i < count; i += V.Count)
                        V.Load(from + i).Store(to + i);
                }
                to += count;
                for (nint i = 0; i < after; i += V.Count, to += V.Count)
                    edge.Store(to);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public override void Copy(T* from, int fromRow, T* to, int count, int rows)
        {
            for (var y = 0; y < rows; y++, from += fromRow, to += count)
            {
                for (nint i = 0; i < count; i += V.Count)
                    V.Load(from + i).Store(to + i);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public override void CopyGated(T* from, int fromRow, T* to, T* gate, int count, int rows)
        {
            for (var y = 0; y < rows; y++, from += fromRow, to += count, gate += count)
            {
                for (nint i = 0; i < count; i += V.Count)
                    (V.Load(from + i) & V.IsPositive(V.Load(gate + i))).Store(to + i);
            }
        }
    }
}
