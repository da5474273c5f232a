using Xunit;

namespace ZeroOneShot.Yardstick.Tests;

public sealed class RankCorrelationTests
{
    [Fact]
    public void Coefficients_are_those_of_the_textbook()
    {
        double[] a = [1, 2, 3, 4, 5], b = [2, 1, 4, 3, 5], ties = [1, 1, 2, 2, 3];
        Assert.Equal(0.8, RankCorrelation.Spearman(a, b), 12);                             // 1 - 6 * 4 / (5 * 24)
        Assert.Equal(0.6, RankCorrelation.Kendall(a, b), 12);                              // (8 - 2) / 10
        Assert.Equal(8 / Math.Sqrt(10 * 8), RankCorrelation.Kendall(a, ties), 12);
        Assert.Equal(1, RankCorrelation.Spearman(a, [.. a.Select(Math.Exp)]), 12);
        Assert.Equal(-1, RankCorrelation.Kendall(a, [.. a.Select(at => -at)]), 12);
        Assert.Equal(0.8, RankCorrelation.RSquared([1, 2, 3, 5], [1, 2, 3, 4]), 12);        // 1 - 1 / 5
    }

    [Fact]
    public void A_bootstrap_interval_holds_the_figure_and_is_the_same_for_the_same_seed()
    {
        var random = new Random(2);
        var a = Enumerable.Range(0, 300).Select(_ => random.NextDouble()).ToArray();
        var b = a.Select(at => at + random.NextDouble()).ToArray();
        var interval = RankCorrelation.Bootstrap(a, b, RankCorrelation.Spearman, seed: 4);
        Assert.True(interval.Low < interval.Value && interval.Value < interval.High && interval.High - interval.Low < 0.2);
        Assert.Equal(interval, RankCorrelation.Bootstrap(a, b, RankCorrelation.Spearman, seed: 4));
    }

    [Fact]
    public void The_best_by_a_function_stands_where_its_ranks_put_it()
    {
        double[] measured = [.. Enumerable.Range(0, 500)];
        double[] backwards = [.. measured.Select(at => -at)], same = [.. measured.Select(_ => 1.0)];
        // The largest of 100 has 99 below it; what equals it, itself at least, counts half.
        Assert.InRange(Best(measured), 99, 99.5);
        Assert.InRange(Best(backwards), 0.5, 1);
        Assert.InRange(Best(same), 45, 55);
        Assert.InRange(Best(measured, measured, backwards), 99, 99.5);                     // two ranks against one
        Assert.Equal(Best(measured), Best([.. measured.Select(at => Math.Exp(at / 100))]));
        // What has no number is never the best, unless nothing has one.
        Assert.InRange(Best([.. measured.Select(at => at >= 250 ? double.NaN : at)]), 40, 52);
        Assert.InRange(Best([.. measured.Select(_ => double.NaN)]), 45, 55);
        Assert.Equal(Best(measured), Best(measured));
        Assert.Throws<ArgumentException>(() => RankCorrelation.PercentileOfBest([], measured, 100));
        Assert.Throws<ArgumentException>(() => RankCorrelation.PercentileOfBest([same], [.. measured[1..], double.NaN], 100));
        Assert.Throws<ArgumentException>(() => RankCorrelation.PercentileOfBest([[1, 2]], measured, 100));
        Assert.Throws<ArgumentOutOfRangeException>(() => RankCorrelation.PercentileOfBest([measured], measured, 1));

        double Best(params double[][] functions) => RankCorrelation.PercentileOfBest(functions, measured, choices: 100, seed: 3);
    }

    [Fact]
    public void Distances_are_those_that_one_can_count()
    {
        Assert.Equal(1.5, DistributionDistance.Wasserstein([1, 2, 3], [2.5, 3.5, 4.5]), 12);
        Assert.Equal(0.5, DistributionDistance.Wasserstein([0, 0], [0, 1, 0, 1]), 12);
        Assert.Equal(0.5, DistributionDistance.KolmogorovSmirnov([0, 0], [0, 1, 0, 1]), 12);
        Assert.Equal(1, DistributionDistance.KolmogorovSmirnov([1, 2], [3, 4]), 12);
        Assert.Equal(0, DistributionDistance.Wasserstein([3, 1], [1, 3]), 12);
        var (wasserstein, _) = DistributionDistance.Bootstrap([.. Enumerable.Range(0, 1000).Select(i => i / 1000.0)],
            [.. Enumerable.Range(0, 1000).Select(i => 0.2 + i / 1000.0)]);
        Assert.True(wasserstein.Low < 0.2 && wasserstein.High > 0.2 && wasserstein.High - wasserstein.Low < 0.1, wasserstein.ToString());
    }

    [Fact]
    public void Percentile_and_quantile_undo_each_other()
    {
        var table = new QuantileTable(Enumerable.Range(0, 1001).Select(i => i / 10.0), steps: 100);
        Assert.Equal(25, table.Percentile(25), 9);
        Assert.Equal(73.4, table.Quantile(table.Percentile(73.4) / 100), 9);
        Assert.Equal(0, table.Percentile(-1));
        Assert.Equal(100, table.Percentile(101));
        Assert.Equal(50, new QuantileTable([4, 4, 4]).Percentile(4), 9);
        Assert.Throws<ArgumentException>(() => new QuantileTable([1, double.NaN]));
    }
}
