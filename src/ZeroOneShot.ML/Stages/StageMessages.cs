using Microsoft.Extensions.Logging;
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

    [LoggerMessage(6, LogLevel.Warning, "Computing on the processor: {Reason}")]
    public static partial void FellBackToProcessor(this ILogger logger, string reason);

    [LoggerMessage(7, LogLevel.Warning, "Time was up after {Finished} of {Epochs} epochs; what was found so far is kept")]
    public static partial void TimeWasUp(this ILogger logger, int finished, int epochs);

    [LoggerMessage(8, LogLevel.Information, "Kept the weights of epoch {Epoch} of {Finished}, whose validation was the best")]
    public static partial void KeptBest(this ILogger logger, int epoch, int finished);

    [LoggerMessage(10, LogLevel.Information, "The architecture has not changed for {Epochs} epochs")]
    public static partial void Settled(this ILogger logger, int epochs);

    [LoggerMessage(11, LogLevel.Information, "Searched with batches of {Batch} images instead of {Asked}, so that the memory suffices")]
    public static partial void SmallerBatch(this ILogger logger, int batch, int asked);

    [LoggerMessage(13, LogLevel.Warning, "{Warning}")]
    public static partial void Warned(this ILogger logger, string warning);

    [LoggerMessage(9, LogLevel.Information, "The classes are not those of ContinueFrom: the classifier begins anew")]
    public static partial void NewClassifier(this ILogger logger);

    [LoggerMessage(12, LogLevel.Information, "ContinueFrom is a model without the auxiliary head, which begins anew")]
    public static partial void NewAuxiliaryHead(this ILogger logger);
}
