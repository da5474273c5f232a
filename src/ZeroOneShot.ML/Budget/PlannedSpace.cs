using ZeroOneShot.Data;
using ZeroOneShot.Networks;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.ML;

/// <summary>What a plan needs to know of a search space: which sizes its networks can have, and what they cost.</summary>
internal sealed class PlannedSpace
{
    // Draws among which the typical network is, and how many of them cost less: searches find dear networks rather than cheap ones.
    private const int Drawn = 32, Cheaper = 24;

    // Numbers of cells that are tried above one that the space's network cannot have.
    private const int MoreCells = 16;

    // The sides of images, in pixels, that are halved: larger ones are, more than that, anyway.
    private const int LeastHalved = 24, MostHalved = 64;

    private readonly ImageShape _shape;

    /// <param name="space">The search space.</param>
    /// <param name="shape">The size of the images.</param>
    /// <param name="classes">Number of classes.</param>
    public PlannedSpace(SearchSpace space, ImageShape shape, int classes)
    {
        (Space, _shape) = (space, shape);
        Stem = Math.Min(shape.Height, shape.Width) >= LeastHalved && Math.Max(shape.Height, shape.Width) <= MostHalved
            && space.Macro.Stems.Contains(SearchSpaces.Stem.Half) ? SearchSpaces.Stem.Half.Name : null;
        var smallest = new CellNetOptions { Channels = 4, Cells = Cells(1), AuxiliaryHead = false };
        Typical = space == SearchSpace.Darts ? PublishedGenotypes.PcDartsCifar
            : new GenotypeSampler(OperationMask.Full(space)).Draw(Drawn, seed: 0)
                .OrderBy(genotype => NetworkCost.Of(genotype, smallest, shape, classes, space).MultiplyAdds).ElementAt(Cheaper);
    }

    /// <summary>The search space.</summary>
    public SearchSpace Space { get; }

    /// <summary>The stem of a network that is trained on the images; null for the usual one of their size.</summary>
    public string? Stem { get; }

    /// <summary>A network as it is likely to be found, for its costs.</summary>
    public Genotype Typical { get; }

    /// <summary>The nearest size that the space's networks can have: as many cells, or more.</summary>
    public (int Channels, int Cells) Size((int Channels, int Cells) size) => (size.Channels, Cells(size.Cells));

    /// <summary>Those sizes, from the smallest on.</summary>
    public (int Channels, int Cells)[] Sizes((int Channels, int Cells)[] sizes) => [.. sizes.Select(Size).Distinct()];

    private int Cells(int wanted)
    {
        var least = Math.Max(wanted, Space.Macro.FewestCells);
        return Enumerable.Range(least, MoreCells).Cast<int?>().FirstOrDefault(cells => CanHave(cells!.Value)) ?? least;
    }

    // A macro-architecture of one's own may take some numbers only, and says so by an exception.
    private bool CanHave(int cells)
    {
        try
        {
            _ = new CellNetOptions { Channels = 4, Cells = cells }.WithStem(Space, _shape);
            return true;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }
}
