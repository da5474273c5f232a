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

    private const int FewImages = 200;

    // So many times as many images of one class as of another are worth a word.
    private const int Unbalanced = 5;

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
            var clock = new BudgetClock(_options.TimeBudget, _options.Time, run, display: null);
            var (train, validation) = Read(input, run);
            return StateOf(train, validation, clock, run).Plan;
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
        var clock = new BudgetClock(_options.TimeBudget, _options.Time, run, display);
        SharedSession.EnsureLoaded();
        OnnxFormCheck.Check(_options.Space);
        StageRun.CheckPlaces(_host, _options);
        run.LookForPlaceToSave(bytes: null);
        // Two at once would each follow a plan of their own, and leave the one's plan with the other's checkpoints.
        using var alone = _options.CheckpointFolder is { } folder ? FitState.Lock(folder) : null;
        var (train, validation) = Read(input, run);
        var state = StateOf(train, validation, clock, run);
        var plan = state.Plan;
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
        SearchResult? searched = null;
        ZeroShotSearchResult? ranked = null;
        if (plan.Of(RunStage.Search) is { Candidates: not null } ranking)
        {
            clock.Begin(RunStage.Search);
            var options = Planner.RankingSettings(_options.Space, ranking, seed, device) with
            {
                TimeLimit = LimitOf(RunStage.Search),
                Draw = TargetOf(plan)?.Draws(pruned.Mask, train.Shape, train.ClassCount),
                Time = _options.Time,
            };
            ranked = ZeroShotSearch.Run(train, pruned.Mask, options, clock, run.Checkpoint(RunStage.Search), run.Cancellation);
            genotype = ranked.Genotype;
            run.Log.Ranked(method.Name, ranked.Candidates.Count, string.Join(", ", options.Functions.Select(function => function.Name)));
            var shortened = options.TimeLimit is not null && ranked.Candidates.Count < options.Candidates;
            settings = StageSettings.With(settings, "search", options with { TimeLimit = shortened ? options.TimeLimit : null });
            clock.End(ranked.Candidates.Count, shortened);
        }
        else if (plan.Of(RunStage.Search) is { } searching)
        {
            clock.Begin(RunStage.Search);
            var options = Planner.SearchSettings(method, searching, seed, device) with
            {
                TimeLimit = LimitOf(RunStage.Search), CostTarget = TargetOf(plan), MaxMemory = LeftBy(plan, device), Time = _options.Time,
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
            clock.End(searched.Epochs.Count, searched.Shortened);
        }
        run.Log.Found(genotype!);

        // Train.
        clock.Begin(RunStage.Train);
        if (_options.Plan is null && clock.Share(plan, RunStage.Train) <= TimeSpan.FromTicks(1)
            && (run.Checkpoint(RunStage.Train) is not { } begun || !File.Exists(begun)))
        {
            throw BudgetUsedUp("the training of what was found began");
        }
        if (_options.Plan is null && !state.KnowsNetwork)
        {
            plan = PlanTraining(train, validation, genotype!, plan, clock, run);
            clock.Planned(plan);
            run.Log.Planned(plan);
            display?.Write(plan.ToString());
            settings = StageSettings.With(settings, "plan", plan.Stages);
        }
        var training = Planner.TrainingSettings(plan.Of(RunStage.Train)!, plan.Shape, seed, device) with
        {
            TimeLimit = LimitOf(RunStage.Train),
            MostEpochs = _options.Plan is null ? Planner.MostEpochs(plan.Of(RunStage.Train)!) : null,
            MaxMemory = LeftBy(plan, device),
            TemperatureScaling = _options.TemperatureScaling && validation?.Count >= Options.LeastForTemperature,
            ClassWeighting = _options.ClassWeighting,
            Time = _options.Time,
        };
        run.TellLayersOutsideLanes(
            NetworkPlan.Of(_options.Space, training.Network.WithStem(_options.Space, train.Shape), train.Shape, genotype), device);
        using var trained = CellNetTraining.Train(
            train, genotype!, training, validation, clock, _options.Space, run.Checkpoint(RunStage.Train), run.Cancellation);
        clock.End(trained.Epochs.Count, trained.Rescheduled);
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

        // A plan that was given is followed to its end.
        TimeSpan? LimitOf(RunStage stage) => _options.Plan is null ? clock.Share(plan, stage) : null;
    }

    /// <summary>The plan with another training: that of the network that was found, in the time that is left.</summary>
    private ZeroOneShotPlan PlanTraining(
        ImageSet train, ImageSet? validation, Genotype genotype, ZeroOneShotPlan plan, BudgetClock clock, StageRun run)
    {
        var (device, planned) = (run.Device(), plan.Of(RunStage.Train)!);
        var space = new PlannedSpace(_options.Space, train.Shape, train.ClassCount);
        var larger = Planning(null).Larger(planned);
        var times = StepTimes.OfFound(train, space, genotype, (planned.Channels, planned.Cells), larger, device,
            clock.Share(plan, RunStage.Train) / 10, _options.Time, run.Cancellation);
        var training = Planning(times).Training(planned, clock.Share(plan, RunStage.Train).TotalSeconds);
        if ((training.Channels, training.Cells) != (planned.Channels, planned.Cells))
        {
            // Not worked out but timed: what is planned is to be what is done.
            times = StepTimes.OfFound(train, space, genotype, (training.Channels, training.Cells), larger: null, device,
                clock.Share(plan, RunStage.Train) / 10, _options.Time, run.Cancellation);
            training = Planning(times).OfSizes(training, clock.Share(plan, RunStage.Train).TotalSeconds);
        }
        return plan with
        {
            Stages = [.. plan.Stages.SkipLast(1).Select(stage => stage with { Time = clock.Taken(stage.Stage) }), training],
        };

        Planner Planning(StepTimes? times) => new(
            train, validation, times, space, _options.Method, plan.MaxMemory, plan.Held, _options.CostTarget, device);
    }

    private InvalidOperationException BudgetUsedUp(string before) => new(
        $"TimeBudget, {_options.TimeBudget}, was used up before {before}: the machine is slower than it was when the plan was made, or " +
        "an earlier Fit used most of it. Give more time" +
        (_options.CheckpointFolder is { } folder ? $"; what was reached is in '{folder}', and the same Fit goes on from there." : "."));

    private PruningResult Prune(ImageSet train, ZeroOneShotPlan plan, FitState state, BudgetClock clock, StageRun run)
    {
        var method = _options.Method;
        if (plan.Of(RunStage.Prune) is not { } pruning)
            return ZeroShotPruneEstimator.WithoutImages(method, _options.Space, new PruningOptions().Level, run.Seed);
        var settings = Planner.Settings(method, _options.Space, pruning, run.Seed, run.Device());
        if (!state.PrunedByChance)
        {
            using var source = CancellationTokenSource.CreateLinkedTokenSource(run.Cancellation);
            // A method that prunes down to a genotype has nothing to put in its place.
            var decides = method.Pruning == PruningKind.ZeroShotToGenotype;
            var until = decides ? _options.TimeBudget : clock.Elapsed + LongestPruning * _options.TimeBudget;
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

    /// <summary>What a Fit that began earlier has come to; else the beginning of one, with its plan.</summary>
    private FitState StateOf(ImageSet train, ImageSet? validation, BudgetClock clock, StageRun run)
    {
        _options.Plan?.ThrowIfOfOther(train, validation);
        var identity = _options.CheckpointFolder is null ? "" : Identity(train, validation, run.Seed);
        if (_options.CheckpointFolder is { } folder && FitState.Read(folder, identity, run.Log.Warned) is { } begun)
            return begun;
        var warnings = Warnings(train, _options.Method, _options.ClassWeighting);
        if (_options.Plan is { } given)
            return new FitState { Identity = identity, Plan = given with { Warnings = warnings } };
        var device = run.Device();
        var memory = _options.MaxMemory ?? DefaultMemory(device);
        ResidentMemory.ReturnUnused();
        var space = new PlannedSpace(_options.Space, train.Shape, train.ClassCount);
        // A target that not even the smallest network keeps to is refused.
        _ = (_options.CostTarget is { } target ? target with { Network = Planner.Smallest(space) } : null)
            ?.Draws(OperationMask.Full(_options.Space), train.Shape, train.ClassCount);
        var times = StepTimes.Measure(train, space, _options.Method, device, _options.TimeBudget, _options.Time,
            ProcessMemory.IsGpu(device) ? long.MaxValue : memory, run.Cancellation);
        ResidentMemory.ReturnUnused();
        var held = ResidentMemory.Present;
        var planner = new Planner(train, validation, times, space, _options.Method, memory, held, _options.CostTarget, device);
        var around = clock.Elapsed + BudgetClock.AtTheEnd;
        var stages = planner.Stages((_options.TimeBudget - around).TotalSeconds);
        return new FitState
        {
            Identity = identity,
            Plan = new ZeroOneShotPlan
            {
                TimeBudget = _options.TimeBudget,
                MaxMemory = memory,
                Held = held,
                Method = _options.Method.Name,
                Space = _options.Space.Name,
                TrainImages = train.Count,
                ValidationImages = validation?.Count ?? 0,
                Shape = train.Shape,
                Classes = train.ClassCount,
                Stages = stages,
                Around = around,
                Warnings = warnings,
            },
        };
    }

    // What is measured or chosen by time is no part of it.
    private string Identity(ImageSet train, ImageSet? validation, long seed) =>
        $"{train.Fingerprint()}; validation {validation?.Fingerprint() ?? "none"}; " +
        $"{_options.Method.Name} ({_options.Method.Pruning}, {_options.Method.Search}); seed {seed}; " +
        $"space {_options.Space.Name} {_options.Space.Signature}; " +
        $"class weights {_options.ClassWeighting}; temperature {_options.TemperatureScaling}; " +
        $"cost target {_options.CostTarget?.ToString() ?? "none"}; " +
        $"plan {(_options.Plan is { } plan ? plan.Fingerprint() : "by time")}";

    // For the stages' own predictions, which are of a process that holds nothing else; a plan by hand may not say what it held.
    private static long? LeftBy(ZeroOneShotPlan plan, string? device) => ProcessMemory.IsGpu(device) ? null
        : plan.MaxMemory - (plan.Held > 0 ? plan.Held - ProcessMemory.ProcessBefore : 0);

    private CostTarget? TargetOf(ZeroOneShotPlan plan) => _options.CostTarget is { } target
        ? target with { Network = Planner.TrainingSettings(plan.Of(RunStage.Train)!, plan.Shape, 0, null).Network }
        : null;

    private static long DefaultMemory(string? device) => ProcessMemory.MemoryOf(device) / 4 * 3;

    private static IReadOnlyList<string> Warnings(ImageSet train, SearchMethod method, ClassWeighting weighting)
    {
        var warnings = new List<string>();
        if (train.Count < FewImages)
        {
            warnings.Add($"There are {train.Count} images to train on. Expect accuracies that vary by several points from seed to seed, " +
                "and measure on images that were kept apart.");
        }
        if (train.Count < Planner.RankedImages && Planner.Ranks(method))
        {
            warnings.Add($"Networks are ranked on {train.Count} images, not on {Planner.RankedImages}: there are no more. What is found " +
                "varies more from seed to seed.");
        }
        var counts = train.ClassCounts();
        var (most, least) = (counts.Max(), counts.Min());
        if (weighting == ClassWeighting.Equal && most >= Unbalanced * least)
        {
            string Name(int count) => $"'{train.ClassNames[counts.ToList().IndexOf(count)]}'";
            warnings.Add($"Class {Name(most)} has {most} images to train on, {Name(least)} {least}: such rare classes are seldom " +
                "predicted. Where they matter as much as others, set ClassWeighting (zeroone fit: --class-weights balanced), and look at " +
                "the accuracy of each class.");
        }
        return warnings;
    }

    private (ImageSet Train, ImageSet? Validation) Read(IDataView input, StageRun run)
    {
        var shape = PixelColumn.Find(input.Schema, _options.FeatureColumnName, _host).Shape;
        _ = _options.Space.Macro.StemFor(shape.Height, shape.Width);
        LabelColumn.Find(input.Schema, _options.LabelColumnName, _host);
        WeightColumn.Check(input.Schema, _options.ExampleWeightColumnName, _host);
        if (_options.ValidationSet is { } given)
            CellNetTrainer.CheckValidationSet(given, _options.FeatureColumnName, _options.LabelColumnName, _host);
        var images = LabelledImages.Read(input, _options, run, weightColumn: _options.ExampleWeightColumnName);
        var counts = images.ClassCounts().ToList();
        if (counts.FindIndex(count => count < 2) is >= 0 and var few)
        {
            throw new ArgumentException($"Class '{images.ClassNames[few]}' has {counts[few]} image(s); expected at least two of every " +
                "class. Add images, or leave the class out.");
        }
        if (_options.ValidationSet is not { } set)
        {
            var share = _options.ValidationFraction ?? Math.Min(Options.UsualFraction, (double)Options.MostValidationImages / images.Count);
            if (share == 0)
                return (Enough(images), null);
            var (train, kept) = images.Split(1 - Math.Max(share, 1.0 / images.Count), run.Seed);
            return (Enough(train), kept);
        }
        var validation = LabelledImages.Read(set, _options, run, forTraining: false);
        CellNetTrainer.CheckClasses(validation.ClassNames, images);
        if (validation.Shape != images.Shape)
        {
            throw new ArgumentException(
                $"The images of the ValidationSet are {validation.Shape}, the training images {images.Shape}; both need one shape.");
        }
        if (validation.ClassCounts().ToList().IndexOf(0) is >= 0 and var missing)
        {
            throw new ArgumentException($"The ValidationSet has no image of class '{images.ClassNames[missing]}'; " +
                "expected some of every class. Give others, or leave ValidationSet out and let images be split off.");
        }
        return (Enough(images), validation);
    }

    /// <summary>Refuses too few images for the smallest batches of all stages.</summary>
    private ImageSet Enough(ImageSet train)
    {
        // A one-shot search takes halves of them in turn, and batch norms need two images.
        var least = _options.Method.Search == SearchKind.OneShot ? 4 : 2;
        return train.Count >= least ? train : throw new ArgumentException(
            $"There are {train.Count} images to train on, without those to validate with; expected at least {least} for method " +
            $"{_options.Method.Name}. Add images.");
    }

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
        /// <summary>What is split off to validate with: this share, but no more images than these.</summary>
        internal const double UsualFraction = 0.1;

        /// <inheritdoc cref="UsualFraction"/>
        internal const int MostValidationImages = 1000;

        /// <summary>Fewer images than these say too little of how high probabilities should be.</summary>
        internal const int LeastForTemperature = 100;

        /// <summary>
        /// The column, a Single, with how much each example counts in the loss of the training: 0 or more, of which only the proportions
        /// matter; rows of weight 0 are left out. The search, and what is measured, count all alike. Default null: so does the training.
        /// </summary>
        public string? ExampleWeightColumnName { get; set; }

        /// <summary>
        /// The time that Fit may take from its first line to its last, above 0. Schedules end within it; it is exceeded by less than 5 %.
        /// Default 15 minutes.
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
        /// The method to follow. Default <see cref="SearchMethod.ZeroShot"/>, whose search takes a tenth of the time and leaves the rest to
        /// the training; <see cref="SearchMethod.ZeroOneShot"/> is the paper's.
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
