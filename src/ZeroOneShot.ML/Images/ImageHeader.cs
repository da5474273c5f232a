namespace ZeroOneShot.ML;

/// <summary>What the header of an image file says of the work that decoding it is.</summary>
/// <param name="Width">Pixels, as stored: EXIF may turn the picture.</param>
/// <param name="Height">Pixels, as stored.</param>
/// <param name="Scans">How often the decoder passes over the picture: the scans of a JPEG, otherwise 1.</param>
public readonly record struct ImageHeader(int Width, int Height, int Scans)
{
    /// <summary>Width x height x scans: what the time of decoding grows with.</summary>
    public long Work => (long)Width * Height * Scans;
}
