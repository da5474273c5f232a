using Microsoft.Extensions.Logging;
using Microsoft.ML;
using Microsoft.ML.Data;
using Xunit;
using ZeroOneShot.Data;
using ZeroOneShot.OneShot;
using ZeroOneShot.Runtime;
using ZeroOneShot.Training;

namespace ZeroOneShot.ML.Tests;

/// <summary>What a Fit tells while it runs, what ends it early, and how it goes on.</summary>
public sealed class RunTests : IDisposable
{
    private readonly MLContext _ml = new(seed: 1);
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_log_of_the_context_and_a_logger_get_the_same_messages()
    {
        var (log, logger) = (new List<string>(), new KeepingLogger());
        _ml.Log += (_, message) =>
        {
            if (message.Source.Contains("; "))
                log.Add($"{message.Source}: {message.RawMessage}");
        };
        using var model = Fit(logger: logger);
        Assert.Contains(log, message => message.StartsWith("ZeroShotPruneEstimator; Pruning: Zero-One-Shot leaves "));
        Assert.Contains(log, message => message.StartsWith("MaskedDartsSearchEstimator; Search: Search epoch 2/2"));
        Assert.Contains(log, message => message.StartsWith("CellNetTrainer; Training: Train epoch 2/2"));
        var sent = logger.Messages.Select(message => message.Text).ToArray();
        Assert.Equal(sent, log.Select(message => message[(message.IndexOf(": ") + 2)..]).Intersect(sent));
        // Structured loggers get the values, not only the text.
        var epoch = logger.Messages.Last(message => message.Text.StartsWith("Train epoch 2/2"));
        Assert.Equal(2, Assert.IsType<RunProgress>(epoch.Values["Progress"]).Epoch);
        Assert.All(logger.Messages, message => Assert.Equal(LogLevel.Information, message.Level));
    }

    [Fact]
    public void The_metrics_callback_is_told_every_epoch_of_every_stage()
    {
        var told = new List<RunProgress>();
        using var model = Fit(metrics: told.Add, validation: Toy.Images(12, seed: 8));
        Assert.Equal([(RunStage.Prune, 1), (RunStage.Search, 1), (RunStage.Search, 2), (RunStage.Train, 1), (RunStage.Train, 2)],
            told.Select(progress => (progress.Stage, progress.Epoch)));
        Assert.All(told.Where(progress => progress.Stage != RunStage.Prune), progress => Assert.NotNull(progress.Loss));
        // The search half takes the place of a validation set, once the architecture is trained.
        var searched = told.Where(progress => progress.Stage == RunStage.Search).ToArray();
        Assert.Null(searched[0].ValidationAccuracy);
        Assert.InRange(searched[1].ValidationAccuracy!.Value, 0, 1);
        var trained = told.Where(progress => progress.Stage == RunStage.Train).ToArray();
        Assert.Equal(model.LastTransformer.Epochs, trained.Select(progress =>
            new TrainingEpoch(progress.Loss!.Value, progress.Accuracy!.Value, progress.ValidationLoss, progress.ValidationAccuracy)));
        Assert.All(trained, progress => Assert.InRange(progress.ValidationAccuracy!.Value, 0, 1));
    }

    [Theory]
    [InlineData(RunStage.Prune)]
    [InlineData(RunStage.Search)]
    [InlineData(RunStage.Train)]
    public void A_token_stops_any_stage_within_a_step(RunStage stage)
    {
        using var source = new CancellationTokenSource();
        var after = 0;
        var progress = new Reports(report =>
        {
            if (report.Stage != stage)
                return;
            after++;
            source.Cancel();
        });
        Assert.ThrowsAny<OperationCanceledException>(() => Fit(progress, source));
        Assert.Equal(1, after);
    }

    [Theory]
    [InlineData(RunStage.Prune)]
    [InlineData(RunStage.Search)]
    [InlineData(RunStage.Train)]
    public void Cancelling_the_context_stops_any_stage(RunStage stage)
    {
        // So many epochs that only cancelling ends them. A pruning that is over before it sees that it was cancelled has no successor.
        var progress = new Reports(report =>
        {
            if (report.Stage == stage)
                MLNetInternalsTests.CancelExecution(_ml);
        });
        Assert.ThrowsAny<OperationCanceledException>(() => Fit(progress, endless: stage));
        Assert.Equal(stage, progress.Seen[^1].Stage);
    }

    [Theory]
    [InlineData(RunStage.Prune)]
    [InlineData(RunStage.Search)]
    [InlineData(RunStage.Train)]
    public void With_a_checkpoint_folder_a_cancelled_pipeline_goes_on_where_it_was(RunStage stage)
    {
        var all = new Reports(_ => { });
        using var expected = Fit(all);
        using var source = new CancellationTokenSource();
        var first = new Reports(report =>
        {
            if (report.Stage == stage && report.Epoch == (stage == RunStage.Prune ? 1 : 2))
                source.Cancel();
        });
        Assert.ThrowsAny<OperationCanceledException>(() => Fit(first, source, checkpoints: _folder.FullName));
        var second = new Reports(_ => { });
        using var resumed = Fit(second, checkpoints: _folder.FullName);
        Assert.Equal(Weights(expected), Weights(resumed));
        Assert.Equal(expected.LastTransformer.Epochs, resumed.LastTransformer.Epochs);
        Assert.Equal(all.Seen.Count, first.Seen.Count + second.Seen.Count);           // nothing is done twice
        Assert.Equal(["prune.safetensors", "search.safetensors", "train.safetensors"],
            Directory.GetFiles(_folder.FullName).Select(Path.GetFileName).Where(IsNewest).Order());

        // The checkpoints before, and the locks, stay beside the newest.
        static bool IsNewest(string? name) => !name!.StartsWith('.') && !name.Contains(".previous.");
    }

    [Fact]
    public void A_checkpoint_folder_that_cannot_be_written_is_refused_before_anything_is_trained()
    {
        File.WriteAllBytes(_folder.File("file"), []);
        var train = Toy.TrainByHand();
        train.CheckpointFolder = _folder.File("file");
        train.Progress = new Reports(_ => Assert.Fail("nothing is to run"));
        Assert.Throws<IOException>(() => Train(train));
    }

    [Fact]
    public void When_time_is_up_a_search_gives_what_it_has_found_so_far_and_a_training_without_a_step_is_an_error()
    {
        var warnings = new KeepingLogger();
        var error = Assert.Throws<InvalidOperationException>(() => Fit(logger: warnings, limit: TimeSpan.FromTicks(1)));
        Assert.StartsWith("Time was up before the first step of the training: TimeLimit is 00:00:00.0000001.", error.Message);
        Assert.Single(warnings.Messages, message => message.Text.StartsWith("Time was up after 0 of 2 epochs"));
    }

    [Fact]
    public void Early_stopping_keeps_the_best_network()
    {
        var train = Toy.TrainByHand();
        train.ValidationSet = _ml.Data.LoadImages(Toy.Images(12, seed: 8));
        train.Settings = train.Settings with { Epochs = 50, EarlyStopping = new EarlyStopping { Patience = 1, MinimumGain = 1 } };
        train.Logger = new KeepingLogger();
        using var model = Train(train);
        Assert.Equal((2, 1), (model.Epochs.Count, model.BestEpoch));
        Assert.Equal(model.Epochs[0].ValidationAccuracy!.Value,
            _ml.MulticlassClassification.Evaluate(model.Transform(train.ValidationSet)).MicroAccuracy, 1e-9);
        Assert.Contains("Kept the weights of epoch 1 of 2, whose validation was the best",
            ((KeepingLogger)train.Logger).Messages.Select(message => message.Text));
    }

    [Fact]
    public void Training_goes_on_from_a_model_or_from_its_saved_weights()
    {
        using var first = Fit();
        first.LastTransformer.Weights.Save(_folder.File("net.safetensors"));
        var data = Toy.Data(_ml, 60);
        using var fromModel = Continue(first.LastTransformer.Weights, data);
        using var fromFile = Continue(CellNetWeights.Read(_folder.File("net.safetensors"), Toy.Space), data);
        Assert.Equal(Weights(fromModel), Weights(fromFile));
        Assert.NotEqual(Weights(first.LastTransformer), Weights(fromModel));
        // Where it comes from is still known.
        var found = first.LastTransformer;
        Assert.Equal((found.Genotype, found.Mask, found.Method), (fromFile.Genotype, fromFile.Mask, fromFile.Method));
        fromFile.ExportOnnx(_folder.File("net.onnx"));
        var settings = SearchInfo.Read(_folder.File("net.onnx"), Toy.Space).Settings;
        Assert.All(["prune", "search", "train", "continue"], stage => Assert.Contains($"\"{stage}\":", settings));
    }

    [Fact]
    public void Training_goes_on_from_a_saved_model_as_from_its_weights_also_after_another_application_has_saved_it()
    {
        var train = Toy.TrainByHand();
        train.Settings = train.Settings with { Network = train.Settings.Network with { AuxiliaryHead = false } };
        using var first = Train(train);
        var data = Toy.Data(_ml);
        _ml.Model.Save(first, data.Schema, _folder.File("model.zip"));
        using (var stream = File.Create(_folder.File("data.idv")))
            _ml.Data.SaveAsBinary(data, stream);
        Consumer.Run(_folder.File("model.zip"), _folder.File("data.idv"), _folder.File("again.zip"));
        first.ExportOnnx(_folder.File("model.onnx"));
        using var expected = Continue(first.Weights, data);
        foreach (var file in new[] { "model.zip", "again.zip", "model.onnx" })
        {
            using var continued = Continue(CellNetWeights.Read(_folder.File(file), Toy.Space), data);
            Assert.Equal(Weights(expected), Weights(continued));
        }
    }

    [Fact]
    public void A_saved_model_has_no_auxiliary_head_which_the_log_says_begins_anew()
    {
        using var first = Train(Toy.TrainByHand());
        var data = Toy.Data(_ml);
        _ml.Model.Save(first, data.Schema, _folder.File("model.zip"));
        var logger = new KeepingLogger();
        Continue(CellNetWeights.Read(_folder.File("model.zip"), Toy.Space), data, logger).Dispose();
        Assert.Contains(logger.Messages, message => message.Text.Contains("without the auxiliary head"));
        logger.Messages.Clear();
        Continue(first.Weights, data, logger).Dispose();
        Assert.DoesNotContain(logger.Messages, message => message.Text.Contains("without the auxiliary head"));
    }

    [Fact]
    public void Training_goes_on_with_other_classes()
    {
        using var first = Train(Toy.TrainByHand());
        var images = Toy.Images();
        var two = images.Subset([.. Enumerable.Range(0, images.Count).Where(i => images.Label(i) < 2)]);
        var logger = new KeepingLogger();
        var pixels = Enumerable.Range(0, two.Count).SelectMany(i => two.Pixels(i).ToArray()).ToArray();
        var renamed = new ImageSet(pixels, [.. Enumerable.Range(0, two.Count).Select(two.Label)], two.Shape, ["up", "down"]);
        using var model = Continue(first.Weights, _ml.Data.LoadImages(renamed), logger);
        Assert.Equal(["up", "down"], model.ClassNames);
        Assert.Contains("The classes are not those of ContinueFrom: the classifier begins anew",
            logger.Messages.Select(message => message.Text));
    }

    [Fact]
    public void A_GPU_of_the_context_that_is_not_there_is_an_error_unless_the_processor_may_take_over()
    {
        TorchRuntime.EnsureLoaded();
        Assert.SkipWhen(TorchSharp.torch.cuda_is_available(), "There is a GPU.");
        var ml = new MLContext(seed: 1) { GpuDeviceId = 0 };
        var train = Toy.TrainByHand();
        train.Logger = new KeepingLogger();
        var error = Assert.Throws<InvalidOperationException>(() => ml.MulticlassClassification.Trainers.CellNet(train).Fit(Toy.Data(ml)));
        Assert.Contains("CUDA is not available", error.Message);
        train.Device = "cpu";
        ml.MulticlassClassification.Trainers.CellNet(train).Fit(Toy.Data(ml)).Dispose();
        train.Device = null;
        ml.FallbackToCpu = true;
        ml.MulticlassClassification.Trainers.CellNet(train).Fit(Toy.Data(ml)).Dispose();
        Assert.Contains(((KeepingLogger)train.Logger).Messages,
            message => message.Text.StartsWith("Computing on the processor: Device 'cuda:0'"));
    }

    /// <summary>The three stages, at toy size; pruning by Algorithm 1.</summary>
    private TransformerChain<CellNetTransformer> Fit(IProgress<RunProgress>? progress = null, CancellationTokenSource? stop = null,
        Action<RunProgress>? metrics = null, ILogger? logger = null, string? checkpoints = null, TimeSpan? limit = null,
        ImageSet? validation = null, RunStage? endless = null)
    {
        var (prune, search, train) = (Toy.Prune(SearchMethod.ZeroOneShot), Toy.Search(), Toy.Train());
        foreach (var options in new StageOptions[] { prune, search, train })
        {
            (options.Progress, options.CancellationToken, options.MetricsCallback, options.Logger, options.CheckpointFolder) =
                (progress, stop?.Token ?? TestContext.Current.CancellationToken, metrics, logger, checkpoints);
        }
        search.Settings = search.Settings with { Epochs = endless == RunStage.Search ? 100_000 : 2, TimeLimit = limit };
        train.Settings = train.Settings with { Epochs = endless == RunStage.Train ? 100_000 : 2, TimeLimit = limit };
        train.ValidationSet = validation is null ? null : _ml.Data.LoadImages(validation);
        return _ml.Transforms.ZeroShotPrune(prune).Append(_ml.Transforms.MaskedDartsSearch(search))
            .Append(_ml.MulticlassClassification.Trainers.CellNet(train)).Fit(Toy.Data(_ml));
    }

    private CellNetTransformer Train(CellNetTrainer.Options options) =>
        _ml.MulticlassClassification.Trainers.CellNet(options).Fit(Toy.Data(_ml));

    private CellNetTransformer Continue(CellNetWeights weights, IDataView data, ILogger? logger = null)
    {
        var options = Toy.Train();
        (options.ContinueFrom, options.Logger) = (weights, logger);
        options.Settings = options.Settings with { Network = new() };               // does not matter
        return _ml.MulticlassClassification.Trainers.CellNet(options).Fit(data);
    }

    private byte[] Weights(TransformerChain<CellNetTransformer> model) => Weights(model.LastTransformer);

    private byte[] Weights(CellNetTransformer model)
    {
        var path = Path.Combine(Directory.CreateDirectory(_folder.File("weights")).FullName, "net");
        model.Weights.Save(path);
        return File.ReadAllBytes(path);
    }

    private sealed class Reports(Action<RunProgress> act) : IProgress<RunProgress>
    {
        public List<RunProgress> Seen { get; } = [];

        public void Report(RunProgress value)
        {
            Seen.Add(value);
            act(value);
        }
    }
}
