using Microsoft.ML;
using Microsoft.ML.Runtime;
using ZeroOneShot.Data;
using ZeroOneShot.Networks;
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
/// <see cref="Options.Genotype"/> or <see cref="Options.ContinueFrom"/> is given, and a key-typed label.
/// </description></item>
/// <item><term>Output</term><description>
/// <c>Score</c>, Vector&lt;Single&gt; of probabilities with the class names as slot names, and <c>PredictedLabel</c>,
/// a key with the label's values.
/// </description></item>
/// <item><term>Is normalization required?</term><description>
/// No: pixel values are wanted as they are; the network normalises them.
/// </description></item>
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
    /// <exception cref="ArgumentOutOfRangeException">
    /// A column or an annotation is missing or of another type, or there is one class only.
    /// </exception>
    /// <exception cref="InvalidDataException">
    /// The checkpoint and the one before are damaged, or of other images, another network or other settings; or the annotations of earlier
    /// stages are not theirs.
    /// </exception>
    /// <exception cref="FormatException">The annotated genotype or mask is none of the search space.</exception>
    /// <exception cref="InvalidOperationException">
    /// A pixel value is out of range, there are no labelled rows, there is no such device, the training diverged (the learning rate is too
    /// large), or the native library of ONNX Runtime is missing.
    /// </exception>
    /// <exception cref="ArgumentException">
    /// There are fewer images than a batch, not even the smallest batch fits into <see cref="TrainingOptions.MaxMemory"/>, or the
    /// validation set has other classes or another shape.
    /// </exception>
    /// <exception cref="IOException">Another run has the checkpoint, or the folder of checkpoints cannot be written to.</exception>
    /// <exception cref="DllNotFoundException">libtorch cannot be loaded.</exception>
    /// <exception cref="OperationCanceledException">The run was cancelled by its token or by the MLContext.</exception>
    public CellNetTransformer Fit(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        using var run = new StageRun(_host, "Training", _options);
        return run.Do(() => Fit(input, run));
    }

    private CellNetTransformer Fit(IDataView input, StageRun run)
    {
        var pixels = PixelColumn.Find(input.Schema, _options.FeatureColumnName, _host);
        LabelColumn.Find(input.Schema, _options.LabelColumnName, _host);
        WeightColumn.Check(input.Schema, _options.ExampleWeightColumnName, _host);
        var features = input.Schema[_options.FeatureColumnName];
        var start = _options.ContinueFrom;
        var genotype = _options.Genotype ?? start?.Genotype
            ?? Genotype.FromJson(StageSchema.Required(features, SearchAnnotations.Genotype, Order, _host));
        var mask = Earlier(SearchAnnotations.SearchSpaceMask, SearchInfo.MaskKey);
        var method = Earlier(SearchAnnotations.SearchMethod, SearchInfo.MethodKey);
        var earlier = Earlier(SearchAnnotations.SearchSettings, SearchInfo.SettingsKey);
        // What is wrong with any of these, or with the validation set, is said before the training and not after it.
        var knownMask = mask is null ? null : OperationMask.FromJson(mask, _options.Space);
        StageSettings.Parse(earlier);
        CheckValidationSet();
        SharedSession.EnsureLoaded();
        OnnxFormCheck.Check(_options.Space);
        LookForPlaceToSave(genotype, pixels.Shape, run);

        var settings = _options.Settings with { Seed = run.Seed, Device = run.Device() };
        var images = LabelledImages.Read(input, _options, run, weightColumn: _options.ExampleWeightColumnName);
        var validation = _options.ValidationSet is { } set ? LabelledImages.Read(set, _options, run, forTraining: false) : null;
        if (validation is not null)
            CheckClasses(validation.ClassNames, images);
        if (start is not null && !start.ClassNames.SequenceEqual(images.ClassNames))
            run.Log.NewClassifier();
        run.TellLayersOutsideLanes(NetworkPlan.Of(_options.Space, settings.Network, images.Shape, genotype), settings.Device);
        if (start?.LackAuxiliaryHead == true)
            run.Log.NewAuxiliaryHead();
        if (start is not null)
            settings = settings with { Network = start.Network };
        var asked = settings.BatchSize;
        var memory = TrainingMemory.Fitting(genotype, settings, images.Shape, images.ClassCount, _options.Space,
            images.Count + (validation?.Count ?? 0));
        settings = settings.WithBatchSize(memory.BatchSize);
        if (settings.BatchSize != asked)
            run.Log.SmallerBatch(settings.BatchSize, asked);
        run.Log.PredictedMemory(RunStage.Train, settings.BatchSize, memory.ToString());
        var checkpoint = run.Checkpoint(RunStage.Train);
        using var trained = start is null
            ? CellNetTraining.Train(images, genotype, settings, validation, run, _options.Space, checkpoint, run.Cancellation)
            : CellNetTraining.Continue(images, start, settings, validation, run, checkpoint, run.Cancellation);
        if (trained.DivergedEpoch is { } diverged)
            run.Log.Diverged(diverged);
        else if (trained.Epochs.Count < settings.Epochs && settings.EarlyStopping?.IsOver(trained.Epochs) != true)
            run.Log.TimeWasUp(trained.Epochs.Count, settings.Epochs);
        if (trained.BestEpoch is { } best)
            run.Log.KeptBest(best, trained.Epochs.Count);
        settings = settings with { Network = trained.Network.Options };
        return new CellNetTransformer(_host, input, trained, new CellNetTransformer.Description
        {
            FeatureColumnName = _options.FeatureColumnName,
            LabelColumnName = _options.LabelColumnName,
            ScoreColumnName = _options.ScoreColumnName,
            PredictedLabelColumnName = _options.PredictedLabelColumnName,
            ByteInput = pixels.IsByte,
            InputScale = _options.PixelScale,
            Mask = knownMask,
            Method = method,
            Settings = StageSettings.With(earlier, start is null ? "train" : "continue", settings),
        });

        // Where the genotype comes from, there comes the rest from: the search, the weights, or nowhere.
        string? Earlier(string annotation, string key)
        {
            if (start is not null)
                return start.Metadata.GetValueOrDefault(key);
            return _options.Genotype is null ? StageSchema.Optional(features, annotation) : null;
        }
    }

    /// <summary>Says that the temporary folder of the context will not do for saving.</summary>
    /// <param name="genotype">The architecture; null while nothing has found it, and how much room it will take is not known.</param>
    /// <param name="shape">The size of the images.</param>
    /// <param name="run">Gets the warning.</param>
    private void LookForPlaceToSave(Genotype? genotype, ImageShape shape, StageRun run)
    {
        var network = _options.ContinueFrom?.Network ?? _options.Settings.Network;
        run.LookForPlaceToSave(genotype is null
            ? null : sizeof(float) * NetworkCost.Of(genotype, network, shape, classes: 2, _options.Space).Parameters);
    }

    private void CheckValidationSet()
    {
        if (_options.ValidationSet is { } set)
            CheckValidationSet(set, _options.FeatureColumnName, _options.LabelColumnName, _host);
    }

    /// <summary>Refuses a validation set without the columns.</summary>
    internal static void CheckValidationSet(IDataView set, string featureColumn, string labelColumn, IHost host)
    {
        try
        {
            PixelColumn.Find(set.Schema, featureColumn, host);
            LabelColumn.Find(set.Schema, labelColumn, host);
        }
        catch (ArgumentOutOfRangeException e)
        {
            throw host.Process(new ArgumentOutOfRangeException(
                $"The ValidationSet cannot be used: {e.Message}. Transform it with the steps that come before the trainer.", e));
        }
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException">A column or an annotation is missing or of another type.</exception>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        var label = LabelColumn.Find(inputSchema, _options.LabelColumnName, _host);
        var features = PixelColumn.Find(inputSchema, _options.FeatureColumnName, _host);
        WeightColumn.Check(inputSchema, _options.ExampleWeightColumnName, _host);
        if (_options.Genotype is null && _options.ContinueFrom is null)
        {
            StageSchema.Require(features, SearchAnnotations.Genotype, Order, _host);
            StageSchema.RequireSpace(features, SearchAnnotations.Genotype, _options.Space, _host);
        }
        CheckValidationSet();
        if (LaterStages.Of(features) is { } earlier)
        {
            var target = _options.Genotype is null && _options.ContinueFrom is null ? earlier.CostTarget : null;
            earlier.Add((images, run) => Check(images, target, run));
            earlier.WeightColumn = _options.ExampleWeightColumnName;
        }
        return StageSchema.PromiseScores(inputSchema, label, _options.ScoreColumnName, _options.PredictedLabelColumnName);
    }

    /// <summary>What the training will ask of the images, its validation set, its device and its folder.</summary>
    private void Check(ImageSet images, CostTarget? target, StageRun run)
    {
        LookForPlaceToSave(_options.Genotype ?? _options.ContinueFrom?.Genotype, images.Shape, run);
        SharedSession.EnsureLoaded();
        OnnxFormCheck.Check(_options.Space);
        StageRun.CheckPlaces(_host, _options);
        var network = (_options.ContinueFrom?.Network ?? _options.Settings.Network).WithStem(_options.Space, images.Shape);
        if (target?.Network.WithStem(_options.Space, images.Shape) is { } meant && Shape(meant) != Shape(network))
            run.Log.CostTargetOfAnother(Shape(meant), Shape(network));
        if (_options.ValidationSet is { } set)
        {
            var label = LabelColumn.Find(set.Schema, _options.LabelColumnName, _host);
            CheckClasses(label.ClassNames, images);
            if (!label.IsInAnyRow(set))
            {
                throw _host.Process(new InvalidOperationException(
                    $"The ValidationSet has no row with a value in the {label.Name} column; give labelled images."));
            }
            var shape = PixelColumn.Find(set.Schema, _options.FeatureColumnName, _host).Shape;
            if (shape != images.Shape)
            {
                throw new ArgumentException(
                    $"The images of the ValidationSet are {shape}, the training images {images.Shape}; both need one shape.");
            }
        }
        CellNetTraining.CheckImages(images, _options.Settings);
    }

    /// <summary>What the cost of a network without its auxiliary head depends on.</summary>
    private static string Shape(CellNetOptions network) => $"{network.Channels} channels and {network.Cells} cells, stem {network.Stem}" +
        (network.StemMultiplier is { } multiplier ? $" with {multiplier} times the channels" : "") +
        (network.AffineOperations ? "" : ", batch norms without scale and shift");

    /// <summary>Refuses a validation set with other classes.</summary>
    internal static void CheckClasses(IReadOnlyList<string> classNames, ImageSet images)
    {
        if (classNames.SequenceEqual(images.ClassNames))
            return;
        throw new ArgumentException(
            $"The ValidationSet has classes {Shorten(classNames)}, the training data {Shorten(images.ClassNames)}; " +
            "expected the same. Fit the key mapping of the label on the training data and transform both with it.");
    }

    private static string Shorten(IReadOnlyList<string> names) =>
        $"[{string.Join(", ", names.Take(5))}{(names.Count > 5 ? $", ... {names.Count} in all" : "")}]";

    /// <summary>The settings of <see cref="CellNetTrainer"/>.</summary>
    public sealed class Options : StageOptions
    {
        /// <summary>
        /// The column, a Single, with how much each example counts in the loss of the training: 0 or more, of which only the proportions
        /// matter; rows of weight 0 are left out. Validation, and what is measured, count all alike. Default null: so does the training.
        /// </summary>
        public string? ExampleWeightColumnName { get; set; }

        /// <summary>
        /// The column of probabilities that is made. Default <c>Score</c>. With another name, a column <c>Score</c> of the data stays, and
        /// must then be there when the model is used.
        /// </summary>
        public string ScoreColumnName { get; set; } = "Score";

        /// <summary>The column of the most probable class that is made. Default <c>PredictedLabel</c>.</summary>
        public string PredictedLabelColumnName { get; set; } = "PredictedLabel";

        /// <summary>The architecture. Default null: the one that the search found.</summary>
        public Genotype? Genotype { get; set; }

        /// <summary>
        /// Weights to train on from, in place of random ones: <see cref="CellNetTransformer.Weights"/> of a model trained earlier, or
        /// <see cref="CellNetWeights.Read"/> of a file of weights, a saved ML.NET model or an ONNX model. The data may be the same or
        /// others, their classes too; with other classes the classifier begins anew. The weights bring genotype, shape of the network and
        /// normalisation with them. The learning rate begins anew: choose a smaller one to keep most of what was learned. Default null.
        /// </summary>
        public CellNetWeights? ContinueFrom { get; set; }

        /// <summary>The search space of the architecture, also where weights are given. Default <see cref="SearchSpace.Darts"/>.</summary>
        public SearchSpace Space { get; set; } = SearchSpace.Darts;

        /// <summary>
        /// All other settings, <see cref="TrainingOptions.EarlyStopping"/> and <see cref="TrainingOptions.TimeLimit"/> among them;
        /// <see cref="StageOptions.Seed"/> and <see cref="StageOptions.Device"/> stand here, not there.
        /// </summary>
        public TrainingOptions Settings { get; set; } = new();

        /// <summary>Data with the same columns to measure after every epoch; its pixel column needs no annotation. Default null.</summary>
        public IDataView? ValidationSet { get; set; }

        internal Options Checked()
        {
            ArgumentNullException.ThrowIfNull(Settings);
            ArgumentNullException.ThrowIfNull(Space);
            Settings.Validate();
            CheckNames(FeatureColumnName, LabelColumnName, ScoreColumnName, PredictedLabelColumnName);
            if (Settings.EarlyStopping is not null && ValidationSet is null)
                throw new ArgumentException("Settings.EarlyStopping needs a ValidationSet to watch; set one, or leave EarlyStopping null.");
            if (Settings.TemperatureScaling && ValidationSet is null)
                throw new ArgumentException("Settings.TemperatureScaling needs a ValidationSet to measure on; set one, or leave it false.");
            if (Genotype is not null && ContinueFrom is not null)
                throw new ArgumentException("Genotype and ContinueFrom are both set, but ContinueFrom brings its own; set one of them.");
            if (ContinueFrom?.Space is { } trained && Space.Difference(trained.Name, trained.Signature) is var (found, expected))
            {
                throw new ArgumentException(
                    $"ContinueFrom holds a network of search space {found}, and Space is {expected}; give that space.");
            }
            (Genotype ?? ContinueFrom?.Genotype)?.ThrowIfNotIn(Space);
            return (Options)CheckedCopy(Settings.Seed, Settings.Device);
        }

        /// <summary>Refuses names of columns that would be in one another's way.</summary>
        internal static void CheckNames(string feature, string label, string score, string predictedLabel)
        {
            ArgumentException.ThrowIfNullOrEmpty(score, nameof(ScoreColumnName));
            ArgumentException.ThrowIfNullOrEmpty(predictedLabel, nameof(PredictedLabelColumnName));
            string[] made = [score, predictedLabel];
            if (score == predictedLabel || made.Contains(label) || predictedLabel == CellNetTransformer.Score
                || made.Contains(feature) || made.Any(name => name.StartsWith("CellNet.", StringComparison.Ordinal)))
            {
                throw new ArgumentException(
                    $"ScoreColumnName is '{score}', PredictedLabelColumnName '{predictedLabel}' and " +
                    $"FeatureColumnName '{feature}', LabelColumnName '{label}'; " +
                    $"expected four names, no predicted label called " +
                    $"'{CellNetTransformer.Score}', and none that begins with 'CellNet.'.");
            }
        }
    }
}
