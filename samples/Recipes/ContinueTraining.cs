using Microsoft.ML;
using ZeroOneShot.Data;
using ZeroOneShot.ML;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Training;

namespace Recipes;

/// <summary>Trains a network further: on the same classes, and on others, for which it begins with what it has learned to see.</summary>
internal static class ContinueTraining
{
    public static void Run()
    {
        var ml = new MLContext(seed: 1);
        var pixels = ml.Transforms.ImagePixels("Features", "Image", height: 28, width: 28, channels: 1);
        var clothes = ml.Data.LoadImageFolder("clothes");
        var shoes = ml.Data.LoadImageFolder("shoes");

        using var first = pixels.Append(ml.MulticlassClassification.Trainers.CellNet(new CellNetTrainer.Options
        {
            Genotype = PublishedGenotypes.DartsV2,
            Settings = new()
            {
                Network = new() { Channels = 8, Cells = 3, AuxiliaryHead = false },
                Epochs = 3,
                BatchSize = 10,
                DropPath = 0,
                Augmentation = Augmentation.None,
            },
        })).Fit(clothes);
        ml.Model.Save(first, clothes.Schema, "clothes.zip");
        Report("Trained", first, "more-clothes");

        // Some other day: the model brings genotype, network and normalisation along. A smaller learning rate keeps what was learned.
        var options = new CellNetTrainer.Options
        {
            ContinueFrom = CellNetWeights.Read("clothes.zip"),
            MetricsCallback = epoch =>
                Console.WriteLine($"  epoch {epoch.Epoch}: loss {epoch.Loss:0.000}, accuracy {epoch.Accuracy:0.000}"),
            Settings = new() { Epochs = 4, BatchSize = 10, LearningRate = 0.01, DropPath = 0, Augmentation = Augmentation.None },
        };
        using var continued = pixels.Append(ml.MulticlassClassification.Trainers.CellNet(options)).Fit(clothes);
        Report("Continued", continued, "more-clothes");

        // Images of other classes need nothing else. Only the classifier, the last layer, begins anew, so that there is more to learn.
        options.Settings = options.Settings with { LearningRate = 0.05 };
        using var moved = pixels.Append(ml.MulticlassClassification.Trainers.CellNet(options)).Fit(shoes);
        Report("On other classes", moved, "more-shoes");

        void Report(string what, ITransformer model, string folder)
        {
            var metrics = ml.MulticlassClassification.Evaluate(model.Transform(ml.Data.LoadImageFolder(folder)));
            Console.WriteLine($"{what}: accuracy {metrics.MicroAccuracy:0.000}, log-loss {metrics.LogLoss:0.000}");
        }
    }
}
