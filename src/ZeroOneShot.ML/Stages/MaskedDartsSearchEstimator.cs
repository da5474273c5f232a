using Microsoft.ML;
using Microsoft.ML.Runtime;
using ZeroOneShot.Data;
using ZeroOneShot.Networks;
using ZeroOneShot.OneShot;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.ML;

/// <summary>
/// The second stage: differentiable architecture search over the operations that the first stage left live. Where pruning has decided on
/// the architecture already (ETENAS, ETENAS-PC), it passes that on.
/// </summary>
/// <remarks>
/// <list type="table">
/// <item><term>Input</term><description>
/// A pixel column as for <see cref="ZeroShotPruneEstimator"/>, annotated by it unless <see cref="Options.Mask"/> is given,
/// and a key-typed label.
/// </description></item>
/// <item><term>Output</term><description>
/// The same rows; the pixel column is annotated with <see cref="SearchAnnotations"/>.
/// </description></item>
/// <item><term>Reads the data</term><description>Once; not at all where there is nothing to search.</description></item>
/// <item><term>Saved as</term><description>An empty chain of transformers.</description></item>
/// </list>
/// </remarks>
public sealed class MaskedDartsSearchEstimator : IEstimator<MaskedDartsSearchTransformer>
{
    private const string Order = "Put ZeroShotPrune before MaskedDartsSearch, or give the options a Mask";

    private readonly IHost _host;
    private readonly Options _options;
    private LaterStages? _later;

    /// <summary>Makes the estimator.</summary>
    /// <param name="environment">An <see cref="MLContext"/>.</param>
    /// <param name="options">Settings; copied.</param>
    /// <exception cref="ArgumentException">A setting is out of its range, or the mask leaves no genotype.</exception>
    public MaskedDartsSearchEstimator(IHostEnvironment environment, Options options)
    {
        ArgumentNullException.ThrowIfNull(environment);
        ArgumentNullException.ThrowIfNull(options);
        _host = environment.Register(nameof(MaskedDartsSearchEstimator));
        _options = options.Checked();
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException">A column or an annotation is missing or of another type.</exception>
    /// <exception cref="InvalidDataException">
    /// The checkpoint and the one before are damaged, or of other images, another mask or other settings.
    /// </exception>
    /// <exception cref="InvalidOperationException">
    /// A pixel value is out of range, there are no labelled rows, there is no such device, the method of the pruning stage is one of one's
    /// own that <see cref="Options.Method"/> does not give, or the search diverged: the learning rate is too large.
    /// </exception>
    /// <exception cref="ArgumentException">
    /// There are fewer images than a batch in one half, the mask leaves no genotype or none that meets
    /// <see cref="SearchOptions.CostTarget"/>, not even the smallest batch fits into <see cref="SearchOptions.MaxMemory"/>, or a later
    /// stage of the pipeline would refuse the images.
    /// </exception>
    /// <exception cref="FormatException">The annotation holds a mask of another search space, or one without genotype.</exception>
    /// <exception cref="IOException">Another run has the checkpoint, or the folder of checkpoints cannot be written to.</exception>
    /// <exception cref="DllNotFoundException">libtorch cannot be loaded.</exception>
    /// <exception cref="OperationCanceledException">The run was cancelled by its token or by the MLContext.</exception>
    public MaskedDartsSearchTransformer Fit(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        var later = LaterStages.Take(ref _later);
        using var run = new StageRun(_host, "Search", _options);
        return run.Do(() => Fit(input, later, run));
    }

    private MaskedDartsSearchTransformer Fit(IDataView input, LaterStages? later, StageRun run)
    {
        var pixels = PixelColumn.Find(input.Schema, _options.FeatureColumnName, _host);
        LabelColumn.Find(input.Schema, _options.LabelColumnName, _host);
        var features = input.Schema[_options.FeatureColumnName];
        var mask = _options.Mask
            ?? OperationMask.FromJson(StageSchema.Required(features, SearchAnnotations.SearchSpaceMask, Order, _host), _options.Space);
        var method = _options.Method
            ?? (StageSchema.Optional(features, SearchAnnotations.SearchMethod) is { } name ? Preset(name) : null);
        var earlier = StageSchema.Optional(features, SearchAnnotations.SearchSettings);
        if (method?.Pruning == PruningKind.ZeroShotToGenotype)
        {
            if (_options.Settings.CostTarget is { } target)
                throw _host.Process(new InvalidOperationException(NoSearchKeepsTo(target, method)));
            var decided = Genotype.FromJson(StageSchema.Required(features, SearchAnnotations.Genotype, DecidesBefore(method), _host));
            run.Log.DecidedByPruning(method.Name, decided);
            return new MaskedDartsSearchTransformer(_host, _options.FeatureColumnName, method, mask, decided, null, earlier ?? "{}");
        }
        var settings = _options.Settings with { Seed = run.Seed, Device = run.Device() };
        settings = method?.Apply(settings) ?? settings;
        _ = settings.Supernet.WithStem(mask.Space, pixels.Shape);
        var images = LabelledImages.Read(input, _options, run, weightColumn: later?.WeightColumnIn(input.Schema));
        later?.Check(images, run);
        run.TellLayersOutsideLanes(NetworkPlan.Of(mask.Space, settings.Supernet, images.Shape),
            [.. mask.AllLive.Select(at => mask.Space.Operations[at.Operation]).Distinct()], settings.Device);
        if (settings.CostTarget is { } limit && limit.Costs(mask, settings.Relaxation, images.Shape, images.ClassCount) is null)
            run.Log.CostTargetWithoutEffect(limit.ToString(), mask);
        var asked = settings.BatchSize;
        settings = settings.WithBatchSize(SearchMemory.LargestBatch(mask, settings, images.Shape, images.ClassCount, images.Count));
        if (settings.BatchSize != asked)
            run.Log.SmallerBatch(settings.BatchSize, asked);
        settings = run.Evaluated(settings, mask, images.Shape, images.ClassCount);
        if (settings.Evaluation == SupernetEvaluation.Lean)
        {
            var memory = SearchMemory.Predict(mask, settings, images.Shape, images.ClassCount, images.Count);
            run.Log.PredictedMemory(RunStage.Search, settings.BatchSize, memory.ToString());
        }
        var result = MaskedDartsSearch.Run(images, mask, settings, run, run.Checkpoint(RunStage.Search), run.Cancellation);
        if (settings.IsSettled([.. result.Epochs.Select(epoch => epoch.Genotype.ToString())]))
            run.Log.Settled(settings.Patience!.Value);
        else if (result.Epochs.Count < settings.Epochs)
            run.Log.TimeWasUp(result.Epochs.Count, settings.Epochs);
        run.Log.Found(result.Genotype);
        if (settings.CostTarget is { } kept)
            run.TellCost(result.Genotype, kept, images.Shape, images.ClassCount, mask.Space);
        return new MaskedDartsSearchTransformer(
            _host, _options.FeatureColumnName, method, mask, result.Genotype, result,
            StageSettings.With(earlier, "search", result.Options));
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException">A column or an annotation is missing or of another type.</exception>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        LabelColumn.Find(inputSchema, _options.LabelColumnName, _host);
        var features = PixelColumn.Find(inputSchema, _options.FeatureColumnName, _host);
        var earlier = LaterStages.Of(features);
        if (_options.Mask is null)
        {
            StageSchema.Require(features, SearchAnnotations.SearchSpaceMask, Order, _host);
            StageSchema.RequireSpace(features, SearchAnnotations.SearchSpaceMask, _options.Space, _host);
        }
        if (_options.Method is null && features.Annotations.Any(annotation => annotation.Name == SearchAnnotations.OwnSearchMethod))
            throw _host.Process(new InvalidOperationException(OwnMethod("one of your own")));
        // Where the pruning decides on the architecture there is no search.
        var searches = _options.Method is { } method
            ? method.Pruning != PruningKind.ZeroShotToGenotype
            : !features.Annotations.Any(annotation => annotation.Name == SearchAnnotations.Genotype);
        if (searches)
            earlier?.Add(Check);
        if (_options.Method?.Pruning == PruningKind.ZeroShotToGenotype)
            StageSchema.Require(features, SearchAnnotations.Genotype, DecidesBefore(_options.Method), _host);
        var kinds = new List<string> { SearchAnnotations.SearchSpaceMask, SearchAnnotations.Genotype, SearchAnnotations.SearchSettings };
        kinds.AddRange(ZeroShotPruneTransformer.MethodAnnotations(_options.Method));
        _later = new LaterStages(_options.Mask?.Space ?? _options.Space, earlier)
        {
            CostTarget = searches ? _options.Settings.CostTarget : null,
        };
        return StageSchema.Promise(inputSchema, features, _later, kinds);
    }

    /// <summary>What the search will ask of the images, its device and its folder.</summary>
    private void Check(ImageSet images, StageRun run)
    {
        StageRun.CheckPlaces(_host, _options);
        var settings = _options.Settings;
        var space = _options.Mask?.Space ?? _options.Space;
        _ = settings.Supernet.WithStem(space, images.Shape);
        // By the whole space and the reading that admits the most genotypes: what the pruning leaves is dearer, if anything.
        _ = settings.CostTarget?.Costs(
            OperationMask.Full(space), _options.Method?.Relaxation ?? new GumbelRelaxation(), images.Shape, images.ClassCount);
        MaskedDartsSearch.CheckImages(images, settings);
    }

    private SearchMethod Preset(string name) =>
        SearchMethod.Find(name) ?? throw _host.Process(new InvalidOperationException(OwnMethod($"'{name}'")));

    private static string OwnMethod(string method) =>
        $"The pruning stage follows {method}, a method that is no preset, and hands on nothing but its name. " +
        "Give the options of MaskedDartsSearch the same Method.";

    private static string NoSearchKeepsTo(CostTarget target, SearchMethod method) =>
        $"Settings.CostTarget is {target}, but method {method} decides on the architecture by pruning, without a search that could keep " +
        "to it. Choose a method that searches, or leave CostTarget out.";

    private static string DecidesBefore(SearchMethod method) =>
        $"Method {method} decides on the architecture by pruning: put ZeroShotPrune with the same method before MaskedDartsSearch";

    /// <summary>The settings of <see cref="MaskedDartsSearchEstimator"/>.</summary>
    public sealed class Options : StageOptions
    {
        /// <summary>
        /// The method to follow. Default null: the one that the pruning stage followed, if it is a preset; where there is none,
        /// <see cref="Settings"/> are taken as they are, whose defaults are those of the paper's method: partial connections, beta decay.
        /// </summary>
        public SearchMethod? Method { get; set; }

        /// <summary>
        /// The operations to search; every edge has one at least, and <see cref="OperationMask.ThrowIfNoGenotype"/> finds nothing amiss.
        /// Default null: those that the pruning stage left.
        /// </summary>
        public OperationMask? Mask { get; set; }

        /// <summary>
        /// The search space that the annotated mask must be of. Default <see cref="SearchSpace.Darts"/>; <see cref="Mask"/> brings its own.
        /// </summary>
        public SearchSpace Space { get; set; } = SearchSpace.Darts;

        /// <summary>
        /// All other settings, <see cref="SearchOptions.Patience"/>, <see cref="SearchOptions.TimeLimit"/> and
        /// <see cref="SearchOptions.CostTarget"/> among them. A method decides on partial connections, edge normalisation, relaxation and
        /// terms of the loss; <see cref="StageOptions.Seed"/> and <see cref="StageOptions.Device"/> stand here, not there.
        /// </summary>
        public SearchOptions Settings { get; set; } = new();

        internal Options Checked()
        {
            ArgumentNullException.ThrowIfNull(Settings);
            ArgumentNullException.ThrowIfNull(Space);
            Method?.Validate();
            StageSchema.ThrowIfWithoutTraining(Method, "MaskedDartsSearch");
            if (Method?.Pruning == PruningKind.ZeroShotToGenotype && Settings.CostTarget is { } target)
                throw new ArgumentException(NoSearchKeepsTo(target, Method));
            (Method?.Apply(Settings) ?? Settings).Validate();
            Mask?.ThrowIfNoGenotype();
            return (Options)CheckedCopy(Settings.Seed, Settings.Device);
        }
    }
}
