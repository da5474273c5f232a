using Microsoft.ML;
using Microsoft.ML.Data;
using Xunit;
using ZeroOneShot.Data;
using ZeroOneShot.Training;

namespace ZeroOneShot.ML.Tests;

/// <summary>Examples that count more or less in the training.</summary>
public sealed class ExampleWeightTests
{
    private const string Column = "Weight";

    private readonly MLContext _ml = new(seed: 1);

    /// <summary>Every image is there twice, with two labels: what the network says of it is what their weights say.</summary>
    [Theory]
    [InlineData(4, 1)]
    [InlineData(0.5f, 2)]
    public void Of_two_labels_of_one_image_the_heavier_is_learned_in_proportion(float first, float second)
    {
        var data = Contradicted(first, second);
        using var model = _ml.MulticlassClassification.Trainers.CellNet(Options()).Fit(data);
        var scores = model.Transform(data).GetColumn<float[]>("Score").ToList();
        Assert.Equal(first / (first + second), scores.Average(score => score[0]), 0.12);
    }

    [Fact]
    public void Rows_of_weight_0_are_left_out_and_the_log_says_how_many()
    {
        var logger = new KeepingLogger();
        var options = Options(logger);
        options.Settings = options.Settings with { Epochs = 1 };
        using var model = _ml.MulticlassClassification.Trainers.CellNet(options).Fit(Contradicted(1, 1, 0));
        Assert.Contains(logger.Messages, message => message.Text == "Left out 16 of 48 rows whose weight in the Weight column is 0");
        Assert.Contains("Only one class found", Assert.Throws<ArgumentOutOfRangeException>(() =>
            _ml.MulticlassClassification.Trainers.CellNet(options).Fit(Contradicted(1, 0))).Message);
    }

    [Fact]
    public void The_trainer_that_is_given_minutes_takes_weights_too_and_images_in_memory_bring_theirs()
    {
        var images = Toy.Images();
        var weighed = new ImageSet(Bytes(images), [.. Enumerable.Range(0, images.Count).Select(images.Label)], images.Shape,
            images.ClassNames, [.. Enumerable.Range(0, images.Count).Select(i => 1f + i % 3)]);
        var data = _ml.Data.LoadImages(weighed);
        Assert.Equal([1f, 2f, 3f], data.GetColumn<float>(Column).Take(3));
        Assert.Null(_ml.Data.LoadImages(images).Schema.GetColumnOrNull(Column));
        var options = new ZeroOneShotTrainer.Options
        {
            TimeBudget = TimeSpan.FromMinutes(1), ShowProgress = false,
        };
        options.Plan = _ml.MulticlassClassification.Trainers.ZeroOneShot(options).Plan(data);
        options.Plan = options.Plan with
        {
            Stages = [.. options.Plan.Stages.Select(stage => stage with { Candidates = stage.Candidates is null ? null : 2, Epochs = 1 })],
        };
        using var without = _ml.MulticlassClassification.Trainers.ZeroOneShot(options).Fit(data);
        options.ExampleWeightColumnName = Column;
        var trainer = _ml.MulticlassClassification.Trainers.ZeroOneShot(options);
        using var with = trainer.Fit(data);
        Assert.Equal(without.Genotype, with.Genotype);
        Assert.NotEqual(without.Epochs[0].ValidationLoss, with.Epochs[0].ValidationLoss);
        Assert.Contains("Could not find example weight column 'Weight'",
            Assert.Throws<ArgumentOutOfRangeException>(() => trainer.Fit(_ml.Data.LoadImages(images))).Message);
    }

    [Theory]
    [InlineData(-1f, "Column 'Weight' has weight -1 in row 0 (counted from 0); expected a finite number, 0 or more.")]
    [InlineData(float.NaN, "Column 'Weight' has weight NaN in row 0")]
    [InlineData(float.PositiveInfinity, "Column 'Weight' has weight Infinity in row 0")]
    public void What_is_no_weight_is_refused_with_its_row(float weight, string expected) => Assert.Contains(expected,
        Assert.Throws<InvalidOperationException>(() =>
            _ml.MulticlassClassification.Trainers.CellNet(Options()).Fit(Contradicted(weight, 1))).Message);

    [Fact]
    public void A_pipeline_refuses_what_is_no_weight_before_its_first_stage_runs()
    {
        var prune = Toy.Prune();
        prune.MetricsCallback = _ => Assert.Fail("Something ran.");
        var search = Toy.Search();
        search.MetricsCallback = _ => Assert.Fail("Something ran.");
        var train = Toy.Train();
        train.ExampleWeightColumnName = Column;
        var pipeline = _ml.Transforms.ZeroShotPrune(prune).Append(_ml.Transforms.MaskedDartsSearch(search))
            .Append(_ml.MulticlassClassification.Trainers.CellNet(train));
        Assert.Contains("Column 'Weight' has weight -3 in row 1", Assert.Throws<InvalidOperationException>(
            () => pipeline.Fit(Contradicted(1, -3))).Message);
    }

    [Fact]
    public void A_column_of_another_type_is_refused_before_any_data_is_read()
    {
        var options = Options();
        options.ExampleWeightColumnName = "Label";
        var trainer = _ml.MulticlassClassification.Trainers.CellNet(options);
        const string Expected = "Schema mismatch for example weight column 'Label': expected Single, got Key<UInt32";
        Assert.Contains(Expected, Assert.Throws<ArgumentOutOfRangeException>(() => trainer.Fit(Contradicted(1, 1))).Message);
        Assert.Contains(Expected, Assert.Throws<ArgumentOutOfRangeException>(() =>
            trainer.GetOutputSchema(Schemas.Shape(Contradicted(1, 1).Schema))).Message);
    }

    [Fact]
    public void A_set_of_images_refuses_weights_that_are_none()
    {
        var shape = new ImageShape(1, 2, 2);
        Assert.Contains("Record 1 has weight 0; expected a finite number above 0",
            Assert.Throws<ArgumentException>(() => new ImageSet(new byte[8], [0, 0], shape, ["a", "b"], [1, 0])).Message);
        Assert.Contains("Found 1 weights and 2 labels",
            Assert.Throws<ArgumentException>(() => new ImageSet(new byte[8], [0, 0], shape, ["a", "b"], [1])).Message);
        var (first, second) = new ImageSet(new byte[8], [0, 0], shape, ["a", "b"], [1, 3]).Split(0.5, seed: 1);
        Assert.Equal(4, first.Weights![0] + second.Weights![0]);
    }

    private static CellNetTrainer.Options Options(KeepingLogger? logger = null)
    {
        var options = Toy.TrainByHand();
        options.Settings = TrainingOptions.ForEpochs(24, Toy.BatchSize) with
        {
            Network = options.Settings.Network with { AuxiliaryHead = false },
        };
        (options.ExampleWeightColumnName, options.Logger) = (Column, logger);
        return options;
    }

    /// <summary>Every image twice, of one class and of the other, with weights that come in turn.</summary>
    private IDataView Contradicted(params float[] weights)
    {
        var images = Toy.Images(24);
        return _ml.Data.LoadFromEnumerable(Enumerable.Range(0, 48).Select(i => new Row
        {
            Features = Array.ConvertAll(images.Pixels(i / 2).ToArray(), pixel => (float)pixel),
            Label = (uint)(i % 2),
            Weight = weights[i % weights.Length],
        }).ToList());
    }

    private static byte[] Bytes(ImageSet images) => [.. Enumerable.Range(0, images.Count).SelectMany(i => images.Pixels(i).ToArray())];

    private sealed class Row
    {
        [VectorType(3, Toy.Side, Toy.Side)]
        public float[] Features { get; set; } = [];

        [KeyType(2)]
        public uint Label { get; set; }

        public float Weight { get; set; }
    }
}
