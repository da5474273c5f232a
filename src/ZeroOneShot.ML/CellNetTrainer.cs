using Microsoft.ML;
using Microsoft.ML.Runtime;
using ZeroOneShot.Data;
using ZeroOneShot.OneShot;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Training;

namespace ZeroOneShot.ML;

/// <summary>The third stage: trains the network that the search found, as a multiclass classifier.</summary>
/// <remarks>
/// <list type="table">
/// <item><term>Machine learning task</term><description>Multiclass classification of images.</description></item>
/// <item><term>Input</term><description>
/// A pixel column as for <see cref="ZeroShotPruneEstimator"/>, annotated by <see cref="MaskedDartsSearchEstimator"/> unless
/// <see cref="Options.Genotype"/> is given, and a key-typed label.
/// </description></item>
/// <item><term>Output</term><description>
/// <c>Score</c>, Vector&lt;Single&gt; of probabilities with the class names as slot names, and <c>PredictedLabel</c>, a key with the label's values.
/// </description></item>
/// <item><term>Is normalization required?</term><description>No: pixel values are wanted as they are; the network normalises them.</description></item>
/// <item><term>Is caching required?</term><description>No: the data are read once into bytes.</description></item>
/// <item><term>Required NuGet in addition to Microsoft.ML</term><description>
/// To train: this package and libtorch. To use the saved model: Microsoft.ML.OnnxTransformer and Microsoft.ML.OnnxRuntime.
/// </description></item>
/// <item><term>Exportable to ONNX</term><description>Yes, with <see cref="CellNetTransformer.ExportOnnx(string)"/>.</description></item>
/// </list>
/// </remarks>
public sealed class CellNetTrainer : IEstimator<CellNetTransformer>
{
    private const string Order = "Put MaskedDartsSearch before CellNet, or give the options a Genotype";

    private readonly IHost _host;
    private readonly Options _options;

    /// <summary>Makes the trainer.</summary>
    /// <param name="environment">An <see cref="MLContext"/>.</param>
    /// <param name="options">Settings; copied.</param>
    /// <exception cref="ArgumentException">A setting is out of its range, or the genotype is not of the search space.</exception>
    public CellNetTrainer(IHostEnvironment environment, Options options)
    {
        ArgumentNullException.ThrowIfNull(environment);
        ArgumentNullException.ThrowIfNull(options);
        _host = environment.Register(nameof(CellNetTrainer));
        _options = options.Checked();
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException">A column or an annotation is missing or of another type, or there is one class only.</exception>
    /// <exception cref="InvalidOperationException">A pixel value is out of range, or there are no labelled rows.</exception>
    /// <exception cref="ArgumentException">There are fewer images than a batch, or the validation set has other classes or another shape.</exception>
    /// <exception cref="OperationCanceledException">The run was cancelled by its token or by the MLContext.</exception>
    public CellNetTransformer Fit(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        var pixels = PixelColumn.Find(input.Schema, _options.FeatureColumnName, _host);
        LabelColumn.Find(input.Schema, _options.LabelColumnName, _host);
        var features = input.Schema[_options.FeatureColumnName];
        var byHand = _options.Genotype is not null;
        var genotype = _options.Genotype ?? Genotype.FromJson(Stage.Required(features, SearchAnnotations.Genotype, Order, _host));
        var mask = byHand ? null : Stage.Optional(features, SearchAnnotations.SearchSpaceMask);
        var method = byHand ? null : Stage.Optional(features, SearchAnnotations.SearchMethod);
        var earlier = byHand ? null : Stage.Optional(features, SearchAnnotations.SearchSettings);

        using var run = new StageRun(_host, "Training", _options.Progress, _options.CancellationToken);
        var settings = _options.Settings with { Seed = Stage.Seed(_options.Seed, _host), Device = run.Device(_options.Device) };
        var images = Read(input, run);
        var validation = _options.ValidationSet is null ? null : Read(_options.ValidationSet, run);
        if (validation is not null && !validation.ClassNames.SequenceEqual(images.ClassNames))
        {
            throw new ArgumentException($"The validation set has classes {Shorten(validation.ClassNames)}, the training set {Shorten(images.ClassNames)}; " +
                "expected the same. Fit the key mapping of the label on the training set and transform both with it.");
        }
        using var trained = CellNetTraining.Train(images, genotype, settings, validation, run, run.Cancellation, _options.Space);
        return new CellNetTransformer(_host, input, trained, new CellNetTransformer.Description
        {
            FeatureColumnName = _options.FeatureColumnName,
            LabelColumnName = _options.LabelColumnName,
            ScoreColumnName = _options.ScoreColumnName,
            PredictedLabelColumnName = _options.PredictedLabelColumnName,
            ByteInput = pixels.IsByte,
            InputScale = _options.PixelScale,
            Mask = mask is null ? null : OperationMask.FromJson(mask, _options.Space),
            Method = method is null ? null : SearchMethod.Parse(method),
            Settings = StageSettings.With(earlier, "train", settings),
        });
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException">A column or an annotation is missing or of another type.</exception>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        var label = LabelColumn.Find(inputSchema, _options.LabelColumnName, _host);
        var features = PixelColumn.Find(inputSchema, _options.FeatureColumnName, _host);
        if (_options.Genotype is null)
            Stage.Require(features, SearchAnnotations.Genotype, Order, _host);
        return Stage.PromiseScores(inputSchema, label, _options.ScoreColumnName, _options.PredictedLabelColumnName);
    }

    private ImageSet Read(IDataView data, StageRun run) => LabelledImages.Read(
        data, _options.FeatureColumnName, _options.LabelColumnName, _options.PixelScale, run.Channel, run.Cancellation);

    private static string Shorten(IReadOnlyList<string> names) =>
        $"[{string.Join(", ", names.Take(5))}{(names.Count > 5 ? $", ... {names.Count} in all" : "")}]";

    /// <summary>The settings of <see cref="CellNetTrainer"/>.</summary>
    public sealed class Options
    {
        /// <summary>The pixel column. Default <c>Features</c>.</summary>
        public string FeatureColumnName = "Features";

        /// <summary>The label column, a key. Default <c>Label</c>.</summary>
        public string LabelColumnName = "Label";

        /// <summary>The column of probabilities that is made. Default <c>Score</c>.</summary>
        public string ScoreColumnName = "Score";

        /// <summary>The column of the most probable class that is made. Default <c>PredictedLabel</c>.</summary>
        public string PredictedLabelColumnName = "PredictedLabel";

        /// <summary>The architecture. Default null: the one that the search found.</summary>
        public Genotype? Genotype;

        /// <summary>The search space of the architecture. Default <see cref="SearchSpace.Darts"/>.</summary>
        public SearchSpace Space = SearchSpace.Darts;

        /// <summary>All other settings; <see cref="Seed"/> and <see cref="Device"/> stand here, not there.</summary>
        public TrainingOptions Settings = new();

        /// <summary>Data with the same columns to measure after every epoch; its pixel column needs no annotation. Default null.</summary>
        public IDataView? ValidationSet;

        /// <summary>What a column value is multiplied by to give a pixel value from 0 to 255. Default 1; 255 for values from 0 to 1.</summary>
        public float PixelScale = 1;

        /// <summary>Decides the result. Default null: the seed of the MLContext, or 0 where it has none.</summary>
        public long? Seed;

        /// <summary><c>cpu</c>, <c>cuda</c> or <c>cuda:N</c>. Default null: the GPU of the MLContext, or the processor where it has none.</summary>
        public string? Device;

        /// <summary>Told of every step. Default null.</summary>
        public IProgress<RunProgress>? Progress;

        /// <summary>Stops a Fit within one step. Default none.</summary>
        public CancellationToken CancellationToken;

        internal Options Checked()
        {
            ArgumentException.ThrowIfNullOrEmpty(FeatureColumnName);
            ArgumentException.ThrowIfNullOrEmpty(LabelColumnName);
            ArgumentException.ThrowIfNullOrEmpty(ScoreColumnName);
            ArgumentException.ThrowIfNullOrEmpty(PredictedLabelColumnName);
            ArgumentNullException.ThrowIfNull(Settings);
            ArgumentNullException.ThrowIfNull(Space);
            Stage.CheckUnset(Settings.Seed, Settings.Device);
            Settings.Validate();
            Genotype?.ThrowIfNotIn(Space);
            return (Options)MemberwiseClone();
        }
    }
}
