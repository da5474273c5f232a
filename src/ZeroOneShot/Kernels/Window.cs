using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.Kernels;

/// <summary>A window that slides over an image.</summary>
/// <param name="Rows">Rows of its taps.</param>
/// <param name="Columns">Taps of a row.</param>
/// <param name="Stride">Pixels from a place to the next.</param>
/// <param name="Dilation">Pixels from a tap to the next.</param>
/// <param name="Above">Rows by which the first place begins outside the image.</param>
/// <param name="Before">Columns by which it does.</param>
internal readonly record struct Window(int Rows, int Columns, int Stride, int Dilation, int Above, int Before)
{
    /// <summary>The window of a convolution.</summary>
    public static Window Of(Layer.Convolution layer) =>
        new(layer.Kernel, layer.Kernel, layer.Stride, layer.Dilation, layer.Padding, layer.Padding);

    /// <summary>The window of a pooling.</summary>
    public static Window OfPool(int kernel, int stride, int padding) => new(kernel, kernel, stride, 1, padding, padding);

    /// <summary>Number of taps.</summary>
    public int Taps => Rows * Columns;
}
