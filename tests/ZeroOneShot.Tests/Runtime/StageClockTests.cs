using Xunit;
using ZeroOneShot.Data;
using ZeroOneShot.Networks;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Tests.Data;
using ZeroOneShot.Training;
using ZeroOneShot.ZeroShot;

namespace ZeroOneShot.Tests.Runtime;

/// <summary>The time that a stage says it still takes.</summary>
public sealed class StageClockTests
{
    private readonly HandTime _time = new();
    private readonly List<RunProgress> _told = [];

    [Fact]
    public void Steps_of_equal_length_end_when_they_were_said_to_end()
    {
        var clock = Clock(epochs: 3);
        clock.Begin(0, 0, 10);
        for (var epoch = 0; epoch < 3; epoch++)
        {
            for (var step = 1; step <= 10; step++)
            {
                _time.Pass(TimeSpan.FromSeconds(2));
                clock.Report(epoch, step, 10);
            }
        }
        Assert.All(_told.Index(), at => Assert.Equal(60, (at.Item.Elapsed + at.Item.Remaining!.Value).TotalSeconds, 1e-3));
    }

    [Fact]
    public void What_an_earlier_process_did_does_not_make_the_rest_shorter()
    {
        // 300 of 600 epochs were done before; the first of this process takes an hour.
        var clock = Clock(epochs: 600);
        _time.Pass(TimeSpan.FromMinutes(10));                                               // reading the checkpoint
        clock.Begin(300, 0, 50);
        clock.Report(300, 0, 50);
        _time.Pass(TimeSpan.FromHours(1));
        clock.Report(300, 50, 50);
        Assert.Null(_told[0].Remaining);
        Assert.Equal(299, _told[1].Remaining!.Value.TotalHours, 1e-6);
        Assert.EndsWith(", 12 days 11 h left", _told[1].ToString());
    }

    [Fact]
    public void No_more_is_left_than_the_time_limit_leaves()
    {
        var clock = Clock(epochs: 100, limit: TimeSpan.FromHours(3));
        clock.Begin(0, 0, 1);
        _time.Pass(TimeSpan.FromHours(1));
        clock.Report(0, 1, 1);
        _time.Pass(TimeSpan.FromHours(2.5));
        clock.Report(1, 1, 1);
        Assert.Equal([TimeSpan.FromHours(2), TimeSpan.Zero], _told.Select(report => report.Remaining!.Value));
    }

    [Theory]
    [InlineData(0, "00:00:00")]
    [InlineData(3725, "01:02:05")]
    [InlineData(86_399, "23:59:59")]
    [InlineData(86_400, "1 day 0 h")]
    [InlineData(183_600, "2 days 3 h")]
    [InlineData(100 * 86_400, "100 days 0 h")]
    public void Times_of_days_are_written_as_days(int seconds, string text)
    {
        var progress = new RunProgress
        {
            Stage = RunStage.Train, Epoch = 1, Elapsed = TimeSpan.Zero, Remaining = TimeSpan.FromSeconds(seconds),
        };
        Assert.Equal(text, progress.RemainingText);
        Assert.EndsWith($", {text} left", progress.ToString());
    }

    [Fact]
    public void A_search_counts_the_steps_of_the_architecture_that_are_still_to_come()
    {
        var clock = new StageClock(RunStage.Search, [1.0, 2.0], new Reports(_told), time: _time);
        clock.Begin(0, 0, 10);
        _time.Pass(TimeSpan.FromSeconds(10));
        clock.Report(0, 10, 10);
        Assert.Equal(20, _told[0].Remaining!.Value.TotalSeconds, 1e-6);
    }

    [Fact]
    public void Pruning_says_how_many_rounds_there_are_and_how_long_they_take()
    {
        var images = RandomImages.Of(12, 3, new ImageShape(3, 16, 16));
        var progress = new Reports(_told, () => _time.Pass(TimeSpan.FromSeconds(1)));
        // 4 operations an edge without 'none': 4, 3, 2 and then 1, on 2 x 5 edges.
        var options = Ranking(_time);
        ZeroShotPruning.Prune(images, options, progress, cancellationToken: TestContext.Current.CancellationToken);
        var networks = 41 + 31 + 21;
        Assert.Equal(networks, _told.Count);
        Assert.Equal(networks, new PruningPlan(options, toGenotype: false).Networks);
        Assert.All(_told, report => Assert.Equal(3, report.Epochs));
        Assert.All(_told.Skip(1), report => Assert.NotNull(report.Remaining));
        Assert.Equal(TimeSpan.Zero, _told[^1].Remaining);
        // In the first round 40 operations run in every network, in the other two 30 and 20.
        Assert.Equal(40 * (31 * 30 + 21 * 20) / (41.0 * 40), _told[40].Remaining!.Value.TotalSeconds, 1e-3);
    }

    [Fact]
    public void A_pruning_that_goes_on_does_not_count_the_networks_ranked_before()
    {
        using var folder = new TemporaryFolder();
        var images = RandomImages.Of(12, 3, new ImageShape(3, 16, 16));
        using var source = new CancellationTokenSource();
        var first = new Reports([], () =>
        {
            _time.Pass(TimeSpan.FromHours(1));
            if (_time.GetElapsedTime(0) >= TimeSpan.FromHours(41))
                source.Cancel();
        });
        Assert.ThrowsAny<OperationCanceledException>(() => ZeroShotPruning.Prune(
            images, Ranking(_time), first, folder.File("prune.safetensors"), source.Token));
        var second = new Reports(_told, () => _time.Pass(TimeSpan.FromSeconds(1)));
        ZeroShotPruning.Prune(images, Ranking(_time), second, folder.File("prune.safetensors"), TestContext.Current.CancellationToken);
        Assert.Equal(31 + 21, _told.Count);
        Assert.All(_told.Skip(1), report => Assert.InRange(report.Remaining!.Value.TotalSeconds, 0, 60));
    }

    [Fact]
    public void A_training_that_goes_on_says_how_long_its_own_epochs_take()
    {
        using var folder = new TemporaryFolder();
        var images = RandomImages.Of(24, 3, new ImageShape(3, 16, 16));
        var options = new TrainingOptions
        {
            Network = new CellNetOptions { Channels = 4, Cells = 3 }, BatchSize = 12, Epochs = 6, Time = _time,
        };
        using var source = new CancellationTokenSource();
        var reports = 0;
        var first = new Reports([], () =>
        {
            _time.Pass(TimeSpan.FromMilliseconds(1));
            if (++reports == 6)                                                             // three epochs
                source.Cancel();
        });
        Assert.ThrowsAny<OperationCanceledException>(() => Train(first, source.Token));
        var second = new Reports(_told, () => _time.Pass(TimeSpan.FromHours(5)));
        Train(second, TestContext.Current.CancellationToken).Dispose();
        Assert.Equal(6, _told.Count);
        // When a step reports, its own five hours have not passed yet: 5 hours for 2 steps, and 4 of 6 are left.
        Assert.Equal([null, 10.0], _told.Take(2).Select(report => report.Remaining?.TotalHours is 0 ? null : report.Remaining?.TotalHours));

        TrainedCellNet Train(IProgress<RunProgress> progress, CancellationToken cancellationToken) => CellNetTraining.Train(
            images, PublishedGenotypes.DartsV2, options, progress: progress, checkpoint: folder.File("train.safetensors"),
            cancellationToken: cancellationToken);
    }

    private static ZeroShotPruningOptions Ranking(TimeProvider time) => new()
    {
        RankingFunctions = [new NngpNorm()],
        Space = new SearchSpace("small", new CellTopology(2),
        [
            CandidateOperation.None, CandidateOperation.MaxPool3x3, CandidateOperation.SkipConnect,
            CandidateOperation.SeparableConvolution3x3, CandidateOperation.DilatedConvolution3x3,
        ]),
        Pruning = new PruningOptions { Level = 0, OperationsPerRound = 1 },
        Supernet = new SupernetOptions { Channels = 4, Cells = 3 },
        BatchSize = 12,
        Batches = 1,
        Initializations = 1,
        Time = time,
    };

    private StageClock Clock(int epochs, TimeSpan? limit = null) =>
        new(RunStage.Train, Enumerable.Repeat(1.0, epochs), new Reports(_told), limit, _time);

    private sealed class Reports(List<RunProgress> told, Action? then = null) : IProgress<RunProgress>
    {
        public void Report(RunProgress value)
        {
            told.Add(value);
            then?.Invoke();
        }
    }
}
