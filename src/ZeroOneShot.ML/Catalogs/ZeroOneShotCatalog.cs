using ZeroOneShot.ML;

namespace Microsoft.ML;

/// <summary>Image classification within a time, on <c>mlContext.MulticlassClassification.Trainers</c>.</summary>
public static class ZeroOneShotCatalog
{
    /// <summary>
    /// Makes a trainer that finds and trains a network for images within a time and a memory (<see cref="ZeroOneShotTrainer"/>).
    /// </summary>
    /// <param name="catalog">The catalog.</param>
    /// <param name="labelColumnName">The label column, a key.</param>
    /// <param name="featureColumnName">The pixel column: Vector&lt;Single or Byte, channels, height, width&gt;.</param>
    /// <param name="exampleWeightColumnName">
    /// The column, a Single, with how much each example counts in the training; null: all alike.
    /// </param>
    /// <param name="timeBudget">The time that Fit may take; null is 15 minutes.</param>
    /// <param name="maxMemory">
    /// The memory that the process is to keep to, in bytes; null is three quarters of what the machine has.
    /// </param>
    /// <param name="validationSet">Data with the same columns to validate with; null splits a tenth of the images off.</param>
    /// <exception cref="ArgumentException">An argument is out of its range.</exception>
    /// <example>
    /// <code>
    /// var ml = new MLContext(seed: 1);
    /// var images = ml.Data.LoadImageFolder("flowers");
    /// using var model = ml.Transforms.ImagePixels("Features", "Image", height: 32, width: 32)
    ///     .Append(ml.MulticlassClassification.Trainers.ZeroOneShot(timeBudget: TimeSpan.FromMinutes(5)))
    ///     .Fit(images);
    /// ml.Model.Save(model, images.Schema, "model.zip");
    /// </code>
    /// </example>
    public static ZeroOneShotTrainer ZeroOneShot(
        this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog,
        string labelColumnName = "Label", string featureColumnName = "Features", string? exampleWeightColumnName = null,
        TimeSpan? timeBudget = null, long? maxMemory = null, IDataView? validationSet = null)
    {
        var options = new ZeroOneShotTrainer.Options
        {
            LabelColumnName = labelColumnName,
            FeatureColumnName = featureColumnName,
            ExampleWeightColumnName = exampleWeightColumnName,
            MaxMemory = maxMemory,
            ValidationSet = validationSet,
        };
        if (timeBudget is { } budget)
            options.TimeBudget = budget;
        return catalog.ZeroOneShot(options);
    }

    /// <summary>
    /// Makes a trainer that finds and trains a network within a time and a memory (<see cref="ZeroOneShotTrainer"/>), with settings of
    /// one's own.
    /// </summary>
    /// <param name="catalog">The catalog.</param>
    /// <param name="options">Settings; copied.</param>
    /// <exception cref="ArgumentException">A setting is out of its range.</exception>
    public static ZeroOneShotTrainer ZeroOneShot(
        this MulticlassClassificationCatalog.MulticlassClassificationTrainers catalog, ZeroOneShotTrainer.Options options)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        return new ZeroOneShotTrainer(MLNetInternals.Environment(catalog), options);
    }
}
