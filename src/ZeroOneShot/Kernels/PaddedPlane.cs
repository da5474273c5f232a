using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace ZeroOneShot.Kernels;

/// <summary>A copy of a plane with a border around it, so that a window slides over it without asking where the plane ends.</summary>
internal readonly unsafe struct PaddedPlane<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private static int Lanes => Vector512<T>.Count;

    private readonly int _height, _width, _top, _rows, _columns;

    /// <param name="height">Rows of the plane.</param>
    /// <param name="width">Columns of the plane.</param>
    /// <param name="before">Rows and columns of the border before the plane.</param>
    /// <param name="after">And after it.</param>
    public PaddedPlane(int height, int width, int before, int after) =>
        (_height, _width, _top, _rows, _columns) = (height, width, before, height + before + after, width + before + after);

    /// <summary>Numbers from a row to the next.</summary>
    public int RowLength => _columns * Lanes;

    /// <summary>Numbers of the whole copy.</summary>
    public long Size => (long)_rows * RowLength;

    /// <summary>Copies a plane, rectified if asked for, and draws the border.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public void Fill(T* padded, T* plane, T border, bool rectify)
    {
        new Span<T>(padded, (int)Size).Fill(border);
        for (var y = 0; y < _height; y++)
        {
            var to = padded + (y + _top) * RowLength + _top * Lanes;
            var from = plane + y * _width * Lanes;
            for (var i = 0; i < _width * Lanes; i += Lanes)
            {
                var pixel = Vector512.Load(from + i);
                (rectify ? Arithmetic.Rectified(pixel) : pixel).Store(to + i);
            }
        }
    }

    /// <summary>Copies the plane out of the border; zeros where <paramref name="gate"/>, of the plane's size, is not positive.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public void Take(T* padded, T* plane, T* gate)
    {
        for (var y = 0; y < _height; y++)
        {
            var from = padded + (y + _top) * RowLength + _top * Lanes;
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
