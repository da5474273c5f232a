using Microsoft.ML;
using Microsoft.ML.Data;
using ZeroOneShot.ML;
using ZeroOneShot.OneShot;

namespace ZeroOneShot.Extending.Tests;

public static class OwnPipeline
{
    /// <summary>A method that combines them.</summary>
    public static SearchMethod Method { get; } = new()
    {
        Name = "Annealed",
        Pruning = PruningKind.ZeroShot,
        Relaxation = new OwnRelaxation(),
        LossTerms = [new OwnLossTerm(), new BetaDecay(5)],
        PartialChannels = 2,
    };

    public static EstimatorChain<CellNetTransformer> Of(MLContext ml) => ml.Transforms
        .ZeroShotPrune(new ZeroShotPruneEstimator.Options
        {
            Method = Method,
            Space = OwnSpace.Chain,
            Settings = new()
            {
                RankingFunctions = [new OwnRankingFunction()], Pruning = new() { OperationsPerRound = 1 },
                Supernet = new() { Channels = 4, Cells = 2 }, BatchSize = 12, Batches = 1, Initializations = 1,
            },
        })
        .Append(ml.Transforms.MaskedDartsSearch(new MaskedDartsSearchEstimator.Options
        {
            Method = Method,
            Space = OwnSpace.Chain,
            Settings = new() { Supernet = new() { Channels = 4, Cells = 2 }, Epochs = 3, WarmupEpochs = 1, BatchSize = 12 },
        }))
        .Append(ml.MulticlassClassification.Trainers.CellNet(new CellNetTrainer.Options
        {
            Space = OwnSpace.Chain,
            Settings = new() { Network = new() { Channels = 4, Cells = 2 }, Epochs = 3, BatchSize = 12 },
        }));
}
