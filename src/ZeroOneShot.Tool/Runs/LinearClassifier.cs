using Microsoft.ML;
using Microsoft.ML.Trainers;
using ZeroOneShot.Tool.Data;

namespace ZeroOneShot.Tool.Runs;

/// <summary>What a classifier reaches that has no layers at all: the mark that a network must beat.</summary>
internal static class LinearClassifier
{
    /// <summary>Trains on the pixels, scaled to 0..1, until it converges, and gives the share of test images classified rightly.</summary>
    /// <param name="mlContext">With the seed that decides the order of the images.</param>
    /// <param name="pixels">Makes the column Features, of values from 0 to 255.</param>
    /// <param name="data">The images.</param>
    /// <param name="cancellationToken">Stops before training or before testing.</param>
    public static double Accuracy(MLContext mlContext, IEstimator<ITransformer> pixels, ImageData data, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var pipeline = pixels
            .Append(mlContext.Transforms.Expression("Features", "x => x / 255", "Features"))
            .AppendCacheCheckpoint(mlContext)
            .Append(mlContext.MulticlassClassification.Trainers.SdcaMaximumEntropy(new SdcaMaximumEntropyMulticlassTrainer.Options
            {
                // More threads would make the result depend on their timing.
                NumberOfThreads = 1,
            }));
        using var model = pipeline.Fit(data.Train.ToDataView(mlContext));
        cancellationToken.ThrowIfCancellationRequested();
        return mlContext.MulticlassClassification.Evaluate(model.Transform(data.Test.ToDataView(mlContext))).MicroAccuracy;
    }
}
