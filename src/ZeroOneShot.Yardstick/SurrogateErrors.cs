namespace ZeroOneShot.Yardstick;

/// <summary>How far a surrogate is off, on architectures that it had not seen (cross-validation).</summary>
public sealed class SurrogateErrors
{
    /// <summary>Number of architectures with a measured accuracy.</summary>
    public required int Rows { get; init; }

    /// <summary>Number of folds: each was predicted by models of the others.</summary>
    public required int Folds { get; init; }

    /// <summary>The seed of the training, which decides the folds.</summary>
    public required long Seed { get; init; }

    /// <summary>Spearman's coefficient of predicted and measured accuracy.</summary>
    public required Interval Spearman { get; init; }

    /// <summary>The share of the variance that is explained.</summary>
    public required Interval RSquared { get; init; }

    /// <summary>The mean absolute error, in percentage points.</summary>
    public required double MeanAbsoluteError { get; init; }

    /// <summary>The share of accuracies that the intervals should hold, 0 to 1.</summary>
    public required double IntervalLevel { get; init; }

    /// <summary>
    /// The share that they did hold, where each half of the rows had intervals made of the other half's errors; the same in every tenth of
    /// the rows by predicted accuracy, from low to high, in <see cref="CoverageByDecile"/>.
    /// </summary>
    public required double Coverage { get; init; }

    /// <summary>See <see cref="Coverage"/>.</summary>
    public required IReadOnlyList<double> CoverageByDecile { get; init; }
}
