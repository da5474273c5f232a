using ZeroOneShot.Data;
using ZeroOneShot.Layers;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.Networks;

/// <summary>The size of an evaluation network, as the literature counts it: without the auxiliary head.</summary>
/// <param name="Parameters">Number of learned parameters.</param>
/// <param name="MultiplyAdds">Multiplications and additions of one image's convolutions and linear layer, a pair counted once.</param>
public readonly record struct NetworkCost(long Parameters, long MultiplyAdds)
{
    /// <summary>Counts a network without building it.</summary>
    /// <param name="genotype">The architecture.</param>
    /// <param name="options">The network's shape.</param>
    /// <param name="shape">The size of the images.</param>
    /// <param name="classes">Number of classes.</param>
    /// <param name="space">The table with the genotype's operations; null is <see cref="SearchSpace.Darts"/>.</param>
    /// <exception cref="ArgumentException">No stem takes such images, or the genotype is not of the space.</exception>
    public static NetworkCost Of(Genotype genotype, CellNetOptions options, ImageShape shape, int classes, SearchSpace? space = null)
    {
        ArgumentNullException.ThrowIfNull(genotype);
        ArgumentNullException.ThrowIfNull(options);
        space ??= SearchSpace.Darts;
        genotype.ThrowIfNotIn(space);
        return Of(NetworkPlan.Of(space, options, shape, genotype), options, classes);
    }

    /// <summary>Counts a network, or, where its plan has no genotype, all but the chosen edges.</summary>
    internal static NetworkCost Of(NetworkPlan plan, CellNetOptions options, int classes)
    {
        var cost = default(LayerCost);
        foreach (var item in plan.Items)
            cost += item is CellItem cell ? Of(cell, plan.Space, options.AffineOperations) : Of((BlockItem)item);
        var channels = plan.Output.Channels;
        return new NetworkCost(cost.Parameters + (channels + 1) * classes, cost.MultiplyAdds + channels * classes);
    }

    /// <summary>Counts the live part of a search network; a live operation counts as often as there are cells of its kind.</summary>
    internal static NetworkCost Of(NetworkPlan plan, OperationMask live, SupernetOptions options, int classes)
    {
        var (cost, topology) = (default(LayerCost), plan.Space.Topology);
        foreach (var item in plan.Items)
        {
            if (item is not CellItem cell)
            {
                cost += Of((BlockItem)item);
                continue;
            }
            foreach (var (layers, size) in cell.Preprocess.Zip(cell.InputSizes))
                cost += layers.Cost(size, cell.Channels, affine: false);
            var channels = cell.Channels / options.PartialChannels;
            foreach (var (_, edge, row) in live.AllLive.Where(at => at.Kind == cell.Kind))
            {
                cost += plan.Space.Operations[row].Layers(topology.Stride(cell.Kind, edge))
                    .Cost(cell.Size(topology.Ends(edge).From) with { Channels = channels }, channels, affine: false);
            }
        }
        var outputs = plan.Output.Channels;
        return new NetworkCost(cost.Parameters + (outputs + 1) * classes, cost.MultiplyAdds + outputs * classes);
    }

    /// <summary>Counts an operation on an edge, over all cells of a kind.</summary>
    internal static NetworkCost Of(NetworkPlan plan, CellNetOptions options, CellKind kind, GenotypeEdge edge)
    {
        var cost = default(LayerCost);
        foreach (var cell in plan.Items.OfType<CellItem>().Where(cell => cell.Kind == kind))
            cost += Of(cell, plan.Space, edge, options.AffineOperations);
        return new NetworkCost(cost.Parameters, cost.MultiplyAdds);
    }

    private static LayerCost Of(BlockItem block) => block.Layers.Cost(block.InputSizes[0], block.Channels, affine: true);

    private static LayerCost Of(CellItem cell, SearchSpace space, bool affineOperations)
    {
        var cost = default(LayerCost);
        foreach (var (layers, size) in cell.Preprocess.Zip(cell.InputSizes))
            cost += layers.Cost(size, cell.Channels, affine: true);
        foreach (var edge in cell.Genotype?.Edges ?? [])
            cost += Of(cell, space, edge, affineOperations);
        return cost;
    }

    private static LayerCost Of(CellItem cell, SearchSpace space, GenotypeEdge edge, bool affine) =>
        cell.Layers(space, edge).Cost(cell.Size(edge.Input), cell.Channels, affine);

    /// <summary>Adds two sizes.</summary>
    public static NetworkCost operator +(NetworkCost a, NetworkCost b) => new(a.Parameters + b.Parameters, a.MultiplyAdds + b.MultiplyAdds);
}
