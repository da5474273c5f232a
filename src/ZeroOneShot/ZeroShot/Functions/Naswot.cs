using ZeroOneShot.Runtime;
using static TorchSharp.torch;

namespace ZeroOneShot.ZeroShot.Functions;

/// <summary>
/// NASWOT (Mellor, Turner, Storkey and Crowley 2021, "Neural Architecture Search without Training", Eq. 2): log |det K|, K being the kernel
/// of the codes that images have at all ReLUs together, one bit a unit, 1 where it is positive:
/// K(i, j) = number of units at which images i and j have the same bit. Networks that tell images apart by more units have larger ones.
/// </summary>
/// <remarks>
/// Mean over batches. Grows with the logarithm of the number of units times the number of images: compare at the same batch size. Two
/// images with the same code make it minus infinity, an error. No labels, no gradient; the memory of one run of the network by libtorch.
/// </remarks>
public sealed class Naswot : IRankingFunction
{
    /// <inheritdoc/>
    public FunctionMemory Memory => FunctionMemory.Features;

    /// <inheritdoc/>
    public string Name => "naswot";

    /// <inheritdoc/>
    public double Rank(RankedNetwork network)
    {
        ArgumentNullException.ThrowIfNull(network);
        return network.Mean(batch =>
        {
            var images = network.Images[batch];
            using var kernel = zeros(images.shape[0], images.shape[0], dtype: ScalarType.Float64, device: images.device);
            network.Rectified(images, x =>
            {
                using var scope = NewDisposeScope();
                var signs = x.flatten(1).IsPositive().Scale(2).Shift(-1);       // z z' counts bits that agree less those that do not
                kernel.Accumulate(signs.matmul(signs.t()).to(ScalarType.Float64).Shift(signs.shape[1]), 0.5);
            });
            var (sign, logarithm) = linalg.slogdet(kernel);
            sign.Dispose();
            return logarithm.Value();
        });
    }
}
