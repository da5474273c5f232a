using System.Globalization;

namespace ZeroOneShot.Experiments;

/// <summary>Mean and standard deviation over the seeds.</summary>
/// <param name="Mean">The mean.</param>
/// <param name="Deviation">The standard deviation of the sample; null for a single value.</param>
/// <param name="Count">Number of values.</param>
public sealed record Spread(double Mean, double? Deviation, int Count)
{
    /// <summary>Of some values; null where there are none.</summary>
    /// <param name="values">The values; those that are null are left out.</param>
    public static Spread? Of(IEnumerable<double?> values)
    {
        var known = values.OfType<double>().ToArray();
        if (known.Length == 0)
            return null;
        var mean = known.Average();
        return new Spread(mean,
            known.Length == 1 ? null : Math.Sqrt(known.Sum(value => (value - mean) * (value - mean)) / (known.Length - 1)), known.Length);
    }

    /// <summary>For example <c>93.10 ± 0.22</c>.</summary>
    /// <param name="format">The format of both numbers, for example <c>F2</c>.</param>
    public string ToString(string format) => Mean.ToString(format, CultureInfo.InvariantCulture) +
        (Deviation is { } deviation ? " ± " + deviation.ToString(format, CultureInfo.InvariantCulture) : "");
}
