using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.ZeroShot;

/// <summary>What a search without training found.</summary>
/// <param name="candidates"><see cref="Candidates"/>.</param>
/// <param name="mask"><see cref="Mask"/>.</param>
public sealed class ZeroShotSearchResult(IReadOnlyList<RankedCandidate> candidates, OperationMask mask)
{
    /// <summary>The architecture of the highest score.</summary>
    public Genotype Genotype => Candidates[0].Genotype;

    /// <summary>All that were ranked, the best one first; among equals the one drawn first.</summary>
    public IReadOnlyList<RankedCandidate> Candidates { get; } = candidates;

    /// <summary>Whether time was up before all were ranked that had been drawn, which may be fewer than asked for.</summary>
    internal bool Shortened { get; init; }

    /// <summary>What they were drawn from.</summary>
    public OperationMask Mask { get; } = mask;
}
