namespace ZeroOneShot.ZeroShot.Functions;

/// <summary>
/// Minus the mean depth of the states that cells give on: that of an input is 0, that of a node one more than the mean depth of what its
/// live operations read. Shallow and wide cells train faster (Shu, Wang and Cai 2020, "Understanding Architectures Learnt by Cell-based
/// Neural Architecture Search", section 4, where the depth of a cell is that of its longest path; the mean over paths tells the operations
/// of a supernet apart, and agrees better with measured accuracies: <c>benchmarks -- rank-correlation</c>).
/// </summary>
/// <remarks>It looks at no image and no weight. Cells of one node all have the same depth.</remarks>
public sealed class Shallowness : IRankingFunction
{
    /// <inheritdoc/>
    public string Name => "shallowness";

    /// <inheritdoc/>
    public double Rank(RankedNetwork network)
    {
        ArgumentNullException.ThrowIfNull(network);
        return -network.CellConnections.Average(cell => Depth(cell, network.Topology));
    }

    private static double Depth(IReadOnlyList<CellConnection> cell, SearchSpaces.CellTopology topology)
    {
        var depths = new double[topology.Inputs + topology.Nodes];
        foreach (var into in cell.Where(edge => edge.Live > 0).GroupBy(edge => edge.Node).OrderBy(node => node.Key))
        {
            depths[topology.Inputs + into.Key] =
                1 + into.Sum(edge => edge.Live * depths[edge.From]) / into.Sum(edge => edge.Live);
        }
        return topology.Output.Average(state => depths[state]);
    }
}
