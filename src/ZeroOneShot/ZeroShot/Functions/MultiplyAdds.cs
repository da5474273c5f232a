namespace ZeroOneShot.ZeroShot.Functions;

/// <summary>
/// Multiply-adds of one image's convolutions and linear layer, a pair counted once, as the literature counts "FLOPs". Of a supernet, those
/// of its live operations. (Published tables of NASLib count batch norms, ReLUs and poolings besides.)
/// </summary>
public sealed class MultiplyAdds : IRankingFunction
{
    /// <inheritdoc/>
    public string Name => "multiply-adds";

    /// <inheritdoc/>
    public double Rank(RankedNetwork network)
    {
        ArgumentNullException.ThrowIfNull(network);
        return network.Cost.MultiplyAdds;
    }
}
