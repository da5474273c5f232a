using TorchSharp;
using ZeroOneShot.Runtime;

namespace ZeroOneShot.Data;

/// <summary>
/// The mean and the standard deviation of each channel, over all pixels of a set of images, by which images are normalised.
/// </summary>
public sealed record ChannelStatistics
{
    private readonly float[] _mean;
    private readonly float[] _std;

    /// <summary>Statistics known beforehand.</summary>
    /// <param name="mean">The mean of each channel; pixels range from 0 to 1.</param>
    /// <param name="std">The standard deviation of each channel, in the same unit; above 0.</param>
    /// <exception cref="ArgumentException">The lists are empty or of different lengths, or hold a value that cannot be one.</exception>
    public ChannelStatistics(IReadOnlyList<float> mean, IReadOnlyList<float> std)
    {
        ArgumentNullException.ThrowIfNull(mean);
        ArgumentNullException.ThrowIfNull(std);
        if (mean.Count == 0 || mean.Count != std.Count)
            throw new ArgumentException(
                $"Found {mean.Count} means and {std.Count} standard deviations; give one of each for every channel.", nameof(std));
        for (var c = 0; c < mean.Count; c++)
        {
            if (!float.IsFinite(mean[c]) || !float.IsFinite(std[c]) || std[c] <= 0)
                throw new ArgumentException(
                    $"Channel {c} has mean {mean[c]} and standard deviation {std[c]}; expected finite numbers and a deviation above 0. " +
                    "Take the values of ImageSet.Statistics().", nameof(std));
        }
        _mean = [.. mean];
        _std = [.. std];
    }

    /// <summary>The mean of each channel; pixels range from 0 to 1.</summary>
    public IReadOnlyList<float> Mean => _mean;

    /// <summary>The standard deviation (of the population) of each channel; pixels range from 0 to 1. Always above 0.</summary>
    public IReadOnlyList<float> Std => _std;

    /// <summary>The constants that the public DARTS code uses for CIFAR-10.</summary>
    public static ChannelStatistics Cifar10 { get; } =
        new([0.49139968f, 0.48215827f, 0.44653124f], [0.24703233f, 0.24348505f, 0.26158768f]);

    /// <summary>Brings images to mean 0 and deviation 1: (x / 255 - mean) / std.</summary>
    /// <param name="images">A batch, N x C x H x W, of type Byte or Float32, values 0 to 255, on any device; it is left as it is.</param>
    /// <returns>A new Float32 tensor of the same shape, device and memory layout.</returns>
    /// <exception cref="ArgumentException">The shape or the type is another.</exception>
    public torch.Tensor Normalize(torch.Tensor images)
    {
        ArgumentNullException.ThrowIfNull(images);
        if (images.dim() != 4 || images.shape[1] != _mean.Length)
            throw new ArgumentException(
                $"Images have shape [{string.Join(", ", images.shape)}]; expected [N, {_mean.Length}, H, W], since these statistics " +
                $"are of {_mean.Length} channel(s). Give a batch of such images, or statistics of these images.", nameof(images));
        if (images.dtype is not (torch.ScalarType.Byte or torch.ScalarType.Float32))
            throw new ArgumentException(
                $"Images are of type {images.dtype}; expected Byte or Float32 with values 0 to 255. Convert them first.", nameof(images));
        using var scope = torch.NewDisposeScope();
        var mean = PerChannel(_mean, images.device);
        var std = PerChannel(_std, images.device);
        // The first division makes a new tensor, so that the two in-place steps cannot reach the caller's.
        return images.to(torch.ScalarType.Float32).DividedBy(255).Accumulate(mean, -1).div_(std).MoveToOuterDisposeScope();
    }

    /// <summary>Whether all means and deviations are equal.</summary>
    /// <param name="other">The statistics to compare with.</param>
    public bool Equals(ChannelStatistics? other) =>
        other is not null && _mean.AsSpan().SequenceEqual(other._mean) && _std.AsSpan().SequenceEqual(other._std);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        foreach (var value in _mean.Concat(_std))
            hash.Add(value);
        return hash.ToHashCode();
    }

    /// <summary>For example <c>mean 0.4914 0.4822 0.4465, std 0.2470 0.2435 0.2616</c>.</summary>
    public override string ToString() => $"mean {string.Join(' ', _mean.Select(Short))}, std {string.Join(' ', _std.Select(Short))}";

    private static string Short(float value) => FormattableString.Invariant($"{value:0.0000}");

    private static torch.Tensor PerChannel(float[] values, torch.Device device) =>
        torch.tensor(values, device: device).view(1, values.Length, 1, 1);
}
