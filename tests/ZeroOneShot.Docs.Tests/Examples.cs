using Microsoft.ML;
using ZeroOneShot.ML;
using ZeroOneShot.Report;

namespace ZeroOneShot.Docs.Tests;

/// <summary>The code of docs, in a folder with <c>flowers</c> and <c>rose.jpg</c>; times are shorter here.</summary>
internal static class Examples
{
    public static void GettingStarted()
    {
        var ml = new MLContext(seed: 1);
        IDataView images = ml.Data.LoadImageFolder("flowers");                        // one subfolder per class
        var pipeline = ml.Transforms.ImagePixels("Features", "Image", height: 32, width: 32)
            .Append(ml.MulticlassClassification.Trainers.ZeroOneShot(timeBudget: TimeSpan.FromMinutes(0.25)));
        using var model = pipeline.Fit(images);
        ml.Model.Save(model, images.Schema, "model.zip");
        File.WriteAllText("cells.svg", model.LastTransformer.Genotype.ToSvg());       // the first picture
    }

    public static void UsingIt()
    {
        using var pool = ImageClassifierPool.Load("model.zip");
        foreach (var (label, score) in pool.Classify("rose.jpg").Take(3))
            Console.WriteLine($"{label} {score:0.000}");
    }

    public static IDataView Images(MLContext ml)
    {
        IDataView images = ml.Data.LoadImageFolder("flowers", new ImageCheckOptions
        {
            Faulty = FaultyImages.Skip,                                               // or Quarantine, which moves them away
            Report = report => Console.WriteLine(report),                             // how many, and what was wrong with them
        });
        return images;
    }

    public static async Task<IReadOnlyList<ClassScore>> Services()
    {
        using var pool = ImageClassifierPool.Load("model.zip", new ImageClassifierPoolOptions
        {
            Concurrency = Environment.ProcessorCount,
            Limits = new ImageLimits { MostPixels = 24_000_000, MostTime = TimeSpan.FromSeconds(2) },
        });
        IReadOnlyList<ClassScore> scores = await pool.ClassifyAsync(File.ReadAllBytes("rose.jpg"));
        return scores;
    }

    public static void TheSameAgain(MLContext ml, IDataView pixels)
    {
        var trainer = ml.MulticlassClassification.Trainers.ZeroOneShot(timeBudget: TimeSpan.FromMinutes(0.25));
        File.WriteAllText("plan.json", trainer.Plan(pixels).ToJson());
        var options = new ZeroOneShotTrainer.Options { Plan = ZeroOneShotPlan.FromJson(File.ReadAllText("plan.json")) };
        using var same = ml.MulticlassClassification.Trainers.ZeroOneShot(options).Fit(pixels);
    }

    /// <summary>It would take days, and is not run.</summary>
    public static IEstimator<ITransformer> Reproducing(MLContext ml)
    {
        var pipeline = ml.Transforms.ZeroShotPrune(new ZeroShotPruneEstimator.Options { Settings = SearchPreset.Paper.Prune })
            .Append(ml.Transforms.MaskedDartsSearch())
            .Append(ml.MulticlassClassification.Trainers.CellNet());
        return pipeline;
    }
}
