using Microsoft.ML;
using Xunit;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Training;

namespace ZeroOneShot.ML.Tests;

/// <summary>Saved models know the search space that they are of.</summary>
public sealed class SpaceNameTests : IDisposable
{
    private const string Both = "of search space 'toy', and the space given is 'darts'; give that space.",
        Own = "of search space 'toy', which does not come with the library";

    private readonly MLContext _ml = new(seed: 1);
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_saved_model_of_another_space_is_refused_with_both_names()
    {
        using var model = _ml.MulticlassClassification.Trainers.CellNet(Toy.TrainByHand()).Fit(Toy.Data(_ml));
        string[] files = [_folder.File("model.zip"), _folder.File("model.onnx"), _folder.File("weights.safetensors")];
        _ml.Model.Save(model, Toy.Data(_ml).Schema, files[0]);
        model.ExportOnnx(files[1]);
        model.Weights.Save(files[2]);
        foreach (var file in files)
        {
            Assert.Contains(Both, Assert.Throws<ArgumentException>(() => CellNetWeights.Read(file, SearchSpace.Darts)).Message);
            Assert.Contains(Own, Assert.Throws<ArgumentException>(() => CellNetWeights.Read(file)).Message);
            Assert.Equal(Toy.Genotype, CellNetWeights.Read(file, Toy.Space).Genotype);
        }
        foreach (var file in files[..2])
        {
            Assert.Contains(Both, Assert.Throws<ArgumentException>(() => _ml.Model.ReadSearchInfo(file, SearchSpace.Darts)).Message);
            Assert.Contains(Own, Assert.Throws<ArgumentException>(() => _ml.Model.ReadSearchInfo(file)).Message);
            Assert.Equal("toy", _ml.Model.ReadSearchInfo(file, Toy.Space).SearchSpace);
        }

        var options = new CellNetTrainer.Options { ContinueFrom = model.Weights };
        Assert.Contains("ContinueFrom holds a network of search space 'toy', and Space is 'darts'; give that space.",
            Assert.Throws<ArgumentException>(() => _ml.MulticlassClassification.Trainers.CellNet(options)).Message);
        options.Space = Toy.Space;
        Assert.NotNull(_ml.MulticlassClassification.Trainers.CellNet(options));
    }

    [Fact]
    public void Networks_of_nas_bench_201_go_through_the_stages_into_a_model_that_trains_on()
    {
        var train = new CellNetTrainer.Options
        {
            Space = SearchSpace.NasBench201,
            Genotype = Genotype.Parse("|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_1x1~1|none~2|"),
            Settings = new() { BatchSize = Toy.BatchSize, Epochs = 1, Network = new() { Channels = 4, Cells = 3 } },
        };
        using var model = _ml.MulticlassClassification.Trainers.CellNet(train).Fit(Toy.Data(_ml));
        _ml.Model.Save(model, Toy.Data(_ml).Schema, _folder.File("model.zip"));
        (train.Genotype, train.ContinueFrom) = (null, CellNetWeights.Read(_folder.File("model.zip"), SearchSpace.NasBench201));
        using var continued = _ml.MulticlassClassification.Trainers.CellNet(train).Fit(Toy.Data(_ml));
        Assert.Equal(model.Genotype, continued.Genotype);
        Assert.Equal("nas-bench-201", continued.Weights.Space.Name);
    }
}
