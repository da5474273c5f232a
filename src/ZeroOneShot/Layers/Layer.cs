namespace ZeroOneShot.SearchSpaces;

/// <summary>
/// One step of a candidate operation. An operation is a list of layers, and everything that is known of an operation (its module, its
/// parameters and multiply-adds, its ONNX form) is derived from that list.
/// </summary>
public abstract record Layer
{
    private Layer() { }

    /// <summary>max(x, 0).</summary>
    public sealed record Relu : Layer;

    /// <summary>A convolution without bias that keeps the image size at stride 1 (padding = dilation * (kernel - 1) / 2).</summary>
    /// <param name="Kernel">Side of the square kernel, odd.</param>
    /// <param name="Stride">1 or 2.</param>
    /// <param name="Dilation">Distance between kernel taps, in pixels.</param>
    /// <param name="Depthwise">True: one kernel per channel. False: from the operation's input channels to its output channels.</param>
    public sealed record Convolution(int Kernel, int Stride = 1, int Dilation = 1, bool Depthwise = false) : Layer
    {
        /// <summary>Zero rows and columns added at each border.</summary>
        public int Padding => Dilation * (Kernel - 1) / 2;
    }

    /// <summary>Batch normalisation, epsilon 1e-5, momentum 0.1.</summary>
    public sealed record BatchNorm : Layer;

    /// <summary>Max pooling with padding (kernel - 1) / 2.</summary>
    /// <param name="Kernel">Side of the window, odd.</param>
    /// <param name="Stride">1 or 2.</param>
    public sealed record MaxPool(int Kernel, int Stride) : Layer;

    /// <summary>Average pooling with padding (kernel - 1) / 2; the padding is not counted in the average.</summary>
    /// <param name="Kernel">Side of the window, odd.</param>
    /// <param name="Stride">1 or 2.</param>
    public sealed record AveragePool(int Kernel, int Stride) : Layer;

    /// <summary>
    /// Halves the image: ReLU, two 1x1 stride-2 convolutions of half the channels each, the second one on the image shifted by one pixel,
    /// concatenated, then batch normalisation.
    /// </summary>
    public sealed record FactorizedReduce : Layer;

    /// <summary>Zeros of the output's shape.</summary>
    /// <param name="Stride">1 or 2.</param>
    public sealed record Zero(int Stride) : Layer;
}
