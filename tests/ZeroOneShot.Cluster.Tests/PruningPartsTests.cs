using Xunit;
using ZeroOneShot.Experiments;
using ZeroOneShot.Experiments.Tests;
using ZeroOneShot.OneShot;
using ZeroOneShot.Runtime;
using ZeroOneShot.Tests;

namespace ZeroOneShot.Cluster.Tests;

/// <summary>A pruning round that several workers rank, in this process and without a network.</summary>
public sealed class PruningPartsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly Lock _one = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("Zero-One-Shot")]
    [InlineData("ETENAS")]
    public async Task A_round_that_several_workers_rank_ends_as_one_process_makes_it_though_one_dies_in_its_midst(string method)
    {
        var specification = Toy.Table(SearchMethod.Parse(method)).Runs()[0];
        var expected = ExperimentRun.Finish(Ledger.Open(_folder.File("alone")).Run(specification), Toy.Data, Toy.Preset,
            cancellationToken: Cancellation);

        var run = Ledger.Open(_folder.File("ledger")).Run(specification);
        var log = new List<string>();
        var desk = new Desk(_folder.File("ledger"), [new WorkUnit(specification.Id, run.Path)], _ => run.IsFinished, TimeSpan.FromHours(1),
            "test", log.Add);
        var (helped, stop) = (new TaskCompletionSource(), new CancellationTokenSource());
        var holder = Worker(desk, "holder", (folder, _, _, token) =>
        {
            var copy = RunFolder.Open(folder);
            var waits = new Waits(folder, helped.Task);
            while (copy.NextStage is { } stage)
                ExperimentRun.DoWith(TimeSpan.Zero, copy, stage, Toy.Data, Toy.Preset, null, waits, token);
        }).Work(Cancellation);

        // One worker takes a part, and is never heard of again.
        Assigned? lost = null;
        await Until(() => !holder.IsFaulted && (lost = Answer(desk, new Pull("lost", "test"), "lost") as Assigned) is not null);
        Assert.NotNull(PartFiles.PartAsked(lost!.Files.Single().Path));
        lock (_one)
            desk.Lose("lost");
        var helper = Worker(desk, "helper", (folder, _, _, token) =>
            ExperimentRun.DoPart(folder, Toy.Data, Toy.Preset, cancellationToken: token)).Work(stop.Token);
        await Until(() => PartFiles.AllAsked(run.Path).All(part => File.Exists(Path.Combine(run.Path, PartFiles.Done(part)))));
        var asked = PartFiles.AllAsked(run.Path);
        Assert.NotEmpty(asked);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => helper);
        helped.SetResult();

        Assert.Equal(1, await holder);
        var result = run.Result()!;
        Assert.Equal((expected.Prune.Mask, expected.Genotype, expected.Accuracy), (result.Prune.Mask, result.Genotype, result.Accuracy));
        var lines = File.ReadAllText(Path.Combine(run.Path, "log.txt"));
        Assert.All(asked, part => Assert.Contains($"networks of a helper are taken over ({part})", lines));
        Assert.DoesNotContain("is not used", lines);
        Assert.Contains(log, line => line.StartsWith($"{lost.Unit}: finished under", StringComparison.Ordinal));
        Assert.True(desk.Book.IsDone);
        Assert.Empty(Directory.GetFiles(Path.Combine(run.Path, PartFiles.Folder)));
    }

    private ClusterWorker Worker(Desk desk, string name, UnitWork work) => new((message, _, _) =>
        Task.FromResult(Answer(desk, message, name)), _folder.File(name), work, "test", _ => { }, TimeSpan.Zero, name);

    private Message Answer(Desk desk, Message message, string node)
    {
        lock (_one)
            return desk.Answer(message, node);
    }

    private static async Task Until(Func<bool> condition)
    {
        while (!condition())
            await Task.Delay(20, Cancellation);
    }

    /// <summary>In the first round that is offered, waits until helpers are done and what they did is here.</summary>
    private sealed class Waits(string folder, Task helped) : IProgress<RunProgress>
    {
        private bool _hasWaited;

        public void Report(RunProgress value)
        {
            if (_hasWaited || PartFiles.AllAsked(folder) is not { Count: > 0 } asked)
                return;
            Until(() => helped.IsCompleted && asked.All(part => File.Exists(Path.Combine(folder, PartFiles.Done(part)))))
                .Wait(Cancellation);
            _hasWaited = true;
        }
    }
}
