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
        var figure = Figure1.Measure(AccuracySurrogate.Load(), new()
        {
            Architectures = 1500, RandomMasks = 1, Masks = new Dictionary<string, OperationMask> { ["good, \"best\" & <4>"] = Good() },
        }, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(4, figure.Series.Count);
        figure.Write(_folder.Path);

        var svg = XDocument.Load(_folder.File("figure1.svg"));
        Assert.Contains(svg.Descendants(), at => at.Value.Contains("good, \"best\" & <4>", StringComparison.Ordinal));
        var lines = File.ReadAllLines(_folder.File("figure1.csv"));
        var shares = lines[1..].Select(line => line.Split(',')[2..].Select(double.Parse).ToArray()).ToArray();
        Assert.All(Enumerable.Range(0, 4), s => Assert.Equal(1, shares.Sum(row => row[s]), 3));
        Assert.Equal(5, File.ReadAllLines(_folder.File("figure1-series.csv")).Length);

        // Good operations are better than chance, and masks of single architectures are chance.
        var (space, own, good) = (figure.Series[0], figure.Series[1], figure.Series[3]);
        Assert.True(good.Mean > space.Mean + 0.2 && good.Wasserstein!.Value.Low > 0.15 && good.UpperTail > 0.13);
        Assert.True(own.KolmogorovSmirnov!.Value.Value < 0.06);
        Assert.Contains("good", figure.ToMarkdown());
    }

    [Fact]
    public void The_same_seed_draws_the_same_figure()
    {
        var options = new Figure1Options { Architectures = 300, Seed = 3 };
        var surrogate = AccuracySurrogate.Load();
        Assert.Equal(Figure1.Measure(surrogate, options).ToMarkdown(), Figure1.Measure(surrogate, options).ToMarkdown());
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
        Assert.True(random.Deviations(random.Yield(Good())) > 3);
        Assert.True(random.UpperTailDeviations(random.Yield(Good())) > 2);
        Assert.InRange(random.Deviations(random.Yield(RandomPruning.Mask(SearchSpace.Darts, 0.5, 12345))), -4, 4);
        Assert.Contains("'nas-bench-201'", Assert.Throws<ArgumentException>(
            () => random.Yield(OperationMask.Full(SearchSpace.NasBench201))).Message);
    }

    [Fact]
    public void Random_masks_of_a_size_keep_as_many_operations_on_every_edge()
    {
        var (surrogate, one) = (AccuracySurrogate.Load(), OperationMask.Create(SearchSpace.Darts, (_, _, row) => row == 4));
        // One operation an edge: such masks differ far more from one another than those of half of the space.
        Assert.True(RandomMasks.OfSize(surrogate, one, masks: 20, genotypes: 200).MeanDeviation
            > 1.5 * RandomMasks.Measure(surrogate, masks: 20, genotypes: 200).MeanDeviation);
        // Where nothing can be shuffled, all are the mask itself.
        var full = RandomMasks.OfSize(surrogate, OperationMask.Full(SearchSpace.Darts), masks: 5, genotypes: 2000);
        Assert.Equal(surrogate.RandomGenotypes.Quantile(0.5), full.Mean, 0.15);
        Assert.True(full.MeanDeviation < 0.04);
    }

    /// <summary>The four operations of each kind of cell whose genotypes are the best on average.</summary>
    private static OperationMask Good()
    {
        var space = SearchSpace.Darts;
        var genotypes = new GenotypeSampler(OperationMask.Full(space)).Draw(3000, seed: 9);
        var accuracies = AccuracySurrogate.Load().Accuracies(genotypes);
        var best = space.Kinds.ToDictionary(kind => kind, kind => space.Operations.Where(row => row.CanBeChosen)
            .OrderByDescending(row => genotypes.Index().Where(at => at.Item.Cell(kind).Edges.Any(edge => edge.Operation == row.Name))
                .Average(at => accuracies[at.Index]))
            .Take(4).Select(row => row.Name).ToHashSet());
        return OperationMask.Create(space, (kind, _, row) => best[kind].Contains(space.Operations[row].Name));
    }
}
