using Xunit;
using ZeroOneShot.Data;
using ZeroOneShot.Models;
using ZeroOneShot.Networks;
using ZeroOneShot.OneShot;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Tests.Data;
using ZeroOneShot.Tests.Onnx;
using ZeroOneShot.Training;
using ZeroOneShot.ZeroShot;
using static TorchSharp.torch;

namespace ZeroOneShot.Tests.SearchSpaces;

/// <summary>From images to a network that classifies elsewhere, in spaces other than that of DARTS.</summary>
public sealed class WholeChainTests : IDisposable
{
    private static readonly ImageSet s_images = RandomImages.Of(48, 3, new ImageShape(3, 16, 16));

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("nas-bench-201")]
    [InlineData("darts-large")]
    [InlineData("darts-s1")]
    public void A_space_is_pruned_searched_trained_exported_and_its_weights_are_read_back(string name)
    {
        var (space, token) = (SearchSpace.Named(name), TestContext.Current.CancellationToken);
        var supernet = new SupernetOptions { Channels = 4, Cells = 3, PartialChannels = 1 };
        var full = OperationMask.Full(space);
        var pruned = ZeroShotPruning.Prune(s_images, new ZeroShotPruningOptions
        {
            Space = space, Supernet = supernet, BatchSize = 8, Batches = 1, Initializations = 1, RankingFunctions = [new NngpNorm()],
            Pruning = new PruningOptions { OperationsPerRound = 20, Criterion = RemainingCriterion.Operations },
        }, cancellationToken: token);
        Assert.Single(pruned.Rounds);
        Assert.Equal(full.AllEdges.Count(), pruned.Mask.TotalLive);                 // of 20 per edge and round all but one go
        Assert.InRange(pruned.Mask.RemainingFraction(RemainingCriterion.Operations), 0.01, 0.5);

        var mask = OperationMask.Create(space, (kind, edge, row) => pruned.Mask[kind, edge, row] || row % 2 == 0);
        var found = MaskedDartsSearch.Run(s_images, mask, new SearchOptions
        {
            Supernet = supernet, Epochs = 1, WarmupEpochs = 0, BatchSize = 12,
        }, cancellationToken: token);
        found.Genotype.ThrowIfNotIn(space);
        Assert.Equal(found.Genotype, Genotype.Parse(found.Genotype.ToString()));

        using var trained = CellNetTraining.Train(s_images, found.Genotype, new TrainingOptions
        {
            Network = new CellNetOptions { Channels = 4, Cells = 3, AuxiliaryHead = false }, Epochs = 1, BatchSize = 16,
        }, space: space, cancellationToken: token);
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var images = randn([5, 3, 16, 16], generator: new Generator(3));
        using (var file = File.Create(_folder.File("model.onnx")))
        {
            CellNetOnnx.Write(trained.Network, new ChannelStatistics([0, 0, 0], [1, 1, 1]), trained.Shape, trained.ClassNames, file,
                new CellNetOnnxOptions { InputScale = 255, Softmax = false });
        }
        var logits = trained.Network.forward(images);
        var exported = OnnxInference.Run(File.ReadAllBytes(_folder.File("model.onnx")), images);
        Assert.InRange((logits - exported).abs().max().item<float>(), 0, 1e-4);

        trained.Weights().Save(_folder.File("weights"));
        foreach (var kept in (string[])["weights", "model.onnx"])
        {
            var weights = CellNetWeights.Read(_folder.File(kept), space);
            Assert.Equal(found.Genotype, weights.Genotype);
            using var network = new CellNet(weights.Genotype, weights.Network, inputChannels: 3, classes: 3, space);
            weights.CopyTo(network, trained.ClassNames);
            network.eval();
            Assert.InRange((network.forward(images) - logits).abs().max().item<float>(), 0, 1e-5);
        }
    }
}
