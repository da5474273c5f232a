using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;
using Xunit;
using ZeroOneShot.Data;
using ZeroOneShot.OneShot;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.ML.Tests;

/// <summary>Images larger than those of CIFAR, and not square.</summary>
public sealed class LargeImagesTests : IDisposable
{
    private readonly PictureFolder _folder = new();
    private readonly MLContext _ml = new(seed: 1);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void They_go_through_the_whole_chain_to_a_zip_that_classifies_without_TorchSharp()
    {
        _folder.WriteImages(width: 130, height: 90);
        var data = _ml.Data.LoadImageFolder(_folder.File("images"));
        var (prune, search, train) = (Toy.Prune(SearchMethod.ZeroOneShot), Toy.Search(), Toy.Train());
        prune.Settings = prune.Settings with { BatchSize = 6 };
        search.Settings = search.Settings with { BatchSize = 2 };
        train.Settings = train.Settings with { BatchSize = 4 };
        using var model = _ml.Transforms.ImagePixels("Features", "Image", height: 80, width: 112)
            .Append(_ml.Transforms.ZeroShotPrune(prune))
            .Append(_ml.Transforms.MaskedDartsSearch(search))
            .Append(_ml.MulticlassClassification.Trainers.CellNet(train)).Fit(data);
        Assert.Equal("imagenet", model.LastTransformer.Weights.Network.Stem);
        var scores = model.Transform(data).GetColumn<float[]>("Score").ToArray();
        var files = data.GetColumn<string>("ImagePath").ToArray();
        _ml.Model.Save(model, data.Schema, _folder.File("model.zip"));

        var loaded = _ml.Model.Load(_folder.File("model.zip"), out _);
        Assert.Equal(scores, loaded.Transform(data).GetColumn<float[]>("Score"));
        using (var pool = new ImageClassifierPool(loaded))
        {
            foreach (var (file, expected) in files.Zip(scores))
                Assert.Equal(expected.Max(), pool.Classify(file).Max(label => label.Score));
        }
        (loaded as IDisposable)?.Dispose();

        var (exitCode, output, errors) = ServingTests.Predict([_folder.File("model.zip"), .. files]);
        Assert.Equal((0, ""), (exitCode, errors));
        foreach (var (line, expected) in output.TrimEnd().Split('\n').Zip(scores))
            Assert.Contains(string.Create(CultureInfo.InvariantCulture, $" {expected.Max():0.00000}, "), line);
    }

    [Fact]
    public void A_search_whose_stem_does_not_take_them_is_refused_before_the_pruning()
    {
        var (prune, search) = (Toy.Prune(SearchMethod.ZeroOneShot), Toy.Search());
        search.Settings = search.Settings with { Supernet = search.Settings.Supernet with { Stem = "cifar" } };
        prune.Progress = Nothing;
        Refuses(_ml.Transforms.ZeroShotPrune(prune).Append(_ml.Transforms.MaskedDartsSearch(search)), "cifar (16 to 64 pixels a side)");
    }

    [Fact]
    public void A_network_whose_stem_does_not_take_them_is_refused_before_the_pruning()
    {
        var (prune, train) = (Toy.Prune(SearchMethod.ZeroOneShot), Toy.Train());
        train.Settings = train.Settings with { Network = train.Settings.Network with { Stem = "cifar" } };
        prune.Progress = Nothing;
        Refuses(_ml.Transforms.ZeroShotPrune(prune).Append(_ml.Transforms.MaskedDartsSearch(Toy.Search()))
            .Append(_ml.MulticlassClassification.Trainers.CellNet(train)), "cifar (16 to 64 pixels a side)");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_space_without_a_stem_for_them_is_refused_at_once(bool random)
    {
        var prune = Toy.Prune(random ? SearchMethod.ZeroOneShotRandom : SearchMethod.ZeroOneShot);
        prune.Space = new SearchSpace("small", SearchSpace.Darts.Topology, SearchSpace.Darts.Operations,
            macro: new MacroArchitecture([new Stem("small", Stem.Cifar.Parts, multiplier: 3, largestImage: 64)],
                MacroArchitecture.Darts.Items));
        prune.Progress = Nothing;
        Refuses(_ml.Transforms.ZeroShotPrune(prune), "small (16 to 64 pixels a side)");
    }

    private static IProgress<RunProgress> Nothing { get; } = new EachReport(() => Assert.Fail("Something ran."));

    private void Refuses(IEstimator<ITransformer> pipeline, string stem)
    {
        var images = new ImageSet(
            new byte[16 * 3 * 72 * 96], [.. Enumerable.Range(0, 16).Select(i => i % 2)], new ImageShape(3, 72, 96), ["a", "b"]);
        var error = Assert.Throws<ArgumentException>(() => pipeline.Fit(_ml.Data.LoadImages(images)));
        Assert.Contains("72 pixels high and 96 wide", error.Message);
        Assert.Contains(stem, error.Message);
    }

    private sealed class EachReport(Action act) : IProgress<RunProgress>
    {
        public void Report(RunProgress value) => act();
    }
}
