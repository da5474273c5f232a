using Microsoft.ML;
using TorchSharp;
using ZeroOneShot.ML;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.ZeroShot;

namespace Recipes;

/// <summary>Prunes by a measure of one's own, beside the one of the paper.</summary>
internal static class CustomRankingFunction
{
    public static void Run()
    {
        var ml = new MLContext(seed: 1);
        var images = ml.Data.LoadImageFolder("clothes");
        var pixels = ml.Transforms.LoadImages("Image", null, "ImagePath")
            .Append(ml.Transforms.ImagePixels("Features", "Image", height: 28, width: 28, channels: 1));

        var own = new LogitDirections();
        foreach (IRankingFunction[] functions in new IRankingFunction[][] { [new NngpNorm()], [own], [new NngpNorm(), own] })
        {
            var pruned = pixels.Append(ml.Transforms.ZeroShotPrune(new ZeroShotPruneEstimator.Options
            {
                // Several functions are added up; what counts is by how many percent each falls when an operation is taken away.
                Settings = new() { RankingFunctions = functions, Supernet = new() { Channels = 4, Cells = 3 }, BatchSize = 20, Batches = 1 },
            })).Fit(images);
            var mask = pruned.LastTransformer.Mask;
            Console.WriteLine($"By {string.Join(" and ", functions.Select(function => function.Name))}: {mask}");
            var first = mask.Live(CellKind.Normal, 0).Select(operation => mask.Space.Operations[operation].Name);
            Console.WriteLine($"  on the first edge of the normal cell: {string.Join(", ", first)}");
        }
    }

    /// <summary>
    /// In how many directions an untrained network spreads the images: the effective rank of its logits (Roy and Vetterli, 2007), from 1 to
    /// the number of classes.
    /// </summary>
    private sealed class LogitDirections : IRankingFunction
    {
        public string Name => "logit-directions";

        public double Rank(RankedNetwork network)
        {
            // Logits are images x classes, without gradient, and not ours to dispose: everything made from them is.
            using var scope = torch.NewDisposeScope();
            var logits = network.Logits.to(torch.ScalarType.Float64);
            var singular = torch.linalg.svdvals(logits - logits.mean([0])).data<double>().ToArray();
            var shares = singular.Select(value => value / singular.Sum()).Where(share => share > 0);
            return Math.Exp(-shares.Sum(share => share * Math.Log(share)));
        }
    }
}
