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
/// norms. No labels, no gradient; the memory of one run of the network by libtorch.
/// </remarks>
/// <param name="images">
/// Number of images, the first of the first batch, at least 2; fewer where the batch has fewer. Default 16, as in the public scripts.
/// </param>
public sealed class Swap(int images = 16) : IRankingFunction
{
    // Bits that a number in double precision holds exactly.
    private const int BitsOfACode = 48;

    private readonly int _images = images >= 2
        ? images
        : throw new ArgumentOutOfRangeException(nameof(images), images, "SWAP needs at least 2 images to tell patterns apart.");

    /// <inheritdoc/>
    public string Name => "swap";

    /// <inheritdoc/>
    public double Rank(RankedNetwork network)
    {
        ArgumentNullException.ThrowIfNull(network);
        using var scope = NewDisposeScope();
        var some = network.Images[0].narrow(0, 0, Math.Min(_images, network.Images[0].shape[0]));
        // Images are taken in groups; a pattern is the number of its beginning and the code of the next group.
        var groups = Enumerable.Range(0, (int)(some.shape[0] + BitsOfACode - 1) / BitsOfACode).Select(group => group * BitsOfACode)
            .Select(first => (First: first, Count: Math.Min(BitsOfACode, (int)some.shape[0] - first))).ToArray();
        var patterns = groups.Select(_ => new Dictionary<(int, double), int>()).ToArray();
        network.Rectified(some, x =>
        {
            if (x.ndim != 4)
                return;
            using var inner = NewDisposeScope();
            var bits = x.flatten(1).IsPositive().to(ScalarType.Float64).cpu();
            var beginnings = new int[bits.shape[1]];
            foreach (var ((first, count), known) in groups.Zip(patterns))
            {
                var powers = tensor(Enumerable.Range(0, count).Select(bit => Math.ScaleB(1, bit)).ToArray());
                var codes = powers.matmul(bits.narrow(0, first, count)).data<double>();
                var unit = 0;
                foreach (var code in codes)
                {
                    var pattern = (beginnings[unit], code);
                    if (!known.TryGetValue(pattern, out var number))
                        known.Add(pattern, number = known.Count);
                    beginnings[unit++] = number;
                }
            }
        });
        return patterns[^1].Count;
    }
}
