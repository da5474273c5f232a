using System.Globalization;

namespace ZeroOneShot.ML;

/// <summary>What it costs to classify an image: see <see cref="CellNetTransformer.MeasureCost"/>.</summary>
/// <param name="Parameters">Learned parameters of the network, without the auxiliary head.</param>
/// <param name="MultiplyAdds">Multiplications and additions for an image, a pair counted once.</param>
/// <param name="FileSize">Bytes of the ONNX model.</param>
/// <param name="MillisecondsPerImage">Milliseconds for one image by itself on this machine, the median of some.</param>
public sealed record InferenceCost(long Parameters, long MultiplyAdds, long FileSize, double MillisecondsPerImage)
{
    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{Parameters} parameters, {MultiplyAdds / 1e6:0.0} million multiply-adds, {FileSize / 1024.0:0} KiB, " +
        $"{MillisecondsPerImage:0.00} ms an image");
}
