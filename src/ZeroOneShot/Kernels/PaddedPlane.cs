using System.Numerics;
using System.Runtime.CompilerServices;

namespace ZeroOneShot.Kernels;

/// <summary>A copy of a plane with a border around it, so that a window slides over it without asking where the plane ends.</summary>
/// <param name="height">Rows of the plane.</param>
/// <param name="width">Columns of the plane.</param>
/// <param name="above">Rows of the border above the plane.</param>
/// <param name="before">Columns of the border before the plane.</param>
/// <param name="below">Rows below it.</param>
/// <param name="after">Columns after it.</param>
internal readonly unsafe struct PaddedPlane<T>(int height, int width, int above, int before, int below, int after)
    where T : unmanaged, IFloatingPointIeee754<T>
{
    private static int Lanes => Kernels.Lanes.Count<T>();

    /// <summary>The copy of a plane over which the window of a convolution slides.</summary>
    public static PaddedPlane<T> Around(int height, int width, Window window) =>
        new(height, width, window.Padding.Height, window.Padding.Width, window.Padding.Height, window.Padding.Width);

    /// <summary>
    /// The copy of a plane over which the window of a pooling slides, which may reach farther beyond the end than the beginning.
    /// </summary>
    public static PaddedPlane<T> AroundPool(int height, int width, Window window) =>
        new(height, width, window.Padding.Height, window.Padding.Width, window.Kernel.Height, window.Kernel.Width);

    /// <summary>Numbers from a row to the next.</summary>
    public int RowLength => (before + width + after) * Lanes;

    /// <summary>Numbers of the whole copy.</summary>
    public long Size => (long)(above + height + below) * RowLength;

    private long First => (long)above * RowLength + before * Lanes;

    /// <summary>Copies a plane, rectified if asked for, and draws the border.</summary>
    public void Fill(T* padded, T* plane, T border, bool rectify)
    {
        Loops.Widest.Copy(plane, width * Lanes, padded + First, RowLength, width * Lanes, height, rectify);
        // Between the rows of the plane lie the end of one row's border and the beginning of the next one's.
        new Span<T>(padded, (int)First).Fill(border);
        var to = padded + First + width * Lanes;
        var beside = (before + after) * Lanes;
        for (var y = 1; y < height; y++, to += RowLength)
            new Span<T>(to, beside).Fill(border);
        new Span<T>(to, (int)(padded + Size - to)).Fill(border);
    }

    /// <summary>Copies the plane out of the border; zeros where <paramref name="gate"/>, of the plane's size, is not positive.</summary>
    public void Take(T* padded, T* plane, T* gate)
    {
        if (gate == null)
            Loops.Widest.Copy(padded + First, RowLength, plane, width * Lanes, width * Lanes, height, rectify: false);
        else
            Loops.Widest.CopyGated(padded + First, RowLength, plane, gate, width * Lanes, height);
    }

    private abstract class Loops
    {
        public static Loops Widest { get; } =
            Registers.Widest<Loops>(new Loops<Register512<T>>(), new Loops<Register256<T>>(), new Loops<Register128<T>>());

        /// <summary>Copies rows, each of some numbers.</summary>
        public abstract void Copy(T* from, int fromRow, T* to, int toRow, int count, int rows, bool rectify);

        /// <summary>Copies rows to where they follow one another; zeros where the gate there is not positive.</summary>
        public abstract void CopyGated(T* from, int fromRow, T* to, T* gate, int count, int rows);
    }

    private sealed class Loops<V> : Loops where V : struct, IRegister<V, T>
    {
        [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
        public override void Copy(T* from, int fromRow, T* to, int toRow, int count, int rows, bool rectify)
        {
            for (var y = 0; y < rows; y++, from += fromRow, to += toRow)
            {
                for (nint i = 0; i < count; i += V.Count)
                {
                    var numbers = V.Load(from + i);
                    (rectify ? V.Rectified(numbers) : numbers).Store(to + i);
                }
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
