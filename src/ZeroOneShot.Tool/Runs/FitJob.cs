using Microsoft.ML;
using ZeroOneShot.Data;
using ZeroOneShot.ML;
using ZeroOneShot.Networks;
using ZeroOneShot.OneShot;
using ZeroOneShot.Persistence;
using ZeroOneShot.Report;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Tool.Commands;
using ZeroOneShot.Tool.Data;
using ZeroOneShot.Tool.Output;
using ZeroOneShot.Training;

namespace ZeroOneShot.Tool.Runs;

/// <summary>A fit from images to the files of its folder, in one process or in several that go on from one another.</summary>
internal static class FitJob
{
    /// <summary>How a fit begins.</summary>
    public enum Start
    {
        /// <summary>Where no run was stopped.</summary>
        New,

        /// <summary>Whatever was there is given up.</summary>
        Anew,

        /// <summary>From where the run in the folder was stopped.</summary>
        GoOn,
    }

    public static ExitCode Run(
        RunSpecification asked, ZeroOneShotPlan? plan, RunFolder folder, Start start, Display display, Stop stop)
    {
        var began = TimeProvider.System.GetTimestamp();
        using var taken = ToolException.Within(ExitCode.Failed, () => FolderLock.Take(folder.Path, "zeroone fit"));
        folder.DeleteLeftovers();
        if (start == Start.New && folder.HasReached)
        {
            throw new ToolException(ExitCode.Arguments, $"A run was stopped in '{folder.Path}'. Go on with 'zeroone resume', or give it " +
                "up with --anew, or give another --out.");
        }
        CheckTemporaryFolder();
        var ml = new MLContext(asked.Seed) { TempFilePath = folder.Checkpoint };
        var data = ToolException.Within(ExitCode.Data, () => ImageData.Load(ml, asked));
        display.Say($"{data.Description}.");
        ToolException.Within(ExitCode.Failed, () =>
        {
            if (start == Start.Anew && Directory.Exists(folder.Checkpoint))
                Directory.Delete(folder.Checkpoint, recursive: true);
            // From here on there is a run to go on with, if only from its beginning.
            Directory.CreateDirectory(folder.Checkpoint);
            folder.Write(folder.Specification, ChecksummedJson.Sign(JsonText.Indented(asked)));
            if (plan is not null)
                folder.Write(folder.Plan, plan.ToJson());
        });
        stop.Notice = "Stopping within a step, and keeping how far it has come. Ctrl+C again ends at once.";
        stop.Farewell = $"Stopped. Go on with: zeroone resume {Terminal.Printable(Terminal.Word(folder.Path))}";

        // Fit: prune, search, train.
        var watch = new RunWatch(asked, folder, data, new RunDisplay(display));
        var (pixels, trainer) = Pipeline(ml, asked, plan, data, began, folder.Checkpoint, watch, stop.Token);
        using var model = watch.Fit(() => pixels.Append(trainer).Fit(data.Train.ToDataView(ml)));
        var network = model.LastTransformer;

        // Save: the whole chain, which takes images, loads wherever ML.NET and ONNX Runtime are.
        watch.Measure("save", () => ToolException.Within(ExitCode.Failed, () =>
        {
            AtomicFile.Write(folder.Model, stream => ml.Model.Save(model, data.Train.ToDataView(ml).Schema, stream));
            AtomicFile.Write(folder.Onnx, network.ExportOnnx);
            folder.Write(folder.Genotype, ChecksummedJson.Sign(network.Genotype.ToJson()));
            folder.Write(folder.Mask, ChecksummedJson.Sign(network.Mask!.ToJson()));
            if (network.Report?.Pruning is { Rounds.Count: > 0 } pruning)
                folder.Write(folder.Importances, ChecksummedJson.Sign(pruning.ToJson()));
            else
                File.Delete(folder.Importances);                                // an earlier run's
        }));

        // Test what was saved, as its users will have it.
        using var pool = SavedModels.Load(folder.Model);
        var evaluation = watch.Measure("test", () =>
            ToolException.Within(ExitCode.Data, () => Evaluation.Of(pool, data.Test, stop.Token)));
        var linear = asked.Linear
            ? watch.Measure("linear", () => LinearClassifier.Accuracy(ml, pixels, data, stop.Token)) : (double?)null;
        var cost = NetworkCost.Of(network.Genotype, network.Weights.Network,
            new ImageShape(data.Channels, asked.ImageSize, asked.ImageSize), data.Train.ClassNames.Count, network.Weights.Space);
        var report = watch.Report(network, evaluation, cost, linear, Evaluation.MillisecondsOf(pool, data.Test));
        var metrics = ToolException.Within(ExitCode.Failed, () =>
        {
            folder.Write(folder.Predictions, evaluation.ToCsv());
            var metrics = Metrics.Of(
                asked, data, network, evaluation, cost, linear, watch.Seconds, InfoCommand.Checksum(folder.Predictions));
            folder.Write(folder.Metrics, ChecksummedJson.Sign(JsonText.Indented(metrics)));
            folder.Write(report);
            // Last, so that a process that is killed before leaves a run that can go on.
            if (Directory.Exists(folder.Checkpoint))
                Directory.Delete(folder.Checkpoint, recursive: true);
            return metrics;
        });
        End(display, folder, network, evaluation, linear);
        display.Tell("metrics", metrics);
        return ExitCode.Done;
    }

    /// <summary>What a run would do, by timing a few steps.</summary>
    /// <param name="asked">What for.</param>
    /// <param name="file">Where to keep the plan; null for nowhere.</param>
    /// <param name="display">Who reads it.</param>
    /// <param name="stop">Stops it.</param>
    public static void Plan(RunSpecification asked, string? file, Display display, Stop stop)
    {
        var began = TimeProvider.System.GetTimestamp();
        var ml = new MLContext(asked.Seed);
        var data = ToolException.Within(ExitCode.Data, () => ImageData.Load(ml, asked));
        display.Say($"{data.Description}.");
        var (pixels, trainer) = Pipeline(ml, asked, null, data, began, null, null, stop.Token);
        var view = data.Train.ToDataView(ml);
        var plan = trainer.Plan(pixels.Fit(view).Transform(view));
        display.Say(plan.ToString());
        if (file is not null)
        {
            ToolException.Within(ExitCode.Failed, () => new RunFolder(".").Write(Path.GetFullPath(file), plan.ToJson()));
            display.Say($"Written: {file}. Follow it with: zeroone fit {Terminal.Word(asked.Data)} --plan {Terminal.Word(file)}");
        }
        if (display.Kind == Display.Reader.Program)
            Console.Out.WriteLine(plan.ToJson());
    }

    // ML.NET loads a model by way of that folder, when the training is over.
    private static void CheckTemporaryFolder()
    {
        try
        {
            AtomicFile.EnsureWritable(Path.GetTempPath());
        }
        catch (IOException e)
        {
            throw new ToolException(ExitCode.Failed, $"The temporary folder cannot be used: {e.Message} Set " +
                $"{(OperatingSystem.IsWindows() ? "TMP" : "TMPDIR")} to another.");
        }
    }

    private static (ImagePixelsEstimator Pixels, ZeroOneShotTrainer Trainer) Pipeline(
        MLContext ml, RunSpecification asked, ZeroOneShotPlan? plan, ImageData data, long began, string? checkpoint, RunWatch? watch,
        CancellationToken cancellationToken)
    {
        var options = new ZeroOneShotTrainer.Options
        {
            TimeBudget = TimeSpan.FromMinutes(asked.Minutes),
            Began = began,
            MaxMemory = asked.Memory,
            Plan = plan,
            Method = SearchMethod.Parse(asked.Method),
            Space = SearchSpace.Named(asked.Space),
            ClassWeighting = asked.ClassWeights ?? ClassWeighting.Equal,
            MirrorImages = asked.Mirror,
            CostTarget = asked.MaxParameters is null && asked.MaxMultiplyAdds is null
                ? null : new CostTarget { Parameters = asked.MaxParameters, MultiplyAdds = asked.MaxMultiplyAdds },
            CheckpointFolder = checkpoint,
            Progress = watch,
            Logger = watch,
            ShowProgress = false,
            CancellationToken = cancellationToken,
        };
        return (ml.Transforms.ImagePixels("Features", "Image", asked.ImageSize, asked.ImageSize, data.Channels),
            ml.MulticlassClassification.Trainers.ZeroOneShot(options));
    }

    private static void End(Display display, RunFolder folder, CellNetTransformer network, Evaluation evaluation, double? linear)
    {
        if (!display.IsForPeople)
            return;
        var how = network.Report!.Ranked is { } ranked
            ? $"the best of {ranked.Candidates.Count} genotypes by ranks without training" : $"after pruning to {network.Mask}";
        display.Say($"\nFound, {how}:\n{network.Genotype}\n");
        Confusion.Write(new TestSummary(new TestResults { ClassNames = evaluation.ClassNames, Predictions = evaluation.Predictions }));
        var compared = linear is { } other ? FormattableString.Invariant($" A linear classifier of the same pixels: {other:0.0000}.") : "";
        display.Say(FormattableString.Invariant(
            $"\nTest accuracy: {evaluation.Accuracy:0.0000} ({evaluation.Predictions.Count} images).{compared}"));
        display.Say($"Written to {folder.Path}: model.zip, model.onnx, genotype.json, mask.json, " +
            $"{(File.Exists(folder.Importances) ? "importances.json, " : "")}metrics.json, predictions.csv, plan.json, report.html.");
        display.Say($"Look:    open {folder.Html} in a browser.");
        display.Say($"Use it:  zeroone predict {Terminal.Word(folder.Path)} IMAGES");
    }
}
