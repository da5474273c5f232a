using ZeroOneShot.Runtime;
using ZeroOneShot.ZeroShot;

namespace ZeroOneShot.Benchmarks;

/// <summary>How well one order of architectures follows another.</summary>
internal static class RankStatistics
{
    private const int Resamples = 1000;

    /// <summary>Spearman's correlation: that of the ranks, equal values sharing theirs. NaN where all values are equal.</summary>
    public static double Spearman(IReadOnlyList<double> x, IReadOnlyList<double> y) =>
        Pearson(Ranking.SumOfRanks(x), Ranking.SumOfRanks(y));

    /// <summary>Kendall's correlation, tau b: pairs in the same order less those in the other, over what pairs without ties allow.</summary>
    public static double Kendall(IReadOnlyList<double> x, IReadOnlyList<double> y)
    {
        var (sum, tiedX, tiedY, pairs) = (0L, 0L, 0L, 0L);
        for (var i = 0; i < x.Count; i++)
        {
            for (var j = 0; j < i; j++)
            {
                var (ofX, ofY) = (x[i].CompareTo(x[j]), y[i].CompareTo(y[j]));
                (sum, tiedX, tiedY, pairs) = (sum + ofX * ofY, tiedX + (ofX == 0 ? 1 : 0), tiedY + (ofY == 0 ? 1 : 0), pairs + 1);
            }
        }
        return sum / Math.Sqrt((double)(pairs - tiedX) * (pairs - tiedY));
    }

    /// <summary>The middle 95 % of Spearman's correlation over resamples of the architectures with replacement.</summary>
    public static (double Low, double High) Interval(IReadOnlyList<double> x, IReadOnlyList<double> y, long seed)
    {
        using var random = RandomStream.Of(seed, "bootstrap");
        var values = Enumerable.Range(0, Resamples).Select(_ =>
        {
            var drawn = Enumerable.Range(0, x.Count).Select(_ => random.Random.Next(x.Count)).ToArray();
            return Spearman([.. drawn.Select(i => x[i])], [.. drawn.Select(i => y[i])]);
        }).Order().ToArray();
        return (values[(int)(0.025 * Resamples)], values[(int)(0.975 * Resamples)]);
    }

    private static double Pearson(IReadOnlyList<double> x, IReadOnlyList<double> y)
    {
        var (meanX, meanY) = (x.Average(), y.Average());
        var product = x.Zip(y).Sum(at => (at.First - meanX) * (at.Second - meanY));
        return product / Math.Sqrt(x.Sum(a => (a - meanX) * (a - meanX)) * y.Sum(b => (b - meanY) * (b - meanY)));
    }
}
