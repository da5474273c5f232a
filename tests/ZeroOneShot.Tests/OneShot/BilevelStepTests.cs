using TorchSharp;
using Xunit;
using ZeroOneShot.Data;
using ZeroOneShot.Networks;
using ZeroOneShot.OneShot;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.ZeroShot;
using static TorchSharp.torch;

namespace ZeroOneShot.Tests.OneShot;

public sealed class BilevelStepTests
{
    [Theory]
    [InlineData(1, "DARTS")]
    [InlineData(4, "DARTS")]
    [InlineData(1, "GDAS")]
    [InlineData(4, "FairDARTS")]
    public void Twenty_steps_leave_no_tensor_behind(int partial, string method)
    {
        using var search = new ToySearch(partial, method);
        search.Step();                                                          // makes gradients and the optimizers' state
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        for (var i = 0; i < 20; i++)
            search.Step();
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void Each_half_of_a_step_moves_only_what_it_is_for(int partial)
    {
        using var scope = NewDisposeScope();
        using var search = new ToySearch(partial);
        var (weights, architecture) = (Copy(search.Supernet.parameters()), Copy(search.Architecture.Parameters));
        search.Bilevel.ArchitectureStep(search.Images, search.Labels);
        Assert.All(weights.Zip(search.Supernet.parameters()), pair => Assert.True(pair.First.equal(pair.Second).all().item<bool>()));
        Assert.All(architecture.Zip(search.Architecture.Parameters), pair =>
            Assert.False(pair.First.equal(pair.Second).all().item<bool>()));

        architecture = Copy(search.Architecture.Parameters);
        search.Bilevel.WeightsStep(search.Images, search.Labels);
        Assert.All(weights.Zip(search.Supernet.parameters()), pair => Assert.False(pair.First.equal(pair.Second).all().item<bool>()));
        Assert.All(architecture.Zip(search.Architecture.Parameters), pair => Assert.True(pair.First.equal(pair.Second).all().item<bool>()));
    }

    [Theory]
    [InlineData("DARTS")]
    [InlineData("GDAS")]
    [InlineData("FairDARTS")]
    public void Masked_alphas_stay_0_through_weight_decay_and_the_terms_of_the_loss(string method)
    {
        using var search = new ToySearch(partial: 1, method);
        for (var i = 0; i < 5; i++)
            search.Step();
        var alphas = search.Architecture.AlphaValues();
        foreach (var kind in SearchSpace.Darts.Kinds)
            Assert.All(alphas[kind].Index(), at => Assert.Equal(search.Architecture.Mask[kind, at.Index / 8, at.Index % 8], at.Item != 0));
    }

    [Fact]
    public void Steps_on_one_batch_lower_its_loss()
    {
        using var search = new ToySearch(partial: 1);
        var first = search.Bilevel.WeightsStep(search.Images, search.Labels).Loss;
        var later = Enumerable.Range(0, 25).Select(_ => search.Bilevel.WeightsStep(search.Images, search.Labels).Loss).ToArray();
        Assert.True(later[^1] < 0.7 * first, $"{first} -> {string.Join(", ", later)}");
    }

    private static List<Tensor> Copy(IEnumerable<Tensor> tensors) => [.. tensors.Select(value => value.detach().clone())];

    private sealed class ToySearch : IDisposable
    {
        private static readonly CostTarget s_target = new()
        {
            Parameters = 150_000, Network = new CellNetOptions { Channels = 16, Cells = 8 },
        };

        public ToySearch(int partial, string method = "DARTS")
        {
            var (relaxation, terms) = (SearchMethod.Parse(method).Relaxation, SearchMethod.Parse(method).LossTerms);
            var mask = RandomPruning.Mask(SearchSpace.Darts, 0.5, seed: 2);
            var options = new SearchOptions
            {
                Supernet = new SupernetOptions { Channels = 4, Cells = 3, PartialChannels = partial, EdgeNormalization = partial > 1 },
                Relaxation = relaxation,
                LossTerms = [new BetaDecay(), .. terms],
            };
            Supernet = new Supernet(mask, options.Supernet, inputChannels: 3, classes: 4);
            Architecture = new ArchitectureParameters(mask, options.Supernet.EdgeNormalization);
            using (var random = RandomStream.Of(1, "weights"))
                Initialization.Default(Supernet, random);
            using (var random = RandomStream.Of(1, "architecture"))
                Architecture.Initialize(random);
            var cost = new ExpectedCost(s_target, s_target.Costs(mask, relaxation, new ImageShape(3, 16, 16), classes: 4)!);
            Bilevel = new BilevelStep(Supernet, Architecture, options with { LossTerms = [.. options.LossTerms, cost] });
            using var generator = new Generator(3);
            Images = randn([8, 3, 16, 16], generator: generator).DetachFromDisposeScope();
            Labels = tensor((long[])[0, 1, 2, 3, 0, 1, 2, 3]).DetachFromDisposeScope();
        }

        public Supernet Supernet { get; }

        public ArchitectureParameters Architecture { get; }

        public BilevelStep Bilevel { get; }

        public Tensor Images { get; }

        public Tensor Labels { get; }

        public void Step()
        {
            Bilevel.ArchitectureStep(Images, Labels, new SearchMoment(Epoch: 1, Epochs: 2, Step: 0));
            Bilevel.WeightsStep(Images, Labels);
        }

        public void Dispose()
        {
            Bilevel.Dispose();
            Architecture.Dispose();
            Supernet.Dispose();
            Images.Dispose();
            Labels.Dispose();
        }
    }
}
