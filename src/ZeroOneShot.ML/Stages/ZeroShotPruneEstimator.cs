using Microsoft.ML;
using Microsoft.ML.Runtime;
using ZeroOneShot.Data;
using ZeroOneShot.Networks;
using ZeroOneShot.OneShot;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.ZeroShot;

namespace ZeroOneShot.ML;

/// <summary>
/// The first stage: leaves a part of the search space's operations live, without training anything (Algorithm 1 of "Half Search Space is
/// All You Need").
/// </summary>
/// <remarks>
/// <list type="table">
/// <item><term>Input</term><description>
/// A pixel column, Vector&lt;Single or Byte, channels, height, width&gt; with 1 or 3 channels and 16 to 256 pixels a side, as a stem of the
/// space takes them, and a key-typed label.
/// </description></item>
/// <item><term>Output</term><description>
/// The same rows; the pixel column is annotated with <see cref="SearchAnnotations"/>.
/// </description></item>
/// <item><term>Reads the data</term><description>Once; not at all where the method does not rank operations.</description></item>
/// <item><term>Saved as</term><description>An empty chain of transformers.</description></item>
/// </list>
/// </remarks>
public sealed class ZeroShotPruneEstimator : IEstimator<ZeroShotPruneTransformer>
{
    private readonly IHost _host;
    private readonly Options _options;
    private LaterStages? _later;

    /// <summary>Makes the estimator.</summary>
    /// <param name="environment">An <see cref="MLContext"/>.</param>
    /// <param name="options">Settings; copied.</param>
    /// <exception cref="ArgumentException">A setting is out of its range.</exception>
    public ZeroShotPruneEstimator(IHostEnvironment environment, Options options)
    {
        ArgumentNullException.ThrowIfNull(environment);
        ArgumentNullException.ThrowIfNull(options);
        _host = environment.Register(nameof(ZeroShotPruneEstimator));
        _options = options.Checked();
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or of another type.</exception>
    /// <exception cref="InvalidDataException">
    /// The checkpoint and the one before are damaged, or of other images or other settings.
    /// </exception>
    /// <exception cref="InvalidOperationException">
    /// A pixel value is out of range, there are no labelled rows, there is no such device, or a ranking function gives no finite number or
    /// cannot tell the operations apart.
    /// </exception>
    /// <exception cref="ArgumentException">
    /// There are fewer images than the settings ask for, no stem takes images of the size, the pruning does not fit into
    /// <see cref="RankingOptions.MaxMemory"/>, or a later stage of the pipeline would refuse the images.
    /// </exception>
    /// <exception cref="IOException">Another run has the checkpoint, or the folder of checkpoints cannot be written to.</exception>
    /// <exception cref="DllNotFoundException">libtorch cannot be loaded.</exception>
    /// <exception cref="OperationCanceledException">The run was cancelled by its token or by the MLContext.</exception>
    public ZeroShotPruneTransformer Fit(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        var later = LaterStages.Take(ref _later);
        using var run = new StageRun(_host, "Pruning", _options);
        return run.Do(() => Fit(input, later, run));
    }

    private ZeroShotPruneTransformer Fit(IDataView input, LaterStages? later, StageRun run)
    {
        var pixels = PixelColumn.Find(input.Schema, _options.FeatureColumnName, _host);
        LabelColumn.Find(input.Schema, _options.LabelColumnName, _host);
        var method = _options.Method;
        var settings = _options.Settings with { Space = _options.Space, Seed = run.Seed, Device = run.Device() };
        settings = method?.Apply(settings) ?? settings;
        _ = settings.Supernet.WithStem(settings.Space, pixels.Shape);
        var result = method?.Pruning is PruningKind.None or PruningKind.Random
            ? WithoutImages(method, settings.Space, settings.Pruning.Level, settings.Seed)
            : OnImages(method, Images(), settings, run, run.Checkpoint(RunStage.Prune), run.Cancellation);
        run.Log.Pruned(method?.Name ?? "Pruning", result.Mask);
        return new ZeroShotPruneTransformer(
            _host, _options.FeatureColumnName, method, result, StageSettings.With(null, "prune", settings));

        ImageSet Images()
        {
            var images = LabelledImages.Read(input, _options, run, weightColumn: later?.WeightColumnIn(input.Schema));
            later?.Check(images, run);
            run.TellLayersOutsideLanes(
                NetworkPlan.Of(settings.Space, settings.Supernet, images.Shape), settings.Space.Operations, settings.Device);
            var plan = ZeroShotPruning.Plan(settings, method?.Pruning == PruningKind.ZeroShotToGenotype);
            run.Log.PredictedRanking(plan.Networks, plan.Rounds, settings.BatchSize,
                plan.PredictMemory(images.Shape, images.ClassCount) / (double)(1 << 20));
            return images;
        }
    }

    /// <summary>The pruning of a method that ranks nothing.</summary>
    internal static PruningResult WithoutImages(SearchMethod method, SearchSpace space, double level, long seed) => new(
        method.Pruning == PruningKind.None ? method.StartMask(space) : RandomPruning.Mask(space, level, seed), []);

    /// <summary>The pruning of a method that ranks; without a method, Algorithm 1.</summary>
    internal static PruningResult OnImages(SearchMethod? method, ImageSet images, ZeroShotPruningOptions settings,
        IProgress<RunProgress> progress, string? checkpoint, CancellationToken cancellationToken) =>
        method?.Pruning == PruningKind.ZeroShotToGenotype
            ? ZeroShotPruning.PruneToGenotype(images, settings, progress, checkpoint, cancellationToken)
            : ZeroShotPruning.Prune(images, settings, progress, checkpoint, cancellationToken);

    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or of another type.</exception>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        LabelColumn.Find(inputSchema, _options.LabelColumnName, _host);
        var features = PixelColumn.Find(inputSchema, _options.FeatureColumnName, _host);
        var kinds = new List<string> { SearchAnnotations.SearchSpaceMask, SearchAnnotations.SearchSettings };
        kinds.AddRange(ZeroShotPruneTransformer.MethodAnnotations(_options.Method));
        if (_options.Method?.Pruning == PruningKind.ZeroShotToGenotype)
            kinds.Add(SearchAnnotations.Genotype);
        _later = new LaterStages(_options.Space, earlier: null);
        return StageSchema.Promise(inputSchema, features, _later, kinds);
    }

    /// <summary>The settings of <see cref="ZeroShotPruneEstimator"/>.</summary>
    public sealed class Options : StageOptions
    {
        /// <summary>
        /// The method to follow: how to prune, and with which kind of supernet; the search stage follows it too, but needs to be given one
        /// that is no preset itself. Default <see cref="SearchMethod.ZeroOneShot"/>. Null prunes by Algorithm 1 with <see cref="Settings"/>
        /// as they are.
        /// </summary>
        public SearchMethod? Method { get; set; } = SearchMethod.ZeroOneShot;

        /// <summary>The search space. Default <see cref="SearchSpace.Darts"/>.</summary>
        public SearchSpace Space { get; set; } = SearchSpace.Darts;

        /// <summary>
        /// All other settings. Default: those of <see cref="ZeroShotPruningOptions"/>, but with fewer images all of them are taken, and the
        /// log warns; settings of your own refuse fewer unless they say <see cref="RankingOptions.TakesFewerImages"/>.
        /// <see cref="Method"/> decides on partial connections and edge normalisation; <see cref="Space"/>,
        /// <see cref="StageOptions.Seed"/> and <see cref="StageOptions.Device"/> stand here, not there. A random mask takes
        /// <see cref="PruningOptions.Level"/> from here.
        /// </summary>
        public ZeroShotPruningOptions Settings { get; set; } = new() { TakesFewerImages = true };

        internal Options Checked()
        {
            ArgumentNullException.ThrowIfNull(Settings);
            ArgumentNullException.ThrowIfNull(Space);
            if (Settings.Space != SearchSpace.Darts)
            {
                throw new ArgumentException(
                    $"Settings.Space is '{Settings.Space?.Name}'; set Space of the options instead, which the settings take over.");
            }
            Method?.Validate();
            StageSchema.ThrowIfWithoutTraining(Method, "ZeroShotPrune");
            (Method?.Apply(Settings) ?? Settings).Validate();
            return (Options)CheckedCopy(Settings.Seed, Settings.Device);
        }
    }
}
