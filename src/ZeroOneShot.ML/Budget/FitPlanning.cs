using ZeroOneShot.Data;
using ZeroOneShot.OneShot;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Training;

namespace ZeroOneShot.ML;

/// <summary>The plan of a Fit: the first, by a few steps timed, and the training's once it is known what network was found.</summary>
/// <param name="options">The settings of the Fit.</param>
/// <param name="train">The images to train on.</param>
/// <param name="validation">Images to validate with; null for none.</param>
/// <param name="clock">Counts the time of the Fit.</param>
/// <param name="run">Its surroundings.</param>
internal sealed class FitPlanning(
    ZeroOneShotTrainer.Options options, ImageSet train, ImageSet? validation, BudgetClock clock, StageRun run)
{
    private const int FewImages = 200, FewOfAClass = 10;

    // So many times as many images of one class as of another are worth a word.
    private const int Unbalanced = 5;

    /// <summary>What a Fit that began earlier has come to; else the beginning of one, with its plan.</summary>
    public FitState State()
    {
        options.Plan?.ThrowIfOfOther(train, validation);
        var identity = options.CheckpointFolder is null ? "" : Identity();
        if (options.CheckpointFolder is { } folder && FitState.Read(folder, identity, run.Log.Warned) is { } begun)
            return begun;
        var warnings = Warnings();
        if (options.Plan is { } given)
            return new FitState { Identity = identity, Plan = given with { Warnings = warnings } };
        var device = run.Device();
        var memory = MemoryOf(options, device);
        ResidentMemory.ReturnUnused();
        var space = new PlannedSpace(options.Space, train.Shape, train.ClassCount);
        // A target that not even the smallest network keeps to is refused.
        _ = (options.CostTarget is { } target ? target with { Network = Planner.Smallest(space) } : null)
            ?.Costs(OperationMask.Full(options.Space), new SoftmaxRelaxation(), train.Shape, train.ClassCount, "Allow as many.");
        // What no time will help is said before any is taken.
        new Planner(train, validation, StepTimes.Unknown(space, train), space, options.Method, memory, ResidentMemory.Present,
            options.CostTarget, device).ThrowIfTooLittleMemory();
        var began = options.Time.GetTimestamp();
        var measured = StepTimes.Measure(train, space, options.Method, device, options.TimeBudget, options.Time,
            ProcessMemory.IsGpu(device) ? long.MaxValue : memory, run.Cancellation);
        ResidentMemory.ReturnUnused();
        var held = ResidentMemory.Present;
        var first = Stages(measured).Stages[^1];
        var times = measured.WithChosen(train, times => Stages(times).Stages[^1].Size, size => Planning(measured).Recomputes(first, size),
            device, StepTimes.LongestPlanning(options.TimeBudget) - options.Time.GetElapsedTime(began), options.Time, run.Cancellation);
        var (stages, around) = Stages(times);
        return new FitState
        {
            Identity = identity,
            Plan = new ZeroOneShotPlan
            {
                TimeBudget = options.TimeBudget,
                MaxMemory = memory,
                Held = held,
                Method = options.Method.Name,
                Space = options.Space.Name,
                TrainImages = train.Count,
                ValidationImages = validation?.Count ?? 0,
                Shape = train.Shape,
                Classes = train.ClassCount,
                Stages = stages,
                Around = around,
                Warnings = warnings,
            },
        };

        Planner Planning(StepTimes times) => new(train, validation, times, space, options.Method, memory, held, options.CostTarget, device);

        (IReadOnlyList<StagePlan> Stages, TimeSpan Around) Stages(StepTimes times)
        {
            var around = clock.Elapsed + BudgetClock.AtTheEnd;
            return (Planning(times).Stages((options.TimeBudget - around).TotalSeconds), around);
        }
    }

    /// <summary>
    /// The plan of a state, in the time and the memory that there are now: less than it was planned for is kept to, more is no reason for
    /// other batches.
    /// </summary>
    public ZeroOneShotPlan PlanOf(FitState state) => options.Plan is not null ? state.Plan : state.Plan with
    {
        TimeBudget = options.TimeBudget, MaxMemory = Math.Min(state.Plan.MaxMemory, MemoryOf(options, run.Device())),
    };

    /// <summary>The plan with another training: that of the network that was found, in the time that is left.</summary>
    public ZeroOneShotPlan Training(Genotype genotype, ZeroOneShotPlan plan)
    {
        var (device, planned) = (run.Device(), plan.Of(RunStage.Train)!);
        var space = new PlannedSpace(options.Space, train.Shape, train.ClassCount);
        var times = StepTimes.OfFound(train, space, genotype, planned.Size, times => Chosen(times).Size,
            size => Planning(null).Recomputes(planned, size), device, StepTimes.LongestPlanning(clock.Share(plan, RunStage.Train)),
            options.Time, run.Cancellation);
        var training = Planning(times).OfSizes(Chosen(times), clock.Share(plan, RunStage.Train).TotalSeconds);
        return plan with
        {
            Stages = [.. plan.Stages.SkipLast(1).Select(stage => stage with { Time = clock.Taken(stage.Stage) }), training],
        };

        StagePlan Chosen(StepTimes times) => Planning(times).Training(planned, clock.Share(plan, RunStage.Train).TotalSeconds);

        Planner Planning(StepTimes? times) => new(
            train, validation, times, space, options.Method, plan.MaxMemory, plan.Held, options.CostTarget, device, genotype);
    }

    // What is measured or chosen by time is no part of it.
    private string Identity() =>
        $"{train.Fingerprint()}; validation {validation?.Fingerprint() ?? "none"}; " +
        $"{options.Method.Name} ({options.Method.Pruning}, {options.Method.Search}); seed {run.Seed}; " +
        $"space {options.Space.Name} {options.Space.Signature}; " +
        $"class weights {options.ClassWeighting}; temperature {options.TemperatureScaling}; " +
        $"mirrored images {options.MirrorImages}; " +
        $"cost target {options.CostTarget?.ToString() ?? "none"}; " +
        $"plan {(options.Plan is { } plan ? plan.Fingerprint() : "by time")}";

    /// <summary>The memory that a Fit keeps to, of a device's, in bytes.</summary>
    public static long MemoryOf(ZeroOneShotTrainer.Options options, string? device) =>
        options.MaxMemory ?? ProcessMemory.MemoryOf(device) / 4 * 3;

    private IReadOnlyList<string> Warnings()
    {
        var warnings = new List<string>();
        if (train.Count < FewImages)
        {
            warnings.Add($"There are {train.Count} images to train on. Expect accuracies that vary by several points from seed to seed, " +
                "and measure on images that were kept apart.");
        }
        else if (train.Count < FewOfAClass * train.ClassCount)
        {
            warnings.Add($"There are {train.Count} images to train on in {train.ClassCount} classes, fewer than {FewOfAClass} of a class " +
                "on the average. Expect low accuracies: add images, or put classes together.");
        }
        if (train.Count < Planner.RankedImages && Planner.Ranks(options.Method))
        {
            warnings.Add($"Networks are ranked on {train.Count} images, not on {Planner.RankedImages}: there are no more. What is found " +
                "varies more from seed to seed.");
        }
        var counts = train.ClassCounts();
        var (most, least) = (counts.Max(), counts.Min());
        if (options.ClassWeighting == ClassWeighting.Equal && train.Weights is null && most >= Unbalanced * least)
        {
            string Name(int count) => $"'{train.ClassNames[counts.ToList().IndexOf(count)]}'";
            warnings.Add($"Class {Name(most)} has {most} images to train on, {Name(least)} {least}: such rare classes are seldom " +
                "predicted. Where they matter as much as others, set ClassWeighting (zeroone fit: --class-weights balanced), and look at " +
                "the accuracy of each class.");
        }
        return warnings;
    }
}
