using Xunit;
using ZeroOneShot.Data;
using ZeroOneShot.Layers;
using ZeroOneShot.Models;
using ZeroOneShot.Networks;
using ZeroOneShot.OneShot;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Tests.Data;
using ZeroOneShot.Tests.Onnx;
using ZeroOneShot.Training;
using static TorchSharp.torch;

namespace ZeroOneShot.Tests.SearchSpaces;

/// <summary>Space S4 of RobustDARTS, whose noise is random and yet comes out the same for the same seed.</summary>
public sealed class NoiseTests : IDisposable
{
    private static readonly ImageSet s_images = RandomImages.Of(48, 3, new ImageShape(3, 16, 16));

    private readonly TemporaryFolder _folder = new();

    static NoiseTests() => TorchRuntime.EnsureLoaded();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Noise_is_standard_normal_fresh_in_every_run_and_apart_for_every_edge()
    {
        using var scope = NewDisposeScope();
        using var first = new NoiseModule(stride: 2);
        using var second = new NoiseModule(stride: 2);
        using (var random = RandomStream.Of(1, "weights"))
        {
            Initialization.Default(first, random);
            Initialization.Default(second, random);
        }
        var x = zeros(16, 8, 31, 32).requires_grad_();
        var (one, two, other) = (first.forward(x), first.forward(x), second.forward(x));
        Assert.Equal([16, 8, 16, 16], one.shape);
        Assert.False(one.requires_grad);
        const double deviation = 1 / 181.0;                                         // of a mean of 32,768 numbers
        Assert.InRange(one.mean().item<float>(), -4 * deviation, 4 * deviation);
        Assert.InRange(one.std().item<float>(), 1 - 4 * deviation, 1 + 4 * deviation);
        Assert.All([(one * two).mean(), (one * other).mean(), (two * other).mean()],
            product => Assert.InRange(product.item<float>(), -4 * deviation, 4 * deviation));

        first.Tracks = false;
        Assert.True(first.forward(x).equal(two).all().item<bool>());
        first.eval();
        Assert.Equal(0, first.forward(x).abs().max().item<float>());
    }

    [Fact]
    public void A_search_among_noise_is_the_same_for_the_same_seed_and_after_a_stop()
    {
        var expected = Search(checkpoint: null, seed: 1);
        Assert.Equal(expected.Epochs, Search(checkpoint: null, seed: 1).Epochs);
        Assert.NotEqual(expected.Epochs, Search(checkpoint: null, seed: 2).Epochs);
        using (var cancellation = new CancellationTokenSource())
        {
            Assert.Throws<OperationCanceledException>(() => Search(
                _folder.File("search"), seed: 1, EachStep.CancelAt(3, cancellation), cancellation.Token));
        }
        var resumed = Search(_folder.File("search"), seed: 1);
        Assert.Equal(expected.Epochs, resumed.Epochs);
        Assert.Equal(expected.Alphas[CellKind.Normal], resumed.Alphas[CellKind.Normal]);
    }

    [Fact]
    public void A_network_with_noise_classifies_an_image_always_alike_as_an_onnx_model_does_and_learns_on_from_either_file()
    {
        var cell = new CellGenotype(
            [.. Enumerable.Range(0, 8).Select(i => new GenotypeEdge(i % 3 == 0 ? "noise" : "sep_conv_3x3", i % 2))]);
        var options = new TrainingOptions
        {
            Network = new CellNetOptions { Channels = 4, Cells = 3, AuxiliaryHead = false }, Epochs = 1, BatchSize = 16, Seed = 3,
        };
        using var trained = CellNetTraining.Train(s_images, new Genotype(cell, cell), options, space: SearchSpace.DartsS4,
            cancellationToken: TestContext.Current.CancellationToken);
        using var again = CellNetTraining.Train(s_images, new Genotype(cell, cell), options, space: SearchSpace.DartsS4,
            cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(trained.Epochs, again.Epochs);
        Assert.Equal(trained.Measure(s_images, TestContext.Current.CancellationToken),
            trained.Measure(s_images, TestContext.Current.CancellationToken));

        using var scope = NewDisposeScope();
        var images = randn([5, 3, 16, 16], generator: new Generator(3));
        using (var file = File.Create(_folder.File("model.onnx")))
        {
            CellNetOnnx.Write(trained.Network, new ChannelStatistics([0, 0, 0], [1, 1, 1]), trained.Shape, trained.ClassNames, file,
                new CellNetOnnxOptions { InputScale = 255, Softmax = false });
        }
        var logits = OnnxInference.Run(File.ReadAllBytes(_folder.File("model.onnx")), images);
        Assert.InRange((trained.Network.forward(images) - logits).abs().max().item<float>(), 0, 1e-4);

        trained.Weights().Save(_folder.File("weights"));
        foreach (var name in (string[])["weights", "model.onnx"])
        {
            var weights = CellNetWeights.Read(_folder.File(name), SearchSpace.DartsS4);
            using var more = CellNetTraining.Continue(s_images, weights, options,
                cancellationToken: TestContext.Current.CancellationToken);
            Assert.Single(more.Epochs);
        }
    }

    private static SearchResult Search(
        string? checkpoint, long seed, EachStep? progress = null, CancellationToken? cancellationToken = null) =>
        MaskedDartsSearch.Run(s_images, OperationMask.Full(SearchSpace.DartsS4), new SearchOptions
        {
            Supernet = new SupernetOptions { Channels = 4, Cells = 3, PartialChannels = 1 }, Epochs = 2, WarmupEpochs = 0, BatchSize = 12,
            Seed = seed,
        }, progress, checkpoint, cancellationToken ?? TestContext.Current.CancellationToken);
}
