using ZeroOneShot.Layers;

namespace ZeroOneShot.SearchSpaces;

/// <summary>
/// The network around the cells, as data: stem, sequence of cells and fixed blocks, head. Behind the head stand global average pooling and
/// a linear classifier. One walk over it (<c>NetworkPlan</c>) serves search networks, evaluation networks, costs, memory and ONNX.
/// </summary>
public sealed class MacroArchitecture
{
    private readonly Func<int, IReadOnlyList<MacroItem>> _items;
    private readonly Func<int, int>? _auxiliary;

    /// <summary>A macro-architecture.</summary>
    /// <param name="stems">The stems to choose from; the default is the first that takes the images.</param>
    /// <param name="items">
    /// From the number of searched cells the cells and blocks between stem and head, with exactly so many cells.
    /// </param>
    /// <param name="head">Layers before the pooling. Null: none.</param>
    /// <param name="auxiliary">
    /// From the number of searched cells the number (0-based) of the item behind which the auxiliary head stands. Null: there is none.
    /// </param>
    /// <param name="fewestCells">The smallest number of searched cells. Default 3.</param>
    /// <exception cref="ArgumentException">
    /// There is no stem, or the module of a layer of your own in the head does something else than the layer says of it.
    /// </exception>
    public MacroArchitecture(
        IEnumerable<Stem> stems, Func<int, IReadOnlyList<MacroItem>> items, IEnumerable<Layer>? head = null,
        Func<int, int>? auxiliary = null, int fewestCells = 3)
    {
        ArgumentNullException.ThrowIfNull(items);
        ArgumentOutOfRangeException.ThrowIfLessThan(fewestCells, 1);
        (Stems, Head, FewestCells, _items, _auxiliary) = ([.. stems], [.. head ?? []], fewestCells, items, auxiliary);
        if (Stems.Count == 0)
            throw new ArgumentException("There is no stem; give at least one.", nameof(stems));
        LayerCheck.Check(Head, new FeatureSize(LayerCheck.Channels, 8, 8), LayerCheck.Channels, "the head", nameof(head));
    }

    /// <summary>
    /// That of DARTS: reduction cells at a third and at two thirds of the depth, which double the channels; the auxiliary head behind the
    /// second one. Stems: <see cref="Stem.Cifar"/> for images of up to 64 pixels a side, <see cref="Stem.ImageNet"/> for larger ones,
    /// <see cref="Stem.Half"/> where options name it.
    /// </summary>
    public static MacroArchitecture Darts { get; } = new(
        [Stem.Cifar, Stem.ImageNet, Stem.Half],
        cells => [.. Enumerable.Range(0, cells).Select(cell =>
            cell == cells / 3 || cell == 2 * cells / 3
                ? MacroItem.Cell(CellKind.Reduction, channelFactor: 2)
                : MacroItem.Cell(CellKind.Normal))],
        auxiliary: cells => 2 * cells / 3);

    /// <summary>The stems to choose from; the default is the first that takes the images.</summary>
    public IReadOnlyList<Stem> Stems { get; }

    /// <summary>Layers before the pooling.</summary>
    public IReadOnlyList<Layer> Head { get; }

    /// <summary>The smallest number of searched cells.</summary>
    public int FewestCells { get; }

    /// <summary>Whether there is a place for an auxiliary head.</summary>
    public bool HasAuxiliaryHead => _auxiliary is not null;

    /// <summary>The names of the modules of the networks.</summary>
    internal ModuleNames Names { get; init; } = ModuleNames.Darts;

    /// <summary>The cells and blocks between stem and head.</summary>
    /// <param name="cells">Number of searched cells.</param>
    /// <exception cref="ArgumentException">There are fewer cells than the architecture can have.</exception>
    public IReadOnlyList<MacroItem> Items(int cells)
    {
        if (cells < FewestCells)
            throw new ArgumentException(
                $"Cells is {cells}; expected at least {FewestCells}, so that there is a cell of every kind and size.", nameof(cells));
        var items = _items(cells);
        var searched = items.Count(item => item.Kind is not null);
        if (searched != cells)
        {
            throw new ArgumentException(
                $"The macro-architecture makes {searched} searched cells of {cells}; expected as many.", nameof(cells));
        }
        if (AuxiliaryItem(cells) is { } auxiliary && (auxiliary < 0 || auxiliary >= items.Count))
        {
            throw new ArgumentException(
                $"The auxiliary head of a network of {cells} cells stands behind item {auxiliary}; expected 0 to {items.Count - 1}.",
                nameof(cells));
        }
        return items;
    }

    /// <summary>The number (0-based) of the item behind which the auxiliary head stands; null where there is none.</summary>
    /// <param name="cells">Number of searched cells.</param>
    public int? AuxiliaryItem(int cells) => _auxiliary?.Invoke(cells);

    /// <summary>The stem of a name.</summary>
    /// <param name="name">Null: the first.</param>
    /// <exception cref="ArgumentException">There is no such stem; the message lists those there are.</exception>
    public Stem StemOf(string? name = null) => name is null
        ? Stems[0]
        : Stems.FirstOrDefault(stem => stem.Name == name) ?? throw new ArgumentException(
            $"There is no stem '{name}'; there are {string.Join(", ", Stems.Select(stem => stem.Name))}.", nameof(name));

    /// <summary>The stem for images of a size.</summary>
    /// <param name="height">Their height, in pixels.</param>
    /// <param name="width">Their width, in pixels.</param>
    /// <param name="name">The name of the stem to take. Null: the first that takes them.</param>
    /// <exception cref="ArgumentException">
    /// There is no such stem, or it does not take them, or none does; the message gives the sizes that stems take.
    /// </exception>
    public Stem StemFor(int height, int width, string? name = null)
    {
        var stems = name is null ? Stems : [StemOf(name)];
        return stems.FirstOrDefault(stem => stem.Takes(height, width)) ?? throw new ArgumentException(
            $"The images are {height} pixels high and {width} wide; the network's stem{(stems.Count > 1 ? "s take" : " takes")} others: " +
            $"{string.Join(", ", stems)}. Resize the images" +
            (Stems.Any(stem => stem.Takes(height, width)) ? $", or choose stem {Stems.First(stem => stem.Takes(height, width))}." : "."));
    }
}
