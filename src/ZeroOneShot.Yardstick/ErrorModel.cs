namespace ZeroOneShot.Yardstick;

/// <summary>
/// How far predictions may be off, learnt from the errors on architectures that were not trained on: poor architectures are harder to
/// predict, so that the errors are measured in relation to their mean size at the predicted accuracy.
/// </summary>
/// <param name="Predictions">Predicted accuracies, ascending.</param>
/// <param name="Sizes">The mean absolute error there, in percentage points; in between in a straight line.</param>
/// <param name="Low">The error, in those sizes, that a share of (1 - level) / 2 is below.</param>
/// <param name="High">The error that as many are above.</param>
internal sealed record ErrorModel(IReadOnlyList<double> Predictions, IReadOnlyList<double> Sizes, double Low, double High)
{
    // Of all rows: enough for a mean, and few enough to see how it changes.
    private const int Bins = 20;

    /// <summary>Learns from pairs of predicted and measured accuracies.</summary>
    /// <param name="predicted">Predictions of models that had not seen the architectures.</param>
    /// <param name="measured">As many accuracies.</param>
    /// <param name="level">The share of errors that intervals should hold.</param>
    public static ErrorModel Fit(IReadOnlyList<double> predicted, IReadOnlyList<double> measured, double level)
    {
        var rows = predicted.Zip(measured).OrderBy(row => row.First).ToArray();
        var bins = rows.Chunk(Math.Max(1, (rows.Length + Bins - 1) / Bins)).ToArray();
        var model = new ErrorModel([.. bins.Select(bin => bin.Average(row => row.First))],
            [.. bins.Select(bin => Math.Max(1e-6, bin.Average(row => Math.Abs(row.Second - row.First))))], 0, 0);
        var relative = rows.Select(row => (row.Second - row.First) / model.SizeAt(row.First)).Order().ToArray();
        // The conformal quantiles: of n + 1 errors, the new one being one of them, the stated share is within.
        var tail = Math.Max(0, ((1 - level) / 2 * (relative.Length + 1) - 1) / (relative.Length - 1));
        return model with { Low = QuantileTable.At(relative, tail), High = QuantileTable.At(relative, 1 - tail) };
    }

    /// <summary>A prediction with its interval.</summary>
    public AccuracyEstimate Around(double prediction)
    {
        var size = SizeAt(prediction);
        return new(prediction, Math.Clamp(prediction + Low * size, 0, 100), Math.Clamp(prediction + High * size, 0, 100));
    }

    private double SizeAt(double prediction)
    {
        var above = 0;
        while (above < Predictions.Count && Predictions[above] <= prediction)
            above++;
        if (above == 0 || above == Predictions.Count)
            return Sizes[Math.Min(above, Sizes.Count - 1)];
        var share = (prediction - Predictions[above - 1]) / (Predictions[above] - Predictions[above - 1]);
        return Sizes[above - 1] + share * (Sizes[above] - Sizes[above - 1]);
    }
}
