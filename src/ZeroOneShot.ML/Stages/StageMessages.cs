using Microsoft.Extensions.Logging;
using ZeroOneShot.Networks;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.ML;

/// <summary>What the stages have to say.</summary>
internal static partial class StageMessages
{
    [LoggerMessage(1, LogLevel.Information, "{Progress}")]
    public static partial void Progressed(this ILogger logger, RunProgress progress);

    [LoggerMessage(2, LogLevel.Information, "{Method} leaves {Mask}")]
    public static partial void Pruned(this ILogger logger, string method, OperationMask mask);

    [LoggerMessage(3, LogLevel.Information, "Found {Genotype}")]
    public static partial void Found(this ILogger logger, Genotype genotype);

    [LoggerMessage(4, LogLevel.Information, "{Method} has no search: {Genotype}")]
    public static partial void DecidedByPruning(this ILogger logger, string method, Genotype genotype);

    [LoggerMessage(5, LogLevel.Warning, "Skipped {Skipped} of {Rows} rows without a value in the {Column} column")]
    public static partial void SkippedRows(this ILogger logger, long skipped, long rows, string column);

    [LoggerMessage(33, LogLevel.Information, "Left out {Without} of {Rows} rows whose weight in the {Column} column is 0")]
    public static partial void LeftOutRows(this ILogger logger, long without, long rows, string column);

    [LoggerMessage(6, LogLevel.Warning, "Computing on the processor: {Reason}")]
    public static partial void FellBackToProcessor(this ILogger logger, string reason);

    [LoggerMessage(7, LogLevel.Warning, "Time was up after {Finished} of {Epochs} epochs; what was found so far is kept")]
    public static partial void TimeWasUp(this ILogger logger, int finished, int epochs);

    [LoggerMessage(8, LogLevel.Information, "Kept the weights of epoch {Epoch} of {Finished}, whose validation was the best")]
    public static partial void KeptBest(this ILogger logger, int epoch, int finished);

    [LoggerMessage(10, LogLevel.Information, "The architecture has not changed for {Epochs} epochs")]
    public static partial void Settled(this ILogger logger, int epochs);

    [LoggerMessage(11, LogLevel.Information, "Taking batches of {Batch} images instead of {Asked}, so that MaxMemory suffices")]
    public static partial void SmallerBatch(this ILogger logger, int batch, int asked);

    [LoggerMessage(13, LogLevel.Warning, "CostTarget is {Target}, which no network of {Mask} passes: it has no effect")]
    public static partial void CostTargetWithoutEffect(this ILogger logger, string target, OperationMask mask);

    [LoggerMessage(18, LogLevel.Information, "Its network of {Channels} channels and {Cells} cells has {Cost}; CostTarget is {Target}")]
    public static partial void FoundCost(this ILogger logger, int channels, int cells, string cost, string target);

    [LoggerMessage(22, LogLevel.Warning, "That is less than 95 % of CostTarget: no network of this size in what is left is nearer to it")]
    public static partial void FarBelowTarget(this ILogger logger);

    [LoggerMessage(19, LogLevel.Warning, "CostTarget is of a network of {Target}, and the one to train is of {Training}, whose cost is " +
        "another; give CostTarget.Network and the training the same shape")]
    public static partial void CostTargetOfAnother(this ILogger logger, string target, string training);

    [LoggerMessage(30, LogLevel.Warning, "{Warning}")]
    public static partial void Warned(this ILogger logger, string warning);

    [LoggerMessage(9, LogLevel.Information, "The classes are not those of ContinueFrom: the classifier begins anew")]
    public static partial void NewClassifier(this ILogger logger);

    [LoggerMessage(31, LogLevel.Warning,
        "MLContext.TempFilePath is '{Folder}', which cannot take {What} Model.Save writes there " +
        "first ({Reason}); set it to another folder before you save. ExportOnnx and Weights.Save need none")]
    public static partial void NoPlaceToSave(this ILogger logger, string folder, string what, string reason);

    [LoggerMessage(14, LogLevel.Information, "{Stage} with batches of {Batch} images is predicted to take {Memory}")]
    public static partial void PredictedMemory(this ILogger logger, RunStage stage, int batch, string memory);

    [LoggerMessage(32, LogLevel.Information, "The search is evaluated {Evaluation}: {Reason}")]
    public static partial void Evaluates(this ILogger logger, SupernetEvaluation evaluation, string reason);

    [LoggerMessage(15, LogLevel.Information,
        "Ranking {Networks} networks in {Rounds} round(s), with batches of {Batch} images, is predicted to take {MiB:0.0} MiB")]
    public static partial void PredictedRanking(this ILogger logger, int networks, int rounds, int batch, double miB);

    [LoggerMessage(16, LogLevel.Information, "{Stage} is predicted to take {Time} more, by its first {Steps} steps")]
    public static partial void PredictedTime(this ILogger logger, RunStage stage, string time, int steps);

    [LoggerMessage(17, LogLevel.Information,
        "{Layers} has no form in lanes: it runs in libtorch's order, with the same results, more slowly and in more memory")]
    public static partial void OutsideLanes(this ILogger logger, string layers);

    [LoggerMessage(12, LogLevel.Information, "ContinueFrom is a model without the auxiliary head, which begins anew")]
    public static partial void NewAuxiliaryHead(this ILogger logger);

    [LoggerMessage(21, LogLevel.Warning,
        "The training diverged in epoch {Epoch} (loss or weights are no finite numbers any more) and ended; choose a smaller LearningRate")]
    public static partial void Diverged(this ILogger logger, int epoch);

    [LoggerMessage(40, LogLevel.Information, "{Plan}")]
    public static partial void Planned(this ILogger logger, ZeroOneShotPlan plan);

    [LoggerMessage(43, LogLevel.Information, "Read {Images} images so far")]
    public static partial void ReadSoFar(this ILogger logger, int images);

    [LoggerMessage(42, LogLevel.Information, "{Method} ranked {Candidates} genotypes without training, by {Functions}")]
    public static partial void Ranked(this ILogger logger, string method, int candidates, string functions);

    [LoggerMessage(41, LogLevel.Warning,
        "Pruning took more than {Share:p0} of TimeBudget, on a machine slower than when it was planned: operations were left by chance")]
    public static partial void PrunedByChance(this ILogger logger, double share);
}
