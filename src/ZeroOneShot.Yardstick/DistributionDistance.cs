using ZeroOneShot.Runtime;

namespace ZeroOneShot.Yardstick;

/// <summary>How far apart two samples' distributions are.</summary>
public static class DistributionDistance
{
    /// <summary>
    /// The Wasserstein distance of order 1: by how much the values of the one have to move, on average, to become the other, in their unit.
    /// </summary>
    /// <param name="a">A sample, at least one value.</param>
    /// <param name="b">Another one, at least one value.</param>
    /// <exception cref="ArgumentException">A sample is empty.</exception>
    public static double Wasserstein(IReadOnlyList<double> a, IReadOnlyList<double> b) => Both(Merged.Of(a, b), null).Wasserstein;

    /// <summary>The statistic of Kolmogorov and Smirnov: the largest difference of the shares below any value, 0 to 1.</summary>
    /// <inheritdoc cref="Wasserstein"/>
    public static double KolmogorovSmirnov(IReadOnlyList<double> a, IReadOnlyList<double> b) =>
        Both(Merged.Of(a, b), null).KolmogorovSmirnov;

    /// <summary>
    /// Both distances with bootstrap intervals of 95 %. Resampling adds noise of its own, and a distance has no sign: for samples of one
    /// distribution the interval lies above 0 too, by what chance makes of such sizes.
    /// </summary>
    /// <param name="a">A sample, at least one value.</param>
    /// <param name="b">Another one, at least one value.</param>
    /// <param name="seed">Decides the resamples. Default 0.</param>
    /// <param name="resamples">How many. Default 200; at least 40.</param>
    /// <exception cref="ArgumentException">A sample is empty.</exception>
    public static (Interval Wasserstein, Interval KolmogorovSmirnov) Bootstrap(
        IReadOnlyList<double> a, IReadOnlyList<double> b, long seed = 0, int resamples = 200)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(resamples, 40);
        var merged = Merged.Of(a, b);
        var found = new (double Wasserstein, double KolmogorovSmirnov)[resamples];
        Parallel.For(0, resamples, n =>
        {
            using var stream = RandomStream.Of(seed, $"bootstrap, sample {n}");
            found[n] = Both(merged, merged.Resample(stream.Random));
        });
        var (wasserstein, kolmogorovSmirnov) = Both(merged, null);
        return (Around(wasserstein, found.Select(at => at.Wasserstein)),
            Around(kolmogorovSmirnov, found.Select(at => at.KolmogorovSmirnov)));
    }

    private static Interval Around(double value, IEnumerable<double> resampled)
    {
        var sorted = resampled.Order().ToArray();
        return new(value, QuantileTable.At(sorted, 0.025), QuantileTable.At(sorted, 0.975));
    }

    /// <param name="merged">The values of both samples.</param>
    /// <param name="times">How often every value counts; null: once.</param>
    private static (double Wasserstein, double KolmogorovSmirnov) Both(Merged merged, int[]? times)
    {
        var (wasserstein, largest) = (0.0, 0.0);
        var (belowA, belowB) = (0, 0);
        for (var i = 0; i < merged.Values.Length; i++)
        {
            if (i > 0 && merged.Values[i] > merged.Values[i - 1])
            {
                var difference = Math.Abs((double)belowA / merged.CountA - (double)belowB / merged.CountB);
                wasserstein += difference * (merged.Values[i] - merged.Values[i - 1]);
                largest = Math.Max(largest, difference);
            }
            var count = times is null ? 1 : times[i];
            if (merged.IsOfA[i])
                belowA += count;
            else
                belowB += count;
        }
        return (wasserstein, largest);
    }

    /// <summary>The values of two samples in one ascending row.</summary>
    private sealed record Merged(double[] Values, bool[] IsOfA, int CountA, int CountB)
    {
        public static Merged Of(IReadOnlyList<double> a, IReadOnlyList<double> b)
        {
            ArgumentNullException.ThrowIfNull(a);
            ArgumentNullException.ThrowIfNull(b);
            if (a.Count == 0 || b.Count == 0)
                throw new ArgumentException($"The samples have {a.Count} and {b.Count} values; expected at least one each.");
            double[] values = [.. a, .. b];
            bool[] isOfA = [.. a.Select(_ => true), .. b.Select(_ => false)];
            Array.Sort(values, isOfA);
            return new(values, isOfA, a.Count, b.Count);
        }

        /// <summary>How often every value is drawn if as many of each sample are drawn again.</summary>
        public int[] Resample(Random random)
        {
            var (places, times) = (new int[2][], new int[Values.Length]);
            foreach (var (s, ofA) in ((int, bool)[])[(0, true), (1, false)])
            {
                places[s] = [.. Enumerable.Range(0, Values.Length).Where(i => IsOfA[i] == ofA)];
                for (var n = 0; n < places[s].Length; n++)
                    times[places[s][random.Next(places[s].Length)]]++;
            }
            return times;
        }
    }
}
