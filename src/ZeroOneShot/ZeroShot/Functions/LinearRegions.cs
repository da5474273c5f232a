using System.Security.Cryptography;
using ZeroOneShot.Runtime;
using static TorchSharp.torch;

namespace ZeroOneShot.ZeroShot.Functions;

/// <summary>
/// Linear regions (Xiong et al. 2020; Chen, Gong and Wang 2021, TE-NAS, section 3.1.2): the number of different regions, in which the
/// network is linear, that images fall into, that is, of different signs of all ReLU units together.
/// </summary>
/// <remarks>
/// Any two images of ordinary size fall into different regions of any network, which then gives the number of images. So, as TE-NAS takes
/// tiny images, all batches are averaged to a few pixels a side and run as one. No labels, no gradient.
/// </remarks>
/// <param name="side">Pixels a side that images are averaged to, at least 1. Default 4.</param>
public sealed class LinearRegions(int side = 4) : IRankingFunction
{
    private readonly int _side = side >= 1
        ? side
        : throw new ArgumentOutOfRangeException(nameof(side), side, "Images have at least one pixel a side.");

    /// <inheritdoc/>
    public string Name => "linear-regions";

    /// <inheritdoc/>
    public double Rank(RankedNetwork network)
    {
        ArgumentNullException.ThrowIfNull(network);
        using var scope = NewDisposeScope();
        return Count(network, cat([.. network.Images.Select(batch => nn.functional.adaptive_avg_pool2d(batch, (_side, _side)))]));
    }

    /// <summary>The number of regions of images as they are.</summary>
    internal static int Count(RankedNetwork network, Tensor images)
    {
        var codes = Enumerable.Range(0, (int)images.shape[0]).Select(_ => IncrementalHash.CreateHash(HashAlgorithmName.SHA256)).ToArray();
        network.Rectified(images, x =>
        {
            if (x.ndim != 4)
                return;
            using var scope = NewDisposeScope();
            var bits = x.flatten(1).IsPositive().to(ScalarType.Byte).cpu().contiguous().data<byte>().ToArray();
            var units = bits.Length / codes.Length;
            for (var image = 0; image < codes.Length; image++)
                codes[image].AppendData(bits, image * units, units);
        });
        return codes.Select(code =>
        {
            using (code)
                return Convert.ToHexString(code.GetHashAndReset());
        }).Distinct().Count();
    }
}
