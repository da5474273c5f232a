using ZeroOneShot.Networks;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.ZeroShot;

/// <summary>The settings of a zero-shot pruning on images.</summary>
public sealed record ZeroShotPruningOptions
{
    /// <summary>When to stop and how much to remove at a time.</summary>
    public PruningOptions Pruning { get; init; } = new();

    /// <summary>The network whose operations are ranked. Default: 16 channels, 8 cells.</summary>
    public SupernetOptions Supernet { get; init; } = new();

    /// <summary>Images per batch, at least 2; batch norms see one batch at a time. Default 128.</summary>
    public int BatchSize { get; init; } = 128;

    /// <summary>Number of batches whose logits are ranked together, at least 1. Default 3, which makes 384 images.</summary>
    public int Batches { get; init; } = 3;

    /// <summary>Number of random weights over which a rank is averaged, at least 1. Default 1; the public ETENAS code takes 3.</summary>
    public int Initializations { get; init; } = 1;

    /// <summary>The ranking functions; their relative changes are summed. Default: <see cref="NngpNorm"/>.</summary>
    public IReadOnlyList<IRankingFunction> RankingFunctions { get; init; } = [new NngpNorm()];

    /// <summary>Decides weights and images. Default 0.</summary>
    public long Seed { get; init; }

    /// <summary><c>cpu</c> (null), <c>cuda</c> or <c>cuda:N</c>.</summary>
    public string? Device { get; init; }

    /// <summary>The search space. Default <see cref="SearchSpace.Darts"/>.</summary>
    public SearchSpace Space { get; init; } = SearchSpace.Darts;

    /// <summary>What measures the time.</summary>
    internal TimeProvider Time { get; init; } = TimeProvider.System;

    /// <exception cref="ArgumentException">A value is out of its range; the message names it.</exception>
    internal void Validate()
    {
        Pruning.Validate();
        Supernet.Validate();
        if (BatchSize < 2)
            throw new ArgumentException($"BatchSize is {BatchSize}; expected at least 2, since batch norms need more than one image.");
        if (Batches < 1)
            throw new ArgumentException($"Batches is {Batches}; expected at least 1.");
        if (Initializations < 1)
            throw new ArgumentException($"Initializations is {Initializations}; expected at least 1.");
        if (RankingFunctions.Count == 0)
            throw new ArgumentException("RankingFunctions is empty; give at least one, for example new NngpNorm().");
    }
}
