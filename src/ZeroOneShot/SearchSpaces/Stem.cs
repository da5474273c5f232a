using ZeroOneShot.Layers;

namespace ZeroOneShot.SearchSpaces;

/// <summary>The beginning of a network: from the images to the features that the first cell reads.</summary>
public sealed class Stem
{
    internal const int SmallestSide = 16, LargestSide = 256;

    /// <summary>A stem.</summary>
    /// <param name="name">What options call it.</param>
    /// <param name="parts">
    /// One list of layers, whose output is both inputs of the first cell; or two, the second after the first, whose outputs are its inputs.
    /// </param>
    /// <param name="multiplier">Its output has so many times the channels of the first cell, unless the options say otherwise.</param>
    /// <param name="smallestImage">The shortest side of the images that it takes, in pixels, from 16 on. Default 16.</param>
    /// <param name="largestImage">The longest side of the images that it takes, in pixels, up to 256. Default 256.</param>
    /// <exception cref="ArgumentException">
    /// There are not one or two parts, or the smallest image is larger than the largest, or they are not within 16 to 256 pixels, or the
    /// module of a layer of your own does something else than the layer says of it.
    /// </exception>
    public Stem(
        string name, IReadOnlyList<IReadOnlyList<Layer>> parts, int multiplier, int smallestImage = SmallestSide,
        int largestImage = LargestSide)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(parts);
        ArgumentOutOfRangeException.ThrowIfLessThan(multiplier, 1);
        if (parts.Count is not (1 or 2))
            throw new ArgumentException($"Stem '{name}' has {parts.Count} parts; give one or two lists of layers.", nameof(parts));
        if (largestImage < smallestImage)
        {
            throw new ArgumentException(
                $"Stem '{name}' takes images of {smallestImage} to {largestImage} pixels a side; expected the smaller number first.",
                nameof(largestImage));
        }
        if (smallestImage < SmallestSide || largestImage > LargestSide)
        {
            throw new ArgumentException(
                $"Stem '{name}' takes images of {smallestImage} to {largestImage} pixels a side; expected numbers within " +
                $"{SmallestSide} to {LargestSide}, the sizes that images have in this library and in its pipelines.",
                smallestImage < SmallestSide ? nameof(smallestImage) : nameof(largestImage));
        }
        (Name, Parts, Multiplier) = (name, [.. parts.Select(part => part.ToArray())], multiplier);
        (SmallestImage, LargestImage) = (smallestImage, largestImage);
        var size = new FeatureSize(3, smallestImage, smallestImage);
        foreach (var layers in Parts)
        {
            LayerCheck.Check(layers, size, LayerCheck.Channels, $"stem '{name}'", nameof(parts));
            size = layers.Output(size, LayerCheck.Channels);
        }
    }

    /// <summary>
    /// That of DARTS for CIFAR, called <c>cifar</c>: a 3x3 convolution and a batch norm; cells begin at the size of the images, 16 to 64
    /// pixels a side.
    /// </summary>
    public static Stem Cifar { get; } = new("cifar", [[new Convolution(3), new BatchNorm()]], multiplier: 3, largestImage: 64);

    /// <summary>
    /// That of DARTS for ImageNet (NetworkImageNet of its public code), called <c>imagenet</c>: two 3x3 convolutions of stride 2, whose
    /// output is the first cell's first input, and a third one, whose output is the second. Cells begin at an eighth of the size of the
    /// images, 16 to 256 pixels a side. The search networks of PC-DARTS for ImageNet have three times the channels in it: a multiplier of
    /// 3.
    /// </summary>
    public static Stem ImageNet { get; } = new(
        "imagenet",
        [
            [
                new Convolution(3) { Stride = 2, OutputDivisor = 2 }, new BatchNorm(), new Relu(),
                new Convolution(3) { Stride = 2 }, new BatchNorm(),
            ],
            [new Relu(), new Convolution(3) { Stride = 2 }, new BatchNorm()],
        ],
        multiplier: 1) { AuxiliaryBatchNorm = false };

    /// <summary>
    /// One for little time, called <c>half</c>: a 3x3 convolution of stride 2 and a batch norm; cells begin at half the size of the images,
    /// 16 to 256 pixels a side, where an image costs about a quarter of what it does behind <see cref="Cifar"/>. No space takes it unless
    /// options name it.
    /// </summary>
    public static Stem Half { get; } = new("half", [[new Convolution(3) { Stride = 2 }, new BatchNorm()]], multiplier: 3);

    /// <summary>What options call it.</summary>
    public string Name { get; }

    /// <summary>Its layers: one list, or two with an output each.</summary>
    public IReadOnlyList<IReadOnlyList<Layer>> Parts { get; }

    /// <summary>Its output has so many times the channels of the first cell, unless the options say otherwise.</summary>
    public int Multiplier { get; }

    /// <summary>The shortest side of the images that it takes, in pixels.</summary>
    public int SmallestImage { get; }

    /// <summary>The longest side of the images that it takes, in pixels.</summary>
    public int LargestImage { get; }

    /// <summary>
    /// Whether a batch norm follows the second convolution of the auxiliary head. In the public code it does for CIFAR, for ImageNet not.
    /// Default true.
    /// </summary>
    public bool AuxiliaryBatchNorm { get; init; } = true;

    /// <summary>Whether it takes images of a size, square or not.</summary>
    /// <param name="height">Their height, in pixels.</param>
    /// <param name="width">Their width, in pixels.</param>
    public bool Takes(int height, int width) =>
        Math.Min(height, width) >= SmallestImage && Math.Max(height, width) <= LargestImage;

    /// <inheritdoc/>
    public override string ToString() => $"{Name} ({SmallestImage} to {LargestImage} pixels a side)";
}
