using System.Security.Cryptography;
using ZeroOneShot.Runtime;
using static TorchSharp.torch;

namespace ZeroOneShot.ZeroShot.Functions;

/// <summary>
/// Linear regions (Xiong et al. 2020; Chen, Gong and Wang 2021, TE-NAS, section 3.1.2): the number of different regions, in which the
/// network is linear, that images fall into, that is, of different signs of all ReLU units together.
/// </summary>
/// <remarks>
/// <para>Any two images of ordinary size fall into different regions of any network of ordinary width, which then gives the number of
/// images. TE-NAS therefore counts with thousands of inputs of 3 x 3 pixels and one channel, on a network of one channel without a stem.
/// Here the same architecture is built with 2 channels, the fewest there can be, behind its stem, and as few cells as its space has, and
/// even inputs of 3 x 3 pixels all fall apart (1,000 of 1,000 in 20 of 20 networks of NAS-Bench-301). So they are single pixels by default,
/// whose colours are normal noise: of 3,000, 60 of those networks had 1,775 to 2,704 regions. Supernets, with many more units, have more.
/// </para>
/// <para>Weights are drawn by He's normal distribution, anew, not those of the ranked network; its images are not looked at. No labels, no
/// gradient.</para>
/// </remarks>
/// <param name="inputs">Number of inputs, at least 2. Default 3,000.</param>
/// <param name="side">Pixels a side of an input, at least 1. Default 1.</param>
/// <param name="channels">Channels of the first cells of the narrow network, at least 2. Default 2.</param>
public sealed class LinearRegions(int inputs = 3000, int side = 1, int channels = 2) : IRankingFunction
{
    private readonly int _inputs = inputs >= 2
        ? inputs
        : throw new ArgumentOutOfRangeException(nameof(inputs), inputs, "Regions are told apart by at least 2 inputs.");

    private readonly int _side = side >= 1
        ? side
        : throw new ArgumentOutOfRangeException(nameof(side), side, "Inputs have at least one pixel a side.");

    private readonly int _channels = channels >= 2
        ? channels
        : throw new ArgumentOutOfRangeException(nameof(channels), channels, "A network has at least 2 channels.");

    /// <inheritdoc/>
    public string Name => "linear-regions";

    /// <inheritdoc/>
    public double Rank(RankedNetwork network)
    {
        ArgumentNullException.ThrowIfNull(network);
        using var scope = NewDisposeScope();
        var (images, colours) = (network.Images[0], network.Images[0].shape[1]);
        using var noise = network.Random("linear-regions, inputs");
        using var weights = network.Random("linear-regions, weights");
        var pixels = randn([_inputs, colours, _side, _side], generator: noise.Generator).to(images.dtype).to(images.device);
        using var narrow = network.Narrow(_channels, pixels, weights);
        using var module = narrow.Module;
        return Count(narrow, pixels);
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
