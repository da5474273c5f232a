using ZeroOneShot.ML;
using ZeroOneShot.Training;

namespace Microsoft.ML;

/// <summary>The training of found networks, on <c>mlContext.MulticlassClassification.Trainers</c>.</summary>
public static class CellNetCatalog
{
    /// <summary>
    /// Makes a trainer of the network that the search found (<see cref="CellNetTrainer"/>), with the settings of
    /// <see cref="TrainingOptions.ForEpochs"/>: the paper's from 300 epochs on.
    /// </summary>
    /// <param name="catalog">The catalog.</param>
    /// <param name="labelColumnName">The label column, a key.</param>
    /// <param name="featureColumnName">The pixel column, annotated by the search.</param>
    /// <param name="exampleWeightColumnName">
    /// The column, a Single, with how much each example counts in the training; null: all alike.
    /// </param>
    /// <param name="epochs">Number of epochs, at least 1.</param>
    /// <param name="batchSize">Images per step, at least 2.</param>
    /// <param name="channels">Channels of the first cells, at least 2; they double at each of the two reductions.</param>
    /// <param name="cells">Number of cells, at least 3.</param>
    /// <param name="validationSet">Data with the same columns to measure after every epoch; null for none.</param>
    /// <exception cref="ArgumentException">An argument is out of its range.</exception>
    public static CellNetTrainer CellNet(
        this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog,
        string labelColumnName = "Label", string featureColumnName = "Features", string? exampleWeightColumnName = null,
        int epochs = 600, int batchSize = 128, int channels = 36, int cells = 20, IDataView? validationSet = null) =>
        catalog.CellNet(new CellNetTrainer.Options
        {
            LabelColumnName = labelColumnName,
            FeatureColumnName = featureColumnName,
            ExampleWeightColumnName = exampleWeightColumnName,
            Settings = Settings(epochs, batchSize, channels, cells),
            ValidationSet = validationSet,
        });

    /// <summary>Makes a trainer of the network that the search found (<see cref="CellNetTrainer"/>), with settings of one's own.</summary>
    /// <param name="catalog">The catalog.</param>
    /// <param name="options">Settings; copied.</param>
    /// <exception cref="ArgumentException">A setting is out of its range.</exception>
    public static CellNetTrainer CellNet(
        this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog, CellNetTrainer.Options options)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        return new CellNetTrainer(MLNetInternals.Environment(catalog), options);
    }

    private static TrainingOptions Settings(int epochs, int batchSize, int channels, int cells)
    {
        var settings = TrainingOptions.ForEpochs(epochs, batchSize);
        return settings with { Network = settings.Network with { Channels = channels, Cells = cells } };
    }
}
