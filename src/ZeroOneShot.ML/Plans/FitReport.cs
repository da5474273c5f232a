using ZeroOneShot.OneShot;
using ZeroOneShot.ZeroShot;

namespace ZeroOneShot.ML;

/// <summary>
/// How <see cref="ZeroOneShotTrainer"/> found and trained a network, for a report, or to look into:
/// <see cref="CellNetTransformer.Report"/> of what its Fit gives.
/// </summary>
public sealed class FitReport
{
    internal FitReport()
    {
    }

    /// <summary>The plan that was followed.</summary>
    public required ZeroOneShotPlan Plan { get; init; }

    /// <summary>What the stages took.</summary>
    public required IReadOnlyList<StageReport> Stages { get; init; }

    /// <summary>The time of the whole Fit, in all processes that had a part in it.</summary>
    public required TimeSpan Time { get; init; }

    /// <summary>What pruning did, round by round.</summary>
    public required PruningResult Pruning { get; init; }

    /// <summary>The course of a one-shot search, alphas among it; null where the method has none.</summary>
    public SearchResult? Search { get; init; }

    /// <summary>What a search without training ranked; null where the method has none.</summary>
    public ZeroShotSearchResult? Ranked { get; init; }

    /// <inheritdoc/>
    public override string ToString() => string.Join('\n', Stages);
}
