using System.Xml.Linq;
using Xunit;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.ZeroShot;

namespace ZeroOneShot.Yardstick.Tests;

public sealed class Figure1Tests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_figure_has_a_line_for_every_series_and_tables_that_add_up()
    {
        var convolutions = OperationMask.Create(SearchSpace.Darts, (_, _, row) => SearchSpace.Darts.Operations[row].Name.StartsWith("sep"));
        var figure = Figure1.Measure(AccuracySurrogate.Load(), new()
        {
            Architectures = 1500, RandomMasks = 1, Masks = new Dictionary<string, OperationMask> { ["separable, \"3\" & 5"] = convolutions },
        }, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(4, figure.Series.Count);
        figure.Write(_folder.Path);

        var svg = XDocument.Load(_folder.File("figure1.svg"));
        Assert.Contains(svg.Descendants(), at => at.Value.Contains("separable", StringComparison.Ordinal));
        var lines = File.ReadAllLines(_folder.File("figure1.csv"));
        var shares = lines[1..].Select(line => line.Split(',')[2..].Select(double.Parse).ToArray()).ToArray();
        Assert.All(Enumerable.Range(0, 4), s => Assert.Equal(1, shares.Sum(row => row[s]), 3));
        Assert.Equal(5, File.ReadAllLines(_folder.File("figure1-series.csv")).Length);

        // Separable convolutions everywhere are better than chance, and masks of single architectures are chance.
        var (space, own, separable) = (figure.Series[0], figure.Series[1], figure.Series[3]);
        Assert.True(separable.Mean > space.Mean + 0.4 && separable.Wasserstein!.Value.Low > 0.4 && separable.UpperTail > 0.2);
        Assert.True(own.KolmogorovSmirnov!.Value.Value < 0.06);
        Assert.Contains("separable", figure.ToMarkdown());
    }

    [Fact]
    public void The_same_seed_draws_the_same_figure()
    {
        var options = new Figure1Options { Architectures = 300, Seed = 3 };
        Assert.Equal(Figure1.Measure(AccuracySurrogate.Load(), options).ToMarkdown(), Figure1.Measure(AccuracySurrogate.Load(), options).ToMarkdown());
    }

    [Fact]
    public void A_mask_of_another_space_is_refused_with_both_names()
    {
        var options = new Figure1Options
        {
            Masks = new Dictionary<string, OperationMask> { ["mine"] = OperationMask.Full(SearchSpace.NasBench201) },
        };
        var message = Assert.Throws<ArgumentException>(() => Figure1.Measure(AccuracySurrogate.Load(), options)).Message;
        Assert.Contains("'mine'", message);
        Assert.Contains("'nas-bench-201'", message);
        Assert.Contains("'darts'", message);
        Assert.Contains("Level", Assert.Throws<ArgumentException>(
            () => Figure1.Measure(AccuracySurrogate.Load(), new() { Level = 0 })).Message);
    }

    [Fact]
    public void A_mask_of_good_operations_is_many_deviations_better_than_chance_and_a_random_one_is_not()
    {
        var random = RandomMasks.Measure(AccuracySurrogate.Load(), masks: 20, genotypes: 200);
        var space = SearchSpace.Darts;
        var good = OperationMask.Create(space, (_, _, row) => space.Operations[row].Name is "sep_conv_3x3" or "sep_conv_5x5" or "dil_conv_3x3");
        Assert.True(random.Deviations(random.Yield(good)) > 3);
        Assert.True(random.UpperTailDeviations(random.Yield(good)) > 2);
        Assert.InRange(random.Deviations(random.Yield(RandomPruning.Mask(space, 0.5, 12345))), -4, 4);
        Assert.Contains("'nas-bench-201'", Assert.Throws<ArgumentException>(
            () => random.Yield(OperationMask.Full(SearchSpace.NasBench201))).Message);
    }
}
