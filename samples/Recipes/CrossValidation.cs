using Microsoft.ML;
using Microsoft.ML.Data;
using ZeroOneShot.ML;
using ZeroOneShot.OneShot;

namespace Recipes;

/// <summary>How good the method is on these images, rather than one network: every fold prunes, searches and trains anew.</summary>
internal static class CrossValidation
{
    public static void Run()
    {
        var ml = new MLContext(seed: 1);
        var images = ml.Data.LoadImageFolder("clothes");
        var pipeline = ml.Transforms.ImagePixels("Features", "Image", height: 28, width: 28, channels: 1)
            // Random masks cost nothing; the method of the paper, which is the default, would rank the operations in every fold.
            .Append(ml.Transforms.ZeroShotPrune(method: SearchMethod.ZeroOneShotRandom))
            .Append(ml.Transforms.MaskedDartsSearch(epochs: 1, batchSize: 20, channels: 4, cells: 3))
            .Append(ml.MulticlassClassification.Trainers.CellNet(epochs: 6, batchSize: 10, channels: 8, cells: 3));

        var folds = ml.MulticlassClassification.CrossValidate(images, pipeline, numberOfFolds: 3);
        foreach (var fold in folds)
        {
            using var model = (TransformerChain<CellNetTransformer>)fold.Model;
            Console.WriteLine($"Fold {fold.Fold + 1}: accuracy {fold.Metrics.MicroAccuracy:0.000}, log-loss {fold.Metrics.LogLoss:0.000}");
            Console.WriteLine($"  normal cell {model.LastTransformer.Genotype.Normal}");
        }
        Console.WriteLine($"Mean accuracy: {folds.Average(fold => fold.Metrics.MicroAccuracy):0.000}");
    }
}
