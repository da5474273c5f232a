using Microsoft.ML;
using Microsoft.ML.Data;

namespace Recipes;

/// <summary>The pipeline of the README, with seconds in place of minutes.</summary>
internal static class PipelineInTenLines
{
    public static void Run()
    {
        var ml = new MLContext(seed: 1);
        IDataView images = ml.Data.LoadImageFolder("clothes");
        var pipeline = ml.Transforms.ImagePixels("Features", "Image", height: 32, width: 32)
            .Append(ml.MulticlassClassification.Trainers.ZeroOneShot(timeBudget: TimeSpan.FromSeconds(40)));
        var model = pipeline.Fit(images);
        Console.WriteLine(model.LastTransformer.Genotype);
        ml.Model.Save(model, images.Schema, "model.zip");

        // Load it again, as an application without this library would, and evaluate it on images that the network has not seen.
        model.Dispose();
        using var loaded = (TransformerChain<ITransformer>)ml.Model.Load("model.zip", out _);
        var metrics = ml.MulticlassClassification.Evaluate(loaded.Transform(ml.Data.LoadImageFolder("more-clothes")));
        Console.WriteLine($"Accuracy of the saved model: {metrics.MicroAccuracy:0.000}");
    }
}
