using Microsoft.Extensions.Logging;
using Microsoft.ML;
using Microsoft.ML.Data;
using Xunit;
using ZeroOneShot.Data;
using ZeroOneShot.OneShot;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Training;

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
    [InlineData("Score", "Label")]
    [InlineData("Label", "PredictedLabel")]
    [InlineData("Probabilities", "Score")]
    [InlineData("CellNet.Logits", "PredictedLabel")]
    public void Columns_that_would_hide_one_another_are_refused_when_the_trainer_is_made(string score, string label)
    {
        var train = Toy.TrainByHand();
        (train.ScoreColumnName, train.PredictedLabelColumnName) = (score, label);
        var error = Assert.Throws<ArgumentException>(() => _ml.MulticlassClassification.Trainers.CellNet(train));
        Assert.Contains("expected four names", error.Message);
    }

    [Fact]
    public void A_mask_of_another_space_than_the_trainer_is_told_is_refused_before_the_training()
    {
        var (search, train) = (Toy.Search(), Toy.Train());
        search.Mask = OperationMask.Full(Toy.Space);
        search.Progress = Nothing;
        train.Space = SearchSpace.Darts;
        var pipeline = _ml.Transforms.MaskedDartsSearch(search).Append(_ml.MulticlassClassification.Trainers.CellNet(train));
        Assert.Contains("got one of search space 'toy'",
            Assert.Throws<ArgumentOutOfRangeException>(() => pipeline.Fit(Toy.Data(_ml))).Message);
    }

    [Fact]
    public void A_search_in_another_space_than_the_pruning_is_refused_before_the_pruning()
    {
        var (prune, search) = (Toy.Prune(SearchMethod.ZeroOneShot), Toy.Search());
        (prune.Progress, search.Space) = (Nothing, SearchSpace.Darts);
        var pipeline = _ml.Transforms.ZeroShotPrune(prune).Append(_ml.Transforms.MaskedDartsSearch(search));
        Assert.Contains("got one of search space 'toy'",
            Assert.Throws<ArgumentOutOfRangeException>(() => pipeline.Fit(Toy.Data(_ml))).Message);
    }

    [Fact]
    public void A_validation_set_without_pixels_is_refused_by_name_before_the_pruning() =>
        RefusedBeforePruning<ArgumentOutOfRangeException>(train: options =>
            options.ValidationSet = _ml.Transforms.DropColumns("Features").Fit(Toy.Data(_ml)).Transform(Toy.Data(_ml)),
            message: "The ValidationSet cannot be used: Could not find feature column 'Features'");

    [Fact]
    public void A_validation_set_with_other_classes_is_refused_by_name_before_the_pruning() => RefusedBeforePruning<ArgumentException>(
        train: options =>
        {
            var images = Toy.Images(12);
            var pixels = Enumerable.Range(0, images.Count).SelectMany(i => images.Pixels(i).ToArray()).ToArray();
            options.ValidationSet = _ml.Data.LoadImages(new ImageSet(
                pixels, [.. Enumerable.Range(0, images.Count).Select(images.Label)], images.Shape, ["bars", "dots", "stars"]));
        },
        message: "The ValidationSet has classes [bars, dots, stars], the training data [bars, dots, waves]");

    [Fact]
    public void A_validation_set_of_other_sizes_is_refused_by_name_before_the_pruning() => RefusedBeforePruning<ArgumentException>(
        train: options => options.ValidationSet = _ml.Data.LoadImages(Toy.Images(12, channels: 1)),
        message: "The images of the ValidationSet are");

    [Fact]
    public void A_validation_set_without_a_labelled_image_is_refused_before_the_pruning() =>
        RefusedBeforePruning<InvalidOperationException>(
            train: options => options.ValidationSet = _ml.Data.SkipRows(Toy.Data(_ml, 12), 12),
            message: "The ValidationSet has no row with a value in the Label column");

    [Fact]
    public void Too_few_images_for_a_batch_of_the_search_are_refused_before_the_pruning() => RefusedBeforePruning<ArgumentException>(
        search: options => options.Settings = options.Settings with { BatchSize = 25 }, message: "do not fill one batch of 25");

    [Fact]
    public void Too_few_images_for_the_smallest_batch_within_a_memory_limit_are_refused_before_the_pruning()
    {
        // 48 images; a limit that asks for smaller batches asks for 16 at least.
        RefusedBeforePruning<ArgumentException>(
            search: options => options.Settings = options.Settings with { BatchSize = 64, MaxMemory = 1L << 40, TrainFraction = 0.75 },
            message: "do not fill one batch of 16");
        RefusedBeforePruning<ArgumentException>(
            search: options => options.Settings = options.Settings with { BatchSize = 4 },
            train: options => options.Settings = options.Settings with { BatchSize = 64, MaxMemory = 1L << 40 },
            message: "do not fill one batch of 16", images: 15);
    }

    [Fact]
    public void Too_few_images_for_a_search_do_not_matter_where_the_pruning_decides()
    {
        var search = Toy.Search();
        search.Settings = search.Settings with { BatchSize = 25 };
        var pipeline = _ml.Transforms.ZeroShotPrune(Toy.Prune(SearchMethod.EtenasPc)).Append(_ml.Transforms.MaskedDartsSearch(search));
        Assert.NotNull(pipeline.Fit(Toy.Data(_ml)).LastTransformer.Genotype);
    }

    [Fact]
    public void Too_few_images_for_a_batch_of_the_training_are_refused_before_the_pruning() => RefusedBeforePruning<ArgumentException>(
        train: options => options.Settings = options.Settings with { BatchSize = 49 }, message: "do not fill one batch of 49");

    [Fact]
    public void A_checkpoint_folder_of_a_later_stage_that_cannot_be_written_is_refused_before_the_pruning() =>
        RefusedBeforePruning<IOException>(train: options => options.CheckpointFolder = _folder.Write("file"), message: "cannot be written");

    [Fact]
    public void A_device_of_a_later_stage_that_is_not_there_is_refused_before_the_pruning()
    {
        Assert.SkipWhen(TorchSharp.torch.cuda_is_available(), "There is a GPU.");
        RefusedBeforePruning<InvalidOperationException>(search: options => options.Device = "cuda", message: "CUDA is not available");
    }

    [Fact]
    public void What_a_later_stage_would_refuse_does_not_hold_up_a_stage_that_is_fitted_alone()
    {
        var (prune, search) = (_ml.Transforms.ZeroShotPrune(Toy.Prune(SearchMethod.ZeroOneShot)), Toy.Search());
        search.Settings = search.Settings with { BatchSize = 25 };
        Assert.Throws<ArgumentException>(() => prune.Append(_ml.Transforms.MaskedDartsSearch(search)).Fit(Toy.Data(_ml)));
        Assert.NotNull(prune.Fit(Toy.Data(_ml)).Mask);
        Assert.NotNull(prune.Append(_ml.Transforms.MaskedDartsSearch(Toy.Search())).Fit(Toy.Data(_ml)));
    }

    [Fact]
    public void A_stage_says_what_it_will_take_before_its_first_step()
    {
        var (prune, search, train) = (Toy.Prune(SearchMethod.ZeroOneShot), Toy.Search(), Toy.Train());
        var logger = new KeepingLogger();
        prune.Logger = search.Logger = train.Logger = logger;
        prune.Progress = search.Progress = train.Progress = new Told(logger);
        using var model = _ml.Transforms.ZeroShotPrune(prune).Append(_ml.Transforms.MaskedDartsSearch(search))
            .Append(_ml.MulticlassClassification.Trainers.CellNet(train)).Fit(Toy.Data(_ml));
        var texts = logger.Messages.Select(message => message.Text).ToList();
        AssertBefore("Ranking ", "Prune step");
        AssertBefore("Search with batches of 8 images is predicted to take ", "Search step");
        AssertBefore("Train with batches of 8 images is predicted to take ", "Train step");
        Assert.All(Enum.GetNames<RunStage>(), stage => Assert.Single(texts, text => text.StartsWith($"{stage} is predicted to take ")));

        void AssertBefore(string first, string then)
        {
            var (one, other) = (texts.FindIndex(text => text.StartsWith(first)), texts.FindIndex(text => text.StartsWith(then)));
            Assert.True(one >= 0 && other > one, $"'{first}' is message {one}, '{then}' {other}.");
        }
    }

    [Fact]
    public void A_training_keeps_to_a_memory_limit_and_says_so_and_is_refused_with_the_numbers_where_none_will_do()
    {
        var train = Toy.TrainByHand();
        var options = train.Settings with { BatchSize = 32, LearningRate = 0.1 };
        var half = TrainingMemory.Predict(Toy.Genotype, options with { BatchSize = 16 }, new(3, Toy.Side, Toy.Side), 3, Toy.Space,
            images: 48);
        train.Settings = options with { MaxMemory = half.Peak };
        var logger = new KeepingLogger();
        train.Logger = logger;
        using var model = _ml.MulticlassClassification.Trainers.CellNet(train).Fit(Toy.Data(_ml));
        var texts = logger.Messages.Select(message => message.Text).ToList();
        Assert.Contains("Taking batches of 16 images instead of 32, so that MaxMemory suffices", texts);
        Assert.Contains($"Train with batches of 16 images is predicted to take {half}", texts);
        model.ExportOnnx(_folder.File("model.onnx"));
        Assert.Contains("\"learning_rate\":0.05,", SearchInfo.Read(_folder.File("model.onnx"), Toy.Space).Settings);
        var least = TrainingMemory.Predict(Toy.Genotype, options with { BatchSize = 16, Recomputation = Recomputation.All },
            new(3, Toy.Side, Toy.Side), 3, Toy.Space, images: 48);
        train.Settings = options with { MaxMemory = least.Peak - 1 };
        var error = Assert.Throws<MemoryLimitException>(() => _ml.MulticlassClassification.Trainers.CellNet(train).Fit(Toy.Data(_ml)));
        Assert.Contains(least.ToString(), error.Message);
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

    private static IProgress<RunProgress> Nothing => new Never();

    /// <summary>A pipeline of three stages, of which not even the first one takes a step.</summary>
    private void RefusedBeforePruning<TException>(string message,
        Action<MaskedDartsSearchEstimator.Options>? search = null, Action<CellNetTrainer.Options>? train = null, int images = 48)
        where TException : Exception
    {
        var stages = (Prune: Toy.Prune(SearchMethod.ZeroOneShot), Search: Toy.Search(), Train: Toy.Train());
        stages.Prune.Progress = Nothing;
        search?.Invoke(stages.Search);
        train?.Invoke(stages.Train);
        var pipeline = _ml.Transforms.ZeroShotPrune(stages.Prune).Append(_ml.Transforms.MaskedDartsSearch(stages.Search))
            .Append(_ml.MulticlassClassification.Trainers.CellNet(stages.Train));
        var error = Assert.ThrowsAny<TException>(() => pipeline.Fit(Toy.Data(_ml, images)));
        Assert.Contains(message, error.Message);
    }

    private sealed class Never : IProgress<RunProgress>
    {
        public void Report(RunProgress value) => Assert.Fail("Something ran.");
    }

    private sealed class Told(KeepingLogger logger) : IProgress<RunProgress>
    {
        public void Report(RunProgress value) =>
            logger.Messages.Add((LogLevel.Information, $"{value.Stage} step", new Dictionary<string, object?>()));
    }

    private sealed class CancelAtOnce(CancellationTokenSource source) : IProgress<RunProgress>
    {
        public void Report(RunProgress value) => source.Cancel();
    }

    private sealed class Row
    {
        [VectorType(3, Toy.Side, Toy.Side)]
        public float[] Features { get; set; } = [];

        public string Kind { get; set; } = "";
    }
}
