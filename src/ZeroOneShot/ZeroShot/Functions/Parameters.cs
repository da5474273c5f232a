namespace ZeroOneShot.ZeroShot.Functions;

/// <summary>
/// Number of learned parameters, without an auxiliary head: the score that others have to beat (White, Khodak, Tu, Shah, Bubeck and Dey
/// 2022). Of a supernet, those of its live operations.
/// </summary>
public sealed class Parameters : IRankingFunction
{
    /// <inheritdoc/>
    public string Name => "parameters";

    /// <inheritdoc/>
    public double Rank(RankedNetwork network)
    {
        ArgumentNullException.ThrowIfNull(network);
        return network.Cost.Parameters;
    }
}
