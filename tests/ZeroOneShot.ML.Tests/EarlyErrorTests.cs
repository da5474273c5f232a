using Microsoft.ML;
using Microsoft.ML.Data;
using Xunit;
using ZeroOneShot.OneShot;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.ML.Tests;

/// <summary>What can be known before a long run is said before it; who ends a run, or a model, is not made to wait or to crash.</summary>
public sealed class EarlyErrorTests : IDisposable
{
    private readonly MLContext _ml = new(seed: 1);
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("Features", "PredictedLabel")]
    [InlineData("Score", "Features")]
    [InlineData("X", "X")]
    [InlineData("Probabilities", "Score")]
    [InlineData("CellNet.Logits", "PredictedLabel")]
    public void Columns_that_would_hide_one_another_are_refused_when_the_trainer_is_made(string score, string label)
    {
        var train = Toy.TrainByHand();
        (train.ScoreColumnName, train.PredictedLabelColumnName) = (score, label);
        var error = Assert.Throws<ArgumentException>(() => _ml.MulticlassClassification.Trainers.CellNet(train));
        Assert.Contains("expected three names", error.Message);
    }

    [Fact]
    public void A_mask_of_another_space_than_the_trainer_is_told_is_refused_before_the_training()
    {
        var (search, train) = (Toy.Search(), Toy.Train());
        search.Mask = OperationMask.Full(Toy.Space);
        (train.Space, train.MetricsCallback) = (SearchSpace.Darts, _ => Assert.Fail("It was trained."));
        var pipeline = _ml.Transforms.MaskedDartsSearch(search).Append(_ml.MulticlassClassification.Trainers.CellNet(train));
        Assert.Contains("search space 'toy'", Assert.Throws<FormatException>(() => pipeline.Fit(Toy.Data(_ml))).Message);
    }

    [Fact]
    public void A_validation_set_that_the_pipeline_has_not_prepared_is_refused_by_name_and_one_of_a_single_class_will_do()
    {
        var train = Toy.TrainByHand();
        train.ValidationSet = _ml.Transforms.DropColumns("Label").Fit(Toy.Data(_ml)).Transform(Toy.Data(_ml));
        var error = Assert.Throws<ArgumentOutOfRangeException>(
            () => _ml.MulticlassClassification.Trainers.CellNet(train).Fit(Toy.Data(_ml)));
        Assert.Contains("The ValidationSet cannot be used: Could not find label column 'Label'", error.Message);
        train.ValidationSet = _ml.Data.FilterRowsByKeyColumnFraction(Toy.Data(_ml), "Label", 0, 1.0 / 3);
        using var model = _ml.MulticlassClassification.Trainers.CellNet(train).Fit(Toy.Data(_ml));
        Assert.All(model.Epochs, epoch => Assert.NotNull(epoch.ValidationAccuracy));
    }

    [Fact]
    public void A_method_that_decides_by_pruning_needs_that_pruning_before_it()
    {
        var search = Toy.Search();
        search.Method = SearchMethod.EtenasPc;
        var pipeline = _ml.Transforms.ZeroShotPrune(Toy.Prune()).Append(_ml.Transforms.MaskedDartsSearch(search));
        var error = Assert.Throws<ArgumentOutOfRangeException>(() => pipeline.GetOutputSchema(Schemas.Shape(Toy.Data(_ml).Schema)));
        Assert.Contains("put ZeroShotPrune with the same method before", error.Message);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_cancelled_fit_bears_the_token_of_its_caller(bool atOnce)
    {
        using var source = new CancellationTokenSource();
        var (prune, train) = (Toy.Prune(), Toy.TrainByHand());
        prune.CancellationToken = train.CancellationToken = source.Token;
        if (atOnce)
            source.Cancel();
        train.Progress = new CancelAtOnce(source);
        var error = Assert.ThrowsAny<OperationCanceledException>(() => (object)(atOnce
            ? _ml.Transforms.ZeroShotPrune(prune).Fit(Toy.Data(_ml))
            : _ml.MulticlassClassification.Trainers.CellNet(train).Fit(Toy.Data(_ml))));
        Assert.Equal(source.Token, error.CancellationToken);
    }

    [Fact]
    public async Task A_fit_that_is_cancelled_does_not_wait_for_the_rows_that_are_being_read()
    {
        using var source = new CancellationTokenSource();
        using var open = new ManualResetEventSlim();
        var row = new Row { Features = new float[3 * Toy.Side * Toy.Side], Kind = "a" };
        IEnumerable<Row> Rows()
        {
            for (var i = 0; i < 3; i++)
            {
                if (i == 1)
                {
                    source.Cancel();
                    open.Wait();
                }
                yield return row;
            }
        }
        var data = new WatchedView(_ml.Data.LoadFromEnumerable(Rows(), SchemaDefinition.Create(typeof(Row))));
        var keys = _ml.Data.LoadFromEnumerable([row, new Row { Features = row.Features, Kind = "b" }]);
        var mapped = _ml.Transforms.Conversion.MapValueToKey("Label", "Kind").Fit(keys).Transform(data);
        var train = Toy.TrainByHand();
        train.CancellationToken = source.Token;
        var fitting = Task.Run(() => _ml.MulticlassClassification.Trainers.CellNet(train).Fit(mapped));
        // The source still holds its row back when the Fit ends.
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => fitting);
        Assert.False(open.IsSet);
        open.Set();
    }

    [Fact]
    public void Scores_that_are_being_read_are_read_to_their_end_when_the_model_is_disposed_and_none_after_it()
    {
        var data = Toy.Data(_ml, 200);
        var model = _ml.MulticlassClassification.Trainers.CellNet(Toy.TrainByHand()).Fit(Toy.Data(_ml));
        var expected = model.Transform(data).GetColumn<float[]>("Score").ToArray();
        var view = model.LogitsOf(data);
        var logits = view.Schema.Last(column => column.Name.EndsWith("Logits"));
        var before = view.GetColumn<float[]>(logits).ToArray();
        var seen = new List<float[]>();
        using (var cursor = view.GetRowCursor([logits]))
        {
            var getter = cursor.GetGetter<VBuffer<float>>(logits);
            VBuffer<float> value = default;
            while (cursor.MoveNext())
            {
                if (seen.Count == 1)
                    model.Dispose();
                getter(ref value);
                seen.Add([.. value.DenseValues()]);
            }
        }
        Assert.Equal(200, expected.Length);
        Assert.Equal(before, seen);
        for (var i = 0; i < 10; i++)
            Assert.Throws<ObjectDisposedException>(() => view.GetColumn<float[]>(logits).ToArray());
    }

    [Fact]
    public void Scores_of_another_classifier_stay_beside_those_under_a_name_of_their_own()
    {
        var train = Toy.TrainByHand();
        (train.ScoreColumnName, train.PredictedLabelColumnName) = ("NetScore", "NetLabel");
        var pipeline = _ml.MulticlassClassification.Trainers.SdcaMaximumEntropy(maximumNumberOfIterations: 1)
            .Append(_ml.MulticlassClassification.Trainers.CellNet(train));
        var data = Toy.Data(_ml);
        using var model = pipeline.Fit(data);
        var linear = ((IEnumerable<ITransformer>)model).First().Transform(data).GetColumn<float[]>("Score").ToArray();
        _ml.Model.Save(model, data.Schema, _folder.File("model.zip"));
        var loaded = _ml.Model.Load(_folder.File("model.zip"), out _);
        foreach (var scored in new[] { model.Transform(data), loaded.Transform(data) })
        {
            Assert.Equal(linear, scored.GetColumn<float[]>("Score"));
            Assert.NotEqual(linear, scored.GetColumn<float[]>("NetScore"));
            Assert.DoesNotContain(scored.Schema, column => column.Name.StartsWith("CellNet."));
            _ml.MulticlassClassification.Evaluate(scored);
            _ml.MulticlassClassification.Evaluate(scored, scoreColumnName: "NetScore", predictedLabelColumnName: "NetLabel");
        }
        (loaded as IDisposable)?.Dispose();
    }

    [Fact]
    public void Pixels_of_another_size_order_or_type_are_refused_by_the_model()
    {
        using var model = _ml.MulticlassClassification.Trainers.CellNet(Toy.TrainByHand()).Fit(Toy.Data(_ml));
        foreach (var type in new DataViewType[]
        {
            new VectorDataViewType(NumberDataViewType.Single, Toy.Side, Toy.Side, 3),
            new VectorDataViewType(NumberDataViewType.Single, 3, 8, 8),
            new VectorDataViewType(NumberDataViewType.Byte, 3, Toy.Side, Toy.Side),
            new VectorDataViewType(NumberDataViewType.Single),
        })
        {
            var schema = new DataViewSchema.Builder();
            schema.AddColumn("Features", type);
            var error = Assert.Throws<ArgumentOutOfRangeException>(() => model.GetOutputSchema(schema.ToSchema()));
            Assert.Contains("expected Vector<Single, 3, 16, 16>", error.Message);
            Assert.Throws<ArgumentOutOfRangeException>(() => model.GetRowToRowMapper(schema.ToSchema()));
        }
    }

    private sealed class CancelAtOnce(CancellationTokenSource source) : IProgress<ZeroOneShot.Runtime.RunProgress>
    {
        public void Report(ZeroOneShot.Runtime.RunProgress value) => source.Cancel();
    }

    private sealed class Row
    {
        [VectorType(3, Toy.Side, Toy.Side)]
        public float[] Features { get; set; } = [];

        public string Kind { get; set; } = "";
    }
}
