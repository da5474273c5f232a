namespace ZeroOneShot.Yardstick;

/// <summary>A distribution as its quantiles: what share of it lies below a value, and the other way round.</summary>
public sealed class QuantileTable
{
    private readonly double[] _values;

    /// <summary>The table of a sample.</summary>
    /// <param name="sample">Values, in any order; at least one.</param>
    /// <param name="steps">The quantiles kept are those of 0, 1/steps, 2/steps, ..., 1. Default 1000; at least 1.</param>
    /// <exception cref="ArgumentException">There are no values, or one is not finite.</exception>
    public QuantileTable(IEnumerable<double> sample, int steps = 1000)
    {
        ArgumentNullException.ThrowIfNull(sample);
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1);
        var sorted = sample.Order().ToArray();
        if (sorted.Length == 0 || !double.IsFinite(sorted[0]) || !double.IsFinite(sorted[^1]))
            throw new ArgumentException("The sample is empty or holds a value that is not finite; give finite numbers.", nameof(sample));
        _values = [.. Enumerable.Range(0, steps + 1).Select(i => At(sorted, (double)i / steps))];
    }

    private QuantileTable(double[] values) => _values = values;

    /// <summary>The quantiles in equal steps from the smallest value to the largest.</summary>
    public IReadOnlyList<double> Values => _values;

    /// <summary>The value below which a share of the distribution lies, between the kept quantiles in a straight line.</summary>
    /// <param name="share">0 to 1.</param>
    public double Quantile(double share) => share is >= 0 and <= 1
        ? At(_values, share)
        : throw new ArgumentOutOfRangeException(nameof(share), share, "A share of a distribution is from 0 to 1.");

    /// <summary>The share of the distribution that lies below a value, in percent; of equal values half.</summary>
    /// <param name="value">The value.</param>
    public double Percentile(double value)
    {
        if (double.IsNaN(value))
            throw new ArgumentOutOfRangeException(nameof(value), value, "What is no number has no place in a distribution.");
        // The first and the last quantile that are not below, and not above, the value.
        var (first, last) = (Array.FindIndex(_values, at => at >= value), Array.FindLastIndex(_values, at => at <= value));
        if (first < 0 || last < 0)
            return first < 0 ? 100 : 0;
        var steps = _values.Length - 1;
        return first <= last
            ? 100 * (first + last) / (2.0 * steps)
            : 100 * (last + (value - _values[last]) / (_values[first] - _values[last])) / steps;
    }

    /// <summary>The table of quantiles that are known.</summary>
    internal static QuantileTable Of(double[] values) =>
        values.Length > 1 && values.Zip(values.Skip(1)).All(pair => pair.First <= pair.Second)
        ? new(values)
        : throw new InvalidDataException($"A table of quantiles holds {values.Length} numbers that do not ascend.");

    internal static double At(double[] sorted, double share)
    {
        var place = share * (sorted.Length - 1);
        var below = (int)Math.Min(place, sorted.Length - 2.0);
        return sorted.Length == 1 ? sorted[0] : sorted[below] + (place - below) * (sorted[below + 1] - sorted[below]);
    }
}
