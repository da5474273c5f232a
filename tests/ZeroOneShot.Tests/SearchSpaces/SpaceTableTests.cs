using System.Text.Json;
using TorchSharp;
using Xunit;
using ZeroOneShot.Data;
using ZeroOneShot.Lean;
using ZeroOneShot.Networks;
using ZeroOneShot.OneShot;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Tests.Data;
using ZeroOneShot.ZeroShot;
using static TorchSharp.torch;

namespace ZeroOneShot.Tests.SearchSpaces;

/// <summary>
/// The spaces that come with the library: what is in them, and that every relaxation learns in each what autograd learns.
/// </summary>
public sealed class SpaceTableTests
{
    static SpaceTableTests() => TorchRuntime.EnsureLoaded();

    private static readonly Dictionary<string, Relaxation> s_relaxations = new()
    {
        ["softmax"] = new SoftmaxRelaxation(),
        ["sigmoid"] = new SigmoidRelaxation(),
        ["Gumbel"] = new GumbelRelaxation(),
        ["Gumbel, idle weights added"] = new GumbelRelaxation { AddsIdleWeights = true },
    };

    public static TheoryData<string> Spaces => [.. SearchSpace.All.Select(space => space.Name)];

    public static TheoryData<string, string> SpacesAndRelaxations =>
        new(from space in SearchSpace.All from relaxation in s_relaxations.Keys select (space.Name, relaxation));

    [Fact]
    public void A_space_is_found_by_its_name_and_an_unknown_one_is_refused_with_those_there_are()
    {
        Assert.All(SearchSpace.All, space => Assert.Same(space, SearchSpace.Named(space.Name)));
        var error = Assert.Throws<ArgumentException>(() => SearchSpace.Named("nas-bench-101")).Message;
        Assert.Contains("'nas-bench-101'", error);
        Assert.All(SearchSpace.All, space => Assert.Contains(space.Name, error));
    }

    [Theory]
    [InlineData("s1")]
    [InlineData("s2")]
    [InlineData("s3")]
    [InlineData("s4")]
    public void Every_edge_of_a_RobustDarts_space_has_the_operations_of_the_public_code(string name)
    {
        using var json = JsonDocument.Parse(File.ReadAllText(Golden2.File("robustdarts_spaces.json")));
        var full = OperationMask.Full(SearchSpace.Named($"darts-{name}"));
        Assert.Equal(14, full.Space.Topology.EdgeCount);
        var used = new HashSet<int>();
        foreach (var (kind, key) in new[] { (CellKind.Normal, "normal"), (CellKind.Reduction, "reduce") })
        {
            var edges = json.RootElement.GetProperty("spaces").GetProperty(name).GetProperty(key).Deserialize<string[][]>()!;
            Assert.Equal(14, edges.Length);
            for (var edge = 0; edge < edges.Length; edge++)
            {
                Assert.Equal(edges[edge], full.Live(kind, edge).Select(row => full.Space.Operations[row].Name));
                used.UnionWith(full.Live(kind, edge));
            }
        }
        Assert.Equal(full.Space.Operations.Count, used.Count);                     // no row that no edge has
    }

    [Fact]
    public void The_large_space_has_17_operations_on_27_edges()
    {
        var space = SearchSpace.DartsLarge;
        Assert.Equal((6, 27, 17), (space.Topology.Nodes, space.Topology.EdgeCount, space.Operations.Count));
        Assert.Equal(SearchSpace.Darts.Operations, space.Operations.Take(8));
        Assert.Equal(2 * 27 * 17, OperationMask.Full(space).TotalLive);
    }

    [Theory]
    [MemberData(nameof(SpacesAndRelaxations))]
    public void A_step_in_little_memory_has_the_gradients_of_autograd(string name, string relaxation)
    {
        var space = SearchSpace.Named(name);
        Compare(OperationMask.Full(space), partial: 1, s_relaxations[relaxation]);
        Compare(RandomPruning.Mask(space, 0.5, seed: 4), partial: 1, s_relaxations[relaxation]);
        Compare(RandomPruning.Mask(space, 0.5, seed: 5), partial: 2, s_relaxations[relaxation]);
    }

    [Theory]
    [MemberData(nameof(Spaces))]
    public void A_step_in_little_memory_has_the_gradients_of_autograd_behind_every_stem(string name)
    {
        var space = SearchSpace.Named(name);
        Assert.Contains(space.Macro.Stems, stem => stem.Takes(256, 256));
        foreach (var stem in space.Macro.Stems.Skip(1))
            Compare(RandomPruning.Mask(space, 0.5, seed: 6), partial: 1, new SoftmaxRelaxation(), stem.Name, side: 35);
    }

    [Theory]
    [MemberData(nameof(Spaces))]
    public void Fractions_and_prunings_count_what_edges_allow(string name)
    {
        var space = SearchSpace.Named(name);
        var full = OperationMask.Full(space);
        var allowed = full.TotalLive;
        Assert.Equal(allowed, full.AllEdges.Sum(at => space.Operations.Index().Count(row => space.Allows(at.Kind, at.Edge, row.Index))));
        Assert.All(Enum.GetValues<RemainingCriterion>(), criterion => Assert.Equal(1, full.RemainingFraction(criterion)));
        Assert.Equal(full, OperationMask.FromJson(full.ToJson(), space));

        foreach (var excludeNone in (bool[])[true, false])
        {
            foreach (var criterion in Enum.GetValues<RemainingCriterion>())
            {
                var options = new PruningOptions { Level = 0.5, Criterion = criterion, ExcludeNone = excludeNone, OperationsPerRound = 1 };
                // The lowest live row of an edge matters least.
                var result = PartialPruning.Prune(full, mask => [1 + mask.AllLive.Sum(at => 1.0 + at.Operation)], options);
                var start = full.AllLive.Where(at => !excludeNone || space.Operations[at.Operation].CanBeChosen);
                Assert.Equal(start, result.Start.AllLive);
                var whole = criterion == RemainingCriterion.Architectures ? Remaining(result.Start) : 1;
                var masks = result.Rounds.Select(round => round.Mask).Prepend(result.Start).ToArray();
                for (var i = 0; i < masks.Length; i++)
                {
                    Assert.Equal(Remaining(masks[i]), masks[i].RemainingFraction(criterion), 1e-12);
                    var canLose = masks[i].AllEdges.Any(at => masks[i].LiveCount(at.Kind, at.Edge) > 1);
                    Assert.Equal(i < masks.Length - 1, Remaining(masks[i]) / whole > 0.5 && canLose);
                }
                foreach (var (kind, edge) in full.AllEdges)
                {
                    var left = result.Mask.Live(kind, edge).ToArray();
                    Assert.Equal(result.Start.Live(kind, edge).TakeLast(left.Length), left);
                }
                result.Mask.ThrowIfNoGenotype();

                double Remaining(OperationMask mask) => criterion == RemainingCriterion.Operations
                    ? (double)mask.TotalLive / allowed
                    : full.AllEdges.Aggregate(1.0, (product, at) =>
                        product * mask.LiveCount(at.Kind, at.Edge) / full.LiveCount(at.Kind, at.Edge));
            }
        }
    }

    [Theory]
    [InlineData("nas-bench-201")]
    [InlineData("darts-s1")]
    public void A_cost_target_is_met(string name)
    {
        var mask = OperationMask.Full(SearchSpace.Named(name));
        var shape = new ImageShape(3, 16, 16);
        var network = new CellNetOptions { Channels = 16, Cells = 6 };
        var range = GenotypeChoices.Of(mask, mayShareInput: false)
            .Range(new GenotypeCosts(mask, new CostTarget { Parameters = 1, Network = network }, shape, classes: 3));
        var target = new CostTarget { Parameters = (range.Cheapest + range.Dearest) / 2, Network = network };
        var result = MaskedDartsSearch.Run(RandomImages.Of(48, 3, shape), mask, new SearchOptions
        {
            Supernet = new SupernetOptions { Channels = 4, Cells = 3, PartialChannels = 1 }, Epochs = 2, WarmupEpochs = 0, BatchSize = 12,
            CostTarget = target,
        }, cancellationToken: TestContext.Current.CancellationToken);
        result.Genotype.ThrowIfNotIn(mask.Space);
        var cost = NetworkCost.Of(result.Genotype, network with { AuxiliaryHead = false }, shape, classes: 3, mask.Space).Parameters;
        Assert.InRange(cost, 0.95 * target.Most, target.Most);
    }

    private static void Compare(OperationMask mask, int partial, Relaxation relaxation, string? stem = null, int side = 12)
    {
        using var scope = NewDisposeScope();
        var options = new SupernetOptions { Channels = 4, Cells = 3, PartialChannels = partial, Stem = stem };
        using var supernet = new Supernet(mask, options, inputChannels: 3, classes: 4);
        using var architecture = new ArchitectureParameters(mask, options.EdgeNormalization, ScalarType.Float64);
        using (var random = RandomStream.Of(1, "weights"))
            Initialization.Default(supernet, random);
        using (var random = RandomStream.Of(1, "architecture"))
            architecture.Initialize(random);
        supernet.to(ScalarType.Float64).train();
        using var generator = new Generator(3);
        var images = randn([9, 3, side + 1, side], ScalarType.Float64, generator: generator);
        var labels = randint(4, 9, generator: generator);
        var start = supernet.buffers().Select(buffer => buffer.clone()).ToArray();

        var (autograd, buffers) = Gradients(mixture => nn.functional.cross_entropy(supernet.forward(images, mixture), labels).backward());
        var (lean, leanBuffers) = Gradients(
            mixture => new LeanSupernet(supernet).Gradient(images, labels, mixture, mixing: true));
        Assert.InRange(Relative(lean, autograd), 0, 1e-12);
        Assert.InRange(Relative(leanBuffers, buffers), 0, 1e-12);

        (Tensor Gradients, Tensor Buffers) Gradients(Action<Mixture> run)
        {
            supernet.zero_grad();
            foreach (var parameter in architecture.Parameters)
                parameter.grad = null;
            using (no_grad())
            {
                foreach (var (buffer, value) in supernet.buffers().Zip(start))
                    buffer.copy_(value);
            }
            using var random = RandomStream.Of(1, "sample");
            using var mixture = relaxation.Mix(architecture, new SearchMoment(0, 2, 0), random);
            run(mixture);
            var all = supernet.parameters().Concat(architecture.Parameters);
            return (cat([.. all.Select(parameter => (parameter.grad ?? zeros_like(parameter)).reshape(-1))]),
                cat([.. supernet.buffers().Select(buffer => buffer.to(ScalarType.Float64).reshape(-1))]).clone());
        }

        static double Relative(Tensor ours, Tensor expected) => ((ours - expected).norm() / expected.norm()).item<double>();
    }
}
