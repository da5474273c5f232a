using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ZeroOneShot.Kernels;

/// <summary>A copy of a plane with a border around it, so that a window slides over it without asking where the plane ends.</summary>
internal readonly unsafe struct PaddedPlane<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private static int Lanes => Vector512<T>.Count;

    private readonly int _height, _width, _top, _left, _rows, _columns;

    /// <param name="height">Rows of the plane.</param>
    /// <param name="width">Columns of the plane.</param>
    /// <param name="before">Rows and columns of the border before the plane.</param>
    /// <param name="after">And after it.</param>
    public PaddedPlane(int height, int width, HeightWidth before, HeightWidth after)
    {
        (_height, _width, _top, _left) = (height, width, before.Height, before.Width);
        (_rows, _columns) = (height + before.Height + after.Height, width + before.Width + after.Width);
    }

    /// <summary>Numbers from a row to the next.</summary>
    public int RowLength => _columns * Lanes;

    /// <summary>Numbers of the whole copy.</summary>
    public long Size => (long)_rows * RowLength;

    /// <summary>Copies a plane, rectified if asked for, and draws the border.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public void Fill(T* padded, T* plane, T border, bool rectify)
    {
        var (above, row, beside) = (_top * RowLength, _width * Lanes, RowLength - _width * Lanes);
        // Between the rows of the plane lie the end of one row's border and the beginning of the next one's.
        new Span<T>(padded, above + _left * Lanes).Fill(border);
        var to = padded + above + _left * Lanes;
        for (var y = 0; y < _height; y++, to += RowLength, plane += row)
        {
            for (var i = 0; i < row; i += Lanes)
            {
                var pixel = Vector512.Load(plane + i);
                (rectify ? Arithmetic.Rectified(pixel) : pixel).Store(to + i);
            }
            if (y + 1 < _height)
                new Span<T>(to + row, beside).Fill(border);
        }
        to -= beside;
        new Span<T>(to, (int)(padded + Size - to)).Fill(border);
    }

    /// <summary>Copies the plane out of the border; zeros where <paramref name="gate"/>, of the plane's size, is not positive.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public void Take(T* padded, T* plane, T* gate)
    {
        for (var y = 0; y < _height; y++)
        {
            var from = padded + (y + _top) * RowLength + _left * Lanes;
            var to = y * _width * Lanes;
            for (var i = 0; i < _width * Lanes; i += Lanes)
            {
                var pixel = Vector512.Load(from + i);
                if (gate != null)
                    pixel &= Vector512.GreaterThan(Vector512.Load(gate + to + i), Vector512<T>.Zero);
                pixel.Store(plane + to + i);
            }
        }
    }
}
