using Microsoft.ML;
using Microsoft.ML.Data;
using ZeroOneShot.ML;
using ZeroOneShot.SearchSpaces;

namespace Recipes;

/// <summary>Trains a network that is known already: nothing is pruned, nothing is searched.</summary>
internal static class HandPickedGenotype
{
    public static void Run()
    {
        // The text that papers print and that a model's Genotype gives; PublishedGenotypes has some of them.
        var genotype = Genotype.Parse("""
            Genotype(
                normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('skip_connect', 1),
                        ('sep_conv_3x3', 1), ('skip_connect', 0), ('dil_conv_3x3', 2), ('skip_connect', 0)], normal_concat=range(2, 6),
                reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 0),
                        ('max_pool_3x3', 0), ('skip_connect', 2), ('skip_connect', 2), ('avg_pool_3x3', 0)], reduce_concat=range(2, 6))
            """);

        var ml = new MLContext(seed: 1);
        using var model = ml.Transforms.ImagePixels("Features", "Image", height: 28, width: 28, channels: 1)
            .Append(ml.MulticlassClassification.Trainers.CellNet(new CellNetTrainer.Options
            {
                Genotype = genotype,
                Settings = new()
                {
                    Network = new() { Channels = 8, Cells = 3, AuxiliaryHead = false },
                    Epochs = 8,
                    BatchSize = 20,
                    DropPath = 0,
                },
            }))
            .Fit(ml.Data.LoadImageFolder("clothes"));
        Console.WriteLine(model.LastTransformer.Genotype);

        var scored = model.Transform(ml.Data.LoadImageFolder("more-clothes"));
        Console.WriteLine($"Accuracy: {ml.MulticlassClassification.Evaluate(scored).MicroAccuracy:0.000}");
        foreach (var (path, scores) in scored.GetColumn<string>("ImagePath").Zip(scored.GetColumn<float[]>("Score")).Take(3))
        {
            var best = model.LastTransformer.GetClassScores(scores, count: 2).Select(of => $"{of.Label} {of.Score:0.000}");
            Console.WriteLine($"{Path.GetFileName(path)}: {string.Join(", ", best)}");
        }
    }
}
