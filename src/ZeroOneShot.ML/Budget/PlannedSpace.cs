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

    // The sides of images, in pixels, that are halved: larger ones are, more than that, anyway; up to the middle one for the smallest
    // networks alone.
    private const int LeastHalved = 24, MostWhole = 40, MostHalved = 64;

    private static readonly (int Channels, int Cells)[] s_whole =
        [(4, 3), (8, 3), (8, 5), (12, 5), (16, 5), (16, 6), (16, 8), (20, 8), (24, 8), (24, 11), (28, 14), (36, 14), (36, 20)];

    // Behind a stem that halves the images twice the channels and two more cells take no more time. With few epochs they learn more, with
    // ten and more less: 16 channels and 5 cells came to 77.8 % of CIFAR-10 in 10 epochs and to 82.1 % in 30, 8 channels and 5 cells of
    // whole images to 80.9 % in 10, which took as long as 14 (n = 1).
    private static readonly (int Channels, int Cells)[] s_halved =
        [(8, 3), (16, 3), (16, 5), (24, 5), (24, 8), (32, 8), (36, 11), (48, 11), (48, 14), (64, 17)];

    private static readonly (int Channels, int Cells)[] s_halvedFirst = [(8, 3), (16, 3), (16, 5)];

    private const int WholeAfter = 2;

    private readonly ImageShape _shape;

    /// <param name="space">The search space.</param>
    /// <param name="shape">The size of the images.</param>
    /// <param name="classes">Number of classes.</param>
    public PlannedSpace(SearchSpace space, ImageShape shape, int classes)
    {
        (Space, _shape) = (space, shape);
        var halves = Math.Min(shape.Height, shape.Width) >= LeastHalved && Math.Max(shape.Height, shape.Width) <= MostHalved
            && space.Macro.Stems.Contains(Stem.Half);
        var isSmall = Math.Max(shape.Height, shape.Width) <= MostWhole;
        Networks = !halves ? [.. Of(s_whole, null)]
            : isSmall ? [.. Of(s_halvedFirst, Stem.Half.Name), .. Of(s_whole[WholeAfter..], null)] : [.. Of(s_halved, Stem.Half.Name)];
        var smallest = new CellNetOptions { Channels = 4, Cells = Cells(1), AuxiliaryHead = false };
        Typical = space == SearchSpace.Darts ? PublishedGenotypes.PcDartsCifar
            : new GenotypeSampler(OperationMask.Full(space)).Draw(Drawn, seed: 0)
                .OrderBy(genotype => NetworkCost.Of(genotype, smallest, shape, classes, space).MultiplyAdds).ElementAt(Cheaper);
    }

    /// <summary>The search space.</summary>
    public SearchSpace Space { get; }

    /// <summary>The networks that may be trained, from the smallest on.</summary>
    public IReadOnlyList<NetworkSize> Networks { get; }

    /// <summary>A network as it is likely to be found, for its costs.</summary>
    public Genotype Typical { get; }

    /// <summary>The nearest size that the space's networks can have: as many cells, or more.</summary>
    public (int Channels, int Cells) Size((int Channels, int Cells) size) => (size.Channels, Cells(size.Cells));

    /// <summary>Those sizes, from the smallest on.</summary>
    public (int Channels, int Cells)[] Sizes((int Channels, int Cells)[] sizes) => [.. sizes.Select(Size).Distinct()];

    private IEnumerable<NetworkSize> Of((int Channels, int Cells)[] sizes, string? stem) =>
        Sizes(sizes).Select(size => new NetworkSize(size.Channels, size.Cells, stem));

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
