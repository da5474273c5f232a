using ZeroOneShot.Layers;

namespace ZeroOneShot.SearchSpaces;

/// <summary>The beginning of a network: from the images to the features that the first cell reads.</summary>
public sealed class Stem
{
    /// <summary>A stem.</summary>
    /// <param name="name">What options call it.</param>
    /// <param name="parts">
    /// One list of layers, whose output is both inputs of the first cell; or two, the second after the first, whose outputs are its inputs.
    /// </param>
    /// <param name="multiplier">Its output has so many times the channels of the first cell, unless the options say otherwise.</param>
    /// <exception cref="ArgumentException">There are not one or two parts.</exception>
    public Stem(string name, IReadOnlyList<IReadOnlyList<Layer>> parts, int multiplier)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(parts);
        ArgumentOutOfRangeException.ThrowIfLessThan(multiplier, 1);
        if (parts.Count is not (1 or 2))
            throw new ArgumentException($"Stem '{name}' has {parts.Count} parts; give one or two lists of layers.", nameof(parts));
        (Name, Parts, Multiplier) = (name, [.. parts.Select(part => part.ToArray())], multiplier);
    }

    /// <summary>That of DARTS for images of 16 to 64 pixels: a 3x3 convolution and a batch norm.</summary>
    public static Stem Cifar { get; } = new("cifar", [[new Convolution(3), new BatchNorm()]], multiplier: 3);

    /// <summary>What options call it.</summary>
    public string Name { get; }

    /// <summary>Its layers: one list, or two with an output each.</summary>
    public IReadOnlyList<IReadOnlyList<Layer>> Parts { get; }

    /// <summary>Its output has so many times the channels of the first cell, unless the options say otherwise.</summary>
    public int Multiplier { get; }
}
