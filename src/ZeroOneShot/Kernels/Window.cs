namespace ZeroOneShot.Kernels;

/// <summary>How a window slides over an image.</summary>
/// <param name="Kernel">Rows and columns of taps.</param>
/// <param name="Stride">Pixels from a window to the next.</param>
/// <param name="Dilation">Pixels from a tap to the next.</param>
/// <param name="Padding">Rows and columns by which the first window begins outside the image; negative: inside.</param>
internal readonly record struct Window(HeightWidth Kernel, HeightWidth Stride, HeightWidth Dilation, HeightWidth Padding)
{
    /// <summary>Number of taps.</summary>
    public int Taps => Kernel.Height * Kernel.Width;

    /// <summary>The larger side.</summary>
    public int Side => Math.Max(Kernel.Height, Kernel.Width);

    /// <summary>Whether the result is of the image's size and the window lies centrally over every pixel.</summary>
    public bool KeepsSize => Stride == 1 &&
        2 * Padding.Height == Dilation.Height * (Kernel.Height - 1) && 2 * Padding.Width == Dilation.Width * (Kernel.Width - 1);

    /// <summary>A square window of neighbouring pixels.</summary>
    public static Window Square(int kernel, int stride, int padding) => new(kernel, stride, 1, padding);

    /// <summary>Rows of the result.</summary>
    public long HeightOf(long height) => Number(height, Kernel.Height, Stride.Height, Dilation.Height, Padding.Height);

    /// <summary>Columns of the result.</summary>
    public long WidthOf(long width) => Number(width, Kernel.Width, Stride.Width, Dilation.Width, Padding.Width);

    /// <summary>
    /// The rows of taps that lie in an image, from the first to before the last, where the window lies for a row of the result.
    /// </summary>
    public (int From, int To) RowsInside(int row, int height)
    {
        var top = Top(row);
        var from = top >= 0 ? 0 : Math.Min((Dilation.Height - 1 - top) / Dilation.Height, Kernel.Height);
        return (from, top >= height ? from : Math.Clamp((height - top + Dilation.Height - 1) / Dilation.Height, from, Kernel.Height));
    }

    /// <summary>The image's row where the window begins for a row of the result; negative: above the image.</summary>
    public int Top(int row) => row * Stride.Height - Padding.Height;

    private static long Number(long size, int kernel, int stride, int dilation, int padding) =>
        (size + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1;
}
