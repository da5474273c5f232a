using ZeroOneShot.Data;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.Networks;

/// <summary>The shape of an evaluation network.</summary>
public sealed record CellNetOptions
{
    /// <summary>Channels of the first cells; they double at every reduction. Default 36 (DARTS).</summary>
    public int Channels { get; init; } = 36;

    /// <summary>Number of cells, at least 3. Default 20 (DARTS).</summary>
    public int Cells { get; init; } = 20;

    /// <summary>
    /// Whether there is an auxiliary classifier, used in training only: in DARTS behind the second reduction. Default true; without effect
    /// where the space's network has no place for one.
    /// </summary>
    public bool AuxiliaryHead { get; init; } = true;

    /// <summary>
    /// The stem has this times <see cref="Channels"/>. Null, the default: as the stem is defined, in DARTS 3 for CIFAR and 1 for ImageNet.
    /// </summary>
    public int? StemMultiplier { get; init; }

    /// <summary>
    /// The name of one of the stems of the space's network, in DARTS <c>cifar</c>, <c>imagenet</c> or <c>half</c>. Null, the default:
    /// the first that takes the size of the images; without images, the first.
    /// </summary>
    public string? Stem { get; init; }

    /// <summary>Whether the batch norms inside the candidate operations have a learned scale and shift. Default true.</summary>
    public bool AffineOperations { get; init; } = true;

    /// <summary>The same with the stem for images of a size by its name.</summary>
    /// <exception cref="ArgumentException">No stem takes them, or that of the name does not.</exception>
    internal CellNetOptions WithStem(SearchSpace space, ImageShape shape)
    {
        var options = this with { Stem = space.Macro.StemFor(shape.Height, shape.Width, Stem).Name };
        // What cannot be built is refused here, before anything runs.
        _ = NetworkPlan.Of(space, options, shape, genotype: null);
        return options;
    }

    /// <exception cref="ArgumentException">A value is out of its range; the message names it.</exception>
    internal void Validate()
    {
        Checked.Sizes(Channels, 2, Cells, StemMultiplier);
    }
}
