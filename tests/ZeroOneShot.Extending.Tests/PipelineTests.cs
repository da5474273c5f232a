using Microsoft.ML;
using Microsoft.ML.Data;
using Xunit;
using ZeroOneShot.Training;

namespace ZeroOneShot.Extending.Tests;

public sealed class PipelineTests
{
    [Fact]
    public void All_six_extensions_go_through_the_pipeline_into_a_model_that_needs_none_of_them()
    {
        using var folder = new TemporaryFolder();
        var ml = new MLContext(seed: 1);
        var data = ml.Data.LoadImages(Stripes.Images());
        using var model = OwnPipeline.Of(ml).Fit(data);
        var path = folder.File("model.zip");
        ml.Model.Save(model, data.Schema, path);

        var info = ml.Model.ReadSearchInfo(path, OwnSpace.Chain);
        Assert.Equal(("Annealed", model.LastTransformer.Genotype), (info.Method, info.Genotype));
        Assert.Equal("chain", info.Mask!.Space.Name);
        Assert.Equal(info.Genotype, CellNetWeights.Read(path, OwnSpace.Chain).Genotype);
        // Stock ML.NET: the layer that only this assembly has is a part of the ONNX model.
        var loaded = new MLContext().Model.Load(path, out _);
        var scores = Scores(loaded.Transform(data));
        Assert.Equal(Stripes.Images().Count, scores.Length);
        Assert.All(scores.Zip(Scores(model.Transform(data))), pair =>
            Assert.All(pair.First.Zip(pair.Second), score => Assert.Equal(score.First, score.Second, 1e-5)));

        float[][] Scores(IDataView view) =>
            [.. ml.Data.CreateEnumerable<Prediction>(view, reuseRowObject: false).Select(row => row.Score)];
    }

    [Fact]
    public void The_log_of_every_stage_says_once_that_a_layer_does_not_run_in_lanes_and_only_where_it_runs()
    {
        var ml = new MLContext(seed: 1);
        var lines = new List<(string Stage, string Text)>();
        ml.Log += (_, message) => lines.Add((message.Source.Split(';')[0].Trim(), message.RawMessage));
        var options = OwnPipeline.Of(ml);
        using var model = options.Fit(ml.Data.LoadImages(Stripes.Images()));
        var told = lines.Where(line => line.Text.StartsWith("OwnLayer has no form in lanes", StringComparison.Ordinal)).ToArray();
        var trained = model.LastTransformer.Genotype.Normal.Edges.Any(edge => edge.Operation == OwnLayer.Operation.Name);
        var searched = model.LastTransformer.Mask!.AllLive.Any(at => at.Operation == OwnSpace.Chain.IndexOf(OwnLayer.Operation.Name));
        Assert.Equal(1 + (searched ? 1 : 0) + (trained ? 1 : 0), told.Length);
        Assert.Equal(told.Length, told.DistinctBy(line => line.Stage).Count());
    }

    private sealed class Prediction
    {
        public float[] Score { get; set; } = [];
    }
}
