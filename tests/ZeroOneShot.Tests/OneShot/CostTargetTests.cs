using System.Globalization;
using CsCheck;
using Xunit;
using ZeroOneShot.Data;
using ZeroOneShot.Networks;
using ZeroOneShot.OneShot;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Tests.Data;
using static TorchSharp.torch;

namespace ZeroOneShot.Tests.OneShot;

public sealed class CostTargetTests
{
    private static readonly ImageShape s_shape = new(3, 16, 16);
    private static readonly ImageSet s_images = RandomImages.Of(48, 3, s_shape);
    private static readonly CellNetOptions s_network = new() { Channels = 16, Cells = 8 };
    private static readonly OperationMask s_full = OperationMask.Full(SearchSpace.Darts);

    private static readonly SearchSpace s_small = new("small", new CellTopology(2),
    [
        CandidateOperation.None, CandidateOperation.SkipConnect, CandidateOperation.SeparableConvolution3x3,
        CandidateOperation.SeparableConvolution5x5, CandidateOperation.DilatedConvolution3x3,
    ]);

    static CostTargetTests() => TorchRuntime.EnsureLoaded();

    public static TheoryData<CostTarget> Targets =>
    [
        new CostTarget { Parameters = 140_000, Network = s_network },
        new CostTarget { Parameters = 200_000, Network = s_network },
        new CostTarget { Parameters = 300_000, Network = s_network },
        new CostTarget { MultiplyAdds = 8_000_000, Network = s_network },
        new CostTarget { MultiplyAdds = 12_000_000, Network = s_network },
    ];

    [Theory]
    [MemberData(nameof(Targets))]
    public void The_found_network_costs_at_most_the_target_and_at_least_95_percent_of_it(CostTarget target)
    {
        var result = Run(options => options with { CostTarget = target });
        Assert.Equal(3, result.Epochs.Count);
        foreach (var genotype in result.Epochs.Select(epoch => epoch.Genotype).Append(result.Genotype))
        {
            var cost = Cost(genotype, target, s_images.ClassCount);
            Assert.InRange(cost, 0.95 * target.Most, target.Most);
        }
        TestContext.Current.TestOutputHelper?.WriteLine($"{target}: {Cost(result.Genotype, target, s_images.ClassCount)}");
    }

    [Fact]
    public void A_target_that_every_network_meets_changes_nothing_not_a_bit()
    {
        var (_, dearest) = GenotypeChoices.Of(s_full, mayShareInput: false)
            .Range(new GenotypeCosts(s_full, new CostTarget { Parameters = 1, Network = s_network }, s_shape, s_images.ClassCount));
        var without = Run(options => options);
        var with = Run(options => options with { CostTarget = new CostTarget { Parameters = dearest, Network = s_network } });
        var below = Run(options => options with { CostTarget = new CostTarget { Parameters = dearest - 1, Network = s_network } });
        Assert.Equal(without.Genotype, with.Genotype);
        Assert.Equal(without.Epochs, with.Epochs);
        Assert.Equal(Bits(without), Bits(with));
        Assert.NotEqual(Bits(without), Bits(below));

        static IEnumerable<int> Bits(SearchResult result) =>
            SearchSpace.Darts.Kinds.SelectMany(kind => result.Alphas[kind]).Select(BitConverter.SingleToInt32Bits);
    }

    [Fact]
    public void A_target_below_the_cheapest_network_is_refused_before_anything_runs_with_the_numbers()
    {
        var target = new CostTarget { Parameters = 20_000, Network = s_network };
        var pool = new CellGenotype([.. Enumerable.Range(0, 8).Select(i => new GenotypeEdge("max_pool_3x3", i % 2))]);
        var cheapest = Cost(new Genotype(pool, pool), target, s_images.ClassCount);
        var convolution = new CellGenotype([.. Enumerable.Range(0, 8).Select(i => new GenotypeEdge("sep_conv_5x5", i % 2))]);
        var dearest = Cost(new Genotype(convolution, convolution), target, s_images.ClassCount);
        var error = Assert.Throws<ArgumentException>(() => Run(options => options with { CostTarget = target },
            new EachStep(_ => Assert.Fail("A step was taken."))));
        Assert.Contains("20000 parameters", error.Message);
        Assert.Contains(cheapest.ToString(CultureInfo.InvariantCulture), error.Message);
        Assert.Contains(dearest.ToString(CultureInfo.InvariantCulture), error.Message);

        // What a mask leaves may be dearer.
        var convolutions = OperationMask.Create(SearchSpace.Darts, (_, _, row) => SearchSpace.Darts.Operations[row].Name.Contains("conv"));
        Assert.Throws<ArgumentException>(() => new CostTarget { Parameters = cheapest, Network = s_network }
            .Costs(convolutions, new SoftmaxRelaxation(), s_shape, s_images.ClassCount));
        Assert.NotNull(new CostTarget { Parameters = cheapest, Network = s_network }
            .Costs(s_full, new SoftmaxRelaxation(), s_shape, s_images.ClassCount));
    }

    [Theory]
    [InlineData(2)]
    [InlineData(40)]
    [InlineData(1000)]
    public void The_cheapest_network_is_found_however_few_costs_are_told_apart(int mostCosts)
    {
        var parameters = new CostTarget { Parameters = 1, Network = s_network };
        var costs = new GenotypeCosts(s_full, parameters, s_shape, classes: 10);
        // The dearer an operation, the higher its score.
        var choices = GenotypeChoices.Of(s_full, (_, edge, row) => row + 0.01 * edge);
        var (cheapest, dearest) = choices.Range(costs);
        foreach (var target in (long[])[cheapest, cheapest + 1, (cheapest + dearest) / 2, dearest])
        {
            var cost = Cost(choices.Strongest(costs, target, target, mostCosts), parameters, classes: 10);
            Assert.InRange(cost, cheapest, target);
            Assert.True(target != dearest || cost == dearest);
        }
    }

    [Fact]
    public void A_search_without_training_draws_what_costs_no_more_than_the_cheapest_network()
    {
        var target = new CostTarget { Parameters = 1, Network = s_network };
        var (cheapest, _) = GenotypeChoices.Of(s_full, mayShareInput: false).Range(new GenotypeCosts(s_full, target, s_shape, 10));
        target = target with { Parameters = cheapest };
        var draw = target.Draws(s_full, s_shape, classes: 10)!;
        var random = new Random(1);
        for (var i = 0; i < 5; i++)
            Assert.Equal(cheapest, Cost(draw(random), target, classes: 10));
    }

    [Fact]
    public void Not_exactly_one_limit_is_refused()
    {
        Assert.Contains("expected one of the two", Assert.Throws<ArgumentException>(new CostTarget().Validate).Message);
        Assert.Throws<ArgumentException>(new CostTarget { Parameters = 1, MultiplyAdds = 1 }.Validate);
        Assert.Throws<ArgumentException>(new CostTarget { Parameters = 0 }.Validate);
        Assert.Throws<ArgumentException>(new CostTarget { Parameters = 1, Weight = -1 }.Validate);
    }

    [Fact]
    public void Costs_of_edges_add_up_to_those_of_the_network()
    {
        Check(new CostTarget { Parameters = 1, Network = s_network });
        Check(new CostTarget { MultiplyAdds = 1 });

        static void Check(CostTarget target)
        {
            var costs = new GenotypeCosts(s_full, target, s_shape, classes: 10);
            var random = new Random(1);
            for (var i = 0; i < 20; i++)
            {
                var (normal, reduction) = (Cell(CellKind.Normal), Cell(CellKind.Reduction));
                Assert.Equal(
                    Cost(new Genotype(normal.Cell, reduction.Cell), target, classes: 10), costs.Common + normal.More + reduction.More);
            }

            (CellGenotype Cell, long More) Cell(CellKind kind)
            {
                var (edges, more) = (new List<GenotypeEdge>(), 0L);
                for (var node = 0; node < 4; node++)
                {
                    for (var i = 0; i < 2; i++)
                    {
                        var (from, row) = (random.Next(2 + node), random.Next(1, 8));
                        edges.Add(new GenotypeEdge(SearchSpace.Darts.Operations[row].Name, from));
                        more += costs.Of(kind, new GenotypeReading.Choice(SearchSpace.Darts.Topology.FirstEdge(node) + from, row, 0));
                    }
                }
                return (new CellGenotype(edges), more);
            }
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void No_genotype_within_the_range_scores_higher_than_the_one_found(bool mayShareInput)
    {
        using var scope = NewDisposeScope();
        var target = new CostTarget { Parameters = 1, Network = new CellNetOptions { Channels = 8, Cells = 3 } };
        var mask = OperationMask.Full(s_small);
        Relaxation relaxation = mayShareInput ? new GumbelRelaxation() : new SoftmaxRelaxation();
        var costs = new GenotypeCosts(mask, target, s_shape, classes: 3);
        var (cheapest, dearest) = GenotypeChoices.Of(mask, mayShareInput).Range(costs);
        for (var seed = 0; seed < 3; seed++)
        {
            using var architecture = new ArchitectureParameters(mask, edgeNormalization: seed > 0, ScalarType.Float64);
            using (var random = RandomStream.Of(seed, "alphas"))
                architecture.Initialize(random, scale: 1);
            var cells = SearchSpace.Darts.Kinds.Select(kind => All(architecture, kind).ToArray()).ToArray();
            var choices = GenotypeChoices.Of(relaxation, architecture);
            // Wide ranges, narrow ones, and ones that hold no network at all.
            foreach (var (from, to) in from share in (double[])[0, 0.2, 0.45, 0.7, 1] from width in (double[])[0, 0.003, 0.2]
                     let top = cheapest + (long)(share * (dearest - cheapest)) select (top - (long)(width * top), top))
            {
                var found = choices.Strongest(costs, from, to);
                var cost = Cost(found, target, classes: 3, s_small);
                var score = SearchSpace.Darts.Kinds.Sum(kind => Score(architecture, kind, found.Cell(kind), s_small));
                var (best, nearest, atNearest) = (double.NegativeInfinity, long.MinValue, double.NegativeInfinity);
                foreach (var normal in cells[0])
                {
                    foreach (var reduction in cells[1])
                    {
                        var (sum, total) = (costs.Common + normal.More + reduction.More, normal.Score + reduction.Score);
                        if (sum > to)
                            continue;
                        if (sum >= from)
                            best = Math.Max(best, total);
                        else if (sum > nearest)
                            (nearest, atNearest) = (sum, total);
                        else if (sum == nearest)
                            atNearest = Math.Max(atNearest, total);
                    }
                }
                if (double.IsNegativeInfinity(best))
                {
                    Assert.Equal(nearest, cost);
                    Assert.Equal(atNearest, score, 1e-12);
                }
                else
                {
                    Assert.InRange(cost, from, to);
                    Assert.Equal(best, score, 1e-12);
                }
            }
        }

        // The best cell of every cost: all that a search of everything has to look at.
        IEnumerable<(long More, double Score)> All(ArchitectureParameters architecture, CellKind kind)
        {
            var choices = Enumerable.Range(0, 2).Select(node => Enumerable.Range(0, 2 + node)
                .SelectMany(from => Enumerable.Range(1, 4).Select(row => (From: from, Row: row))).ToArray()).ToArray();
            var cells =
                from first in Pairs(choices[0]) from second in Pairs(choices[1])
                let edges = first.Concat(second).Select(at => new GenotypeEdge(s_small.Operations[at.Row].Name, at.From)).ToArray()
                let more = first.Concat(second).Select((at, i) =>
                    costs.Of(kind, new GenotypeReading.Choice(s_small.Topology.FirstEdge(i / 2) + at.From, at.Row, 0))).Sum()
                select (more, Score(architecture, kind, new CellGenotype(edges), s_small));
            return cells.GroupBy(cell => cell.more).Select(group => (group.Key, group.Max(cell => cell.Item2)));
        }

        IEnumerable<(int From, int Row)[]> Pairs((int From, int Row)[] choices) =>
            from a in Enumerable.Range(0, choices.Length) from b in Enumerable.Range(a + 1, choices.Length - a - 1)
            where mayShareInput || choices[a].From != choices[b].From select ((int, int)[])[choices[a], choices[b]];
    }

    [Fact]
    public void Where_costs_are_taken_together_the_network_still_lies_within_the_range_and_scores_almost_as_high()
    {
        using var scope = NewDisposeScope();
        using var architecture = new ArchitectureParameters(s_full, edgeNormalization: false, ScalarType.Float64);
        using (var random = RandomStream.Of(1, "alphas"))
            architecture.Initialize(random, scale: 1);
        var target = new CostTarget { Parameters = 200_000, Network = s_network };
        var costs = target.Costs(s_full, new SoftmaxRelaxation(), s_shape, classes: 10)!;
        var choices = GenotypeChoices.Of(new SoftmaxRelaxation(), architecture);
        var exact = choices.Strongest(costs, target.Least, target.Most);
        var coarse = choices.Strongest(costs, target.Least, target.Most, mostCosts: 40);
        Assert.InRange(Cost(coarse, target, classes: 10), target.Least, target.Most);
        Assert.InRange(Sum(coarse), 0.9 * Sum(exact), Sum(exact) + 1e-12);

        double Sum(Genotype genotype) =>
            SearchSpace.Darts.Kinds.Sum(kind => Score(architecture, kind, genotype.Cell(kind), SearchSpace.Darts));
    }

    [Fact]
    public void Without_a_limit_in_the_way_the_reading_is_that_of_the_relaxation() =>
        Gen.Select(Gen.Int, Gen.Bool).Sample((seed, sharing) =>
        {
            using var scope = NewDisposeScope();
            using var architecture = new ArchitectureParameters(s_full, edgeNormalization: true, ScalarType.Float64);
            using (var random = RandomStream.Of(seed, "alphas"))
                architecture.Initialize(random, scale: 1);
            Relaxation relaxation = sharing ? new GumbelRelaxation() : new SoftmaxRelaxation();
            var costs = new GenotypeCosts(s_full, new CostTarget { Parameters = 1, Network = s_network }, s_shape, classes: 10);
            Assert.Equal(relaxation.Genotype(architecture),
                GenotypeChoices.Of(relaxation, architecture).Strongest(costs, 0, long.MaxValue / 4));
        }, iter: 10, threads: 1);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_expected_cost_is_that_of_the_network_where_nothing_is_left_open_and_has_its_slope(bool edgeNormalization)
    {
        using var scope = NewDisposeScope();
        var target = new CostTarget { Parameters = 1, Network = s_network };
        // Two edges into every node, those from the cell's inputs.
        var mask = OperationMask.Create(SearchSpace.Darts, (_, edge, row) => SearchSpace.Darts.Topology.Ends(edge).From < 2 || row == 0);
        var costs = new GenotypeCosts(mask, target, s_shape, classes: 10);
        using var architecture = new ArchitectureParameters(mask, edgeNormalization, ScalarType.Float64);
        using (var random = RandomStream.Of(3, "alphas"))
            architecture.Initialize(random, scale: 1);
        foreach (var relaxation in (Relaxation[])[new SoftmaxRelaxation(), new SigmoidRelaxation(), new GumbelRelaxation()])
        {
            var expected = costs.Expected(architecture, relaxation, unit: 1000);
            expected.backward();
            const double step = 1e-5;
            foreach (var parameter in architecture.Parameters)
            {
                var slope = parameter.grad!.reshape(-1).data<double>().ToArray();
                var values = parameter.detach().reshape(-1);
                foreach (var i in (int[])[0, 3, 13])
                {
                    using var _ = no_grad();
                    values[i].add_(step);
                    var above = costs.Expected(architecture, relaxation, unit: 1000).item<double>();
                    values[i].sub_(2 * step);
                    var below = costs.Expected(architecture, relaxation, unit: 1000).item<double>();
                    values[i].add_(step);
                    Assert.Equal((above - below) / (2 * step), slope[i], 1e-5);
                }
                parameter.grad = null;
            }
        }
        if (edgeNormalization)
            return;                                                                 // there an edge counts by its weight
        using (no_grad())
        {
            foreach (var kind in SearchSpace.Darts.Kinds)
                architecture.Alphas(kind)[.., 4] += 60;                             // sep_conv_3x3 it is
        }
        Assert.Equal(Cost(architecture.Genotype(), target, classes: 10),
            costs.Expected(architecture, new SoftmaxRelaxation(), unit: 1).item<double>(), 1e-3);
    }

    [Fact]
    public void The_term_alone_brings_the_expected_cost_into_the_range_from_both_sides_and_stays_out_of_it_then()
    {
        foreach (var parameters in (long[])[160_000, 300_000])
        {
            using var scope = NewDisposeScope();
            var target = new CostTarget { Parameters = parameters, Network = s_network };
            var term = new ExpectedCost(target, target.Costs(s_full, new SoftmaxRelaxation(), s_shape, classes: 10)!);
            using var architecture = new ArchitectureParameters(s_full, edgeNormalization: false, ScalarType.Float64);
            var before = Share();
            for (var i = 0; i < 2000 && term.Loss(architecture, new SoftmaxRelaxation(), default)!.item<double>() > 0; i++)
            {
                term.Loss(architecture, new SoftmaxRelaxation(), default)!.backward();
                using var _ = no_grad();
                foreach (var parameter in architecture.Parameters)
                {
                    parameter.sub_(20 * parameter.grad!);
                    parameter.grad = null;
                }
            }
            Assert.False(before is >= 0.95 and <= 1, $"{parameters}: {before} at the start");
            Assert.InRange(Share(), 0.95 - 1e-9, 1 + 1e-9);

            double Share() => term.Costs.Expected(architecture, new SoftmaxRelaxation(), parameters).item<double>();
        }
    }

    private static double Score(ArchitectureParameters architecture, CellKind kind, CellGenotype cell, SearchSpace space)
    {
        using var scope = NewDisposeScope();
        var strengths = architecture.Softmax(kind).detach().data<double>().ToArray();
        var weights = architecture.EdgeWeights()?[(int)kind].detach().data<double>().ToArray();
        return cell.Edges.Select((edge, i) => (Edge: space.Topology.FirstEdge(i / 2) + edge.Input, Row: space.IndexOf(edge.Operation)))
            .Sum(at => strengths[at.Edge * space.Operations.Count + at.Row] * (weights?[at.Edge] ?? 1));
    }

    private static long Cost(Genotype genotype, CostTarget target, int classes, SearchSpace? space = null) =>
        target.Of(NetworkCost.Of(genotype, target.Network, s_shape, classes, space));

    private static SearchResult Run(Func<SearchOptions, SearchOptions> change, IProgress<RunProgress>? progress = null) =>
        MaskedDartsSearch.Run(s_images, s_full, change(SearchMethod.ZeroOneShot.Apply(new SearchOptions
        {
            Supernet = new SupernetOptions { Channels = 4, Cells = 3 }, Epochs = 3, WarmupEpochs = 1, BatchSize = 12, Seed = 5,
        })), progress, cancellationToken: TestContext.Current.CancellationToken);
}
