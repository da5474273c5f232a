using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.ZeroShot.Functions;

/// <summary>
/// Minus the mean depth of the states that cells give on, averaged over the network's cells: that of an input is 0, that of a node one more
/// than the mean depth of what it reads, which in a supernet counts for every live operation but <c>none</c>: the steps that a random walk
/// takes back to an input. Shallow and wide cells train faster (Shu, Wang and Cai 2020, "Understanding Architectures Learnt by Cell-based
/// Neural Architecture Search", section 4, where the depth of a cell is that of its longest path).
/// </summary>
/// <remarks>
/// It looks at no image and no weight, and stands beside functions that do. Of a supernet it says how much an edge counts, not which of its
/// operations: a pruning by it alone would take any of them. Cells of one node all have the same depth. What no path from the inputs
/// reaches does not count; where that is every state that a cell gives on, it is as deep as a cell can be.
/// </remarks>
public sealed class Shallowness : ILooksAtTheGraph
{
    /// <inheritdoc/>
    public string Name => "shallowness";

    /// <inheritdoc/>
    public double Rank(RankedNetwork network)
    {
        ArgumentNullException.ThrowIfNull(network);
        return -network.CellConnections.Average(cell => Depth(cell, network.Topology));
    }

    private static double Depth(IReadOnlyList<CellConnection> cell, CellTopology topology)
    {
        var depths = new double[topology.Inputs + topology.Nodes];
        foreach (var into in cell.GroupBy(edge => edge.Node).OrderBy(node => node.Key))
        {
            depths[topology.Inputs + into.Key] =
                1 + into.Sum(edge => edge.Live * depths[edge.From]) / into.Sum(edge => edge.Live);
        }
        var reached = topology.Output.Where(state => depths[state] > 0).ToArray();
        return reached.Length > 0 ? reached.Average(state => depths[state]) : topology.Nodes;
    }
}
