using System.Runtime.Intrinsics;
using static TorchSharp.torch;

namespace ZeroOneShot.Kernels;

/// <summary>The patterns of signs that units have over the images in their lanes, as numbers with a bit for each image.</summary>
internal static unsafe class SignPatterns
{
    /// <summary>The most images a pattern is of: the lanes of single precision.</summary>
    public const int Images = 16;

    /// <summary>Whether features are of so few images, in single precision, that every unit has one pattern.</summary>
    public static bool Handle(Tensor images) =>
        Lanes.Handle(images) && images.dtype == ScalarType.Float32 && images.shape[0] <= Images;

    /// <summary>Notes the pattern of every unit: the bit of an image is set where the unit is positive.</summary>
    /// <param name="features">In lanes, of one group.</param>
    /// <param name="seen">2^16 places, one for each pattern. Several threads may note in it at once.</param>
    public static void Note(Tensor features, bool[] seen)
    {
        var x = new Planes<float>(features);
        for (var channel = 0; channel < x.Channels; channel++)
        {
            var unit = x[0, channel];
            for (var pixel = 0; pixel < x.Pixels; pixel++, unit += Images)
                seen[Bits(unit) | Bits(unit + 4) << 4 | Bits(unit + 8) << 8 | Bits(unit + 12) << 12] = true;
        }
        GC.KeepAlive(features);
    }

    private static uint Bits(float* numbers) =>
        Vector128.GreaterThan(Vector128.Load(numbers), Vector128<float>.Zero).ExtractMostSignificantBits();
}
