using Xunit;
using ZeroOneShot.Runtime;
using ZeroOneShot.Training;

namespace ZeroOneShot.Tests.Training;

/// <summary>When a training ends, and whose weights it keeps.</summary>
public sealed class EarlyStoppingTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_best_epoch_is_the_first_of_the_most_accurate_ones()
    {
        TrainingEpoch[] epochs = [Epoch(3, 0.2), Epoch(2, 0.5), Epoch(1, 0.5), Epoch(4, 0.4)];
        Assert.Equal(1, new EarlyStopping().BestOf(epochs));
        Assert.Equal(2, new EarlyStopping { Measure = EarlyStoppingMeasure.Loss }.BestOf(epochs));
        Assert.Equal(1, new EarlyStopping { Measure = EarlyStoppingMeasure.Loss, MinimumGain = 1 - 1e-9 }.BestOf(epochs[..2]));
        Assert.Equal(0, new EarlyStopping { MinimumGain = 0.4 }.BestOf(epochs));
        Assert.Equal(1, new EarlyStopping { Measure = EarlyStoppingMeasure.Loss }.BestOf([Epoch(double.NaN, 0), Epoch(5, 0)]));
        Assert.Null(new EarlyStopping().BestOf([new TrainingEpoch(1, 1, null, null)]));
    }

    [Theory]
    [InlineData(EarlyStoppingMeasure.Accuracy)]
    [InlineData(EarlyStoppingMeasure.Loss)]
    public void An_epoch_that_went_astray_never_is_the_best(EarlyStoppingMeasure measure)
    {
        var stopping = new EarlyStopping { Measure = measure };
        Assert.Null(stopping.BestOf([Epoch(double.NaN, 0.9)]));
        Assert.Equal(1, stopping.BestOf([Epoch(double.PositiveInfinity, 0.9), Epoch(5, 0.1), new TrainingEpoch(double.NaN, 0, 1, 0.9)]));
    }

    [Fact]
    public void A_training_that_diverges_in_its_first_epoch_ends_with_an_error_whether_it_stops_early_or_not()
    {
        var options = Toy.Options with { LearningRate = 1e30 };
        foreach (var stopping in new[] { null, new EarlyStopping() })
        {
            var error = Assert.Throws<DivergedException>(() => Toy.Train(options with { EarlyStopping = stopping }, Toy.Validation));
            Assert.IsAssignableFrom<InvalidOperationException>(error);
            Assert.Contains("in epoch 1: the weights have grown beyond all bounds. Choose a smaller LearningRate", error.Message);
        }
    }

    [Fact]
    public void A_training_that_diverges_later_goes_back_to_its_best_epoch_and_says_so_or_ends_with_an_error()
    {
        // Every step multiplies all weights by 1 - LearningRate WeightDecay, at first -3, and so the features by 3 once a layer: after a
        // handful of steps, single precision is at its end.
        var options = Toy.Options with { Epochs = 30, LearningRate = 0.1, WeightDecay = 40, Momentum = 0 };
        using var stopped = Toy.Train(options with { EarlyStopping = new EarlyStopping { Patience = 30 } }, Toy.Validation);
        Assert.InRange(stopped.DivergedEpoch!.Value, 2, 29);
        Assert.Equal(stopped.DivergedEpoch - 1, stopped.Epochs.Count);
        Assert.InRange(stopped.BestEpoch!.Value, 1, stopped.Epochs.Count);
        Assert.True(double.IsFinite(stopped.Measure(Toy.Validation, TestContext.Current.CancellationToken).Loss));
        Assert.Equal(stopped.Epochs[stopped.BestEpoch.Value - 1].ValidationLoss,
            stopped.Measure(Toy.Validation, TestContext.Current.CancellationToken).Loss);
        using var limited = Toy.Train(options with { TimeLimit = TimeSpan.FromHours(1) }, Toy.Validation);
        Assert.Equal(stopped.DivergedEpoch, limited.DivergedEpoch);
        // The same without a limit is an error, and no such model.
        Assert.Equal((false, true), (stopped.Rescheduled, limited.Rescheduled));
        Assert.Equal(Toy.Bytes(stopped), Toy.Bytes(limited));
        Assert.Contains($"in epoch {stopped.DivergedEpoch}:",
            Assert.Throws<DivergedException>(() => Toy.Train(options, Toy.Validation)).Message);
    }

    [Fact]
    public void Patience_counts_epochs_without_gain()
    {
        var stopping = new EarlyStopping { Patience = 2 };
        Assert.False(stopping.IsOver([Epoch(1, 0.5), Epoch(1, 0.4)]));
        Assert.True(stopping.IsOver([Epoch(1, 0.5), Epoch(1, 0.4), Epoch(1, 0.5)]));
        Assert.False(stopping.IsOver([Epoch(1, 0.5), Epoch(1, 0.4), Epoch(1, 0.6), Epoch(1, 0.6)]));
    }

    [Fact]
    public void Training_ends_when_patience_does_and_keeps_the_weights_of_the_best_epoch()
    {
        // No epoch gains 1, so the first one stays the best.
        var options = Toy.Options with { EarlyStopping = new EarlyStopping { Patience = 1, MinimumGain = 1 } };
        using var stopped = Toy.Train(options, Toy.Validation);
        Assert.Equal((2, 1), (stopped.Epochs.Count, stopped.BestEpoch));
        Assert.Equal(Toy.Bytes(AfterFirstEpoch()), Toy.Bytes(stopped));
        Assert.Equal(stopped.Epochs[0].ValidationAccuracy, stopped.Accuracy(Toy.Validation, TestContext.Current.CancellationToken));
        Assert.Equal(stopped.Epochs[0].ValidationLoss, stopped.Measure(Toy.Validation, TestContext.Current.CancellationToken).Loss);
    }

    [Fact]
    public void Without_early_stopping_the_last_weights_are_kept()
    {
        using var plain = Toy.Train(Toy.Options);
        using var validated = Toy.Train(Toy.Options, Toy.Validation);
        Assert.Null(validated.BestEpoch);
        Assert.Equal(Toy.Bytes(plain), Toy.Bytes(validated));
    }

    [Fact]
    public void When_time_is_up_the_best_validated_weights_are_kept_and_a_checkpoint_goes_on_from_the_last()
    {
        var time = new HandTime();
        var options = Toy.Options with { TimeLimit = TimeSpan.FromHours(1), Time = time };
        var checkpoint = _folder.File("train.safetensors");
        var passing = new EachStep(step => time.Pass(step == Toy.StepsPerEpoch + 1 ? TimeSpan.FromHours(1) : TimeSpan.FromMinutes(1)));
        using (var limited = Toy.Train(options, Toy.Validation, passing, checkpoint: checkpoint))
        {
            Assert.Equal((Toy.StepsPerEpoch + 1, 1, 1), (passing.Count, limited.Epochs.Count, limited.BestEpoch));
            Assert.Equal(Toy.Bytes(AfterFirstEpoch()), Toy.Bytes(limited));
        }
        using var whole = Toy.Train(Toy.Options, Toy.Validation);
        using var resumed = Toy.Train(Toy.Options, Toy.Validation, checkpoint: checkpoint);
        Assert.Equal(Toy.Bytes(whole), Toy.Bytes(resumed));
        Assert.Null(resumed.BestEpoch);
    }

    [Fact]
    public void When_time_is_up_without_validation_the_weights_of_that_moment_are_kept()
    {
        var time = new HandTime();
        using var limited = Toy.Train(Toy.Options with { TimeLimit = TimeSpan.FromHours(1), Time = time },
            progress: new EachStep(step => time.Pass(step == Toy.StepsPerEpoch ? TimeSpan.FromHours(1) : TimeSpan.Zero)));
        Assert.Equal((1, null), (limited.Epochs.Count, limited.BestEpoch));
        Assert.Equal(Toy.Bytes(AfterFirstEpoch()), Toy.Bytes(limited));
    }

    [Fact]
    public void Where_time_is_left_a_training_is_lengthened_as_far_as_it_may_be_and_its_learning_rate_ends_with_it()
    {
        const int Planned = 40, Most = 60;
        var options = Toy.Options with { Epochs = Planned, DropPath = 0, TimeLimit = TimeSpan.FromDays(1), Time = new PastTime() };
        using var planned = Toy.Train(options);
        Assert.Equal((Planned, false), (planned.Epochs.Count, planned.Rescheduled));
        var told = new List<string?>();
        using var lengthened = Toy.Train(options with { MostEpochs = Most, Time = new PastTime() },
            progress: new Telling(progress => told.Add($"{progress.Epochs}")));
        Assert.True(lengthened.Rescheduled);
        Assert.InRange(lengthened.Epochs.Count, Planned + 1, Most);
        Assert.Equal(("40", $"{lengthened.Epochs.Count}"), (told[0], told[^1]));
        Assert.Contains("MostEpochs is 39; expected Epochs, 40, or more",
            Assert.Throws<ArgumentException>(() => Toy.Train(options with { MostEpochs = 39 })).Message);
    }

    [Fact]
    public void Settings_that_cannot_be_are_refused()
    {
        Assert.Contains("needs a validation set",
            Assert.Throws<ArgumentException>(() => Toy.Train(Toy.Options with { EarlyStopping = new EarlyStopping() })).Message);
        Assert.Contains("Patience is 0", Assert.Throws<ArgumentException>(
            () => Toy.Train(Toy.Options with { EarlyStopping = new EarlyStopping { Patience = 0 } }, Toy.Validation)).Message);
        Assert.Contains("TimeLimit is 00:00:00",
            Assert.Throws<ArgumentException>(() => Toy.Train(Toy.Options with { TimeLimit = TimeSpan.Zero })).Message);
    }

    private static TrainingEpoch Epoch(double loss, double accuracy) => new(0, 0, loss, accuracy);

    /// <summary>The network that a training of all epochs has after its first one, by way of a checkpoint.</summary>
    private TrainedCellNet AfterFirstEpoch()
    {
        var checkpoint = _folder.File("first");
        using (var cancellation = new CancellationTokenSource())
        {
            Assert.ThrowsAny<OperationCanceledException>(() =>
                Toy.Train(Toy.Options, null, EachStep.CancelAt(Toy.StepsPerEpoch, cancellation), cancellation.Token, checkpoint));
        }
        var over = Toy.Options with { TimeLimit = TimeSpan.FromTicks(1), Time = new PastTime() };
        return Toy.Train(over, checkpoint: checkpoint);
    }

    /// <summary>Time that is up as soon as it is looked at.</summary>
    private sealed class Telling(Action<RunProgress> act) : IProgress<RunProgress>
    {
        public void Report(RunProgress value) => act(value);
    }

    private sealed class PastTime : TimeProvider
    {
        private long _ticks;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _ticks++;
    }
}
