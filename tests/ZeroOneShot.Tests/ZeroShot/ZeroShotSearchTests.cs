using ZeroOneShot.Data;
using ZeroOneShot.Networks;
using ZeroOneShot.OneShot;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Tests.Data;
using ZeroOneShot.ZeroShot;
using ZeroOneShot.ZeroShot.Functions;
using Xunit;

namespace ZeroOneShot.Tests.ZeroShot;

/// <summary>A search without training: candidates of the mask, ranked, the best one first.</summary>
public sealed class ZeroShotSearchTests : IDisposable
{
    private static readonly ZeroShotSearchOptions s_small = new()
    {
        Candidates = 6,
        // Of eight images SWAP sees all patterns in each of these networks.
        Ranking = new() { BatchSize = 16, Batches = 1, Initializations = 1 },
        Network = new() { Channels = 4, Cells = 3, AuxiliaryHead = false },
        Seed = 3,
    };

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void What_is_found_is_the_candidate_whose_ranks_are_highest_together()
    {
        var found = Run();
        Assert.Equal(6, found.Candidates.Select(candidate => candidate.Genotype).Distinct().Count());
        Assert.Equal(found.Genotype, found.Candidates[0].Genotype);
        var sums = found.Candidates.Select(candidate => Enumerable.Range(0, candidate.Values.Count).Sum(function =>
            found.Candidates.Count(other => other.Values[function] < candidate.Values[function])
            + (found.Candidates.Count(other => other.Values[function] == candidate.Values[function]) + 1) / 2.0)).ToArray();
        Assert.Equal(sums, found.Candidates.Select(candidate => candidate.Score));
        Assert.Equal(sums.OrderDescending(), sums);
    }

    [Fact]
    public void Candidates_are_drawn_from_the_mask()
    {
        var mask = RandomPruning.Mask(SearchSpace.Darts, 0.3, 4);
        Assert.All(Run(mask).Candidates, candidate => Assert.All(candidate.Genotype.Normal.Edges.Index(), edge =>
        {
            var row = SearchSpace.Darts.Operations.ToList().FindIndex(operation => operation.Name == edge.Item.Operation);
            Assert.Contains(row, Enumerable.Range(0, SearchSpace.Darts.Topology.EdgeCount)
                .Where(at => SearchSpace.Darts.Topology.Ends(at)
                    == new CellEdge(edge.Item.Input, candidate.Genotype.Normal.NodeOf(edge.Index)))
                .SelectMany(at => mask.Live(CellKind.Normal, at)));
        }));
    }

    [Fact]
    public void Cancelled_it_goes_on_to_the_same_result_bit_for_bit()
    {
        var whole = Run();
        using var cancellation = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() => Run(
            progress: EachStep.CancelAt(3, cancellation), checkpoint: _folder.File("search.safetensors"), stop: cancellation));
        var steps = 0;
        var resumed = Run(progress: new EachStep(_ => steps++), checkpoint: _folder.File("search.safetensors"));
        Assert.Equal(3, steps);
        Assert.Equal(whole.Candidates.Select(candidate => (candidate.Genotype, candidate.Values[0], candidate.Values[1], candidate.Score)),
            resumed.Candidates.Select(candidate => (candidate.Genotype, candidate.Values[0], candidate.Values[1], candidate.Score)));
    }

    [Fact]
    public void Gone_on_with_other_threads_it_says_that_last_bits_may_differ()
    {
        using var cancellation = new CancellationTokenSource();
        Assert.Throws<OperationCanceledException>(() => Run(
            progress: EachStep.CancelAt(3, cancellation), checkpoint: _folder.File("search.safetensors"), stop: cancellation));
        var (warnings, threads) = (new List<string>(), TorchSharp.torch.get_num_threads());
        TorchSharp.torch.set_num_threads(threads + 1);
        try
        {
            Run(progress: new Warned(warnings.Add), checkpoint: _folder.File("search.safetensors"));
        }
        finally
        {
            TorchSharp.torch.set_num_threads(threads);
        }
        Assert.Contains(warnings, warning => warning.Contains($"goes on by cpu, {threads + 1} thread(s)", StringComparison.Ordinal));
    }

    [Fact]
    public void Another_seed_draws_other_candidates_and_a_checkpoint_of_them_is_refused()
    {
        Run(checkpoint: _folder.File("search.safetensors"));
        Assert.Contains("candidates", Assert.Throws<InvalidDataException>(() => Run(
            options: s_small with { Seed = 4 }, checkpoint: _folder.File("search.safetensors"))).Message);
    }

    [Fact]
    public void Only_accepted_genotypes_are_ranked_and_none_among_many_is_an_error_with_the_numbers()
    {
        static bool HasPool(Genotype genotype) => genotype.ToString().Contains("pool", StringComparison.Ordinal);
        Assert.All(Run(options: s_small with { Accepts = HasPool }).Candidates, candidate => Assert.True(HasPool(candidate.Genotype)));
        Assert.Contains("10000 were drawn and none of them is accepted",
            Assert.Throws<ArgumentException>(() => Run(options: s_small with { Accepts = _ => false })).Message);
    }

    [Fact]
    public void Each_space_has_functions_of_its_own()
    {
        Assert.Equal("swap, az-expressivity, skip-connections, shallowness", Names(SearchSpace.Darts));
        Assert.Equal("swap, naswot", Names(SearchSpace.NasBench201));
        Assert.Equal("swap, az-expressivity", Names(SearchSpace.Named("darts-s4")));
        Assert.Equal(4, Run(options: s_small with { Candidates = 2 }).Candidates[0].Values.Count);

        static string Names(SearchSpace space) =>
            string.Join(", ", ZeroShotSearchOptions.DefaultFunctions(space).Select(function => function.Name));
    }

    [Fact]
    public void Functions_that_look_at_no_image_do_not_decide_alone_beside_others()
    {
        Assert.Contains("'one-for-all' gave the same for all 6 candidates, up to rounding: nothing tells which is best",
            Assert.Throws<InvalidOperationException>(
                () => Run(options: s_small with { Functions = [new OneForAll(), new SkipConnections(), new Shallowness()] })).Message);
        Assert.Equal(6, Run(options: s_small with { Functions = [new SkipConnections()] }).Candidates.Count);
    }

    [Theory]
    [InlineData(4, 0)]
    [InlineData(5, 1)]
    public void Of_few_candidates_one_that_gives_the_same_for_all_is_not_told(int candidates, int told)
    {
        var warnings = new List<string>();
        Run(options: s_small with { Candidates = candidates, Functions = [new OneForAll(), new L2Norm()] },
            progress: new Warned(warnings.Add));
        Assert.Equal(told, warnings.Count);
    }

    [Fact]
    public void Functions_that_tell_no_candidate_from_another_are_refused_and_one_among_others_is_told()
    {
        Assert.Contains("Ranking function 'one-for-all' gave the same for all 6 candidates, up to rounding: nothing tells which is best",
            Assert.Throws<InvalidOperationException>(() => Run(options: s_small with { Functions = [new OneForAll()] })).Message);
        var warnings = new List<string>();
        var found = Run(options: s_small with { Functions = [new OneForAll(), new L2Norm()] },
            progress: new Warned(warnings.Add));
        Assert.Contains("'one-for-all' gave the same for all 6 candidates, up to rounding: the others alone decide",
            Assert.Single(warnings));
        Assert.Equal(found.Candidates.Max(candidate => candidate.Values[1]), found.Candidates[0].Values[1]);
    }

    private sealed class OneForAll : IRankingFunction
    {
        public string Name => "one-for-all";

        public double Rank(RankedNetwork network) => 1;
    }

    [Fact]
    public void Where_there_is_one_genotype_to_draw_it_is_found()
    {
        var found = Run(options: s_small with { Draw = _ => PublishedGenotypes.PcDartsCifar });
        Assert.Equal(PublishedGenotypes.PcDartsCifar, Assert.Single(found.Candidates).Genotype);
    }

    [Theory]
    [InlineData(9_000)]
    [InlineData(6_000)]
    public void Under_a_cost_target_all_candidates_cost_at_most_that_and_nearly_as_much(long parameters)
    {
        var (shape, full) = (new ImageShape(3, 16, 16), OperationMask.Full(SearchSpace.Darts));
        var target = new CostTarget { Parameters = parameters, Network = s_small.Network };
        var found = Run(options: s_small with { Candidates = 6, Draw = target.Draws(full, shape, 3) });
        Assert.Equal(6, found.Candidates.Select(candidate => candidate.Genotype).Distinct().Count());
        Assert.All(found.Candidates, candidate => Assert.InRange(
            NetworkCost.Of(candidate.Genotype, target.Network, shape, 3).Parameters, 0.95 * parameters, parameters));
    }

    [Fact]
    public void A_cost_target_that_no_network_meets_is_refused_with_the_numbers_and_one_that_all_meet_draws_as_ever()
    {
        var (shape, full) = (new ImageShape(3, 16, 16), OperationMask.Full(SearchSpace.Darts));
        var target = new CostTarget { Parameters = 10, Network = s_small.Network };
        Assert.Contains("CostTarget is 10 parameters, but the cheapest network",
            Assert.Throws<ArgumentException>(() => target.Draws(full, shape, 3)).Message);
        Assert.Null((target with { Parameters = long.MaxValue }).Draws(full, shape, 3));
    }

    [Fact]
    public void A_search_whose_time_was_up_is_over_when_it_goes_on()
    {
        var limited = s_small with { TimeLimit = TimeSpan.FromTicks(1) };
        var found = Run(options: limited, checkpoint: _folder.File("search.safetensors"));
        var again = Run(options: limited with { TimeLimit = null }, checkpoint: _folder.File("search.safetensors"),
            progress: new EachStep(_ => Assert.Fail("nothing is left to rank")));
        Assert.Equal(found.Candidates.Select(candidate => candidate.Genotype), again.Candidates.Select(candidate => candidate.Genotype));
    }

    [Fact]
    public void A_time_limit_leaves_at_least_two_candidates_to_choose_from() =>
        Assert.Equal(2, Run(options: s_small with { TimeLimit = TimeSpan.FromTicks(1) }).Candidates.Count);

    [Fact]
    public void Fewer_genotypes_than_asked_for_are_not_taken_for_shortened_by_the_clock()
    {
        Assert.True(Run(options: s_small with { TimeLimit = TimeSpan.FromTicks(1) }).Shortened);
        var sampler = new GenotypeSampler(OperationMask.Full(SearchSpace.Darts));
        Genotype[] three = [.. sampler.Draw(3, seed: 0)];
        var found = Run(options: s_small with
        {
            Candidates = 4, TimeLimit = TimeSpan.FromHours(1), Draw = random => three[random.Next(three.Length)],
        });
        Assert.Equal((3, false), (found.Candidates.Count, found.Shortened));
    }

    [Fact]
    public void Settings_out_of_range_are_named()
    {
        Assert.Contains("Candidates is 1", Assert.Throws<ArgumentException>(() => Run(options: s_small with { Candidates = 1 })).Message);
        Assert.Contains("Functions is empty", Assert.Throws<ArgumentException>(
            () => Run(options: s_small with { Functions = [] })).Message);
        Assert.Contains("TimeLimit is", Assert.Throws<ArgumentException>(
            () => Run(options: s_small with { TimeLimit = TimeSpan.Zero })).Message);
    }

    private static ZeroShotSearchResult Run(OperationMask? mask = null, IProgress<RunProgress>? progress = null,
        string? checkpoint = null, ZeroShotSearchOptions? options = null, CancellationTokenSource? stop = null) =>
        ZeroShotSearch.Run(RandomImages.Of(24, 3, new ImageShape(3, 16, 16)), mask ?? OperationMask.Full(SearchSpace.Darts),
            options ?? s_small, progress, checkpoint, stop?.Token ?? TestContext.Current.CancellationToken);
}
