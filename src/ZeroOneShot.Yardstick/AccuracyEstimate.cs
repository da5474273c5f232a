namespace ZeroOneShot.Yardstick;

/// <summary>An accuracy that was predicted, not measured.</summary>
/// <param name="Accuracy">The prediction, in percent.</param>
/// <param name="Low">The lower end of the interval, in percent.</param>
/// <param name="High">
/// The upper end. Of genotypes like those of the table, <see cref="SurrogateErrors.IntervalLevel"/> have their measured accuracy within.
/// </param>
public readonly record struct AccuracyEstimate(double Accuracy, double Low, double High)
{
    /// <summary>
    /// Whether two edges into a node of the genotype come from the same input, as GDAS may choose them and no architecture of the table
    /// has: neither the prediction nor the interval was tested on such.
    /// </summary>
    public bool IsExtrapolated { get; init; }
}
