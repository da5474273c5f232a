using ZeroOneShot.Kernels;
using ZeroOneShot.Runtime;
using static TorchSharp.torch;

namespace ZeroOneShot.ZeroShot.Functions;

/// <summary>
/// SWAP (Peng, Song, Fayek, Ciesielski and Chang 2024, "SWAP-NAS: Sample-Wise Activation Patterns for Ultra-Fast NAS", Definition 3.3): the
/// number of different patterns that ReLU units have over some images, one bit an image, 1 where the unit is positive. Networks whose
/// units do different things have more.
/// </summary>
/// <remarks>
/// There can be no more than 2^images patterns and no more than units: with many images it counts units. The public scripts take 16 images
/// and average over 32 normal weights; here the random weights are those of the network, whose scale does not matter in front of batch
/// norms. No labels, no gradient. Of up to 16 images a supernet is run by this library's kernels, in the memory of its forward run; else by
/// libtorch, in that of one.
/// </remarks>
/// <param name="images">
/// Number of images, the first of the first batch, at least 2; a smaller batch is refused. Default null: 16, as in the public scripts, or
/// all of a smaller batch.
/// </param>
public sealed class Swap(int? images = null) : IRankingFunction, ICountsPatterns
{
    private const int UsualImages = 16;

    // Single precision holds codes exactly, and so many flags are a megabyte.
    private const int BitsOfACode = 20;

    private readonly int _images = (images ?? UsualImages) >= 2
        ? images ?? UsualImages
        : throw new ArgumentOutOfRangeException(nameof(images), images, "SWAP needs at least 2 images to tell patterns apart.");

    private readonly bool _asked = images is not null;

    /// <inheritdoc/>
    public string Name => "swap";

    /// <inheritdoc/>
    public FunctionMemory Memory =>
        _images > SignPatterns.Images ? FunctionMemory.FeaturesOf(_images) : FunctionMemory.Forwards;

    double ICountsPatterns.Share(double value, long batch) => value / Math.ScaleB(1, (int)Math.Min(_images, batch));

    /// <inheritdoc/>
    public void Validate(RankingOptions options) => ThrowIfFewer(Name, _asked ? _images : 0, options);

    /// <inheritdoc/>
    public double Rank(RankedNetwork network)
    {
        ArgumentNullException.ThrowIfNull(network);
        using var scope = NewDisposeScope();
        var some = network.Images[0].narrow(0, 0, Math.Min(_images, network.Images[0].shape[0]));
        var ofLanes = new bool[1 << SignPatterns.Images];
        if (network.NotePatterns(some, ofLanes))
            return ofLanes.Count(known => known);
        // Images are taken in groups; a pattern is the number of its beginning and the code of the next group.
        var groups = Enumerable.Range(0, (int)(some.shape[0] + BitsOfACode - 1) / BitsOfACode).Select(group => group * BitsOfACode)
            .Select(begin => (First: begin, Count: Math.Min(BitsOfACode, (int)some.shape[0] - begin))).ToArray();
        var patterns = groups.Skip(1).Select(_ => new Dictionary<(int, int), int>()).ToArray();
        var seen = new bool[1 << groups[0].Count];
        network.Rectified(some, x =>
        {
            if (x.ndim != 4)
                return;
            using var inner = NewDisposeScope();
            var bits = x.flatten(1).IsPositive();
            var first = Codes(groups[0]);
            if (patterns.Length == 0)
            {
                foreach (var code in first)
                    seen[(int)code] = true;
                return;
            }
            var beginnings = Array.ConvertAll(first, code => (int)code);
            foreach (var (group, known) in groups.Skip(1).Zip(patterns))
            {
                var codes = Codes(group);
                for (var unit = 0; unit < codes.Length; unit++)
                {
                    var pattern = (beginnings[unit], (int)codes[unit]);
                    if (!known.TryGetValue(pattern, out var number))
                        known.Add(pattern, number = known.Count);
                    beginnings[unit] = number;
                }
            }

            float[] Codes((int First, int Count) group)
            {
                var powers = tensor(Enumerable.Range(0, group.Count).Select(bit => MathF.ScaleB(1, bit)).ToArray(),
                    dtype: bits.dtype, device: bits.device);
                return powers.matmul(bits.narrow(0, group.First, group.Count)).to(ScalarType.Float32).cpu().data<float>().ToArray();
            }
        });
        return patterns.Length == 0 ? seen.Count(known => known) : patterns[^1].Count;
    }

    /// <exception cref="ArgumentException">A function looks at more images of a batch than it has.</exception>
    internal static void ThrowIfFewer(string function, int images, RankingOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.BatchSize < images)
        {
            throw new ArgumentException(
                $"Ranking function '{function}' looks at the first {images} images of a batch, and a batch has {options.BatchSize}; " +
                $"expected at least {images}. Set a larger BatchSize, give more images, or make the function for fewer.", nameof(options));
        }
    }
}
