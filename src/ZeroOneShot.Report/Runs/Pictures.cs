namespace ZeroOneShot.Report;

/// <summary>Pictures that become a part of a page.</summary>
internal static class Pictures
{
    private const int MostBytes = 1 << 16;

    private static readonly byte[] s_png = [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0d, 0x0a, 0x1a, 0x0a];

    /// <exception cref="ArgumentException">It is not a small PNG.</exception>
    public static void ThrowIfNone(TestPicture picture)
    {
        if (picture.Png.Count > MostBytes || !picture.Png.Take(s_png.Length).SequenceEqual(s_png))
        {
            throw new ArgumentException($"The picture of '{Markup.Shorten(picture.Prediction.Image, 200)}' has {picture.Png.Count} bytes " +
                $"and is no PNG or too large; expected a PNG of at most {MostBytes} bytes. Make it smaller.");
        }
    }

    public static string Address(TestPicture picture) => $"data:image/png;base64,{Convert.ToBase64String([.. picture.Png])}";
}
