namespace ZeroOneShot.ZeroShot.Functions;

/// <summary>
/// Progressivity of AZ-NAS (Lee and Ham 2024, Eq. 3): the smallest difference between the entropies of successive features, as
/// <see cref="AzExpressivity"/> has them. It is great where every cell adds something.
/// </summary>
/// <remarks>
/// No labels; features by libtorch. Mean over batches. AZ-NAS ranks networks by the sum of logarithms of the ranks of its parts and of the
/// multiply-adds; <see cref="Ranking.SumOfRanks"/> adds ranks themselves.
/// </remarks>
public sealed class AzProgressivity : IRankingFunction
{
    /// <inheritdoc/>
    public FunctionMemory Memory => FunctionMemory.Features;

    /// <inheritdoc/>
    public string Name => "az-progressivity";

    /// <inheritdoc/>
    public double Rank(RankedNetwork network)
    {
        ArgumentNullException.ThrowIfNull(network);
        return network.Mean(batch =>
        {
            var entropies = AzExpressivity.Entropies(network, network.Images[batch]);
            return entropies.Skip(1).Zip(entropies, (next, previous) => next - previous).Min();
        });
    }
}
