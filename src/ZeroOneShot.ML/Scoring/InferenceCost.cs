using System.Globalization;

namespace ZeroOneShot.ML;

/// <summary>What it costs to classify an image: see <see cref="CellNetTransformer.MeasureCost"/>.</summary>
/// <param name="parameters"><see cref="Parameters"/>.</param>
/// <param name="multiplyAdds"><see cref="MultiplyAdds"/>.</param>
/// <param name="fileSize"><see cref="FileSize"/>.</param>
/// <param name="millisecondsPerImage"><see cref="MillisecondsPerImage"/>.</param>
public sealed class InferenceCost(long parameters, long multiplyAdds, long fileSize, double millisecondsPerImage)
{
    /// <summary>Learned parameters of the network, without the auxiliary head.</summary>
    public long Parameters { get; } = parameters;

    /// <summary>Multiplications and additions for an image, a pair counted once.</summary>
    public long MultiplyAdds { get; } = multiplyAdds;

    /// <summary>Bytes of the ONNX model.</summary>
    public long FileSize { get; } = fileSize;

    /// <summary>Milliseconds for one image by itself on this machine, the median of some.</summary>
    public double MillisecondsPerImage { get; } = millisecondsPerImage;

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{Parameters} parameters, {MultiplyAdds / 1e6:0.0} million multiply-adds, {FileSize / 1024.0:0} KiB, " +
        $"{MillisecondsPerImage:0.00} ms an image");
}
