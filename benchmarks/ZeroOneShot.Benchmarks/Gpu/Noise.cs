using ZeroOneShot.Data;

namespace ZeroOneShot.Benchmarks.Gpu;

/// <summary>Images that can be told apart: stripes across, stripes down, and blots, in noise.</summary>
internal static class Noise
{
    public static ImageSet Images(int count, int side, int classes)
    {
        var shape = new ImageShape(3, side, side);
        var random = new Random(1);
        var pixels = new byte[count * shape.Size];
        var labels = new int[count];
        for (var i = 0; i < count; i++)
        {
            labels[i] = i % classes;
            for (var p = 0; p < shape.Size; p++)
            {
                var (row, column) = (p / side % side, p % side);
                var period = 2 + labels[i] / 3;
                var bright = (labels[i] % 3) switch
                {
                    0 => row % (2 * period) < period,
                    1 => column % (2 * period) < period,
                    _ => (row / period + column / period) % 2 == 0,
                };
                pixels[i * shape.Size + p] = (byte)((bright ? 150 : 50) + random.Next(50));
            }
        }
        return new ImageSet(pixels, labels, shape, [.. Enumerable.Range(0, classes).Select(c => $"{c}")]);
    }
}
