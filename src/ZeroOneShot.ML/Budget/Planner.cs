using System.Globalization;
using ZeroOneShot.Data;
using ZeroOneShot.Networks;
using ZeroOneShot.OneShot;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Training;
using ZeroOneShot.ZeroShot;
using ZeroOneShot.ZeroShot.Functions;

namespace ZeroOneShot.ML;

/// <summary>Chooses the sizes of the stages for a time and a memory.</summary>
/// <param name="images">The images to train on.</param>
/// <param name="validation">Images to validate with; null for none.</param>
/// <param name="times">What steps cost; null where nothing is asked about time.</param>
/// <param name="space">What is searched.</param>
/// <param name="method">The method.</param>
/// <param name="memory">What the process may take, in bytes, of the device's memory.</param>
/// <param name="held">What it holds before the stages, in bytes.</param>
/// <param name="target">What the found network may cost; null for whatever it does.</param>
/// <param name="device">Where the stages compute.</param>
/// <param name="found">The architecture to train; null while it is not known, for a typical one.</param>
internal sealed class Planner(ImageSet images, ImageSet? validation, StepTimes? times, PlannedSpace space, SearchMethod method,
    long memory, long held, CostTarget? target, string? device = null, Genotype? found = null)
{
    // Of the time for the stages. What a stage leaves over is the next one's.
    private const double PruningShare = 0.06, SearchShare = 0.2, RankingShare = 0.05;

    /// <summary>Images that networks are ranked on, fewer where there are no more.</summary>
    public const int RankedImages = 16;

    // Of a search without training: in the space of DARTS, with networks of 16 channels and 8 cells, sixty find what stands at the 96th
    // percentile of random genotypes by the yardstick, three hundred at the 99th (README, Ranking functions).
    private const int LeastCandidates = 4, EnoughCandidates = 60, MostCandidates = 300;

    // Measured on CIFAR-10 with 5 epochs of 20,000 images: crops from half the padding and, with three thousand steps, twice the learning
    // rate gave 1.4 points each; with a thousand steps it gave none.
    private const int EpochsOfWholeCrops = 20, StepsOfLargeRate = 2000;

    // Trainings that see so many images so often learn them by heart, without cutout of this share of the side.
    private const int EpochsOfCutout = 30, EpochsOfWholeCutout = 60;

    private const long ImagesOfCutout = 400_000;

    private const double Cutout = 0.375;

    // Of the smallest network; of each larger one so many more, and of those after the smallest four again so many. Chosen by a few runs
    // on CIFAR-10 (docs/sizes-and-budgets.md): in equal time 12 channels and 5 cells came as far in 34 epochs as 16 channels and 6 cells
    // in 18.
    private const double LargeRate = 2, LeastEpochs = 5, MoreEpochs = 1.5, EvenMoreEpochs = 2;

    private const int SmallNetworks = 4;

    private const int SmallBatch = 32, LargeBatch = 64;

    private const long ImagesOfLargeBatch = 400_000;

    private const int SearchFraction = 2, LargestSearchEpochs = 50, LargestEpochs = 200;

    private static readonly (int Channels, int Cells)[] s_supernets = [(4, 3), (8, 4), (8, 5), (8, 6), (16, 6), (16, 8)];

    private static readonly (int Channels, int Cells)[] s_ranked = [(4, 3), (8, 5), (16, 8)];

    /// <summary>The stages for so many seconds.</summary>
    /// <exception cref="ArgumentException">
    /// The time or the memory is too little; the message has the numbers of the smallest plan.
    /// </exception>
    public IReadOnlyList<StagePlan> Stages(double seconds)
    {
        ThrowIfTooLittle([.. Of(0)], seconds);
        return [.. Of(seconds)];
    }

    /// <summary>Refuses a memory that is too little for the smallest plan, which is known without any times.</summary>
    /// <exception cref="MemoryLimitException">It is; the message has the numbers.</exception>
    public void ThrowIfTooLittleMemory() => ThrowIfTooLittle([.. Of(0)], double.PositiveInfinity);

    private IEnumerable<StagePlan> Of(double seconds)
    {
        var left = seconds;
        var search = method.Search == SearchKind.ZeroShot ? Ranking(RankingShare * seconds) : Search(SearchShare * seconds);
        foreach (var stage in new[] { Pruning(PruningShare * seconds), search })
        {
            if (stage is null)
                continue;
            left -= stage.Time.TotalSeconds;
            yield return stage;
        }
        yield return Training(left);
    }

    /// <summary>Checks that a plan is of a space and a method: of their names, with the method's stages.</summary>
    /// <exception cref="ArgumentException">It is not.</exception>
    public static void ThrowIfOfOther(ZeroOneShotPlan plan, SearchSpace space, SearchMethod method)
    {
        if (plan.Space != space.Name)
        {
            throw new ArgumentException($"The plan is of search space '{plan.Space}'; expected '{space.Name}'. Choose the plan's space, " +
                "or make a plan of this one.");
        }
        if (plan.Method != method.Name)
        {
            throw new ArgumentException($"The plan is of method {plan.Method}; expected {method.Name}. Choose the plan's method, or make " +
                "a plan of this one.");
        }
        foreach (var stage in plan.Stages)
        {
            _ = space.Items(stage.Cells);                                       // which says how many cells the space's networks have
            _ = space.Macro.StemFor(plan.Shape.Height, plan.Shape.Width, stage.Stem);
        }
        var (prunes, searches) = (Prunes(method), Searches(method));
        if (prunes != plan.Of(RunStage.Prune) is not null || searches != plan.Of(RunStage.Search) is not null)
        {
            throw new ArgumentException($"The plan has stages {string.Join(", ", plan.Stages.Select(stage => stage.Stage))}; method " +
                $"{method.Name} {(prunes ? "ranks operations" : "ranks nothing")} and {(searches ? "searches" : "does not search")}. " +
                "Make a plan of this method.");
        }
        if (plan.Of(RunStage.Search) is { } search && search.Candidates is null != (method.Search == SearchKind.OneShot))
        {
            throw new ArgumentException($"The plan's search is of {search.Length}; method {method.Name} searches " +
                $"{(method.Search == SearchKind.OneShot ? "by epochs" : "among genotypes")}. Make a plan of this method.");
        }
        foreach (var stage in plan.Stages)
        {
            try
            {
                ThrowIfRefused(plan, stage, space, method);
            }
            catch (ArgumentException e)
            {
                throw new ArgumentException($"The plan's stage {stage.Stage} cannot be followed: {e.Message}", e);
            }
        }
    }

    // By the settings of the stage, so that a later one does not refuse them when the earlier ones are done.
    private static void ThrowIfRefused(ZeroOneShotPlan plan, StagePlan stage, SearchSpace space, SearchMethod method)
    {
        switch (stage)
        {
            case { Stage: RunStage.Prune }:
                Settings(method, space, stage, 0, null).Validate();
                break;
            case { Stage: RunStage.Search, Candidates: null }:
                SearchSettings(method, stage, plan.Shape, 0, null).Validate();
                break;
            case { Stage: RunStage.Search }:
                RankingSettings(space, stage, 0, null).Validate();
                break;
            default:
                TrainingSettings(stage, plan.Shape, 0, null).Validate();
                break;
        }
    }

    /// <summary>Whether a method ranks networks on images.</summary>
    public static bool Ranks(SearchMethod method) => Prunes(method) || method.Search == SearchKind.ZeroShot;

    private static bool Prunes(SearchMethod method) => method.Pruning is not (PruningKind.None or PruningKind.Random);

    private static bool Searches(SearchMethod method) => method.Pruning != PruningKind.ZeroShotToGenotype;

    /// <summary>Some of the images, of every class in proportion; the same by the same seed.</summary>
    public static ImageSet Some(ImageSet images, int count, long seed) =>
        count >= images.Count ? images : images.Split((double)count / images.Count, seed).First;

    /// <summary>
    /// The settings of a planned pruning: by the library's own ranking function where half of the operations go, whose masks are better
    /// than random ones with 16 images and small networks; by the paper's down to a genotype.
    /// </summary>
    public static ZeroShotPruningOptions Settings(
        SearchMethod method, SearchSpace space, StagePlan plan, long seed, string? device, long? maxMemory = null) =>
        method.Apply(new ZeroShotPruningOptions
        {
            Space = space,
            Supernet = new() { Channels = plan.Channels, Cells = plan.Cells },
            BatchSize = plan.BatchSize,
            Batches = 1,
            Initializations = plan.Epochs,
            RankingFunctions = method.Pruning == PruningKind.ZeroShotToGenotype ? [new NngpNorm()] : [new Swap()],
            MaxMemory = maxMemory,
            Seed = seed,
            Device = device,
        });

    /// <summary>The settings of a planned search.</summary>
    public static SearchOptions SearchSettings(
        SearchMethod method, StagePlan plan, ImageShape shape, long seed, string? device, bool mirrors = true)
    {
        var settings = SearchOptions.ForEpochs(plan.Epochs, plan.BatchSize);
        return method.Apply(settings with
        {
            Augmentation = mirrors ? null : Augmentation.ForSize(Math.Min(shape.Height, shape.Width)) with { HorizontalFlip = false },
            Supernet = new() { Channels = plan.Channels, Cells = plan.Cells },
            LearningRate = plan.LearningRate ?? settings.LearningRate,
            Seed = seed,
            Device = device,
        });
    }

    /// <summary>The settings of a planned search without training.</summary>
    public static ZeroShotSearchOptions RankingSettings(SearchSpace space, StagePlan plan, long seed, string? device) => new()
    {
        Functions = ZeroShotSearchOptions.DefaultFunctions(space),
        Candidates = plan.Candidates!.Value,
        Ranking = new() { BatchSize = plan.BatchSize, Batches = 1, Initializations = 1, Device = device },
        Network = new() { Channels = plan.Channels, Cells = plan.Cells, AuxiliaryHead = false },
        Seed = seed,
    };

    /// <summary>The settings of a planned training: smaller crops where it is short, cutout where it is long.</summary>
    public static TrainingOptions TrainingSettings(StagePlan plan, ImageShape shape, long seed, string? device, bool mirrors = true)
    {
        // The recipe of few epochs, also where people write more into a plan: its learning rate is of that.
        var settings = TrainingOptions.ForEpochs(Math.Min(plan.Epochs, LargestEpochs), plan.BatchSize) with { Epochs = plan.Epochs };
        var side = Math.Min(shape.Height, shape.Width);
        var usual = Augmentation.ForSize(side);
        var isLong = plan.Epochs is >= EpochsOfCutout and < EpochsOfWholeCutout && (long)plan.Epochs * plan.Images >= ImagesOfCutout;
        var augmentation = plan.Epochs < EpochsOfWholeCrops ? usual with { CropPadding = usual.CropPadding / 2 }
            : isLong ? usual with { Cutout = (int)(Cutout * side) } : null;
        return settings with
        {
            Augmentation = mirrors ? augmentation
                : (augmentation ?? CellNetTraining.DefaultAugmentation(shape, settings.Cutout)) with { HorizontalFlip = false },
            Network = settings.Network with { Channels = plan.Channels, Cells = plan.Cells, Stem = plan.Stem },
            LearningRate = plan.LearningRate ?? settings.LearningRate,
            Seed = seed,
            Device = device,
        };
    }

    /// <summary>The smallest network that is trained.</summary>
    public static CellNetOptions Smallest(PlannedSpace space)
    {
        var (channels, cells, stem) = space.Networks[0];
        return new() { Channels = channels, Cells = cells, Stem = stem };
    }

    /// <summary>Epochs that a planned training may be lengthened to where time is left.</summary>
    public static int MostEpochs(StagePlan plan) => Math.Max(plan.Epochs, LargestEpochs);

    private StagePlan? Pruning(double seconds)
    {
        if (!Prunes(method))
            return null;
        var batch = Math.Min(RankedImages, images.Count);
        StagePlan? best = null;
        // Half of the operations go by the library's own function: larger networks left no better masks.
        foreach (var (channels, cells) in method.Pruning == PruningKind.ZeroShot ? space.Sizes(s_supernets)[..1] : space.Sizes(s_supernets))
        {
            for (var batchSize = batch; ; batchSize *= 2)
            {
                var plan = Plan(channels, cells, batchSize, initializations: 1);
                if (best is not null && (plan.Time.TotalSeconds > seconds || plan.Memory > memory))
                    break;
                best = plan;
                // The library's function looks at no more images.
                if (method.Pruning == PruningKind.ZeroShot || batchSize * 2 > Math.Min(images.Count, 128))
                    break;
            }
        }
        // What is left goes into more random weights, as many as the public code has.
        var more = Plan(best!.Channels, best.Cells, best.BatchSize, new RankingOptions().Initializations);
        return more.Time.TotalSeconds <= seconds ? more : best;

        StagePlan Plan(int channels, int cells, int batchSize, int initializations)
        {
            var plan = new StagePlan
            {
                Stage = RunStage.Prune, Channels = channels, Cells = cells, BatchSize = batchSize, Epochs = initializations,
                Images = batchSize,
                Time = TimeSpan.FromSeconds(initializations * batchSize * times!.Prune(channels, cells)),
                Memory = 0,
            };
            var work = ZeroShotPruning.Plan(
                Settings(method, space.Space, plan, 0, device, ProcessMemory.IsGpu(device) ? null : Math.Max(1, memory - Beside)),
                method.Pruning == PruningKind.ZeroShotToGenotype);
            return plan with { Memory = work.Fitting(images.Shape, images.ClassCount, refuses: false).Memory + Beside };
        }
    }

    private StagePlan? Search(double seconds)
    {
        if (!Searches(method))
            return null;
        StagePlan? best = null;
        foreach (var (channels, cells) in space.Sizes(s_supernets))
        {
            var plan = OfSizes(channels, cells, seconds > 600 ? LargeBatch : SmallBatch);
            if (plan.Memory > memory)
                plan = OfSizes(channels, cells, SmallBatch);
            // A larger supernet where there is time for a thousand steps and more.
            if (best is not null && (plan.Memory > memory || plan.Time.TotalSeconds > seconds * 1.01
                || plan.Images / SearchFraction / plan.BatchSize * plan.Epochs < 1000))
            {
                break;
            }
            best = plan;
        }
        return best;

        // Small batches: steps count, of which there are few.
        StagePlan OfSizes(int channels, int cells, int most)
        {
            var batch = Math.Min(images.Count / SearchFraction, most);
            var used = images.Count;
            var perEpoch = used / SearchFraction * times!.Search(channels, cells) * 0.85;        // three tenths are half the work
            var epochs = Math.Min(LargestSearchEpochs, (int)(seconds / perEpoch));
            // Fewer images rather than fewer than five epochs: architectures change in all but the first.
            if (epochs < 5)
            {
                used = Math.Min(used, Math.Max((int)(used * seconds / (5 * perEpoch)), Math.Max(4 * batch, 2 * images.ClassCount)));
                epochs = 5;
                perEpoch *= (double)used / images.Count;
            }
            var plan = new StagePlan
            {
                Stage = RunStage.Search, Channels = channels, Cells = cells, BatchSize = batch, Epochs = epochs, Images = used,
                Time = TimeSpan.FromSeconds(perEpoch * epochs), Memory = 0,
            };
            var mask = method.Pruning == PruningKind.None ? method.StartMask(space.Space) : RandomPruning.Mask(space.Space, 0.5, 0);
            return plan with
            {
                Memory = Beside + SearchMemory.Predict(
                    mask, SearchSettings(method, plan, images.Shape, 0, device), images.Shape, images.ClassCount).Peak,
            };
        }
    }

    /// <summary>A search without training.</summary>
    private StagePlan? Ranking(double seconds)
    {
        if (!Searches(method))
            return null;
        StagePlan? best = null;
        foreach (var (channels, cells) in space.Sizes(s_ranked))
        {
            var batch = Math.Min(RankedImages, images.Count);
            var each = batch * times!.Rank(channels, cells);
            var plan = new StagePlan
            {
                Stage = RunStage.Search, Channels = channels, Cells = cells, BatchSize = batch, Epochs = 1,
                Candidates = Math.Clamp((int)(seconds / each), LeastCandidates, MostCandidates), Images = batch, Time = default, Memory = 0,
            };
            plan = plan with
            {
                Time = TimeSpan.FromSeconds(plan.Candidates!.Value * each),
                Memory = Beside + ZeroShotSearchMemory.Predict(RankingSettings(space.Space, plan, 0, null), space.Space, images.Shape),
            };
            if (best is not null && (plan.Memory > memory || seconds / each < EnoughCandidates))
                break;
            best = plan;
        }
        return best;
    }

    /// <summary>
    /// The training of the network that was found, by the time that is left; of the sizes planned where it has a cost target.
    /// </summary>
    public StagePlan Training(StagePlan planned, double seconds) => target is null ? Training(seconds) : OfSizes(planned, seconds);

    /// <summary>A training of sizes that are decided on, with as many epochs as there is time for.</summary>
    public StagePlan OfSizes(StagePlan planned, double seconds)
    {
        var needed = MemoryOf(planned);
        var perEpoch = Passed * times!.Train(planned.Size) * Slower(needed);
        var epochs = Math.Clamp((int)(seconds / perEpoch), 1, LargestEpochs);
        return WithRate(planned with { Epochs = epochs, Time = TimeSpan.FromSeconds(epochs * perEpoch), Memory = needed.Peak + Beside });
    }

    /// <summary>The batch of a training that sees so many images, each as often as it does.</summary>
    public static int BatchFor(long imagesSeen) => imagesSeen > ImagesOfLargeBatch ? LargeBatch : SmallBatch;

    /// <summary>A planned training with the learning rate that suits its length.</summary>
    public static StagePlan WithRate(StagePlan plan)
    {
        var rate = TrainingOptions.ForEpochs(plan.Epochs, plan.BatchSize).LearningRate;
        var many = (long)plan.Epochs * plan.Images / plan.BatchSize >= StepsOfLargeRate && plan.Epochs < LargestEpochs;
        return plan with { LearningRate = many ? LargeRate * rate : null };
    }

    /// <summary>The training of an architecture that is given, by a few of its steps, in the time that is left.</summary>
    /// <param name="train">The images to train on.</param>
    /// <param name="validation">Images to validate with.</param>
    /// <param name="genotype">The architecture.</param>
    /// <param name="left">The time that is left.</param>
    /// <param name="cancellation">Stops it.</param>
    public static StagePlan TrainingOf(
        ImageSet train, ImageSet? validation, Genotype genotype, Func<TimeSpan> left, CancellationToken cancellation = default)
    {
        var memory = ProcessMemory.MemoryOf(null) / 4 * 3;
        var space = new PlannedSpace(SearchSpace.Darts, train.Shape, train.ClassCount);
        var times = StepTimes.OfFound(train, space, genotype, StepTimes.Sized(space, StepTimes.Small), times => Chosen(times).Size,
            recomputes: _ => false, device: null, StepTimes.LongestPlanning(left()), TimeProvider.System, cancellation);
        return Planning(times).OfSizes(Chosen(times), left().TotalSeconds);

        StagePlan Chosen(StepTimes times) => Planning(times).Training(left().TotalSeconds);

        Planner Planning(StepTimes times) => new(
            train, validation, times, space, SearchMethod.ZeroShot, memory, ResidentMemory.Present, target: null, found: genotype);
    }

    // Validation runs forwards alone.
    private double Passed => images.Count + (validation?.Count ?? 0) / 3.0;

    // As little is recomputed as fits, which is what the training does.
    private TrainingMemory MemoryOf(StagePlan training) => TrainingMemory.Predict(
        found ?? space.Typical, TrainingSettings(training, images.Shape, 0, device) with { MaxMemory = Math.Max(1, memory - Beside) },
        images.Shape, images.ClassCount, space.Space);

    /// <summary>How much longer a training step takes that computes features twice: measured with 36 channels and 20 cells, 1.28.</summary>
    public const double SlowerByRecomputation = 1.3;

    private static double Slower(TrainingMemory training) => training.Recomputed > 0 ? SlowerByRecomputation : 1;

    /// <summary>Whether a training of these sizes fits only if it computes features twice.</summary>
    public bool Recomputes(StagePlan planned, NetworkSize size) =>
        MemoryOf(planned with { Channels = size.Channels, Cells = size.Cells, Stem = size.Stem }).Recomputed > 0;

    private StagePlan Training(double seconds)
    {
        StagePlan? best = null;
        // Few images are learned by heart by a large network.
        var largest = space.Networks.Count;
        largest = images.Count < 500 ? largest / 2 : images.Count < 5000 ? largest * 2 / 3 : largest;
        foreach (var (index, size) in space.Networks.Take(largest).Index())
        {
            var perEpoch = Passed * times!.Train(size);
            var epochs = Epochs();
            var plan = OfBatch(BatchFor((long)epochs * images.Count));
            if (plan.Memory > memory)
                plan = OfBatch(SmallBatch);
            perEpoch *= Slower(MemoryOf(plan));
            epochs = Epochs();
            plan = OfBatch(plan.BatchSize);
            if (best is null)
            {
                best = plan;
                continue;
            }
            // A larger network learns more of every image, but slowly: it needs to see them more often.
            var wanted = Math.Max(LeastEpochs + index * MoreEpochs + Math.Max(0, index + 1 - SmallNetworks) * EvenMoreEpochs,
                Math.Min(60, 40_000.0 / images.Count));
            if (seconds / perEpoch < wanted || plan.Memory > memory)
                break;
            // Networks of whole images take longer, but have fewer parameters.
            if (!Affords(plan, best))
                continue;
            best = plan;

            StagePlan OfBatch(int most)
            {
                var plan = new StagePlan
                {
                    Stage = RunStage.Train, Channels = size.Channels, Cells = size.Cells, BatchSize = Math.Min(images.Count, most),
                    Epochs = epochs, Images = images.Count, Stem = size.Stem, Time = TimeSpan.FromSeconds(epochs * perEpoch), Memory = 0,
                };
                return WithRate(plan) with { Memory = MemoryOf(plan).Peak + Beside };
            }

            int Epochs() => Math.Clamp((int)(seconds / perEpoch), 1, LargestEpochs);
        }
        return best!;
    }

    /// <summary>
    /// Whether networks of these sizes keep to the target that are half-way between the cheapest and the dearest: in larger ones, nothing
    /// but poolings and skips would. Where no smaller one comes near the target, some of them is enough.
    /// </summary>
    private bool Affords(StagePlan plan, StagePlan smaller)
    {
        if (target is null)
            return true;
        var (cheapest, dearest) = CostsOf(plan);
        return cheapest + (dearest - cheapest) / 2 <= target.Most || cheapest <= target.Most && CostsOf(smaller).Dearest < target.Least;
    }

    private (long Cheapest, long Dearest) CostsOf(StagePlan plan)
    {
        var sized = target! with { Network = TrainingSettings(plan, images.Shape, 0, null).Network };
        var full = OperationMask.Full(space.Space);
        return GenotypeChoices.Of(full, mayShareInput: false).Range(new GenotypeCosts(full, sized, images.Shape, images.ClassCount));
    }

    private void ThrowIfTooLittle(IReadOnlyList<StagePlan> smallest, double seconds)
    {
        var hungriest = smallest.MaxBy(stage => stage.Memory)!;
        if (hungriest.Memory > memory)
        {
            throw new MemoryLimitException(string.Create(CultureInfo.InvariantCulture,
                $"MaxMemory is {memory / (double)(1 << 20):0} MiB; the smallest plan is predicted to take " +
                $"{hungriest.Memory / (double)(1 << 20):0} MiB, {held / (double)(1 << 20):0} of them what the process holds already, " +
                $"in its stage {hungriest.Stage} with {hungriest.Channels} channels, " +
                $"{hungriest.Cells} cells and batches of {hungriest.BatchSize}. Allow that much, or give fewer or smaller images."));
        }
        var needed = smallest.Sum(stage => stage.Time.TotalSeconds);
        if (needed > seconds)
        {
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture,
                $"TimeBudget leaves {Math.Max(0, seconds):0.0} s for the stages; " +
                $"the smallest plan is predicted to take {needed:0.0} s on this machine " +
                $"({string.Join(", ", smallest.Select(stage => $"{stage.Stage} {stage.Time.TotalSeconds:0.0} s"))}). " +
                $"Allow more time, or give fewer or smaller images."));
        }
    }

    // What .NET adds while a stage runs, measured: reports, code that is compiled again.
    private const long AddedByDotNet = 20L << 20;

    // Predictions are of a process that holds nothing else, or of a GPU.
    private long Beside => ProcessMemory.IsGpu(device) ? 0 : held - ProcessMemory.ProcessBefore + AddedByDotNet;
}
