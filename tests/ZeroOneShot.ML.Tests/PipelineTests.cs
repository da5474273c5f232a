using Microsoft.ML;
using Microsoft.ML.Data;
using Xunit;
using ZeroOneShot.OneShot;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.ML.Tests;

public sealed class PipelineTests(TrainedModel trained) : IClassFixture<TrainedModel>
{
    private readonly MLContext _ml = trained.ML;

    public static TheoryData<string> Methods =>
        [.. SearchMethod.All.Where(method => method.Search == SearchKind.OneShot).Select(method => method.Name)];

    [Theory]
    [MemberData(nameof(Methods))]
    public void Every_method_runs_to_a_saved_model(string name)
    {
        var method = SearchMethod.Parse(name);
        using var folder = new TemporaryFolder();
        using var model = Toy.Pipeline(_ml, method).Fit(trained.Data);
        var (pruned, searched) = (Stage<ZeroShotPruneTransformer>(model), Stage<MaskedDartsSearchTransformer>(model));
        Assert.Equal(method, searched.Method);
        Assert.Equal(method.Pruning == PruningKind.None, pruned.Mask.Equals(method.StartMask(Toy.Space)));
        Assert.Equal(method.Pruning == PruningKind.ZeroShotToGenotype, searched.Result is null);
        Assert.Equal(searched.Result is not null && method.EdgeNormalization, searched.Result?.Betas is not null);
        Assert.Equal(searched.Genotype, model.LastTransformer.Genotype);

        _ml.Model.Save(model, trained.Data.Schema, folder.File("model.zip"));
        var info = SearchInfo.Read(folder.File("model.zip"), Toy.Space);
        Assert.Equal((method.Name, pruned.Mask, searched.Genotype), (info.Method, info.Mask, info.Genotype));
        Assert.Equal(Toy.ClassNames, info.ClassNames);
        Assert.Contains("\"train\"", info.Settings);
    }

    [Fact]
    public void The_scored_data_pass_Evaluate()
    {
        var metrics = _ml.MulticlassClassification.Evaluate(trained.Model.Transform(trained.Data), topKPredictionCount: 2);
        Assert.Equal(3, metrics.PerClassLogLoss.Count);
        Assert.InRange(metrics.TopKAccuracy, metrics.MicroAccuracy, 1);
    }

    [Fact]
    public void Another_process_without_this_library_gives_the_same_scores_and_keeps_the_search_info()
    {
        var data = Path.Combine(trained.Folder, "data.idv");
        using (var stream = File.Create(data))
            _ml.Data.SaveAsBinary(trained.Data, stream);
        var seen = Consumer.Run(trained.Zip, data, Path.Combine(trained.Folder, "again.zip"));
        var expected = trained.Model.Transform(trained.Data);
        Assert.Equal(Scores(expected), seen.Scores);
        Assert.Equal(Labels(expected), seen.Labels);
        Assert.Equal(Toy.ClassNames, seen.SlotNames);
        Assert.Equal("Key<UInt32, 0-2>", seen.PredictedLabelType);
        Assert.Equal(_ml.MulticlassClassification.Evaluate(expected).MicroAccuracy, seen.MicroAccuracy, 1e-12);
        Assert.DoesNotContain(seen.Assemblies, name => name.StartsWith("TorchSharp") || name is "ZeroOneShot" or "ZeroOneShot.ML");
        var info = SearchInfo.Read(Path.Combine(trained.Folder, "again.zip"), Toy.Space);
        Assert.Equal(trained.Model.LastTransformer.Genotype, info.Genotype);
        Assert.Equal(trained.Model.LastTransformer.Mask, info.Mask);
    }

    [Fact]
    public void The_same_seed_gives_the_same_mask_genotype_and_network_byte_for_byte()
    {
        var again = new MLContext(seed: 1);
        using var model = Toy.Pipeline(again).Fit(Toy.Data(again));
        Assert.Equal(Stage<ZeroShotPruneTransformer>(trained.Model).Mask.ToJson(), Stage<ZeroShotPruneTransformer>(model).Mask.ToJson());
        Assert.Equal(trained.Model.LastTransformer.Genotype.ToJson(), model.LastTransformer.Genotype.ToJson());
        Assert.Equal(Onnx(trained.Model.LastTransformer), Onnx(model.LastTransformer));
    }

    [Fact]
    public void Another_seed_gives_another_mask()
    {
        var options = Toy.Prune();
        options.Seed = 2;
        Assert.NotEqual(Stage<ZeroShotPruneTransformer>(trained.Model).Mask, _ml.Transforms.ZeroShotPrune(options).Fit(trained.Data).Mask);
    }

    [Fact]
    public void The_exported_ONNX_model_carries_its_origin()
    {
        using var stream = new MemoryStream(Onnx(trained.Model.LastTransformer));
        var info = SearchInfo.Read(stream, Toy.Space);
        Assert.Equal(trained.Model.LastTransformer.Genotype, info.Genotype);
        Assert.StartsWith("0.1.0", info.LibraryVersion);
    }

    [Fact]
    public void The_exported_ONNX_model_gives_the_same_probabilities()
    {
        var onnx = new MemoryStream(Onnx(trained.Model.LastTransformer));
        using var scorer = _ml.Transforms.ApplyOnnxModel("Score", "Features", onnx).Fit(trained.Data);
        foreach (var (mine, exported) in Scores(trained.Model.Transform(trained.Data)).Zip(Scores(scorer.Transform(trained.Data))))
            Assert.All(mine.Zip(exported), pair => Assert.Equal(pair.First, pair.Second, 1e-5f));
    }

    [Fact]
    public void An_ONNX_path_that_cannot_be_written_is_refused_and_nothing_is_left()
    {
        var blocker = Path.Combine(trained.Folder, "file");
        File.WriteAllBytes(blocker, []);
        var error = Assert.Throws<IOException>(() => trained.Model.LastTransformer.ExportOnnx(Path.Combine(blocker, "model.onnx")));
        Assert.Contains("cannot be written", error.Message);
        Assert.Empty(Directory.GetFiles(trained.Folder, ".*"));
    }

    [Fact]
    public void Single_predictions_need_no_label()
    {
        var engine = _ml.Model.CreatePredictionEngine<Pixels, Prediction>(
            trained.Model, new PredictionEngineOptions { OwnsTransformer = false });
        var images = Toy.Images();
        var prediction = engine.Predict(new Pixels { Features = [.. images.Pixels(4).ToArray().Select(pixel => (float)pixel)] });
        Assert.Equal(Scores(trained.Model.Transform(trained.Data))[4], prediction.Score);
        Assert.InRange(prediction.PredictedLabel, 1u, 3u);
    }

    [Fact]
    public void Cross_validation_split_and_cache_work()
    {
        var split = _ml.Data.TrainTestSplit(Toy.Data(_ml, 90), 0.1);
        var pipeline = _ml.Transforms.ZeroShotPrune(Toy.Prune()).AppendCacheCheckpoint(_ml)
            .Append(_ml.Transforms.MaskedDartsSearch(Toy.Search())).AppendCacheCheckpoint(_ml)
            .Append(Toy.Trainer(_ml));
        var folds = _ml.MulticlassClassification.CrossValidate(split.TrainSet, pipeline, numberOfFolds: 3);
        Assert.Equal(3, folds.Count);
        Assert.All(folds, fold => Assert.InRange(fold.Metrics.MicroAccuracy, 0, 1));
    }

    [Fact]
    public void A_genotype_given_by_hand_needs_no_search_and_a_mask_given_by_hand_no_pruning()
    {
        var search = Toy.Search();
        search.Mask = ZeroShot.RandomPruning.Mask(Toy.Space, 0.4, 11);
        var searched = _ml.Transforms.MaskedDartsSearch(search).Fit(trained.Data);
        Assert.Equal((search.Mask, null), (searched.Mask, searched.Method));

        var train = Toy.Train(PublishedGenotypes.PDarts);
        using var model = _ml.MulticlassClassification.Trainers.CellNet(train).Fit(trained.Data);
        Assert.Equal((PublishedGenotypes.PDarts, null, null), (model.Genotype, model.Mask, model.Method));
        using var onnx = new MemoryStream(Onnx(model));
        Assert.Null(SearchInfo.Read(onnx).Mask);
    }

    [Fact]
    public void Bytes_scaled_pixels_and_plain_pixels_make_the_same_network()
    {
        var images = Toy.Images();
        var train = Toy.Train(PublishedGenotypes.DartsV2);
        using var plain = _ml.MulticlassClassification.Trainers.CellNet(train).Fit(trained.Data);

        var bytes = _ml.Data.LoadFromEnumerable(Enumerable.Range(0, images.Count)
            .Select(i => new ByteRow { Features = images.Pixels(i).ToArray(), Label = (uint)images.Label(i) }));
        using var ofBytes = _ml.MulticlassClassification.Trainers.CellNet(train).Fit(bytes);
        Assert.Equal(Scores(plain.Transform(trained.Data)), Scores(ofBytes.Transform(bytes)));

        var rows = Enumerable.Range(0, images.Count)
            .Select(i => new Pixels
            {
                Features = [.. images.Pixels(i).ToArray().Select(pixel => pixel / 255f)], Label = (uint)images.Label(i),
            });
        var scaled = _ml.Data.LoadFromEnumerable(rows);
        train.PixelScale = 255;
        using var ofScaled = _ml.MulticlassClassification.Trainers.CellNet(train).Fit(scaled);
        foreach (var (mine, theirs) in Scores(plain.Transform(trained.Data)).Zip(Scores(ofScaled.Transform(scaled))))
            Assert.All(mine.Zip(theirs), pair => Assert.Equal(pair.First, pair.Second, 1e-4f));
    }

    internal static T Stage<T>(TransformerChain<CellNetTransformer> model) => ((IEnumerable<ITransformer>)model).OfType<T>().Single();

    private static float[][] Scores(IDataView scored) => [.. scored.GetColumn<float[]>("Score")];

    private string[] Labels(IDataView scored) =>
        [.. _ml.Transforms.Conversion.MapKeyToValue("PredictedLabel").Fit(scored).Transform(scored).GetColumn<string>("PredictedLabel")];

    private static byte[] Onnx(CellNetTransformer model)
    {
        using var stream = new MemoryStream();
        model.ExportOnnx(stream);
        return stream.ToArray();
    }

    private sealed class Pixels
    {
        [VectorType(3, Toy.Side, Toy.Side)]
        public float[] Features { get; set; } = [];

        [KeyType(3)]
        public uint Label { get; set; }
    }

    private sealed class ByteRow
    {
        [VectorType(3, Toy.Side, Toy.Side)]
        public byte[] Features { get; set; } = [];

        [KeyType(3)]
        public uint Label { get; set; }
    }

    private sealed class Prediction
    {
        public float[] Score { get; set; } = [];

        public uint PredictedLabel { get; set; }
    }
}
