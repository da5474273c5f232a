namespace ZeroOneShot.Tests.Networks;

/// <summary>Image sizes from 16 to 64 pixels: every one as a height, with odd and even widths.</summary>
internal static class SizesOfImages
{
    public static IEnumerable<(int Height, int Width)> All =>
        Enumerable.Range(16, 49).Select(height => (height, 16 + (height * 7 + 5) % 49));
}
