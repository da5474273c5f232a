using System.Diagnostics;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Trainers;
using TorchSharp.Modules;
using ZeroOneShot.Data;
using ZeroOneShot.ML;
using ZeroOneShot.Runtime;
using ZeroOneShot.OneShot;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Training;
using static TorchSharp.torch;

namespace ZeroOneShot.Benchmarks.Compare;

/// <summary>
/// What is compared. All but ML.NET's own trainers get the same time, and a fit's recipe for as many epochs as that is: one cycle of the
/// learning rate, Nesterov's momentum, smoothed labels, whitened filters, crops, flips and cutout; ML.NET's end when they have converged.
/// </summary>
internal static class Contenders
{
    // Of a network whose steps are timed; of trainings, as fits have.
    private const int TimedSteps = 10, MostEpochs = 200, EvaluationBatch = 256;

    /// <param name="Train">The images to train on.</param>
    /// <param name="Test">Those that are classified at the end.</param>
    /// <param name="Budget">The time from the images to the trained model.</param>
    /// <param name="Seed">Decides everything but the clock.</param>
    internal sealed record Setting(ImageSet Train, ImageSet Test, TimeSpan Budget, long Seed)
    {
        private readonly long _start = Stopwatch.GetTimestamp();

        public TimeSpan Elapsed => Stopwatch.GetElapsedTime(_start);
    }

    /// <param name="Accuracy">The share of test images classified rightly.</param>
    /// <param name="Time">The time until the model was trained.</param>
    /// <param name="Epochs">Epochs; the last one may be a part of one. Null where there are none.</param>
    /// <param name="Note">Sizes of what was trained.</param>
    internal sealed record Outcome(double Accuracy, TimeSpan Time, double? Epochs, string Note);

    /// <summary>All, by their names.</summary>
    public static IReadOnlyDictionary<string, Func<Setting, Outcome>> All { get; } = new Dictionary<string, Func<Setting, Outcome>>
    {
        ["zero-one-shot"] = setting => Found(setting, SearchMethod.ZeroShot),
        ["random"] = setting => Trained(setting,
            new GenotypeSampler(OperationMask.Full(SearchSpace.Darts)).Draw(1, setting.Seed)[0]),
        ["zero-one-shot-paper"] = setting => Found(setting, SearchMethod.ZeroOneShot),
        ["zero-one-shot-rnd"] = setting => Found(setting, SearchMethod.ZeroOneShotRandom),
        ["pc-darts"] = setting => Trained(setting, PublishedGenotypes.PcDartsCifar),
        ["darts-v2"] = setting => Trained(setting, PublishedGenotypes.DartsV2),
        ["resnet-20"] = setting => Plain(setting, PlainNetworks.ResNet20),
        ["small-cnn"] = setting => Plain(setting, PlainNetworks.SmallCnn),
        ["sdca"] = setting => OnPixels(setting, ml => ml.MulticlassClassification.Trainers.SdcaMaximumEntropy(
            new SdcaMaximumEntropyMulticlassTrainer.Options { NumberOfThreads = 1 }), "until converged, 1 thread"),
        ["lightgbm"] = setting => OnPixels(
            setting, ml => ml.MulticlassClassification.Trainers.LightGbm(), "100 rounds, ML.NET's default"),
    };

    /// <summary>This library's trainer, by one of its methods.</summary>
    private static Outcome Found(Setting setting, SearchMethod method)
    {
        var ml = new MLContext((int)setting.Seed);
        using var model = ml.MulticlassClassification.Trainers.ZeroOneShot(new ZeroOneShotTrainer.Options
        {
            TimeBudget = setting.Budget, Method = method, Seed = setting.Seed, ShowProgress = false,
        }).Fit(ml.Data.LoadImages(setting.Train));
        var time = setting.Elapsed;
        var scored = ml.MulticlassClassification.Evaluate(model.Transform(ml.Data.LoadImages(setting.Test)));
        return new Outcome(scored.MicroAccuracy, time, model.Epochs.Count, Sizes(model.Report!.Plan.Stages[^1]));
    }

    /// <summary>A given architecture, trained as this library's trainer trains the one that it finds.</summary>
    private static Outcome Trained(Setting setting, Genotype genotype)
    {
        var (train, validation) = setting.Train.Split(1 - FitImages.UsualShare(setting.Train.Count), setting.Seed);
        var stage = Planner.TrainingOf(train, validation, genotype, () => setting.Budget - setting.Elapsed);
        var options = Planner.TrainingSettings(stage, train.Shape, setting.Seed, device: null) with
        {
            // Timing may have used the time up: a few steps are trained all the same, and their time is told.
            TimeLimit = TimeSpan.FromSeconds(Math.Max(1, (setting.Budget - setting.Elapsed).TotalSeconds)),
            MostEpochs = Planner.MostEpochs(stage),
        };
        using var trained = CellNetTraining.Train(train, genotype, options, validation);
        var time = setting.Elapsed;
        return new Outcome(trained.Accuracy(setting.Test), time, trained.Epochs.Count, Sizes(stage));
    }

    /// <summary>A network of libtorch's layers, with all images.</summary>
    private static Outcome Plain(Setting setting, Func<int, int, nn.Module<Tensor, Tensor>> build)
    {
        TorchRuntime.EnsureLoaded();
        random.manual_seed(setting.Seed);
        var (train, shape) = (setting.Train, setting.Train.Shape);
        var statistics = train.Statistics();
        using var network = build(shape.Channels, train.ClassCount);
        using (var patches = RandomStream.Of(setting.Seed, "compare: patches"))
            PatchWhitening.Apply(network.modules().OfType<Conv2d>().First().weight, 1, train, statistics, patches);
        // As a fit does: a few steps are timed, and what keeps it from learning by heart suits the epochs that there is time for.
        var epochs = EpochsWithin(setting, build, statistics);
        var stage = Planner.WithRate(new StagePlan
        {
            Stage = RunStage.Train, Channels = 0, Cells = 0,
            BatchSize = Math.Min(Planner.BatchFor((long)epochs * train.Count), train.Count), Epochs = epochs,
            Images = train.Count, Time = setting.Budget, Memory = 0,
        });
        var recipe = Planner.TrainingSettings(stage, shape, setting.Seed, device: null);
        var augmentation = recipe.Augmentation ?? CellNetTraining.DefaultAugmentation(shape, recipe.Cutout);
        using var batches = new BatchStream(
            train, stage.BatchSize, augmentation, statistics, setting.Seed, "compare", CPU, keepLast: false);
        using var optimizer = optim.SGD(network.parameters(), recipe.LearningRate, recipe.Momentum, weight_decay: recipe.WeightDecay,
            nesterov: recipe.Nesterov);
        network.train();
        var step = 0L;
        do
        {
            using var scope = NewDisposeScope();
            foreach (var group in optimizer.ParamGroups)
                group.LearningRate = recipe.LearningRateAt(0, Math.Min(1, setting.Elapsed / setting.Budget));
            var (images, labels) = batches.Batch(step++);
            Backward(network, images, labels, optimizer, recipe);
            optimizer.step();
        }
        while (setting.Elapsed < setting.Budget);
        var time = setting.Elapsed;
        network.eval();
        using var noGradient = no_grad();
        var right = 0L;
        foreach (var batch in Enumerable.Range(0, setting.Test.Count).Chunk(EvaluationBatch))
        {
            using var scope = NewDisposeScope();
            var logits = network.forward(statistics.Normalize(setting.Test.ImageTensor(batch)));
            right += logits.argmax(1).eq(setting.Test.LabelTensor(batch)).sum().item<long>();
        }
        return new Outcome((double)right / setting.Test.Count, time, (double)step / batches.BatchesPerEpoch,
            $"{network.parameters().Sum(parameter => parameter.numel()):N0} parameters");
    }

    private static void Backward(
        nn.Module<Tensor, Tensor> network, Tensor images, Tensor labels, optim.Optimizer optimizer, TrainingOptions recipe)
    {
        optimizer.zero_grad();
        nn.functional.cross_entropy(network.forward(images), labels, label_smoothing: recipe.LabelSmoothing).backward();
        nn.utils.clip_grad_norm_(network.parameters(), recipe.ClipNorm);
    }

    /// <summary>Epochs that there is time for, by the fastest of a few steps of another network of the same kind.</summary>
    private static int EpochsWithin(Setting setting, Func<int, int, nn.Module<Tensor, Tensor>> build, ChannelStatistics statistics)
    {
        var train = setting.Train;
        var batch = Math.Min(Planner.BatchFor(0), train.Count);
        using var network = build(train.Shape.Channels, train.ClassCount);
        using var optimizer = optim.SGD(network.parameters(), 0);
        using var batches = new BatchStream(train, batch, Augmentation.None, statistics, setting.Seed, "timed", CPU, keepLast: false);
        network.train();
        var fastest = double.PositiveInfinity;
        for (var step = 0; step < TimedSteps; step++)
        {
            using var scope = NewDisposeScope();
            var (began, (images, labels)) = (Stopwatch.GetTimestamp(), batches.Batch(step));
            Backward(network, images, labels, optimizer, TrainingOptions.ForEpochs(1, batch));
            optimizer.step();
            fastest = Math.Min(fastest, Stopwatch.GetElapsedTime(began).TotalSeconds);
        }
        var left = (setting.Budget - setting.Elapsed).TotalSeconds;
        return Math.Clamp((int)(left * batch / (fastest * train.Count)), 1, MostEpochs);
    }

    private static Outcome OnPixels<T>(Setting setting, Func<MLContext, IEstimator<T>> trainer, string note)
        where T : class, ITransformer
    {
        var ml = new MLContext((int)setting.Seed);
        var pipeline = ml.Transforms.Conversion.ConvertType("Features", outputKind: DataKind.Single)
            .Append(ml.Transforms.Expression("Features", "x => x / 255", "Features"))
            .AppendCacheCheckpoint(ml)
            .Append(trainer(ml));
        using var model = pipeline.Fit(ml.Data.LoadImages(setting.Train));
        var time = setting.Elapsed;
        var scored = ml.MulticlassClassification.Evaluate(model.Transform(ml.Data.LoadImages(setting.Test)));
        return new Outcome(scored.MicroAccuracy, time, Epochs: null, note);
    }

    private static string Sizes(StagePlan stage) => $"{stage.Channels} channels, {stage.Cells} cells, batch {stage.BatchSize}";
}
