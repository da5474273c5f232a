using ZeroOneShot.ML;
using ZeroOneShot.OneShot;
using ZeroOneShot.ZeroShot;

namespace Microsoft.ML;

/// <summary>The search for a network, on <see cref="MLContext.Transforms"/>.</summary>
public static class SearchCatalog
{
    /// <summary>Adds the first stage: pruning the search space without training (<see cref="ZeroShotPruneEstimator"/>).</summary>
    /// <param name="catalog">The catalog.</param>
    /// <param name="labelColumnName">The label column, a key.</param>
    /// <param name="featureColumnName">The pixel column: Vector&lt;Single or Byte, channels, height, width&gt;.</param>
    /// <param name="method">
    /// The method, a preset or one of your own; null is <see cref="SearchMethod.ZeroOneShot"/>. The search stage follows it.
    /// </param>
    /// <param name="level">xi: pruning stops when no more than this fraction of the search space remains, in [0, 1].</param>
    /// <param name="batchSize">
    /// Images per batch, at least 2; three batches are ranked. Where there are not so many images, all are, and the log warns.
    /// </param>
    /// <param name="channels">Channels of the supernet's first cells; a multiple of 4 for the methods with partial connections.</param>
    /// <param name="cells">Cells of the supernet, at least 3.</param>
    /// <exception cref="ArgumentException">An argument is out of its range.</exception>
    public static ZeroShotPruneEstimator ZeroShotPrune(this TransformsCatalog catalog, string labelColumnName = "Label",
        string featureColumnName = "Features", SearchMethod? method = null, double level = 0.5,
        int batchSize = 128, int channels = 4, int cells = 3) =>
        catalog.ZeroShotPrune(new ZeroShotPruneEstimator.Options
        {
            FeatureColumnName = featureColumnName,
            LabelColumnName = labelColumnName,
            Method = method ?? SearchMethod.ZeroOneShot,
            Settings = new ZeroShotPruningOptions
            {
                Pruning = new() { Level = level },
                BatchSize = batchSize,
                TakesFewerImages = true,
                Supernet = new() { Channels = channels, Cells = cells },
            },
        });

    /// <inheritdoc cref="ZeroShotPrune(TransformsCatalog, string, string, SearchMethod?, double, int, int, int)"/>
    /// <param name="catalog">The catalog.</param>
    /// <param name="options">Settings; copied.</param>
    public static ZeroShotPruneEstimator ZeroShotPrune(this TransformsCatalog catalog, ZeroShotPruneEstimator.Options options)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        return new ZeroShotPruneEstimator(MLNetInternals.Environment(catalog), options);
    }

    /// <summary>
    /// Adds the second stage: searching among the operations that pruning left (<see cref="MaskedDartsSearchEstimator"/>). The first three
    /// tenths of the epochs train the weights only, as in the paper; with fewer than 50 epochs, learning rates are those of
    /// <see cref="SearchOptions.ForEpochs"/>.
    /// </summary>
    /// <param name="catalog">The catalog.</param>
    /// <param name="labelColumnName">The label column, a key.</param>
    /// <param name="featureColumnName">The pixel column, annotated by pruning.</param>
    /// <param name="epochs">Number of epochs, at least 1.</param>
    /// <param name="batchSize">Images per step, at least 2; each half of the images must have that many.</param>
    /// <param name="channels">Channels of the supernet's first cells; a multiple of 4 for the methods with partial connections.</param>
    /// <param name="cells">Cells of the supernet, at least 3.</param>
    /// <exception cref="ArgumentException">An argument is out of its range.</exception>
    public static MaskedDartsSearchEstimator MaskedDartsSearch(this TransformsCatalog catalog, string labelColumnName = "Label",
        string featureColumnName = "Features", int epochs = 50, int batchSize = 256, int channels = 16, int cells = 8) =>
        catalog.MaskedDartsSearch(new MaskedDartsSearchEstimator.Options
        {
            FeatureColumnName = featureColumnName,
            LabelColumnName = labelColumnName,
            Settings = SearchOptions.ForEpochs(epochs, batchSize) with { Supernet = new() { Channels = channels, Cells = cells } },
        });

    /// <inheritdoc cref="MaskedDartsSearch(TransformsCatalog, string, string, int, int, int, int)"/>
    /// <param name="catalog">The catalog.</param>
    /// <param name="options">Settings; copied.</param>
    public static MaskedDartsSearchEstimator MaskedDartsSearch(this TransformsCatalog catalog, MaskedDartsSearchEstimator.Options options)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        return new MaskedDartsSearchEstimator(MLNetInternals.Environment(catalog), options);
    }
}
