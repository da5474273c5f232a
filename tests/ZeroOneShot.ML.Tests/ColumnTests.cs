using Microsoft.ML;
using Microsoft.ML.Data;
using Xunit;

namespace ZeroOneShot.ML.Tests;

/// <summary>Which class is which, from the label through training, saving and loading to a prediction.</summary>
public sealed class ColumnTests : IDisposable
{
    private static readonly string[] s_standardScore =
        ["ScoreColumnKind", "ScoreColumnSetId", "ScoreValueKind", "SlotNames", "TrainingLabelValues"];

    private readonly MLContext _ml = new(seed: 1);
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_label_of_texts_names_the_scores_and_the_predicted_label() =>
        NamesAreKept(["bars", "dots", "waves"], name => name.AsMemory(), ["bars", "dots", "waves"]);

    [Fact]
    public void A_label_of_whole_numbers_keeps_its_values_and_names_the_scores() =>
        NamesAreKept([0, 10, 20], value => value, ["0", "10", "20"]);

    [Fact]
    public void A_label_of_fractions_keeps_its_values_and_names_the_scores() =>
        NamesAreKept([0.5f, 1.5f, 2.5f], value => value, ["0.5", "1.5", "2.5"]);

    [Fact]
    public void A_label_key_without_values_names_the_scores_by_number()
    {
        var data = _ml.Data.LoadFromEnumerable(Rows(i => new KeyRow { Features = Pixels(i), Label = (uint)i % 3 }));
        using var model = Train(data);
        Assert.Equal(["0", "1", "2"], model.ClassNames);
        Assert.Equal(["0", "1", "2"], model.Transform(data).Schema["Score"].GetClassLabels());
        Assert.NotNull(_ml.MulticlassClassification.Evaluate(model.Transform(data)));
    }

    [Fact]
    public void Score_and_PredictedLabel_may_have_other_names()
    {
        var data = Toy.Data(_ml);
        var train = Toy.TrainByHand();
        (train.ScoreColumnName, train.PredictedLabelColumnName) = ("Chances", "Guess");
        using var model = _ml.MulticlassClassification.Trainers.CellNet(train).Fit(data);
        Assert.Equal(["Features", "Label", "Guess", "Chances"], model.Transform(data).Schema.Select(column => column.Name));
        Assert.NotNull(_ml.MulticlassClassification.Evaluate(
            model.Transform(data), scoreColumnName: "Chances", predictedLabelColumnName: "Guess"));
    }

    [Fact]
    public void Rows_without_a_label_are_skipped_with_one_warning_that_counts_them()
    {
        var warnings = new List<string>();
        _ml.Log += (_, message) =>
        {
            if (message.Kind == Microsoft.ML.Runtime.ChannelMessageKind.Warning)
                warnings.Add(message.RawMessage);
        };
        // Keys count from 0 here; one beyond the last is no value.
        var rows = Rows(i => new KeyRow { Features = Pixels(i), Label = i % 8 == 0 ? 9u : (uint)i % 3 }).ToArray();
        using var model = Train(_ml.Data.LoadFromEnumerable(rows));
        Assert.Equal(["Skipped 6 of 48 rows without a value in the Label column"], warnings);
        using var labelled = Train(_ml.Data.LoadFromEnumerable(rows.Where((_, i) => i % 8 != 0)));
        Assert.Equal(labelled.Epochs, model.Epochs);
    }

    [Fact]
    public void A_prediction_gives_its_classes_with_the_highest_score_first()
    {
        var data = Toy.Data(_ml);
        using var model = Train(data);
        _ml.Model.Save(model, data.Schema, _folder.File("model.zip"));
        var loaded = _ml.Model.Load(_folder.File("model.zip"), out _);
        using var engine = _ml.Model.CreatePredictionEngine<KeyRow, Prediction>(loaded);
        var prediction = engine.Predict(new KeyRow { Features = Pixels(5) });
        var scores = engine.OutputSchema["Score"].GetClassScores(prediction.Score);
        Assert.Equal(Toy.ClassNames, scores.Select(pair => pair.Label).Order());
        Assert.Equal(prediction.Score.OrderDescending(), scores.Select(pair => pair.Score));
        Assert.All(scores, pair => Assert.Equal(prediction.Score[Array.IndexOf(Toy.ClassNames, pair.Label)], pair.Score));
        Assert.Equal(Toy.ClassNames[prediction.PredictedLabel - 1], scores[0].Label);
        Assert.Equal(scores, model.GetClassScores(prediction.Score));
        Assert.Equal(scores.Take(2), model.GetClassScores(prediction.Score, 2));
        Assert.Contains("2 scores for 3 classes", Assert.Throws<ArgumentException>(() => model.GetClassScores(new float[2])).Message);
    }

    [Fact]
    public void The_scores_of_stock_models_have_names_too_and_columns_without_say_so()
    {
        var data = _ml.Data.LoadFromEnumerable(Rows(i => new ValueRow<int> { Features = Pixels(i), Value = 10 * (i % 3) }));
        var model = _ml.Transforms.Conversion.MapValueToKey("Label", "Value")
            .Append(_ml.MulticlassClassification.Trainers.NaiveBayes()).Fit(data);
        Assert.Equal(["0", "10", "20"], model.Transform(data).Schema["Score"].GetClassLabels());
        var error = Assert.Throws<ArgumentException>(() => data.Schema["Features"].GetClassLabels());
        Assert.Contains("does not say which score is which class", error.Message);
    }

    private void NamesAreKept<TLabel, TValue>(TLabel[] classes, Func<TLabel, TValue> value, string[] names)
    {
        var data = _ml.Data.LoadFromEnumerable(Rows(i => new ValueRow<TLabel> { Features = Pixels(i), Value = classes[i % 3] }));
        using var model = _ml.Transforms.Conversion.MapValueToKey("Label", "Value")
            .Append(_ml.MulticlassClassification.Trainers.CellNet(Toy.TrainByHand())).Fit(data);
        _ml.Model.Save(model, data.Schema, _folder.File("model.zip"));
        var loaded = _ml.Model.Load(_folder.File("model.zip"), out _);
        foreach (var scored in new[] { model.Transform(data), loaded.Transform(data) })
        {
            Assert.Equal(new KeyDataViewType(typeof(uint), 3), scored.Schema["PredictedLabel"].Type);
            Assert.Equal(new VectorDataViewType(NumberDataViewType.Single, 3), scored.Schema["Score"].Type);
            Assert.Equal(s_standardScore, scored.Schema["Score"].Annotations.Schema.Select(annotation => annotation.Name).Order());
            Assert.DoesNotContain(scored.Schema, column => column.Name.Contains("CellNet"));
            Assert.Equal(names, scored.Schema["Score"].GetClassLabels());
            VBuffer<ReadOnlyMemory<char>> slots = default;
            scored.Schema["Score"].GetSlotNames(ref slots);
            Assert.Equal(names, slots.DenseValues().Select(name => name.ToString()));
            VBuffer<TValue> values = default;
            scored.Schema["PredictedLabel"].GetKeyValues(ref values);
            Assert.Equal(classes.Select(value).Select(v => v?.ToString()), values.DenseValues().Select(v => v?.ToString()));
            Assert.NotNull(_ml.MulticlassClassification.Evaluate(scored));
        }
        (loaded as IDisposable)?.Dispose();
        using (var stream = File.Create(_folder.File("data.idv")))
            _ml.Data.SaveAsBinary(data, stream);
        var seen = Consumer.Run(_folder.File("model.zip"), _folder.File("data.idv"), _folder.File("again.zip"));
        Assert.Equal(names, seen.SlotNames);
        Assert.Equal(model.Transform(data).GetColumn<uint>("PredictedLabel").Select(key => names[key - 1]), seen.Labels);
        Assert.Equal(model.Transform(data).GetColumn<float[]>("Score"), seen.Scores);
    }

    private CellNetTransformer Train(IDataView data) => _ml.MulticlassClassification.Trainers.CellNet(Toy.TrainByHand()).Fit(data);

    private static IEnumerable<T> Rows<T>(Func<int, T> row) => Enumerable.Range(0, 48).Select(row);

    private static float[] Pixels(int i) => [.. Toy.Images().Pixels(i).ToArray().Select(pixel => (float)pixel)];

    private sealed class ValueRow<T>
    {
        [VectorType(3, Toy.Side, Toy.Side)]
        public float[] Features { get; set; } = [];

        public T Value { get; set; } = default!;
    }

    private sealed class KeyRow
    {
        [VectorType(3, Toy.Side, Toy.Side)]
        public float[] Features { get; set; } = [];

        [KeyType(3)]
        public uint Label { get; set; }
    }

    private sealed class Prediction
    {
        public float[] Score { get; set; } = [];

        public uint PredictedLabel { get; set; }
    }
}
