namespace ZeroOneShot.Yardstick;

/// <summary>The accuracies of architectures that were drawn in one way.</summary>
/// <param name="Name">How they were drawn.</param>
/// <param name="Accuracies">In percent, ascending.</param>
/// <param name="Wasserstein">
/// The distance from the whole space, in percentage points (<see cref="DistributionDistance.Wasserstein"/>); null for the space itself.
/// </param>
/// <param name="KolmogorovSmirnov">
/// The distance from the whole space (<see cref="DistributionDistance.KolmogorovSmirnov"/>), 0 to 1.
/// </param>
/// <param name="ShapeKolmogorovSmirnov">
/// The same after both were brought to mean 0 and standard deviation 1: whether the shape is the same, wherever it lies.
/// </param>
/// <param name="UpperTail">The share above the accuracy that a tenth of the space exceeds: 0.1 for the space.</param>
/// <param name="LowerTail">The share below the accuracy that a tenth of the space stays below: 0.1 for the space.</param>
public sealed record Figure1Series(
    string Name, IReadOnlyList<double> Accuracies, Interval? Wasserstein, Interval? KolmogorovSmirnov, Interval? ShapeKolmogorovSmirnov,
    double UpperTail, double LowerTail)
{
    /// <summary>The mean, in percent.</summary>
    public double Mean { get; } = Accuracies.Average();

    /// <summary>The standard deviation, in percentage points.</summary>
    public double Deviation { get; } = Math.Sqrt(Accuracies.Sum(at => at * at) / Accuracies.Count - Math.Pow(Accuracies.Average(), 2));

    /// <summary>The accuracy below which a share of the architectures lies.</summary>
    /// <param name="share">0 to 1.</param>
    public double Quantile(double share) => share is >= 0 and <= 1
        ? QuantileTable.At([.. Accuracies], share)
        : throw new ArgumentOutOfRangeException(nameof(share), share, "A share of a distribution is from 0 to 1.");
}
