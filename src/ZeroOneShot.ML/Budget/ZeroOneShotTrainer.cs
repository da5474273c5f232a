using Microsoft.ML;
using Microsoft.ML.Runtime;
using ZeroOneShot.Data;
using ZeroOneShot.Networks;
using ZeroOneShot.OneShot;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Training;
using ZeroOneShot.ZeroShot;

namespace ZeroOneShot.ML;

/// <summary>
/// Finds and trains a network for images within a time and a memory, in one Fit: searches without training, or prunes the search space and
/// searches what is left, as the method says, and trains what was found. It times a few steps first and chooses channels, cells, batches
/// and epochs of all stages so that their schedules end in time.
/// </summary>
/// <remarks>
/// <list type="table">
/// <item><term>Machine learning task</term><description>Multiclass classification of images.</description></item>
/// <item><term>Input</term><description>
/// A pixel column, Vector&lt;Single or Byte, channels, height, width&gt; with 1 or 3 channels and 16 to 256 pixels a side, and a key-typed
/// label.
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
/// <para>The plan depends on the speed of the machine, and so does the result. With a plan that is given (<see cref="Options.Plan"/>)
/// nothing looks at the clock: the same plan, images and seed give the same model, bit for bit, on the same machine with as many threads,
/// however often the Fit was stopped and went on.</para>
/// </remarks>
public sealed class ZeroOneShotTrainer : IEstimator<CellNetTransformer>
{
    // A pruning that takes so much of the time is given up for a mask by chance.
    private const double LongestPruning = 0.3;

    // The network is the plan's.
    private const string NothingSoCheap =
        "Allow as many, or take a plan whose training has fewer channels or cells, or a method that prunes nothing, such as Zero-Shot.";

    private readonly IHost _host;
    private readonly Options _options;

    /// <summary>Makes the trainer.</summary>
    /// <param name="environment">An <see cref="MLContext"/>.</param>
    /// <param name="options">Settings; copied.</param>
    /// <exception cref="ArgumentException">A setting is out of its range.</exception>
    public ZeroOneShotTrainer(IHostEnvironment environment, Options options)
    {
        ArgumentNullException.ThrowIfNull(environment);
        ArgumentNullException.ThrowIfNull(options);
        _host = environment.Register(nameof(ZeroOneShotTrainer));
        _options = options.Checked();
    }

    /// <summary>
    /// What <see cref="Fit(IDataView)"/> would do, without doing it: reads the images, times a few steps and chooses the sizes. With a
    /// <see cref="StageOptions.CheckpointFolder"/> in which a Fit has begun, the plan that it follows.
    /// </summary>
    /// <param name="input">The images to train on.</param>
    /// <exception cref="ArgumentException">
    /// Time or memory are too little even for the smallest plan, a class has fewer than two images, the validation set lacks a class, or no
    /// network of the space takes images of the size.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or of another type, or there is one class only.</exception>
    /// <exception cref="InvalidOperationException">A pixel value is out of range, or there are no labelled rows.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled by its token or by the MLContext.</exception>
    public ZeroOneShotPlan Plan(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        using var run = new StageRun(_host, "Planning", _options);
        return run.Do(() =>
        {
            var clock = new BudgetClock(_options.TimeBudget, _options.Time, _options.Began, run, display: null);
            var (train, validation) = FitImages.Read(input, _options, _host, run, Limits(clock, display: null, run));
            var planning = new FitPlanning(_options, train, validation, clock, run);
            return planning.PlanOf(planning.State());
        });
    }

    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or of another type, or there is one class only.</exception>
    /// <exception cref="ArgumentException">
    /// Time or memory are too little even for the smallest plan, a class has fewer than two images, the validation set lacks a class, or no
    /// network of the space takes images of the size.
    /// </exception>
    /// <exception cref="InvalidDataException">
    /// What the checkpoint folder holds is of other images or other settings, or damaged, the one before too.
    /// </exception>
    /// <exception cref="IOException">Another run has the checkpoint folder, or it cannot be written to.</exception>
    /// <exception cref="InvalidOperationException">
    /// A pixel value is out of range, there are no labelled rows, the native library of ONNX Runtime is missing, or the time was used up
    /// before the training began.
    /// </exception>
    /// <exception cref="OperationCanceledException">The run was cancelled by its token or by the MLContext.</exception>
    public CellNetTransformer Fit(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        using var run = new StageRun(_host, "ZeroOneShot", _options);
        var display = _options.ShowProgress ? new ConsoleProgress(Console.Error, !Console.IsErrorRedirected, _options.Time) : null;
        try
        {
            return run.Do(() => Fit(input, display, run));
        }
        finally
        {
            display?.Close();
        }
    }

    private CellNetTransformer Fit(IDataView input, ConsoleProgress? display, StageRun run)
    {
        var clock = new BudgetClock(_options.TimeBudget, _options.Time, _options.Began, run, display);
        SharedSession.EnsureLoaded();
        OnnxFormCheck.Check(_options.Space);
        StageRun.CheckPlaces(_host, _options);
        run.LookForPlaceToSave(bytes: null);
        // Two at once would each follow a plan of their own, and leave the one's plan with the other's checkpoints.
        using var alone = _options.CheckpointFolder is { } folder ? FitState.Lock(folder) : null;
        var (train, validation) = FitImages.Read(input, _options, _host, run, Limits(clock, display, run));
        var planning = new FitPlanning(_options, train, validation, clock, run);
        var state = planning.State();
        var plan = planning.PlanOf(state);
        run.Log.Planned(plan);
        display?.Write(plan.ToString());
        clock.GoOn(state, _options.CheckpointFolder);
        var (method, seed, device) = (_options.Method, run.Seed, run.Device());
        (clock.MemoryInUse, clock.OnGpu) = (() => ProcessMemory.InUse(device), ProcessMemory.IsGpu(device));
        if (plan.Stages is [var first, _, ..])
        {
            var supernet = new SupernetOptions { Channels = first.Channels, Cells = first.Cells }.WithStem(_options.Space, train.Shape);
            run.TellLayersOutsideLanes(NetworkPlan.Of(_options.Space, supernet, train.Shape), _options.Space.Operations, device);
        }

        // Prune.
        clock.Begin(RunStage.Prune);
        var pruned = Prune(train, plan, state, clock, run);
        clock.End(state.PrunedByChance ? 0 : plan.Of(RunStage.Prune)?.Epochs ?? 0, state.PrunedByChance);
        run.Log.Pruned(method.Name, pruned.Mask);
        var genotype = pruned.Genotype;
        var settings = StageSettings.With(null, "plan", plan.Stages);
        if (plan.Of(RunStage.Prune) is { } pruning)
            settings = StageSettings.With(settings, "prune", Planner.Settings(method, _options.Space, pruning, seed, device));

        // Search.
        var target = TargetOf(plan);
        var reading = method.Search == SearchKind.ZeroShot ? new SoftmaxRelaxation() : method.Relaxation;
        if (target is not null && target.Costs(pruned.Mask, reading, train.Shape, train.ClassCount, NothingSoCheap) is null)
            run.Log.CostTargetWithoutEffect(target.ToString(), pruned.Mask);
        SearchResult? searched = null;
        ZeroShotSearchResult? ranked = null;
        if (plan.Of(RunStage.Search) is { Candidates: not null } ranking)
        {
            clock.Begin(RunStage.Search);
            var options = Planner.RankingSettings(_options.Space, ranking, seed, device) with
            {
                TimeLimit = LimitOf(RunStage.Search),
                Draw = target?.Draws(pruned.Mask, train.Shape, train.ClassCount),
                Time = _options.Time,
            };
            ranked = ZeroShotSearch.Run(train, pruned.Mask, options, clock, run.Checkpoint(RunStage.Search), run.Cancellation);
            genotype = ranked.Genotype;
            run.Log.Ranked(method.Name, ranked.Candidates.Count, string.Join(", ", options.Functions!.Select(function => function.Name)));
            settings = StageSettings.With(settings, "search", options with { TimeLimit = ranked.Shortened ? options.TimeLimit : null });
            clock.End(ranked.Candidates.Count, ranked.Shortened);
        }
        else if (plan.Of(RunStage.Search) is { } searching)
        {
            clock.Begin(RunStage.Search);
            var options = Planner.SearchSettings(method, searching, plan.Shape, seed, device, _options.MirrorImages) with
            {
                TimeLimit = LimitOf(RunStage.Search), CostTarget = target, MaxMemory = LeftBy(plan, searching.Images, device),
                Time = _options.Time,
            };
            options = run.Evaluated(options, pruned.Mask, train.Shape, train.ClassCount);
            run.TellLayersOutsideLanes(
                NetworkPlan.Of(_options.Space, options.Supernet.WithStem(_options.Space, train.Shape), train.Shape),
                [.. pruned.Mask.AllLive.Select(at => _options.Space.Operations[at.Operation]).Distinct()], device);
            searched = MaskedDartsSearch.Run(
                Planner.Some(train, searching.Images, seed), pruned.Mask, options, clock, run.Checkpoint(RunStage.Search),
                run.Cancellation);
            genotype = searched.Genotype;
            settings = StageSettings.With(settings, "search", searched.Options with
            {
                TimeLimit = searched.Shortened ? searched.Options.TimeLimit : null,          // one that nothing came of is no setting
            });
            clock.End(searched.Epochs.Count, searched.Shortened, SmallerBatch(searched.Options.BatchSize, options.BatchSize));
        }
        run.Log.Found(genotype!);
        if (target is not null)
            run.TellCost(genotype!, target, train.Shape, train.ClassCount, _options.Space);

        // Train.
        clock.Begin(RunStage.Train);
        if (_options.Plan is null && clock.Share(plan, RunStage.Train) <= TimeSpan.FromTicks(1)
            && (run.Checkpoint(RunStage.Train) is not { } begun || !File.Exists(begun)))
        {
            throw BudgetUsedUp("the training of what was found began");
        }
        if (_options.Plan is null && !state.KnowsNetwork)
        {
            plan = planning.Training(genotype!, plan);
            clock.Planned(plan);
            run.Log.Planned(plan);
            display?.Write(plan.ToString());
            settings = StageSettings.With(settings, "plan", plan.Stages);
        }
        var training = Planner.TrainingSettings(plan.Of(RunStage.Train)!, plan.Shape, seed, device, _options.MirrorImages) with
        {
            TimeLimit = LimitOf(RunStage.Train),
            MostEpochs = _options.Plan is null ? Planner.MostEpochs(plan.Of(RunStage.Train)!) : null,
            MaxMemory = LeftBy(plan, train.Count + (validation?.Count ?? 0), device),
            TemperatureScaling = _options.TemperatureScaling && validation?.Count >= Options.LeastForTemperature,
            ClassWeighting = _options.ClassWeighting,
            Time = _options.Time,
        };
        run.TellLayersOutsideLanes(
            NetworkPlan.Of(_options.Space, training.Network.WithStem(_options.Space, train.Shape), train.Shape, genotype), device);
        var memory = TrainingMemory.Fitting(genotype!, training, train.Shape, train.ClassCount, _options.Space,
            train.Count + (validation?.Count ?? 0));
        if (memory.BatchSize < training.BatchSize)
            run.Log.SmallerBatch(memory.BatchSize, training.BatchSize);
        using var trained = Trained();
        clock.End(trained.Epochs.Count, trained.Rescheduled, trained.DivergedEpoch is { } epoch
            ? $"diverged in epoch {epoch}" : SmallerBatch(memory.BatchSize, training.BatchSize));
        if (trained.DivergedEpoch is { } diverged)
            run.Log.Diverged(diverged);
        ResidentMemory.ReturnUnused();
        settings = StageSettings.With(settings, "train", training with
        {
            Network = trained.Network.Options, TimeLimit = trained.Rescheduled ? training.TimeLimit : null,
            MostEpochs = trained.Rescheduled ? training.MostEpochs : null,
        });

        var report = new FitReport
        {
            Plan = plan, Stages = clock.Reports(plan), Time = clock.Elapsed, Pruning = pruned, Search = searched,
            Ranked = ranked,
        };
        return new CellNetTransformer(_host, input, trained, new CellNetTransformer.Description
        {
            FeatureColumnName = _options.FeatureColumnName,
            LabelColumnName = _options.LabelColumnName,
            ScoreColumnName = _options.ScoreColumnName,
            PredictedLabelColumnName = _options.PredictedLabelColumnName,
            ByteInput = PixelColumn.Find(input.Schema, _options.FeatureColumnName, _host).IsByte,
            InputScale = _options.PixelScale,
            Mask = pruned.Mask,
            Method = method.Name,
            Settings = settings,
            Report = report,
        });

        TrainedCellNet Trained()
        {
            var checkpoint = run.Checkpoint(RunStage.Train);
            try
            {
                return CellNetTraining.TrainWithin(
                    train, genotype!, training, memory, validation, clock, _options.Space, checkpoint, run.Cancellation);
            }
            catch (InvalidDataException e) when (memory.BatchSize < training.BatchSize && File.Exists(checkpoint))
            {
                throw new InvalidDataException(
                    $"MaxMemory is {ProcessMemory.InMiB(plan.MaxMemory)}, into which the training that '{checkpoint}' is of, with " +
                    $"batches of {training.BatchSize} images, does not fit. Allow as much as it began with, or delete that file to " +
                    "begin the training anew.", e);
            }
        }

        static string? SmallerBatch(int taken, int planned) => taken < planned ? $"batches of {taken} in place of {planned}" : null;

        // A plan that was given is followed to its end.
        TimeSpan? LimitOf(RunStage stage) => _options.Plan is null ? clock.Share(plan, stage) : null;
    }

    // A plan that was given is followed however long it takes, and whatever it takes.
    private ReadingLimits? Limits(BudgetClock clock, ConsoleProgress? display, StageRun run)
    {
        var device = run.Device();
        return _options.Plan is not null ? null : new ReadingLimits(
            _options.TimeBudget, ProcessMemory.IsGpu(device) ? null : FitPlanning.MemoryOf(_options, device), () => clock.Elapsed,
            display is null ? null : display.Show, run.Log);
    }

    private InvalidOperationException BudgetUsedUp(string before) => new(
        $"TimeBudget, {_options.TimeBudget}, was used up before {before}: the machine is slower than it was when the plan was made, or " +
        "an earlier Fit used most of it. Give more time" +
        (_options.CheckpointFolder is { } folder ? $", a larger TimeBudget (zeroone resume DIR --minutes N); " +
            $"what was reached is in '{folder}', and the same Fit goes on from there." : "."));

    private PruningResult Prune(ImageSet train, ZeroOneShotPlan plan, FitState state, BudgetClock clock, StageRun run)
    {
        var method = _options.Method;
        if (plan.Of(RunStage.Prune) is not { } pruning)
            return ZeroShotPruneEstimator.WithoutImages(method, _options.Space, new PruningOptions().Level, run.Seed);
        var settings = Planner.Settings(
            method, _options.Space, pruning, run.Seed, run.Device(), LeftBy(plan, pruning.Images, run.Device()));
        if (!state.PrunedByChance)
        {
            using var source = CancellationTokenSource.CreateLinkedTokenSource(run.Cancellation);
            // A method that prunes down to a genotype has nothing to put in its place.
            var decides = method.Pruning == PruningKind.ZeroShotToGenotype;
            var until = decides ? _options.TimeBudget : clock.Elapsed - clock.Taken(RunStage.Prune) + LongestPruning * _options.TimeBudget;
            clock.Stop = _options.Plan is null ? (until, source) : null;
            try
            {
                return ZeroShotPruneEstimator.OnImages(method, train, settings, clock, run.Checkpoint(RunStage.Prune), source.Token);
            }
            catch (OperationCanceledException) when (clock.Stop is not null && !run.Cancellation.IsCancellationRequested)
            {
                if (decides)
                    throw BudgetUsedUp("its pruning was over");
                run.Log.PrunedByChance(LongestPruning);
                state.PrunedByChance = true;
            }
            finally
            {
                clock.Stop = null;
            }
        }
        return new PruningResult(RandomPruning.Mask(settings.Space, settings.Pruning.Level, run.Seed), []);
    }

    // For the stages' own predictions, which are of a process that holds nothing but its images; a plan by hand may not say what it held.
    // One that is given is followed to the letter.
    private long? LeftBy(ZeroOneShotPlan plan, long images, string? device) => ProcessMemory.IsGpu(device) || _options.Plan is not null
        ? null : Math.Max(1, plan.MaxMemory - (plan.Held > 0 ? plan.Held - ProcessMemory.ProcessBefore - images * plan.Shape.Size : 0));

    private CostTarget? TargetOf(ZeroOneShotPlan plan) => _options.CostTarget is { } target
        ? target with { Network = Planner.TrainingSettings(plan.Of(RunStage.Train)!, plan.Shape, 0, null).Network }
        : null;

    /// <inheritdoc/>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or of another type.</exception>
    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        var label = LabelColumn.Find(inputSchema, _options.LabelColumnName, _host);
        PixelColumn.Find(inputSchema, _options.FeatureColumnName, _host);
        WeightColumn.Check(inputSchema, _options.ExampleWeightColumnName, _host);
        if (_options.ValidationSet is { } set)
            CellNetTrainer.CheckValidationSet(set, _options.FeatureColumnName, _options.LabelColumnName, _host);
        return StageSchema.PromiseScores(inputSchema, label, _options.ScoreColumnName, _options.PredictedLabelColumnName);
    }

    /// <summary>The settings of <see cref="ZeroOneShotTrainer"/>.</summary>
    public sealed class Options : StageOptions
    {
        /// <summary>Fewer images than these say too little of how high probabilities should be.</summary>
        internal const int LeastForTemperature = 100;

        /// <summary>
        /// The column, a Single, with how much each example counts in the loss of the training: 0 or more, of which only the proportions
        /// matter; rows of weight 0 are left out. The search, and what is measured, count all alike. Default null: so does the training.
        /// </summary>
        public string? ExampleWeightColumnName { get; set; }

        /// <summary>
        /// The time that Fit may take from its first line to its last, above 0. Schedules end within it; it is exceeded by less than 5 %.
        /// A Fit that goes on from a <see cref="StageOptions.CheckpointFolder"/> has what is left of it; what a killed one took to read its
        /// images, before it had its plan, does not count. Default 15 minutes.
        /// </summary>
        public TimeSpan TimeBudget { get; set; } = TimeSpan.FromMinutes(15);

        /// <summary>
        /// The memory that the process is to keep to, in bytes, what it holds already included; above 0. Where
        /// <see cref="StageOptions.Device"/> is a GPU it is that one's. Default null: three quarters of what the machine, or its container,
        /// or the GPU has (4 GiB are taken where neither CUDA's runtime nor nvidia-smi tells).
        /// </summary>
        public long? MaxMemory { get; set; }

        /// <summary>
        /// A plan to follow, as <see cref="ZeroOneShotTrainer.Plan"/> made it for images of the same number, size and classes, and for the
        /// same <see cref="Method"/> and <see cref="Space"/>: its sizes and epochs, all of them, however long they take, so that the result
        /// can be had again.
        /// <see cref="TimeBudget"/> and <see cref="MaxMemory"/> are then without effect. Default null: a plan is made by a few steps timed
        /// on the machine, and schedules become shorter, and trainings longer, where it becomes
        /// slower or faster.
        /// </summary>
        public ZeroOneShotPlan? Plan { get; set; }

        /// <summary>
        /// The method to follow. Default <see cref="SearchMethod.ZeroShot"/>, whose search takes a twentieth of the time and leaves the
        /// rest to the training; <see cref="SearchMethod.ZeroOneShot"/> is the paper's.
        /// </summary>
        public SearchMethod Method { get; set; } = SearchMethod.ZeroShot;

        /// <summary>
        /// The search space, one of <see cref="SearchSpace.All"/> or one of your own, whose networks take the images. Default
        /// <see cref="SearchSpace.Darts"/>.
        /// </summary>
        public SearchSpace Space { get; set; } = SearchSpace.Darts;

        /// <summary>
        /// What the found network may cost; its <see cref="CostTarget.Network"/> is that of the plan. Default null: whatever it does.
        /// </summary>
        public CostTarget? CostTarget { get; set; }

        /// <summary>
        /// Data with the same columns to validate with, with images of every class. Default null: images are split off, as
        /// <see cref="ValidationFraction"/> says.
        /// </summary>
        public IDataView? ValidationSet { get; set; }

        /// <summary>
        /// The share of the images that is split off to validate with, by class and by seed, 0 (none) to 0.5. Without effect with a
        /// <see cref="ValidationSet"/>. Default null: a tenth, but no more than 1,000 images.
        /// </summary>
        public double? ValidationFraction { get; set; }

        /// <summary>
        /// Whether probabilities are made as high as they turn out right on the images to validate with
        /// (<see cref="TrainingOptions.TemperatureScaling"/>), where these are 100 or more. Default true.
        /// </summary>
        public bool TemperatureScaling { get; set; } = true;

        /// <summary>How much the classes count in the training. Default <see cref="ClassWeighting.Equal"/>.</summary>
        public ClassWeighting ClassWeighting { get; set; } = ClassWeighting.Equal;

        /// <summary>
        /// Whether search and training see half of the images, at random, mirrored left to right. Default true; false where the mirror
        /// image of one class looks like another (b and d, arrows, signs of the road), or like nothing that is ever seen.
        /// </summary>
        public bool MirrorImages { get; set; } = true;

        /// <summary>The column of probabilities that is made. Default <c>Score</c>.</summary>
        public string ScoreColumnName { get; set; } = "Score";

        /// <summary>The column of the most probable class that is made. Default <c>PredictedLabel</c>.</summary>
        public string PredictedLabelColumnName { get; set; } = "PredictedLabel";

        /// <summary>
        /// Whether the error stream shows the plan, and then how far the Fit is: on a console one line that lives, with the time left over
        /// all stages, in a file or a pipe a line a minute. <see cref="MLContext.Log"/> and <see cref="StageOptions.Logger"/> get it in any
        /// case. Default true.
        /// </summary>
        public bool ShowProgress { get; set; } = true;

        /// <summary>What measures <see cref="TimeBudget"/>.</summary>
        internal TimeProvider Time { get; set; } = TimeProvider.System;

        /// <summary>
        /// When <see cref="TimeBudget"/> began, a timestamp of <see cref="Time"/>: for a program whose own reading counts too. Default
        /// null: when Fit or Plan is called.
        /// </summary>
        internal long? Began { get; set; }

        internal Options Checked()
        {
            ArgumentNullException.ThrowIfNull(Method);
            ArgumentNullException.ThrowIfNull(Space);
            Method.Validate();
            if (TimeBudget <= TimeSpan.Zero)
                throw new ArgumentException($"TimeBudget is {TimeBudget}; expected a time above 0, for example TimeSpan.FromMinutes(15).");
            if (MaxMemory is <= 0)
            {
                throw new ArgumentException(
                    $"MaxMemory is {MaxMemory} bytes; expected a positive number, or null for no limit of one's own.");
            }
            if (ValidationFraction is not (null or >= 0 and <= 0.5))
                throw new ArgumentException($"ValidationFraction is {ValidationFraction}; expected 0 to 0.5.");
            Plan?.Validate();
            if (Plan is not null)
                Planner.ThrowIfOfOther(Plan, Space, Method);
            CostTarget?.Validate();
            if (CostTarget is not null && Method.Pruning == PruningKind.ZeroShotToGenotype)
            {
                throw new ArgumentException($"CostTarget is {CostTarget}, but method {Method} decides on the architecture by pruning, " +
                    "without a search that could keep to it. Choose a method that searches, or leave CostTarget out.");
            }
            CellNetTrainer.Options.CheckNames(FeatureColumnName, LabelColumnName, ScoreColumnName, PredictedLabelColumnName);
            return (Options)CheckedCopy(0, null);
        }
    }
}
