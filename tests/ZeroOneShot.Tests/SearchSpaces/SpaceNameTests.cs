using System.Globalization;
using Xunit;
using ZeroOneShot.Data;
using ZeroOneShot.Layers;
using ZeroOneShot.Networks;
using ZeroOneShot.OneShot;
using ZeroOneShot.Onnx;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Tests.Data;
using ZeroOneShot.Training;
using ZeroOneShot.ZeroShot;
using ZeroOneShot.ZeroShot.Functions;
using static TorchSharp.torch;

namespace ZeroOneShot.Tests.SearchSpaces;

/// <summary>Files say which space they are of, and two spaces by one name are told apart.</summary>
public sealed class SpaceNameTests : IDisposable
{
    private static readonly ImageSet s_images = RandomImages.Of(24, 3, new ImageShape(3, 16, 16));

    // The third has the same operations, another layer in one of them.
    private static readonly SearchSpace s_space = Own(CandidateOperation.SeparableConvolution3x3),
        s_other = Own(CandidateOperation.DilatedConvolution3x3), s_subtle = Own(new CandidateOperation(
            CandidateOperation.SeparableConvolution3x3.Name, CandidateOperation.DilatedConvolution5x5.Layers));

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("darts")]
    [InlineData("DARTS")]
    [InlineData("nas-bench-201")]
    public void A_space_of_ones_own_is_not_called_as_one_that_comes_with_the_library(string name)
    {
        var error = Assert.Throws<ArgumentException>(
            () => new SearchSpace(name, new CellTopology(2), [CandidateOperation.SkipConnect])).Message;
        Assert.Contains($"A search space of one's own is called '{name}', as one that comes with the library is", error);
    }

    [Fact]
    public void The_same_space_made_again_reads_its_files_in_every_country()
    {
        var mask = OperationMask.Full(Own(Leaky(0.25)));
        var (culture, comma) = (CultureInfo.CurrentCulture, (CultureInfo)CultureInfo.InvariantCulture.Clone());
        comma.NumberFormat.NumberDecimalSeparator = ",";
        try
        {
            CultureInfo.CurrentCulture = comma;
            Assert.Equal("0,25", $"{0.25}");
            Assert.Equal(mask, OperationMask.FromJson(mask.ToJson(), Own(Leaky(0.25))));
            Assert.Throws<FormatException>(() => OperationMask.FromJson(mask.ToJson(), Own(Leaky(0.5))));
        }
        finally
        {
            CultureInfo.CurrentCulture = culture;
        }
        // Who writes a mask knows the name alone.
        var lines = mask.ToJson().Split('\n');
        Assert.Equal(mask, OperationMask.FromJson(
            string.Join('\n', lines.Where(line => !line.Contains("space_signature", StringComparison.Ordinal))), mask.Space));

        static CandidateOperation Leaky(double slope) => new("leaky_conv",
            stride => [new LeakyRelu(slope), new Convolution(3) { Depthwise = true, Stride = stride }, new BatchNorm()]);
    }

    [Fact]
    public void Masks_results_and_weights_of_a_space_made_of_something_else_by_the_same_name_are_refused_with_both()
    {
        var mask = OperationMask.Full(s_space);
        using var trained = CellNetTraining.Train(s_images, mask.ReadGenotype((_, _, row) => row), new TrainingOptions
        {
            Network = new CellNetOptions { Channels = 4, Cells = 3, AuxiliaryHead = false }, Epochs = 1, BatchSize = 12,
        }, space: s_space, cancellationToken: TestContext.Current.CancellationToken);
        var weights = _folder.File("weights.safetensors");
        trained.Weights().Save(weights);
        Assert.Equal(trained.Network.Genotype, CellNetWeights.Read(weights, s_space).Genotype);
        foreach (var other in (SearchSpace[])[s_other, s_subtle])
        {
            Both(Assert.Throws<FormatException>(() => OperationMask.FromJson(mask.ToJson(), other)).Message, other);
            Both(Assert.Throws<FormatException>(
                () => PruningResult.FromJson(new PruningResult(mask, []).ToJson(), other)).Message, other);
            Both(Assert.Throws<ArgumentException>(() => CellNetWeights.Read(weights, other)).Message, other);
            Assert.NotEqual(mask, OperationMask.Full(other));
        }
        Assert.Contains("holds a network of search space 'own', which does not come with the library (darts, darts-s1,",
            Assert.Throws<ArgumentException>(() => CellNetWeights.Read(weights)).Message);

        static void Both(string message, SearchSpace expected)
        {
            Assert.Contains("search space 'own' as it was made of skip_connect, sep_conv_3x3 (", message);
            Assert.Contains($"'own' made of skip_connect, {expected.Operations[1]} (", message);
        }
    }

    [Fact]
    public void Checkpoints_of_every_stage_are_refused_by_a_space_made_of_something_else_by_the_same_name()
    {
        foreach (var run in (Action<SearchSpace, CancellationToken>[])[Prune, Rank, Search, Train])
        {
            _file = _folder.File(run.Method.Name);
            using (var source = new CancellationTokenSource())
            {
                s_stop = source;
                Assert.ThrowsAny<OperationCanceledException>(() => run(s_space, source.Token));
                s_stop = null;
            }
            Assert.True(File.Exists(_file), run.Method.Name);
            var error = Assert.Throws<InvalidDataException>(() => run(s_subtle, TestContext.Current.CancellationToken));
            Assert.Contains("is no checkpoint of this", error.Message);
            Assert.Contains("skip_connect, sep_conv_3x3 (", error.Message);
        }
    }

    private static CancellationTokenSource? s_stop;

    private string _file = "";

    private void Prune(SearchSpace space, CancellationToken token) => ZeroShotPruning.Prune(s_images, new ZeroShotPruningOptions
    {
        Space = space, BatchSize = 12, Batches = 1, Initializations = 1, RankingFunctions = [new NngpNorm()],
    }, new Stopping(), _file, token);

    private void Rank(SearchSpace space, CancellationToken token) => ZeroShotSearch.Run(s_images, OperationMask.Full(space),
        new ZeroShotSearchOptions
        {
            Candidates = 4, Functions = [new L2Norm()], Network = new() { Channels = 4, Cells = 3 },
            Ranking = new() { BatchSize = 12, Batches = 1, Initializations = 1 },
        }, new Stopping(), _file, token);

    private void Search(SearchSpace space, CancellationToken token) => MaskedDartsSearch.Run(s_images, OperationMask.Full(space),
        new SearchOptions
        {
            Supernet = new() { Channels = 4, Cells = 3, PartialChannels = 1 }, Epochs = 2, WarmupEpochs = 0, BatchSize = 12,
        }, new Stopping(), _file, token);

    private void Train(SearchSpace space, CancellationToken token) => CellNetTraining.Train(
        s_images, OperationMask.Full(space).ReadGenotype((_, _, row) => row), new TrainingOptions
        {
            Network = new() { Channels = 4, Cells = 3, AuxiliaryHead = false }, Epochs = 2, BatchSize = 12,
        }, progress: new Stopping(), space: space, checkpoint: _file, cancellationToken: token).Dispose();

    private static SearchSpace Own(CandidateOperation second) =>
        new("own", new CellTopology(2), [CandidateOperation.SkipConnect, second]);

    private sealed record LeakyRelu(double Slope) : Layer
    {
        public override FeatureSize Output(FeatureSize input, long channels) => input;

        public override LayerCost Cost(FeatureSize input, long channels, bool affine) => new(0, 0);

        public override nn.Module<Tensor, Tensor> Build(int inputChannels, int channels, bool affine) => nn.LeakyReLU(Slope);

        public override string Export(OnnxGraph graph, string x, FeatureSize input, nn.Module<Tensor, Tensor> module) =>
            graph.Operator("LeakyRelu", [x], new Dictionary<string, object> { ["alpha"] = Slope });
    }

    /// <summary>Cancels at the first step.</summary>
    private sealed class Stopping : IProgress<ZeroOneShot.Runtime.RunProgress>
    {
        public void Report(ZeroOneShot.Runtime.RunProgress value) => s_stop?.Cancel();
    }
}
