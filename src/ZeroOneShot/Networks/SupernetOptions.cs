using ZeroOneShot.Data;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.Networks;

/// <summary>
/// The shape of a supernet. The defaults are those of the paper's method; DARTS has neither partial connections nor weights of edges.
/// </summary>
public sealed record SupernetOptions
{
    private readonly bool? _edgeNormalization;

    /// <summary>
    /// Channels of the first cells; they double at every reduction. Default 16 (DARTS). Divisible by <see cref="PartialChannels"/>.
    /// </summary>
    public int Channels { get; init; } = 16;

    /// <summary>Number of cells, at least 3. Default 8 (DARTS).</summary>
    public int Cells { get; init; } = 8;

    /// <summary>K: 1/K of the channels pass the operations. Default 4 (PC-DARTS, the paper); 1 lets all of them pass (DARTS).</summary>
    public int PartialChannels { get; init; } = 4;

    /// <summary>
    /// Whether edges have learned weights (PC-DARTS). Default: where <see cref="PartialChannels"/> is above 1.
    /// </summary>
    public bool EdgeNormalization
    {
        get => _edgeNormalization ?? PartialChannels > 1;
        init => _edgeNormalization = value;
    }

    /// <summary>
    /// The stem has this times <see cref="Channels"/>. Null, the default: as the stem is defined, in DARTS 3 for CIFAR and 1 for ImageNet.
    /// </summary>
    public int? StemMultiplier { get; init; }

    /// <summary>
    /// The name of one of the stems of the space's network, in DARTS <c>cifar</c>, <c>imagenet</c> or <c>half</c>. Null, the default:
    /// the first that takes the size of the images; without images, the first.
    /// </summary>
    public string? Stem { get; init; }

    /// <summary>
    /// Whether a batch norm and a ReLU stand between the last cell and the pooling, as in the networks of GDAS' public code. Default false.
    /// </summary>
    public bool NormalizedOutput { get; init; }

    /// <summary>The same with the stem for images of a size by its name.</summary>
    /// <exception cref="ArgumentException">No stem takes them, or that of the name does not.</exception>
    internal SupernetOptions WithStem(SearchSpace space, ImageShape shape)
    {
        var options = this with { Stem = space.Macro.StemFor(shape.Height, shape.Width, Stem).Name };
        // What cannot be built is refused here, before anything runs.
        _ = NetworkPlan.Of(space, options, shape);
        return options;
    }

    /// <exception cref="ArgumentException">A value is out of its range; the message names it.</exception>
    internal void Validate()
    {
        if (Channels < 1 || PartialChannels < 1 || Channels % PartialChannels != 0)
        {
            throw new ArgumentException($"Channels is {Channels} and PartialChannels is {PartialChannels}; " +
                "expected positive numbers, Channels divisible by PartialChannels.");
        }
        Checked.Sizes(Channels, 1, Cells, StemMultiplier);
    }
}
