using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.ZeroShot;

/// <summary>A genotype that a search without training has ranked.</summary>
/// <param name="genotype"><see cref="Genotype"/>.</param>
/// <param name="values"><see cref="Values"/>.</param>
/// <param name="score"><see cref="Score"/>.</param>
public sealed class RankedCandidate(Genotype genotype, IReadOnlyList<double> values, double score)
{
    /// <summary>The architecture.</summary>
    public Genotype Genotype { get; } = genotype;

    /// <summary>The value of every ranking function, in their order; greater is better.</summary>
    public IReadOnlyList<double> Values { get; } = values;

    /// <summary>The sum of its ranks among all candidates; greater is better.</summary>
    public double Score { get; } = score;
}
