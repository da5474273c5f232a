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
        var pixels = ml.Transforms.ImagePixels("Features", "Image", height: 28, width: 28, channels: 1);

        foreach (var function in new IRankingFunction[] { new NngpNorm(), new LogitDirections() })
        {
            var pipeline = pixels.Append(ml.Transforms.ZeroShotPrune(new ZeroShotPruneEstimator.Options
            {
                // Any number of functions: by how much each falls without an operation, relative to its value, is summed.
                Settings = new()
                {
                    RankingFunctions = [function],
                    Supernet = new() { Channels = 4, Cells = 3 },
                    BatchSize = 12,
                    Batches = 1,
                    Initializations = 1,
                },
            }));
            using var model = pipeline.Fit(images);
            var mask = model.LastTransformer.Mask;
            var first = mask.Live(CellKind.Normal, edge: 0).Select(operation => mask.Space.Operations[operation].Name);
            Console.WriteLine($"By {function.Name}: {mask}, on the first edge {string.Join(", ", first)}");
        }
    }

    /// <summary>
    /// In how many directions an untrained network spreads the images: the effective rank of its logits (Roy and Vetterli, 2007), from 1 to
    /// the number of outputs.
    /// </summary>
    private sealed class LogitDirections : IRankingFunction
    {
        public string Name => "logit-directions";

        public double Rank(RankedNetwork network)
        {
            // The logits, images x outputs and without gradient, belong to the network; what is made from them is disposed here.
            using var scope = torch.NewDisposeScope();
            var singularValues = torch.linalg.svdvals(network.Logits.to(torch.ScalarType.Float64)).data<double>().ToArray();
            var total = singularValues.Sum();
            var shares = singularValues.Select(value => value / total).Where(share => share > 0);
            return Math.Exp(-shares.Sum(share => share * Math.Log(share)));
        }
    }
}
