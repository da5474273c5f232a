using TorchSharp;
using Xunit;
using ZeroOneShot.Lean;
using ZeroOneShot.Layers;
using ZeroOneShot.Networks;
using ZeroOneShot.OneShot;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.ZeroShot;
using static TorchSharp.torch;

namespace ZeroOneShot.Tests.Networks;

/// <summary>The lean step's gradients against those of autograd through <see cref="Supernet.forward"/>, in double precision.</summary>
public sealed class LeanSupernetTests
{
    private const double Bound = 1e-12;

    static LeanSupernetTests() => TorchRuntime.EnsureLoaded();

    /// <summary>
    /// All methods that train a supernet, and both of GDAS' and FairDARTS' relaxations with the partial connections of PC-DARTS.
    /// </summary>
    private static readonly Dictionary<string, SearchMethod> s_methods = SearchMethod.All
        .Where(method => method is { Pruning: not PruningKind.ZeroShotToGenotype, Search: SearchKind.OneShot })
        .Concat(
        [
            SearchMethod.PcDarts with { Name = "PC-GDAS", Relaxation = new GumbelRelaxation() },
            SearchMethod.PcDarts with { Name = "PC-GDAS, idle weights", Relaxation = new GumbelRelaxation { AddsIdleWeights = true } },
            SearchMethod.Gdas with { Name = "GDAS, idle weights", Relaxation = new GumbelRelaxation { AddsIdleWeights = true } },
            SearchMethod.PcDarts with { Name = "PC-FairDARTS", Relaxation = new SigmoidRelaxation() },
        ])
        .ToDictionary(method => method.Name);

    public static TheoryData<string, bool, bool> Cases => new(
        from method in s_methods.Keys
        from masked in (bool[])[false, true]
        from kernels in (bool[])[true, false]
        select (method, masked, kernels));

    [Theory]
    [MemberData(nameof(Cases))]
    public void The_lean_step_has_the_gradients_of_autograd(string method, bool masked, bool kernels) =>
        Compare(method, masked, kernels, Stem.Cifar, height: 12, width: 11);

    [Theory]
    [InlineData("DARTS", false)]
    [InlineData("DARTS", true)]
    [InlineData("PC-DARTS", false)]
    [InlineData("PC-DARTS", true)]
    public void It_has_them_with_the_stem_for_ImageNet(string method, bool masked)
    {
        Compare(method, masked, kernels: true, Stem.ImageNet, height: 40, width: 71);
        Compare(method, masked, kernels: false, Stem.ImageNet, height: 40, width: 71);
    }

    [Theory]
    [InlineData("DARTS")]
    [InlineData("PC-DARTS")]
    public void It_has_them_where_an_identity_is_normalised(string method)
    {
        var normalized = new CandidateOperation(
            "norm_skip", stride => stride == 1 ? [] : [new FactorizedReduce()], isNormalizedInSearch: true);
        var space = new SearchSpace("normalised", new CellTopology(2),
            [normalized, CandidateOperation.SkipConnect, CandidateOperation.MaxPool3x3, CandidateOperation.SeparableConvolution3x3]);
        // With partial connections 2 channels of 8 pass the operations.
        Compare(method, masked: false, kernels: true, Stem.Cifar, height: 12, width: 11, space, channels: 8);
    }

    private static void Compare(
        string method, bool masked, bool kernels, Stem stem, int height, int width, SearchSpace? space = null, int channels = 4)
    {
        using var scope = NewDisposeScope();
        var mask = masked ? RandomPruning.Mask(SearchSpace.Darts, 0.5, seed: 3) : OperationMask.Full(space ?? SearchSpace.Darts);
        var options = s_methods[method]
            .Apply(new SearchOptions
            {
                Supernet = new SupernetOptions { Channels = channels, Cells = 4, NormalizedOutput = masked, Stem = stem.Name },
            });
        using var supernet = new Supernet(mask, options.Supernet, inputChannels: 3, classes: 4);
        using var architecture = new ArchitectureParameters(mask, options.Supernet.EdgeNormalization, ScalarType.Float64);
        using (var random = RandomStream.Of(1, "weights"))
            Initialization.Default(supernet, random);
        using (var random = RandomStream.Of(1, "architecture"))
            architecture.Initialize(random, scale: 1);
        supernet.to(ScalarType.Float64).train();
        using var generator = new Generator(3);
        var images = randn([9, 3, height, width], ScalarType.Float64, generator: generator);
        var labels = randint(4, 9, generator: generator);

        var (loss, weights, alphas, statistics) = Gradients(mixture =>
        {
            var sum = nn.functional.cross_entropy(supernet.forward(images, mixture), labels);
            sum.backward();
            return sum;
        });
        var order = kernels ? FeatureOrder.For(images) : FeatureOrder.Pixels;
        var lean = Gradients(mixture => new LeanSupernet(supernet).Gradient(images, labels, mixture, mixing: true, order).Loss);

        Assert.Equal(loss, lean.Loss, Bound);
        Assert.InRange(Relative(lean.Weights, weights), 0, Bound);
        Assert.InRange(Relative(lean.Alphas, alphas), 0, Bound);
        Assert.InRange(Relative(lean.Statistics, statistics), 0, Bound);

        // Two steps, so that a sample runs on what another one has left.
        (double Loss, Tensor Weights, Tensor Alphas, Tensor Statistics) Gradients(Func<Mixture, Tensor> run)
        {
            foreach (var norm in supernet.modules().OfType<BatchNormModule>())
            {
                norm.RunningMean.zero_();
                norm.RunningVariance.fill_(1);
            }
            supernet.zero_grad();
            foreach (var parameter in architecture.Parameters)
                parameter.grad = null;
            var loss = 0.0;
            for (var step = 0; step < 2; step++)
            {
                using var random = RandomStream.Of(step, "sample");
                using var mixture = options.Relaxation.Mix(architecture, new SearchMoment(0, 1, step), random);
                loss += run(mixture).item<double>();
            }
            return (loss, Flat(supernet.parameters()), Flat(architecture.Parameters),
                cat([.. supernet.named_buffers().Select(buffer => buffer.buffer.to(ScalarType.Float64).reshape(-1))]).clone());
        }
    }

    [Fact]
    public void Images_that_are_none_for_the_network_are_refused_with_a_sentence()
    {
        using var scope = NewDisposeScope();
        var mask = OperationMask.Full(SearchSpace.Darts);
        var options = new SearchOptions { Supernet = new() { Channels = 4, Cells = 3, PartialChannels = 1, EdgeNormalization = false } };
        using var supernet = new Supernet(mask, options.Supernet, inputChannels: 3, classes: 4);
        using var architecture = new ArchitectureParameters(mask, edgeNormalization: false);
        using var step = new BilevelStep(supernet, architecture, options);
        var labels = zeros([8], ScalarType.Int64);
        Assert.Contains("The images are Float64 on 'cpu', the weights of the network Float32 on 'cpu'",
            Assert.Throws<ArgumentException>(() => step.WeightsStep(zeros([8, 3, 16, 16], ScalarType.Float64), labels)).Message);
        Assert.Contains("The images have the shape [8, 1, 16, 16]; the network takes N x 3 x height x width",
            Assert.Throws<ArgumentException>(() => step.WeightsStep(zeros([8, 1, 16, 16]), labels)).Message);
    }

    [Fact]
    public void Activations_in_bfloat16_keep_the_direction_of_the_gradient()
    {
        using var scope = NewDisposeScope();
        var mask = RandomPruning.Mask(SearchSpace.Darts, 0.5, seed: 3);
        var options = new SupernetOptions { Channels = 4, Cells = 6, PartialChannels = 1 };
        using var supernet = new Supernet(mask, options, inputChannels: 3, classes: 4);
        using (var random = RandomStream.Of(1, "weights"))
            Initialization.Default(supernet, random);
        supernet.train();
        using var generator = new Generator(3);
        var images = randn([16, 3, 16, 16], generator: generator);
        var labels = randint(4, 16, generator: generator);
        using var mixture = Mixture.Uniform(mask, edgeNormalization: false);

        var exact = Gradient(bfloat16: false);
        var rounded = Gradient(bfloat16: true);
        var cosine = ((exact * rounded).sum() / (exact.norm() * rounded.norm())).item<float>();
        Assert.InRange(cosine, 0.95, 0.999999);                                     // 8 bits of mantissa, cell after cell, ReLU after ReLU

        Tensor Gradient(bool bfloat16)
        {
            supernet.zero_grad();
            new LeanSupernet(supernet, bfloat16).Gradient(images, labels, mixture, mixing: false);
            return Flat(supernet.parameters());
        }
    }

    [Fact]
    public void Activations_in_bfloat16_are_refused_where_autograd_keeps_them() =>
        Assert.Contains("BFloat16Activations needs Evaluation = Lean", Assert.Throws<ArgumentException>(
            () => new SearchOptions { BFloat16Activations = true, Evaluation = SupernetEvaluation.Plain }.Validate()).Message);

    private static Tensor Flat(IEnumerable<TorchSharp.Modules.Parameter> parameters) =>
        cat([.. parameters.Select(parameter => (parameter.grad ?? zeros_like(parameter)).reshape(-1))]).clone();

    private static double Relative(Tensor a, Tensor b) => ((a - b).norm() / b.norm()).to(ScalarType.Float64).item<double>();
}
