namespace ZeroOneShot.Layers;

/// <summary>Channels, height and width of one image's features.</summary>
/// <param name="Channels">Number of channels.</param>
/// <param name="Height">Rows, in pixels.</param>
/// <param name="Width">Columns, in pixels.</param>
public readonly record struct FeatureSize(long Channels, long Height, long Width)
{
    /// <summary>Numbers of one image.</summary>
    public long Count => Channels * Height * Width;

    /// <summary>Pixels of one channel.</summary>
    public long Pixels => Height * Width;

    /// <summary>The size after a stride in both directions, rounded up.</summary>
    /// <param name="stride">1 or more.</param>
    public FeatureSize Reduced(int stride) =>
        this with { Height = ImageSize.Reduced(Height, stride), Width = ImageSize.Reduced(Width, stride) };

    /// <summary>For example <c>16x32x32</c>.</summary>
    public override string ToString() => $"{Channels}x{Height}x{Width}";
}
