namespace ZeroOneShot.ML;

/// <summary>
/// What an image may be and take. Beyond that it is refused (<see cref="ImageFault.TooLarge"/>, <see cref="ImageFault.TooSlow"/>): a
/// file of 35 bytes can ask for hundreds of megabytes and seconds.
/// </summary>
public sealed class ImageLimits
{
    /// <summary>The largest width and height, in pixels; at least 1. Default <see cref="ImageFile.LargestSide"/>.</summary>
    public int LargestSide { get; set; } = ImageFile.LargestSide;

    /// <summary>The largest width x height, in pixels; at least 1. Default <see cref="ImageFile.MostPixels"/>.</summary>
    public long MostPixels { get; set; } = ImageFile.MostPixels;

    /// <summary>The most bytes of a file, 1 to <see cref="ImageFile.MostBytes"/>, which is the default.</summary>
    public int MostBytes { get; set; } = ImageFile.MostBytes;

    /// <summary>
    /// The most scans of a JPEG; at least 1. Default <see cref="ImageFile.MostScans"/>. Each passes over the whole picture, however few
    /// bytes it has; encoders make about ten of them.
    /// </summary>
    public int MostScans { get; set; } = ImageFile.MostScans;

    /// <summary>
    /// The longest that decoding may take; null, the default: as long as it takes. Looked at whenever the decoder asks for more of the
    /// file. WebP is an exception: its decoder takes the whole file first, so that only its pixels limit the time.
    /// </summary>
    public TimeSpan? MostTime { get; set; }

    /// <summary>
    /// Whole eighths of its size to which a larger JPEG or WebP is reduced while it is decoded: the smallest at which its short side still
    /// has this many pixels; at least 1. Saves memory and time; the pixels are means of the original ones, so that scores differ a little.
    /// Null, the default: images are decoded at their size. Png, gif and bmp always are.
    /// </summary>
    public int? ReduceTo { get; set; }

    internal static ImageLimits Default { get; } = new();

    /// <exception cref="ArgumentOutOfRangeException">A limit is out of its range.</exception>
    internal void Check(string name)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(LargestSide, 1, $"{name}.{nameof(LargestSide)}");
        ArgumentOutOfRangeException.ThrowIfLessThan(MostPixels, 1, $"{name}.{nameof(MostPixels)}");
        ArgumentOutOfRangeException.ThrowIfLessThan(MostBytes, 1, $"{name}.{nameof(MostBytes)}");
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MostBytes, ImageFile.MostBytes, $"{name}.{nameof(MostBytes)}");
        ArgumentOutOfRangeException.ThrowIfLessThan(MostScans, 1, $"{name}.{nameof(MostScans)}");
        ArgumentOutOfRangeException.ThrowIfLessThan(ReduceTo ?? 1, 1, $"{name}.{nameof(ReduceTo)}");
        if (MostTime is { } time)
            ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(time, TimeSpan.Zero, $"{name}.{nameof(MostTime)}");
    }
}
