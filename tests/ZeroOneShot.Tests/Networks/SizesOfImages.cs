namespace ZeroOneShot.Tests.Networks;

/// <summary>Image sizes that networks take.</summary>
internal static class SizesOfImages
{
    /// <summary>From 16 to 64 pixels: every one as a height, with odd and even widths.</summary>
    public static IEnumerable<(int Height, int Width)> All =>
        Enumerable.Range(16, 49).Select(height => (height, 16 + (height * 7 + 5) % 49));

    /// <summary>
    /// From 16 to 256 pixels, the longer side above 64: squares, both ways round, odd and even, and the smallest and largest.
    /// </summary>
    public static IEnumerable<(int Height, int Width)> Larger =>
    [
        (16, 65), (256, 16), (17, 129), (65, 64), (66, 66), (80, 112), (95, 96), (100, 100), (121, 75), (128, 128), (224, 224), (225, 150),
        (33, 255), (256, 256),
    ];
}
