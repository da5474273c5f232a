namespace ZeroOneShot.Kernels;

/// <summary>A number per direction of an image. An integer stands for the same number in both, a pair for height and width.</summary>
/// <param name="Height">The number from row to row.</param>
/// <param name="Width">The number from column to column.</param>
public readonly record struct HeightWidth(int Height, int Width)
{
    /// <summary>The same number in both directions.</summary>
    /// <param name="both">The number.</param>
    public static implicit operator HeightWidth(int both) => FromInt32(both);

    /// <summary>Height and width.</summary>
    /// <param name="pair">The numbers.</param>
    public static implicit operator HeightWidth((int Height, int Width) pair) => FromPair(pair);

    /// <summary>The same number in both directions.</summary>
    /// <param name="both">The number.</param>
    public static HeightWidth FromInt32(int both) => new(both, both);

    /// <summary>Height and width.</summary>
    /// <param name="pair">The numbers.</param>
    public static HeightWidth FromPair((int Height, int Width) pair) => new(pair.Height, pair.Width);

    /// <summary>For example <c>3</c>, or <c>1x7</c>.</summary>
    public override string ToString() => Height == Width
        ? Height.ToString(System.Globalization.CultureInfo.InvariantCulture)
        : string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Height}x{Width}");
}
