using ZeroOneShot.Runtime;
using ZeroOneShot.ZeroShot;

namespace ZeroOneShot.Yardstick;

/// <summary>How well one number orders things as another one does.</summary>
public static class RankCorrelation
{
    /// <summary>Spearman's coefficient: the correlation of the ranks; equal values share their mean rank.</summary>
    /// <param name="a">Numbers.</param>
    /// <param name="b">As many.</param>
    /// <returns>-1 to 1; NaN where either holds one value only.</returns>
    /// <exception cref="ArgumentException">There are not as many of the one as of the other, or fewer than two.</exception>
    public static double Spearman(IReadOnlyList<double> a, IReadOnlyList<double> b)
    {
        ThrowIfNotPaired(a, b);
        return Pearson(Ranking.Ranks(a), Ranking.Ranks(b));
    }

    /// <summary>Kendall's tau-b: of all pairs, those in the same order less those in the other, ties taken into account.</summary>
    /// <inheritdoc cref="Spearman"/>
    public static double Kendall(IReadOnlyList<double> a, IReadOnlyList<double> b)
    {
        ThrowIfNotPaired(a, b);
        long concordant = 0, tiedA = 0, tiedB = 0;
        for (var i = 1; i < a.Count; i++)
        {
            for (var j = 0; j < i; j++)
            {
                var (signA, signB) = (a[i].CompareTo(a[j]), b[i].CompareTo(b[j]));
                concordant += signA * signB;
                tiedA += signA == 0 ? 1 : 0;
                tiedB += signB == 0 ? 1 : 0;
            }
        }
        var pairs = (double)a.Count * (a.Count - 1) / 2;
        return concordant / Math.Sqrt((pairs - tiedA) * (pairs - tiedB));
    }

    /// <summary>The share of the variance of measured values that predictions explain; negative where their mean would be better.</summary>
    /// <param name="predicted">Predictions.</param>
    /// <param name="measured">As many measured values.</param>
    /// <inheritdoc cref="Spearman" path="/exception"/>
    public static double RSquared(IReadOnlyList<double> predicted, IReadOnlyList<double> measured)
    {
        ThrowIfNotPaired(predicted, measured);
        var mean = measured.Average();
        return 1 - predicted.Zip(measured, (p, m) => (m - p) * (m - p)).Sum() / measured.Sum(m => (m - mean) * (m - mean));
    }

    /// <summary>
    /// Where the best by some functions stands among its like: the percentile, by measured values, of the thing whose ranks are highest
    /// together of some that are drawn, among these; the mean of many draws. A choice by chance stands at 50.
    /// </summary>
    /// <param name="functions">Numbers by one function or several, as many of each; NaN ranks lowest.</param>
    /// <param name="measured">As many measured values.</param>
    /// <param name="choices">How many are drawn, with repetition, to choose the best of; at least 2.</param>
    /// <param name="seed">Decides which are drawn. Default 0.</param>
    /// <param name="draws">How often. Default 1000; at least 1.</param>
    /// <returns>0 to 100.</returns>
    /// <exception cref="ArgumentException">
    /// There is no function, or of one there are not as many numbers as measured values, or fewer than two, or a measured value is NaN.
    /// </exception>
    public static double PercentileOfBest(
        IReadOnlyList<double[]> functions, IReadOnlyList<double> measured, int choices, long seed = 0, int draws = 1000)
    {
        ArgumentNullException.ThrowIfNull(functions);
        if (functions.Count == 0)
            throw new ArgumentException("There is no function; expected the numbers of at least one.", nameof(functions));
        foreach (var numbers in functions)
            ThrowIfNotPaired(numbers, measured);
        if (measured.Any(double.IsNaN))
            throw new ArgumentException("A measured value is no number; leave out what was not measured.", nameof(measured));
        ArgumentOutOfRangeException.ThrowIfLessThan(choices, 2);
        ArgumentOutOfRangeException.ThrowIfLessThan(draws, 1);
        using var random = RandomStream.Of(seed, "best of some");
        var (sum, all) = (0.0, Enumerable.Range(0, measured.Count).ToArray());
        for (var draw = 0; draw < draws; draw++)
        {
            var drawn = random.Random.GetItems(all, choices);
            var together = Ranking.SumOfRanks([.. functions.Select(numbers => drawn.Select(at => Comparable(numbers[at])).ToArray())]);
            var best = measured[drawn[together.Index().MaxBy(at => at.Item).Index]];
            sum += drawn.Average(at => measured[at] < best ? 100 : measured[at] == best ? 50.0 : 0);
        }
        return sum / draws;
    }

    private static double Comparable(double value) => double.IsNaN(value) ? double.NegativeInfinity : value;

    /// <summary>A figure of pairs of numbers with its bootstrap interval of 95 %.</summary>
    /// <param name="a">Numbers.</param>
    /// <param name="b">As many.</param>
    /// <param name="figure">For example <see cref="Spearman"/>.</param>
    /// <param name="seed">Decides which pairs are drawn. Default 0.</param>
    /// <param name="resamples">How often as many pairs are drawn again, with repetition. Default 1000; at least 40.</param>
    /// <inheritdoc cref="Spearman" path="/exception"/>
    public static Interval Bootstrap(
        IReadOnlyList<double> a, IReadOnlyList<double> b, Func<IReadOnlyList<double>, IReadOnlyList<double>, double> figure,
        long seed = 0, int resamples = 1000)
    {
        ThrowIfNotPaired(a, b);
        ArgumentNullException.ThrowIfNull(figure);
        ArgumentOutOfRangeException.ThrowIfLessThan(resamples, 40);
        var figures = new double[resamples];
        Parallel.For(0, resamples, n =>
        {
            using var stream = RandomStream.Of(seed, $"bootstrap, sample {n}");
            var drawn = new int[a.Count];
            for (var i = 0; i < drawn.Length; i++)
                drawn[i] = stream.Random.Next(drawn.Length);
            figures[n] = figure([.. drawn.Select(i => a[i])], [.. drawn.Select(i => b[i])]);
        });
        return Of(figure(a, b), figures);
    }

    /// <summary>
    /// <see cref="Bootstrap"/> of <see cref="Spearman"/> and <see cref="RSquared"/>, of the same samples: nothing is sorted again, so that
    /// a hundred thousand pairs take a moment. Of so many, fewer samples tell as much: 20 million pairs are drawn at most.
    /// </summary>
    internal static (Interval Spearman, Interval RSquared) BootstrapOfPredictions(
        IReadOnlyList<double> predicted, IReadOnlyList<double> measured, long seed)
    {
        const int resamples = 1000, fewest = 100, pairs = 20_000_000;
        ThrowIfNotPaired(predicted, measured);
        var (p, m) = (Places.Of(predicted), Places.Of(measured));
        var orders = new double[Math.Clamp(pairs / predicted.Count, fewest, resamples)];
        var explained = new double[orders.Length];
        Parallel.For(0, orders.Length, n =>
        {
            using var stream = RandomStream.Of(seed, $"bootstrap, sample {n}");
            var counts = new int[predicted.Count];
            for (var i = 0; i < counts.Length; i++)
                counts[stream.Random.Next(counts.Length)]++;
            orders[n] = Pearson(p.Ranks(counts), m.Ranks(counts), counts);
            explained[n] = Explained(counts);
        });
        return (Of(Spearman(predicted, measured), orders), Of(RSquared(predicted, measured), explained));

        double Explained(int[] counts)
        {
            double mean = 0, errors = 0, variance = 0;
            for (var i = 0; i < counts.Length; i++)
                mean += counts[i] * measured[i] / counts.Length;
            for (var i = 0; i < counts.Length; i++)
            {
                var (error, deviation) = (measured[i] - predicted[i], measured[i] - mean);
                (errors, variance) = (errors + counts[i] * error * error, variance + counts[i] * deviation * deviation);
            }
            return 1 - errors / variance;
        }
    }

    private static Interval Of(double figure, double[] figures)
    {
        // A sample may hold one value only, which has no order.
        double[] sorted = [.. figures.Where(double.IsFinite).Order()];
        return sorted.Length == 0
            ? new(figure, double.NaN, double.NaN)
            : new(figure, QuantileTable.At(sorted, 0.025), QuantileTable.At(sorted, 0.975));
    }

    private static double Pearson(double[] a, double[] b, int[] counts)
    {
        double meanA = 0, meanB = 0, both = 0, ofA = 0, ofB = 0;
        for (var i = 0; i < counts.Length; i++)
            (meanA, meanB) = (meanA + counts[i] * a[i] / counts.Length, meanB + counts[i] * b[i] / counts.Length);
        for (var i = 0; i < counts.Length; i++)
        {
            var (x, y) = (a[i] - meanA, b[i] - meanB);
            (both, ofA, ofB) = (both + counts[i] * x * y, ofA + counts[i] * x * x, ofB + counts[i] * y * y);
        }
        return both / Math.Sqrt(ofA * ofB);
    }

    private static double Pearson(double[] a, double[] b)
    {
        var (meanA, meanB) = (a.Average(), b.Average());
        double both = 0, ofA = 0, ofB = 0;
        for (var i = 0; i < a.Length; i++)
        {
            var (x, y) = (a[i] - meanA, b[i] - meanB);
            (both, ofA, ofB) = (both + x * y, ofA + x * x, ofB + y * y);
        }
        return both / Math.Sqrt(ofA * ofB);
    }

    private static void ThrowIfNotPaired(IReadOnlyList<double> a, IReadOnlyList<double> b)
    {
        ArgumentNullException.ThrowIfNull(a);
        ArgumentNullException.ThrowIfNull(b);
        if (a.Count != b.Count || a.Count < 2)
        {
            throw new ArgumentException(
                $"There are {a.Count} numbers and {b.Count}; expected as many of the one as of the other, at least 2.");
        }
    }

    /// <summary>Which numbers come one after the other, and which are equal.</summary>
    private sealed class Places
    {
        private readonly int[] _order, _ends;

        private Places(int[] order, int[] ends) => (_order, _ends) = (order, ends);

        public static Places Of(IReadOnlyList<double> values)
        {
            int[] order = [.. Enumerable.Range(0, values.Count).OrderBy(i => values[i])];
            var ends = new List<int>();
            for (var i = 1; i <= order.Length; i++)
            {
                if (i == order.Length || !values[order[i]].Equals(values[order[i - 1]]))
                    ends.Add(i);
            }
            return new(order, [.. ends]);
        }

        /// <summary>The rank of every number where each is there as often as counted; equal ones share the mean of theirs.</summary>
        public double[] Ranks(int[] counts)
        {
            var ranks = new double[counts.Length];
            var (first, before) = (0, 0L);
            foreach (var end in _ends)
            {
                var among = 0L;
                for (var i = first; i < end; i++)
                    among += counts[_order[i]];
                for (var i = first; i < end; i++)
                    ranks[_order[i]] = before + (among + 1) / 2.0;
                (first, before) = (end, before + among);
            }
            return ranks;
        }
    }
}
