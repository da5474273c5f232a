using Microsoft.ML;
using Xunit;
using ZeroOneShot.Data;
using ZeroOneShot.Networks;
using ZeroOneShot.OneShot;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Training;

namespace ZeroOneShot.ML.Tests;

/// <summary>What is timed for a plan, in what time, and what becomes of a plan when a Fit goes on.</summary>
public sealed class FitPlanningTests : IDisposable
{
    private static readonly NetworkSize s_small = new(8, 5, null), s_middle = new(12, 5, null), s_large = new(16, 8, null),
        s_largest = new(36, 20, null);

    private readonly MLContext _ml = new(seed: 1);
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_size_that_was_timed_takes_its_time_one_between_two_a_time_between_theirs_and_a_larger_one_as_much_more_as_its_work()
    {
        var times = Times((s_small, 1), (s_large, 3), (new(16, 5, "half"), 0.5));
        Assert.Equal((1.0, 3.0, 0.5), (times.Train(s_small), times.Train(s_large), times.Train(new(16, 5, "half"))));
        Assert.InRange(times.Train(s_middle), 1.1, 2.9);
        Assert.Equal(3 * Work(s_largest) / Work(s_large), times.Train(s_largest), 1e-9);
        Assert.InRange(times.Train(new(4, 3, null)), 0.01, 0.99);
        Assert.InRange(times.Train(new(8, 3, "half")), 0.01, 0.49);

        static double Work(NetworkSize size) => NetworkCost.Of(PublishedGenotypes.PcDartsCifar,
            new() { Channels = size.Channels, Cells = size.Cells, AuxiliaryHead = false }, Images.Shape, Images.ClassCount).MultiplyAdds;
    }

    [Fact]
    public void Two_sizes_of_the_same_work_do_as_one()
    {
        var (one, both) = (Times((s_small, 1)), Times((s_small, 1), (s_small, 1)));
        foreach (var size in (NetworkSize[])[new(4, 3, null), s_small, s_large])
            Assert.Equal(one.Train(size), both.Train(size));
    }

    [Fact]
    public void What_is_chosen_is_timed_and_then_chosen_again_until_it_is_known_or_the_time_is_up()
    {
        NetworkSize[] wanted = [new(4, 3, null), new(4, 4, null), new(4, 3, null)];
        var chosen = 0;
        var times = Chosen(TimeSpan.FromMinutes(1), recomputes: size => size.Cells == 4);
        Assert.Equal(3, chosen);
        // Every step takes as many looks at the clock; one that recomputes is planned to take longer by a factor of its own.
        Assert.Equal(times.Train(wanted[0]), Planner.SlowerByRecomputation * times.Train(wanted[1]), 1e-9);

        chosen = 0;
        Chosen(TimeSpan.FromTicks(1), recomputes: _ => false);
        Assert.Equal(0, chosen);

        StepTimes Chosen(TimeSpan limit, Func<NetworkSize, bool> recomputes) => Times((s_small, 1)).WithChosen(
            Images, _ => wanted[chosen++], recomputes, device: null, limit, new LookedAtTime(), TestContext.Current.CancellationToken);
    }

    [Fact]
    public void The_size_that_is_planned_was_timed_also_where_it_is_larger_than_those_that_are_timed_in_any_case()
    {
        var (training, ofStep) = Planned(images: 600, TimeSpan.FromSeconds(0.2));
        Assert.Equal(new NetworkSize(20, 8, null), training.Size);
        // One look at the clock a step, whatever the network: one that was worked out would take longer than those that were timed.
        Assert.Equal(0.2, ofStep.TotalSeconds, 1e-3);
    }

    [Fact]
    public void Where_steps_are_so_slow_that_the_time_for_planning_is_over_no_more_is_timed()
    {
        var step = TimeSpan.FromSeconds(1.5);
        var (training, ofStep) = Planned(images: 48, step);
        Assert.Equal(new NetworkSize(16, 6, null), training.Size);
        Assert.InRange(ofStep, 2 * step, 20 * step);
    }

    private (StagePlan Training, TimeSpan OfStep) Planned(int images, TimeSpan step)
    {
        var options = Options();
        (options.TimeBudget, options.Time) = (TimeSpan.FromHours(2), new LookedAtTime { Step = step });
        var plan = Trainer(options).Plan(_ml.Data.LoadImages(Toy.Images(images)));
        var training = plan.Stages[^1];
        return (training, training.Time / training.Epochs / ((plan.TrainImages + plan.ValidationImages / 3.0) / 32));
    }

    [Fact]
    public void What_was_done_before_counts_where_a_program_says_when_it_began()
    {
        var (options, time) = (Options(), new LookedAtTime());
        (options.Time, options.Began) = (time, time.GetTimestamp());
        time.Step = TimeSpan.FromSeconds(15);
        time.GetTimestamp();
        time.Step = new LookedAtTime().Step;
        var data = _ml.Data.LoadImages(Toy.Images(160));
        using var model = Trainer(options).Fit(data);
        Assert.InRange(model.Report!.Plan.Around, TimeSpan.FromSeconds(15), options.TimeBudget);
        Assert.InRange(model.Report.Time, 0.8 * options.TimeBudget, 1.05 * options.TimeBudget);
    }

    [Fact]
    public void A_fit_that_goes_on_keeps_to_less_memory_and_says_how_much_its_training_began_with_where_that_does_not_fit()
    {
        using var source = new CancellationTokenSource();
        var (options, logger, data) = (Options(), new KeepingLogger(), _ml.Data.LoadImages(Toy.Images(160)));
        (options.CheckpointFolder, options.CancellationToken, options.Logger) = (_folder.FullName, source.Token, logger);
        options.Progress = new Told(progress =>
        {
            if (progress.Stage == RunStage.Train && progress.Step >= 3)
                source.Cancel();
        });
        Assert.ThrowsAny<OperationCanceledException>(() => Trainer(options).Fit(data));
        var genotype = (Genotype)logger.Messages.Single(message => message.Text.StartsWith("Found ")).Values["Genotype"]!;
        (options.CancellationToken, options.Progress) = (default, null);
        var plan = Trainer(options).Plan(data);
        var training = plan.Stages[^1];
        var (kept, recomputed, fewer) = (Peak(Recomputation.None, training.BatchSize), Peak(Recomputation.All, training.BatchSize),
            Peak(Recomputation.All, training.BatchSize - 16));
        Assert.True(kept > recomputed && recomputed > fewer);

        // What its training takes by plan, but for what is left to .NET.
        var least = training.Memory - (20 << 20);
        options.MaxMemory = least - (kept - recomputed) - (recomputed - fewer) / 2;
        var error = Assert.Throws<InvalidDataException>(() => Trainer(options).Fit(data));
        Assert.Matches($"MaxMemory is .+ MiB, into which the training that '.*train.safetensors' is of, with batches of " +
            $"{training.BatchSize} images, does not fit. Allow as much as it began with", error.Message);

        // As much as it began with need not be: it recomputes.
        options.MaxMemory = least - (kept - recomputed) / 2;
        using var model = Trainer(options).Fit(data);
        Assert.Null(model.Report!.Stages[^1].Because);
        Assert.Equal(options.MaxMemory, model.Report!.Plan.MaxMemory);
        Assert.Equal(training.Size, model.Report.Plan.Stages[^1].Size);

        // A training that begins anew takes smaller batches, and so is another one than the plan's.
        foreach (var file in Directory.GetFiles(_folder.FullName, "train*.safetensors"))
            File.Delete(file);
        (options.MaxMemory, options.TimeBudget) = (least - (kept - recomputed) - (recomputed - fewer) / 2, TimeSpan.FromMinutes(1));
        using var smaller = Trainer(options).Fit(data);
        var stage = smaller.Report!.Stages[^1];
        Assert.Equal((true, $"batches of {training.BatchSize - 16} in place of {training.BatchSize}"), (stage.Rescheduled, stage.Because));

        long Peak(Recomputation recomputation, int batch) => TrainingMemory.Predict(
            genotype, Planner.TrainingSettings(training, plan.Shape, 0, null) with { Recomputation = recomputation, BatchSize = batch },
            plan.Shape, plan.Classes).Peak;
    }

    [Fact]
    public void A_pruning_is_planned_in_the_way_that_fits_the_memory()
    {
        // Pruning costs next to nothing, training so much that its network is the smallest.
        var times = new StepTimes(Space, PublishedGenotypes.PcDartsCifar, Images, [(StepTimes.Sized(Space, (4, 3)), 1)], prune: 1e-9);
        var fast = Pruning(long.MaxValue);
        var slow = Pruning(fast.Memory - 1);
        Assert.InRange(slow.Memory, 1, fast.Memory - 1);
        Assert.Equal(fast with { Memory = slow.Memory }, slow);

        StagePlan Pruning(long memory) => new Planner(
            Images, validation: null, times, Space, SearchMethod.Parse("ETENAS"), memory, held: 200 << 20, target: null).Stages(300)[0];
    }

    private static ImageSet Images { get; } = Toy.Images(64, side: 32);

    private static PlannedSpace Space { get; } = new(SearchSpace.Darts, Images.Shape, Images.ClassCount);

    private static StepTimes Times(params (NetworkSize Size, double Seconds)[] timed) =>
        new(Space, PublishedGenotypes.PcDartsCifar, Images, timed);

    private static ZeroOneShotTrainer.Options Options() => new()
    {
        TimeBudget = TimeSpan.FromMinutes(0.5), Time = new LookedAtTime(), ShowProgress = false,
    };

    private ZeroOneShotTrainer Trainer(ZeroOneShotTrainer.Options options) => _ml.MulticlassClassification.Trainers.ZeroOneShot(options);

    private sealed class Told(Action<RunProgress> act) : IProgress<RunProgress>
    {
        public void Report(RunProgress value) => act(value);
    }
}
