using Xunit;
using ZeroOneShot.Data;
using ZeroOneShot.Models;
using ZeroOneShot.Persistence;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Tests.Data;
using ZeroOneShot.Training;

namespace ZeroOneShot.Tests.Training;

/// <summary>Training on from trained weights.</summary>
public sealed class ContinueTests : IDisposable
{
    private static readonly ImageSet s_fourClasses = RandomImages.Of(24, 4, new ImageShape(3, 16, 16));

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_step_of_length_zero_leaves_the_weights_as_they_were()
    {
        var weights = Trained();
        using var continued = Continue(weights, Toy.Images, learningRate: 0);
        foreach (var (name, tensor) in Parameters(continued))
            Assert.Equal(Stored(weights, name), tensor);
        Assert.Equal((weights.Genotype, weights.Network), (continued.Network.Genotype, continued.Network.Options));
        Assert.Equal(weights.Statistics, continued.Statistics);
    }

    [Fact]
    public void Other_classes_get_new_classifiers_and_the_rest_stays()
    {
        var weights = Trained();
        using var continued = Continue(weights, s_fourClasses, learningRate: 0);
        var heads = 0;
        foreach (var (name, tensor) in Parameters(continued))
        {
            if (name.StartsWith("classifier.") || name.StartsWith("auxiliary_head.classifier."))
                heads++;
            else
                Assert.Equal(Stored(weights, name), tensor);
        }
        Assert.Equal(4, heads);
        Assert.Equal(["a", "b", "c", "d"], continued.ClassNames);
    }

    [Fact]
    public void The_same_classes_in_another_order_get_new_classifiers_too()
    {
        var weights = Trained();
        var images = new ImageSet(new byte[12 * 768], [.. Enumerable.Range(0, 12).Select(i => i % 3)], Toy.Images.Shape, ["c", "b", "a"]);
        using var continued = Continue(weights, images, learningRate: 0);
        Assert.NotEqual(Stored(weights, "classifier.weight"), Parameters(continued).Single(p => p.Name == "classifier.weight").Bytes);
    }

    [Fact]
    public void Weights_come_back_from_their_file_bit_for_bit()
    {
        var weights = Trained(new Dictionary<string, string> { ["mask"] = "m" });
        weights.Save(_folder.File("a"));
        var read = CellNetWeights.Read(_folder.File("a"));
        read.Save(_folder.File("b"));
        Assert.Equal(File.ReadAllBytes(_folder.File("a")), File.ReadAllBytes(_folder.File("b")));
        Assert.Equal("m", read.Metadata["mask"]);
        Assert.Equal(weights.ClassNames, read.ClassNames);
        using var one = Continue(weights, Toy.Images);
        using var other = Continue(read, Toy.Images);
        Assert.Equal(Toy.Bytes(one), Toy.Bytes(other));
    }

    [Fact]
    public void An_ONNX_file_has_all_weights_but_those_of_the_auxiliary_head_which_begins_anew()
    {
        using var trained = Toy.Train(Toy.Options with { Epochs = 1 });
        var weights = trained.Weights();
        using (var file = File.Create(_folder.File("net.onnx")))
            CellNetOnnx.Write(trained, file);
        var read = CellNetWeights.Read(_folder.File("net.onnx"));
        Assert.Equal(weights.ClassNames, read.ClassNames);
        Assert.Equal((weights.Genotype, weights.Network, weights.Statistics), (read.Genotype, read.Network, read.Statistics));
        using var continued = Continue(read, Toy.Images, learningRate: 0);
        foreach (var (name, tensor) in Parameters(continued).Where(p => p.Bytes.Length > sizeof(float) * Toy.Images.ClassCount))
        {
            if (name.StartsWith("auxiliary_head.") && name.Contains("weight"))
                Assert.NotEqual(Stored(weights, name), tensor);
            else if (!name.StartsWith("auxiliary_head."))
                Assert.Equal(Stored(weights, name), tensor);
        }
    }

    [Fact]
    public void A_continued_training_that_is_cancelled_goes_on_and_no_other_weights_are_taken_for_its_own()
    {
        var weights = Trained();
        using var expected = Continue(weights, Toy.Images);
        using var cancellation = new CancellationTokenSource();
        var cancel = EachStep.CancelAt(3, cancellation);
        Assert.ThrowsAny<OperationCanceledException>(() => Continue(
            weights, Toy.Images, checkpoint: _folder.File("train"), progress: cancel, cancellationToken: cancellation.Token));
        using var resumed = Continue(weights, Toy.Images, checkpoint: _folder.File("train"));
        Assert.Equal(Toy.Bytes(expected), Toy.Bytes(resumed));
        var others = resumed.Weights();
        Assert.Contains("its start weights are", Assert.Throws<InvalidDataException>(
            () => Continue(others, Toy.Images, checkpoint: _folder.File("train"))).Message);
    }

    [Fact]
    public void Images_of_other_channels_and_files_of_something_else_are_refused()
    {
        var grey = RandomImages.Of(24, 3, new ImageShape(1, 16, 16));
        var channels = Assert.Throws<ArgumentException>(() => Continue(Trained(), grey));
        Assert.Contains("1 channel(s), those that the weights were trained on 3", channels.Message);
        var genotypeOnly = new Dictionary<string, string> { ["genotype"] = PublishedGenotypes.DartsV2.ToString() };
        SafetensorsFile.Write(_folder.File("other"), [], genotypeOnly);
        var content = Assert.Throws<InvalidDataException>(() => CellNetWeights.Read(_folder.File("other")));
        Assert.Contains("it says nothing of its network", content.Message);
    }

    private static CellNetWeights Trained(Dictionary<string, string>? metadata = null)
    {
        using var trained = Toy.Train(Toy.Options with { Epochs = 1 });
        return trained.Weights(metadata);
    }

    // The shape of the network in the options must not matter.
    private static TrainedCellNet Continue(CellNetWeights weights, ImageSet images, double learningRate = 0.01, string? checkpoint = null,
        IProgress<RunProgress>? progress = null, CancellationToken? cancellationToken = null) =>
        CellNetTraining.Continue(images, weights, Toy.Options with { Network = new(), LearningRate = learningRate },
            null, progress, checkpoint: checkpoint, cancellationToken: cancellationToken ?? TestContext.Current.CancellationToken);

    private static IEnumerable<(string Name, byte[] Bytes)> Parameters(TrainedCellNet trained) =>
        trained.Network.named_parameters().Select(p => (p.name, p.parameter.detach().contiguous().bytes.ToArray()));

    private byte[] Stored(CellNetWeights weights, string name)
    {
        var path = _folder.File("stored");
        weights.Save(path);
        using var tensor = SafetensorsFile.Read(path).Load(name);
        return tensor.bytes.ToArray();
    }
}
