using ZeroOneShot.Lean;
using ZeroOneShot.Networks;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.ZeroShot.Functions;

namespace ZeroOneShot.ZeroShot;

/// <summary>The settings of a zero-shot pruning on images.</summary>
public sealed record ZeroShotPruningOptions : RankingOptions
{
    /// <summary>When to stop and how much to remove at a time.</summary>
    public PruningOptions Pruning { get; init; } = new();

    /// <summary>
    /// The network whose operations are ranked. Default: 4 channels, 3 cells, with the partial connections (K = 4) of the paper's method:
    /// by <see cref="Swap"/>, small networks left better masks than the paper's 16 channels and 8 cells, in a fifth of the time.
    /// </summary>
    public SupernetOptions Supernet { get; init; } = new() { Channels = 4, Cells = 3 };

    /// <summary>
    /// The ranking functions; their relative changes are summed. Default: <see cref="Swap"/>, the cheapest of those whose masks were better
    /// than random ones at every seed. The paper's is <see cref="NngpNorm"/>, and so is ETENAS's.
    /// </summary>
    public IReadOnlyList<IRankingFunction> RankingFunctions { get; init; } = [new Swap()];

    /// <summary>The search space. Default <see cref="SearchSpace.Darts"/>.</summary>
    public SearchSpace Space { get; init; } = SearchSpace.Darts;

    /// <summary>
    /// Whether importances are taken to first order: r(N) - r(N without j) by the derivative of r with respect to the mixing weights, all
    /// operations of a round from one forward and one backward run of the whole network, where each has a forward run otherwise. Default
    /// false, Algorithm 1 as it is. Every ranking function then must have <see cref="IRankingFunction.OfLogits"/>, as
    /// <see cref="NngpNorm"/> has; the default function has not.
    /// </summary>
    public bool FirstOrder { get; init; }

    /// <summary>How networks run; null: as <see cref="RankingOptions.MaxMemory"/> allows.</summary>
    internal CandidateRuns? Runs { get; init; }

    /// <summary>Counts the evaluations of operations; null: nobody asks.</summary>
    internal OperationCounter? Counter { get; init; }

    /// <summary>What measures the time.</summary>
    internal TimeProvider Time { get; init; } = TimeProvider.System;

    /// <inheritdoc/>
    internal override void Validate()
    {
        base.Validate();
        ArgumentNullException.ThrowIfNull(Pruning);
        ArgumentNullException.ThrowIfNull(Supernet);
        Checked.NoNull(RankingFunctions, nameof(RankingFunctions));
        ArgumentNullException.ThrowIfNull(Space);
        Pruning.Validate();
        Supernet.Validate();
        if (RankingFunctions.Count == 0)
            throw new ArgumentException("RankingFunctions is empty; give at least one, for example new Swap().");
        if (FirstOrder && RankingFunctions.FirstOrDefault(function => function.OfLogits is null) is { } without)
        {
            throw new ArgumentException(
                $"FirstOrder is true, and ranking function '{without.Name}' has no derivative with respect to the logits: its OfLogits " +
                "is null. Rank with functions of the logits alone, for example new NngpNorm(), or leave FirstOrder false.");
        }
    }
}
