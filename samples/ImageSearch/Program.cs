// Searches a convolutional network for images, trains it and saves it, as one ML.NET pipeline: see --help for the options.
using ImageSearch;
using Microsoft.ML;
using ZeroOneShot.ML;
using ZeroOneShot.Persistence;

return CommandLine.Run(args, (settings, cancellationToken) =>
{
    using var output = FolderLock.Take(settings.Out, "an image search");
    var watch = new RunWatch();
    var mlContext = new MLContext(settings.Seed);

    // Load: columns Image, Label and ImagePath.
    var data = ImageData.Load(mlContext, settings);
    var preset = settings.Preset.FittedTo(data.TrainImages);
    Report.Start(settings, preset, data);

    // Build the pipeline: three stages behind the pixels. Each passes its result on to the next as an annotation of the pixel column.
    var pixels = mlContext.Transforms.ImagePixels("Features", "Image", settings.ImageSize, settings.ImageSize, data.Channels);
    var pipeline = pixels
        .Append(mlContext.Transforms.ZeroShotPrune(new ZeroShotPruneEstimator.Options
        {
            Method = settings.Method,
            Settings = preset.Prune,
            Progress = watch,
            CancellationToken = cancellationToken,
        }))
        .Append(mlContext.Transforms.MaskedDartsSearch(new MaskedDartsSearchEstimator.Options
        {
            Settings = preset.Search,
            Progress = watch,
            CancellationToken = cancellationToken,
        }))
        .Append(mlContext.MulticlassClassification.Trainers.CellNet(new CellNetTrainer.Options
        {
            Settings = preset.Train,
            Progress = watch,
            CancellationToken = cancellationToken,
        }));

    // Fit: prune, search, train.
    using var model = watch.Fit(() => pipeline.Fit(data.Train));

    // Evaluate, beside a linear classifier of the same pixels.
    var evaluation = watch.Measure(
        "evaluate", () => Evaluation.Of(mlContext, model.Transform(data.Test), data.ClassNames, cancellationToken));
    var linear = watch.Measure("linear", () => LinearClassifier.Accuracy(mlContext, pixels, data, cancellationToken));

    // Save: the whole chain, which takes images, loads wherever ML.NET and ONNX Runtime are.
    var files = new ResultFiles(settings.Out);
    watch.Measure("save", () => files.WriteModel(mlContext, model, data.Train.Schema, evaluation));
    files.WriteMetrics(Metrics.Of(settings, preset, data, model.LastTransformer, evaluation, linear, watch.Seconds));
    Report.End(model.LastTransformer, evaluation, linear, files);
});
