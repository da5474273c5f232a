using Xunit;
using ZeroOneShot.Data;
using ZeroOneShot.Tests.Data;
using ZeroOneShot.Training;

namespace ZeroOneShot.Tests.Training;

/// <summary>A training that was stopped goes on as if it had not been.</summary>
public sealed class TrainingCheckpointTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string Checkpoint => _folder.File("train.safetensors");

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(1, false)]
    [InlineData(4, false)]
    [InlineData(3, true)]
    [InlineData(4, true)]
    [InlineData(6, true)]
    public void A_cancelled_training_goes_on_to_the_same_network_bit_for_bit(int step, bool validated)
    {
        var options = validated ? Toy.Options with { EarlyStopping = new EarlyStopping { Patience = Toy.Epochs } } : Toy.Options;
        var validation = validated ? Toy.Validation : null;
        var whole = _folder.File("whole");
        using var expected = Toy.Train(options, validation, checkpoint: whole);
        using (var cancellation = new CancellationTokenSource())
        {
            var cancel = EachStep.CancelAt(step, cancellation);
            if (step < Toy.Epochs * Toy.StepsPerEpoch)
                Assert.ThrowsAny<OperationCanceledException>(() => Toy.Train(options, validation, cancel, cancellation.Token, Checkpoint));
            else
                Toy.Train(options, validation, cancel, cancellation.Token, Checkpoint).Dispose();
            Assert.Equal(step, cancel.Count);
        }
        using var resumed = Toy.Train(options, validation, checkpoint: Checkpoint);
        AssertEqual(expected, resumed);
        Assert.Equal(File.ReadAllBytes(whole), File.ReadAllBytes(Checkpoint));      // weights, statistics, momentum, best weights
        using var again = Toy.Train(options, validation, new EachStep(_ => Assert.Fail("nothing is left to do")), checkpoint: Checkpoint);
        AssertEqual(expected, again);
    }

    /// <summary>Its validation included: a training looks at the time all along.</summary>
    [Fact]
    public void A_training_cancelled_at_any_moment_after_its_last_steps_goes_on_to_the_same_network_bit_for_bit()
    {
        var options = Toy.Options with { EarlyStopping = new EarlyStopping() };
        var (time, reports) = (new AskedTime(), new List<int>());
        using var expected = Toy.Train(options with { Time = time }, Toy.Validation, new EachStep(_ => reports.Add(time.Asked)));
        for (var moment = reports[^2] + 1; moment <= reports[^1]; moment++)
        {
            var file = _folder.File($"{moment}");
            using var cancellation = new CancellationTokenSource();
            var cancelling = options with { Time = new AskedTime(moment, cancellation) };
            try
            {
                // Reports ask for the time, too.
                Toy.Train(cancelling, Toy.Validation, new EachStep(_ => { }), cancellation.Token, file).Dispose();
            }
            catch (OperationCanceledException)
            {
                // Before the last step, or while the epoch was validated; else all was done.
            }
            Assert.True(cancellation.IsCancellationRequested);
            using var resumed = Toy.Train(options, Toy.Validation, checkpoint: file);
            AssertEqual(expected, resumed);
        }
    }

    /// <summary>Cancels when somebody asks for the time so many times.</summary>
    private sealed class AskedTime(int moment = 0, CancellationTokenSource? cancellation = null) : TimeProvider
    {
        public int Asked { get; private set; }

        public override long GetTimestamp()
        {
            if (++Asked == moment)
                cancellation!.Cancel();
            return base.GetTimestamp();
        }
    }

    /// <summary>What a kill leaves: the file that was written while an epoch ran.</summary>
    [Fact]
    public void A_training_goes_on_from_a_file_written_within_an_epoch_to_the_same_network_bit_for_bit()
    {
        var (time, left) = (new HandTime(), _folder.File("left"));
        var options = Toy.Options with
        {
            BatchSize = 6, WeightAverage = 0.9, EarlyStopping = new EarlyStopping { Patience = Toy.Epochs }, Time = time,
        };
        var steps = 0;
        using var expected = Toy.Train(options, Toy.Validation, new EachStep(_ =>
        {
            time.Pass(TimeSpan.FromSeconds(15));
            // Four steps an epoch: the file of the second half of the second one.
            if (++steps == 7)
                File.Copy(Checkpoint, left);
        }), checkpoint: Checkpoint);
        steps = 0;
        using var resumed = Toy.Train(options, Toy.Validation, new EachStep(_ => steps++), checkpoint: left);
        Assert.InRange(steps, 5, 7);
        AssertEqual(expected, resumed);
    }

    [Fact]
    public void A_damaged_checkpoint_gives_way_to_the_one_before_and_the_network_is_the_same_bit_for_bit()
    {
        using var expected = Toy.Train(Toy.Options, checkpoint: Checkpoint);
        var newest = File.ReadAllBytes(Checkpoint);
        File.WriteAllBytes(Checkpoint, newest[..^1]);
        using var resumed = Toy.Train(Toy.Options, checkpoint: Checkpoint);
        AssertEqual(expected, resumed);
        Assert.Equal(newest, File.ReadAllBytes(Checkpoint));
    }

    [Fact]
    public void A_checkpoint_changes_nothing()
    {
        using var without = Toy.Train(Toy.Options);
        using var with = Toy.Train(Toy.Options, checkpoint: Checkpoint);
        AssertEqual(without, with);
    }

    [Fact]
    public void An_epoch_leaves_no_tensors_behind()
    {
        LiveTensors.Count();                                            // those of earlier tests do not go meanwhile
        var (live, steps) = (new List<long>(), 0);
        Toy.Train(Toy.Options, Toy.Validation, new EachStep(_ =>
        {
            if (++steps % Toy.StepsPerEpoch == 0)
                live.Add(TorchSharp.torch.Tensor.TotalCount);       // of all threads: batches and operations are made on others
        }), checkpoint: Checkpoint).Dispose();
        Assert.Equal(Enumerable.Repeat(live[0], Toy.Epochs), live);
    }

    [Fact]
    public void Another_training_is_refused_and_the_file_stays()
    {
        Toy.Train(Toy.Options, checkpoint: Checkpoint).Dispose();
        var before = File.ReadAllBytes(Checkpoint);
        var error = Assert.Throws<InvalidDataException>(() => Toy.Train(Toy.Options with { Seed = 6 }, checkpoint: Checkpoint));
        Assert.Contains("is no checkpoint of this training: its options are", error.Message);
        Assert.Contains(Checkpoint, error.Message);
        var others = RandomImages.Of(24, 4, new ImageShape(3, 16, 16));
        Assert.Contains("its images are",
            Assert.Throws<InvalidDataException>(() => Toy.Train(Toy.Options, checkpoint: Checkpoint, images: others)).Message);
        Assert.Contains("its validation images are none",
            Assert.Throws<InvalidDataException>(() => Toy.Train(Toy.Options, Toy.Validation, checkpoint: Checkpoint)).Message);
        Assert.Equal(before, File.ReadAllBytes(Checkpoint));
    }

    [Fact]
    public void A_training_that_diverged_and_went_back_does_so_again_when_it_goes_on()
    {
        // See EarlyStoppingTests: it diverges after a handful of steps.
        var options = Toy.Options with
        {
            Epochs = 30, LearningRate = 0.1, WeightDecay = 40, Momentum = 0, EarlyStopping = new EarlyStopping { Patience = 30 },
        };
        using var first = Toy.Train(options, Toy.Validation, checkpoint: Checkpoint);
        Assert.NotNull(first.DivergedEpoch);
        using var again = Toy.Train(options, Toy.Validation, checkpoint: Checkpoint);
        Assert.Equal(first.DivergedEpoch, again.DivergedEpoch);
        AssertEqual(first, again);
    }

    private static void AssertEqual(TrainedCellNet expected, TrainedCellNet actual)
    {
        Assert.Equal(Toy.Bytes(expected), Toy.Bytes(actual));
        Assert.Equal(expected.Epochs, actual.Epochs);
        Assert.Equal(expected.BestEpoch, actual.BestEpoch);
    }
}
