namespace ZeroOneShot.ZeroShot.Functions;

/// <summary>
/// One more than the number of skip connections in the network's cells, by which gradients reach early layers unchanged (He et al. 2016,
/// "Identity Mappings in Deep Residual Networks", section 2). Of a supernet, the number that is to be expected where every edge takes one
/// of its live operations but <c>none</c> by chance.
/// </summary>
/// <remarks>
/// It looks at no image and no weight, and says little by itself; beside functions that count what a network can express, which like
/// deep cells of many convolutions best, it says what trains. What halves an image, as skip connections at the input of a reduction cell
/// do, has weights and does not count; nor does what no path from the inputs reaches.
/// </remarks>
public sealed class SkipConnections : ILooksAtTheGraph
{
    /// <inheritdoc/>
    public string Name => "skip-connections";

    /// <inheritdoc/>
    public double Rank(RankedNetwork network)
    {
        ArgumentNullException.ThrowIfNull(network);
        return 1 + network.CellConnections.Sum(cell => cell.Sum(edge => (double)edge.Identities / edge.Live));
    }
}
