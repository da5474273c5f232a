namespace ZeroOneShot.Data;

/// <summary>The size of one image: channels x height x width, in that order, as its pixels are stored.</summary>
/// <param name="Channels">The number of channels: 3 for RGB, 1 for grey.</param>
/// <param name="Height">The number of pixel rows.</param>
/// <param name="Width">The number of pixels in a row.</param>
public readonly record struct ImageShape(int Channels, int Height, int Width)
{
    /// <summary>The number of values of one image: channels x height x width.</summary>
    /// <exception cref="OverflowException">The product does not fit an <see cref="int"/>.</exception>
    public int Size => checked(Channels * Height * Width);

    /// <summary>For example <c>3x32x32</c>.</summary>
    public override string ToString() => $"{Channels}x{Height}x{Width}";
}
