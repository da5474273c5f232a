using ZeroOneShot.Data;

namespace ZeroOneShot.Tests.Data;

internal static class RandomImages
{
    /// <summary>Noise, labelled 0, 1, 2, ... in turn, in classes a, b, c, ...</summary>
    public static ImageSet Of(int count, int classes, ImageShape shape)
    {
        var pixels = new byte[count * shape.Size];
        new Random(1).NextBytes(pixels);
        var labels = Enumerable.Range(0, count).Select(i => i % classes).ToArray();
        return new ImageSet(pixels, labels, shape, [.. Enumerable.Range(0, classes).Select(i => ((char)('a' + i)).ToString())]);
    }
}
