using ZeroOneShot.Networks;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.ZeroShot;

/// <summary>The settings of a zero-shot pruning on images.</summary>
public sealed record ZeroShotPruningOptions : RankingOptions
{
    /// <summary>When to stop and how much to remove at a time.</summary>
    public PruningOptions Pruning { get; init; } = new();

    /// <summary>
    /// The network whose operations are ranked. Default: that of the paper's method, 16 channels, 8 cells, partial connections (K = 4).
    /// </summary>
    public SupernetOptions Supernet { get; init; } = new();

    /// <summary>The ranking functions; their relative changes are summed. Default: <see cref="NngpNorm"/>.</summary>
    public IReadOnlyList<IRankingFunction> RankingFunctions { get; init; } = [new NngpNorm()];

    /// <summary>The search space. Default <see cref="SearchSpace.Darts"/>.</summary>
    public SearchSpace Space { get; init; } = SearchSpace.Darts;

    /// <summary>What measures the time.</summary>
    internal TimeProvider Time { get; init; } = TimeProvider.System;

    /// <inheritdoc/>
    internal override void Validate()
    {
        base.Validate();
        ArgumentNullException.ThrowIfNull(Pruning);
        ArgumentNullException.ThrowIfNull(Supernet);
        ArgumentNullException.ThrowIfNull(RankingFunctions);
        ArgumentNullException.ThrowIfNull(Space);
        Pruning.Validate();
        Supernet.Validate();
        if (RankingFunctions.Count == 0)
            throw new ArgumentException("RankingFunctions is empty; give at least one, for example new NngpNorm().");
    }
}
