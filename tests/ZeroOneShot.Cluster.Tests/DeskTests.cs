using Xunit;
using ZeroOneShot.ClusterProcess;
using ZeroOneShot.Experiments;
using ZeroOneShot.Tests;

namespace ZeroOneShot.Cluster.Tests;

/// <summary>Coordinator and workers in this process, without a network.</summary>
public sealed class DeskTests : IDisposable
{
    // The coordinator's time stands still; a worker brings what it has three times in it.
    private static readonly TimeSpan s_short = TimeSpan.FromSeconds(0.3);

    private readonly TemporaryFolder _folder = new();
    private readonly List<string> _log = [];
    private readonly HandTime _time = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Another_worker_goes_on_from_what_the_first_one_brought_and_data_come_once()
    {
        var desk = Desk(2);
        var fetched = 0;
        Task<Message> Ask(Message message, TimeSpan timeout, CancellationToken cancellationToken)
        {
            fetched += message is Fetch { IsData: true } ? 1 : 0;
            lock (desk)
                return Task.FromResult(desk.Answer(message));
        }
        using var stop = new CancellationTokenSource();
        var first = new ClusterWorker(Ask, _folder.File("worker"), (folder, settings, data, token) =>
        {
            CountingWork.Do(folder, "2", data, token);
            File.Delete(Path.Combine(folder, "result.txt"));
            stop.Cancel();
            token.ThrowIfCancellationRequested();
        }, "test", _log.Add, TimeSpan.Zero);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first.Work(stop.Token));
        Assert.StartsWith("2 ", File.ReadAllText(_folder.File("units/unit-0000/checkpoints/state")));

        var begins = new List<bool>();
        var second = new ClusterWorker(Ask, _folder.File("worker"), (folder, settings, data, token) =>
        {
            begins.Add(File.Exists(Path.Combine(folder, "checkpoints", "state")));
            CountingWork.Do(folder, settings, data, token);
        }, "test", _log.Add, TimeSpan.Zero);
        Assert.Equal(2, await second.Work(TestContext.Current.CancellationToken));
        Assert.Equal([false, true], begins);                        // given back, it stands behind the others
        Assert.Equal(2, fetched);                                   // two parts of one file, and never again
        Assert.True(desk.Book.IsDone);
        Assert.False(Directory.Exists(_folder.File("worker/units/unit-0000")));
    }

    [Fact]
    public async Task Copied_data_that_differ_are_told_and_fetched_anew()
    {
        var desk = Desk(2);
        Task<Message> Ask(Message message, TimeSpan timeout, CancellationToken token) => Task.FromResult(desk.Answer(message));
        var worker = new ClusterWorker(Ask, _folder.File("worker"), (folder, settings, data, token) =>
        {
            CountingWork.Do(folder, settings, data, token);
            File.WriteAllText(Path.Combine(data!, "data.bin"), "another");
        }, "test", _log.Add, TimeSpan.Zero);
        Assert.Equal(2, await worker.Work(TestContext.Current.CancellationToken));
        Assert.Contains(_log, line => line.Contains("and the coordinator's data have", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_full_disk_gives_the_unit_back_and_ends_the_worker_with_a_sentence()
    {
        var desk = Desk(1);
        Task<Message> Ask(Message message, TimeSpan timeout, CancellationToken token) => Task.FromResult(desk.Answer(message));
        var worker = new ClusterWorker(Ask, _folder.File("worker"), (_, _, _, _) => throw new IOException("No space left on device."),
            "test", _log.Add, TimeSpan.Zero, "small");
        var error = await Assert.ThrowsAsync<IOException>(() => worker.Work(TestContext.Current.CancellationToken));
        Assert.Contains("The unit unit-0000 was given back; make room", error.Message);
        Assert.Contains(_log, line => line.Contains("small cannot go on: No space left", StringComparison.Ordinal));
        Assert.Equal((1, 0), (desk.Book.Waiting, desk.Book.Failed));
    }

    [Fact]
    public async Task A_unit_at_which_the_files_of_every_worker_fail_is_left_alone_before_it_has_ended_them_all()
    {
        var desk = Desk(1);
        for (var number = 0; number < 4; number++)
        {
            Assert.False(desk.Book.IsDone);
            var worker = new ClusterWorker((message, _, _) => Task.FromResult(desk.Answer(message)), _folder.File($"worker-{number}"),
                (_, _, _, _) => throw new IOException("No space left on device."), "test", _log.Add, TimeSpan.Zero);
            await Assert.ThrowsAsync<IOException>(() => worker.Work(TestContext.Current.CancellationToken));
        }
        Assert.Equal((1, true), (desk.Book.Failed, desk.Book.IsDone));
    }

    [Fact]
    public async Task Work_whose_results_are_not_taken_is_stopped_before_the_unit_is_given_back()
    {
        var (desk, stopped, before) = (Desk(1, s_short), 0, new List<int>());
        Task<Message> Ask(Message message, TimeSpan timeout, CancellationToken token)
        {
            if (message is GiveBack)
                before.Add(stopped);
            return Task.FromResult(message is Commit ? new Refused("No room.") : desk.Answer(message));
        }
        var worker = new ClusterWorker(Ask, _folder.File("worker"), (_, _, _, token) =>
        {
            token.WaitHandle.WaitOne();
            stopped++;
            token.ThrowIfCancellationRequested();
        }, "test", _log.Add, TimeSpan.Zero);
        Assert.Equal(0, await worker.Work(TestContext.Current.CancellationToken));
        Assert.Equal([1, 2, 3], before);
        Assert.Equal(1, desk.Book.Failed);
    }

    [Fact]
    public async Task A_worker_whose_coordinator_is_gone_for_too_long_stops_its_work_and_says_what_becomes_of_it()
    {
        var (desk, stopped) = (Desk(1, s_short), false);
        Task<Message> Ask(Message message, TimeSpan timeout, CancellationToken token) => message is Put or Commit
            ? Task.FromException<Message>(new TimeoutException("Nobody answers."))
            : Task.FromResult(desk.Answer(message));
        var worker = new ClusterWorker(Ask, _folder.File("worker"), (folder, _, _, token) =>
        {
            token.WaitHandle.WaitOne();
            stopped = true;
        }, "test", _log.Add, TimeSpan.Zero);
        var error = await Assert.ThrowsAsync<IOException>(() => worker.Work(TestContext.Current.CancellationToken));
        Assert.StartsWith("Nobody answers. Another worker goes on with unit-0000", error.Message);
        Assert.DoesNotContain("make room", error.Message);
        Assert.True(stopped);
        Assert.Empty(Directory.GetDirectories(_folder.File("worker/units")));
    }

    [Fact]
    public async Task A_result_whose_receipt_was_lost_on_the_way_counts_once_and_is_not_said_to_be_too_late()
    {
        var (desk, finals) = (Desk(1), 0);
        Task<Message> Ask(Message message, TimeSpan timeout, CancellationToken token)
        {
            var answer = desk.Answer(message);
            return message is Commit { IsFinished: true } && ++finals == 1
                ? Task.FromException<Message>(new TimeoutException("Nobody answers.")) : Task.FromResult(answer);
        }
        var worker = new ClusterWorker(Ask, _folder.File("worker"), CountingWork.Do, "test", _log.Add, TimeSpan.FromHours(1));
        Assert.Equal(1, await worker.Work(TestContext.Current.CancellationToken));
        Assert.Equal((2, 1), (finals, desk.Book.Finished));
        Assert.Contains("unit-0000 is finished.", _log);
        Assert.DoesNotContain(_log, line => line.Contains("too late", StringComparison.Ordinal));
    }

    [Fact]
    public void A_checkpoint_that_is_being_replaced_while_its_worker_looks_stays_with_the_coordinator()
    {
        var desk = Desk(1);
        var unit = Assert.IsType<Assigned>(desk.Answer(new Pull("one", "test")));
        var state = new FileNote("checkpoints/state", 1, FolderFiles.Hash([1]));
        Assert.IsType<Accepted>(desk.Answer(new Put(unit.Unit, unit.Lease, state.Path, 0, [1])));
        Assert.True(IsHereAfter([.. unit.Files, state]));
        Assert.True(IsHereAfter(unit.Files));                       // not there at the one moment
        Assert.True(IsHereAfter([.. unit.Files, state]));
        Assert.True(IsHereAfter(unit.Files));
        Assert.False(IsHereAfter(unit.Files));                      // it was deleted

        bool IsHereAfter(IReadOnlyList<FileNote> files)
        {
            Assert.IsType<Accepted>(desk.Answer(new Commit(unit.Unit, unit.Lease, files, IsFinished: false)));
            return File.Exists(_folder.File("units/unit-0000/checkpoints/state"));
        }
    }

    [Fact]
    public async Task A_worker_that_is_stopped_while_its_coordinator_is_gone_does_not_wait_for_it()
    {
        using var stop = new CancellationTokenSource();
        var (desk, gone) = (Desk(1), false);
        Task<Message> Ask(Message message, TimeSpan timeout, CancellationToken token) => gone
            ? Task.FromException<Message>(new TimeoutException("Nobody answers."))
            : Task.FromResult(desk.Answer(message));
        var worker = new ClusterWorker(Ask, _folder.File("worker"), (_, _, _, token) =>
        {
            gone = true;
            stop.Cancel();
            token.ThrowIfCancellationRequested();
        }, "test", _log.Add, patience: TimeSpan.FromHours(1)) { Leaving = TimeSpan.FromMilliseconds(1) };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => worker.Work(stop.Token));
        Assert.Contains(_log, line => line.StartsWith("unit-0000 could not be given back", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_worker_of_another_version_is_refused()
    {
        var desk = Desk(1);
        var worker = new ClusterWorker((message, _, _) => Task.FromResult(desk.Answer(message)), _folder.File("worker"),
            CountingWork.Do, "older", _log.Add, TimeSpan.Zero);
        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => worker.Work(TestContext.Current.CancellationToken));
        Assert.Contains("is of version older, the coordinator of test", error.Message);
        Assert.Contains(_log, line => line.Contains("of version older", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("../../outside")]
    [InlineData("/tmp/outside")]
    [InlineData(".zerooneshot.lock")]
    [InlineData("a/../../b")]
    public void A_file_that_leads_out_of_its_folder_is_refused(string name)
    {
        var desk = Desk(1);
        var unit = Assert.IsType<Assigned>(desk.Answer(new Pull("w", "test")));
        Assert.IsType<Refused>(desk.Answer(new Put(unit.Unit, unit.Lease, name, 0, [1])));
        Assert.IsType<Refused>(desk.Answer(new Fetch(unit.Unit, unit.Lease, name, 0, IsData: false)));
        Assert.IsType<Refused>(desk.Answer(new Commit(unit.Unit, unit.Lease, [new FileNote(name, 1, "0")], IsFinished: false)));
    }

    [Fact]
    public void What_comes_too_late_changes_nothing()
    {
        var desk = Desk(1);
        var first = Assert.IsType<Assigned>(desk.Answer(new Pull("one", "test")));
        Assert.IsType<Accepted>(desk.Answer(new Put(first.Unit, first.Lease, "result.txt", 0, [1])));
        _time.Pass(TimeSpan.FromMinutes(2));
        var second = Assert.IsType<Assigned>(desk.Answer(new Pull("two", "test")));
        Assert.Equal(first.Unit, second.Unit);
        Assert.Empty(Directory.GetDirectories(_folder.File(".incoming")));      // nor does it take room
        FileNote[] notes = [new("result.txt", 1, FolderFiles.Hash([1]))];
        Assert.IsType<Fenced>(desk.Answer(new Commit(first.Unit, first.Lease, notes, IsFinished: true)));
        Assert.False(CountingWork.IsFinished(_folder.File("units/unit-0000")));
        Assert.Contains(_log, line => line.Contains("is too late, and thrown away", StringComparison.Ordinal));
    }

    [Fact]
    public void A_helper_whose_part_nobody_wants_any_more_is_still_answered_when_all_is_done()
    {
        var desk = Desk(1);
        var unit = Assert.IsType<Assigned>(desk.Answer(new Pull("one", "test")));
        Assert.True(desk.Farewell < TimeSpan.FromMinutes(1) / 3);
        var ask = new FileNote(PartFiles.Asked("p"), 1, FolderFiles.Hash([1]));
        var result = new FileNote("result.txt", 1, FolderFiles.Hash([2]));
        Assert.IsType<Accepted>(desk.Answer(new Put(unit.Unit, unit.Lease, ask.Path, 0, [1])));
        Assert.IsType<Accepted>(desk.Answer(new Commit(unit.Unit, unit.Lease, [.. unit.Files, ask], IsFinished: false)));
        var part = Assert.IsType<Assigned>(desk.Answer(new Pull("helper", "test")));
        Assert.Equal(ask.Path, Assert.Single(part.Files).Path);
        Assert.IsType<Accepted>(desk.Answer(new Put(unit.Unit, unit.Lease, result.Path, 0, [2])));
        Assert.IsType<Accepted>(desk.Answer(new Commit(unit.Unit, unit.Lease, [.. unit.Files, result], IsFinished: true)));
        Assert.True(desk.Book.IsDone);
        Assert.True(desk.Farewell > TimeSpan.FromMinutes(1) / 3);   // by when the helper brings what it has
        Assert.IsType<Fenced>(desk.Answer(new Commit(part.Unit, part.Lease, [], IsFinished: false)));
        Assert.True(Assert.IsType<Idle>(desk.Answer(new Pull("helper", "test"))).IsDone);
    }

    [Fact]
    public void A_worker_that_the_cluster_has_put_out_loses_its_unit_at_once_unless_it_spoke_from_another_place_since()
    {
        var desk = Desk(2);
        var first = Assert.IsType<Assigned>(desk.Answer(new Pull("one", "test"), "place 1"));
        var second = Assert.IsType<Assigned>(desk.Answer(new Pull("two", "test"), "place 2"));
        Assert.IsType<Accepted>(desk.Answer(new Put(second.Unit, second.Lease, "a", 0, [1]), "place 3"));
        desk.Lose("place 1");
        desk.Lose("place 2");
        Assert.Equal((1L, 0L), (desk.Book.TakenAway, desk.Book.Expired));
        Assert.Equal(first.Unit, Assert.IsType<Assigned>(desk.Answer(new Pull("three", "test"), "place 4")).Unit);
        Assert.IsType<Fenced>(desk.Answer(new Put(first.Unit, first.Lease, "a", 0, [1]), "place 1"));
        Assert.IsType<Accepted>(desk.Answer(new Put(second.Unit, second.Lease, "b", 0, [1]), "place 3"));
    }

    private Desk Desk(int units, TimeSpan? lease = null)
    {
        Directory.CreateDirectory(_folder.File("data"));
        File.WriteAllBytes(_folder.File("data/data.bin"), new byte[FolderFiles.ChunkBytes + 1]);
        var all = Enumerable.Range(0, units).Select(unit => $"unit-{unit:D4}")
            .Select(id => new WorkUnit(id, _folder.File("units/" + id), "4", _folder.File("data"))).ToArray();
        foreach (var unit in all)
            CountingWork.Begin(unit.Folder);
        return new Desk(_folder.FullName, all, unit => CountingWork.IsFinished(unit.Folder), lease ?? TimeSpan.FromMinutes(1), "test",
            _log.Add, _time);
    }
}
