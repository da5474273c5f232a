using ZeroOneShot.Experiments;
using ZeroOneShot.Persistence;

namespace ZeroOneShot.Cluster;

/// <summary>
/// Answers workers: what the <see cref="LeaseBook"/> decides, and the files that go with it. Knows nothing of the network. What workers
/// send lies aside until they commit it, and only the present holder of a unit can.
/// </summary>
internal sealed class Desk
{
    // No unit has this sign in its name.
    private const char BeforePart = '#';

    private const string Incoming = ".incoming", EpochFile = "cluster-epoch";

    private readonly Dictionary<string, WorkUnit> _units;
    private readonly Dictionary<string, IReadOnlyList<FileNote>> _data = [];
    private readonly Action<string> _log;
    private readonly Func<WorkUnit, bool> _isFinished;
    private readonly string _incoming, _version;
    private readonly HashSet<string> _refusedVersions = [];
    private readonly Dictionary<string, string> _failures = [];

    // Units at which the files of a worker have failed once: from the next time on it counts.
    private readonly HashSet<string> _fileFaults = [];

    // Parts of units that are offered, or in the hands of a helper, by their names in the book.
    private readonly Dictionary<string, (WorkUnit Unit, string Name)> _parts = [];

    // What a unit's last commit did not name though it is here: a file that is being replaced is not there for a moment, and the only copy
    // of a checkpoint is not deleted for that. What is missing twice is.
    private readonly Dictionary<string, (long Lease, HashSet<string> Names)> _missed = [];

    // Under which lease a unit, or a part of one, was finished: the answer may be lost, and is then asked for again.
    private readonly Dictionary<string, long> _finished = [];

    // The last lease of a unit: what its worker sent is in nobody's way once another has the unit.
    private readonly Dictionary<string, long> _last = [];

    // Where the holders of leases are, as of their last message: a worker may speak from another place of the cluster than before.
    private readonly Dictionary<string, (string Node, long Lease)> _holders = [];
    private string _speaker = "";

    // Whether a part was withdrawn that somebody may still be at.
    private bool _isHelped;

    /// <summary>The coordinator's side of a folder that the caller keeps locked.</summary>
    public Desk(
        string folder, IReadOnlyList<WorkUnit> units, Func<WorkUnit, bool> isFinished, TimeSpan lease, string version, Action<string> log,
        TimeProvider? time = null)
    {
        (_log, _isFinished, _version, _incoming) = (log, isFinished, version, Path.Combine(folder, Incoming));
        _units = units.ToDictionary(unit => unit.Id);
        if (units.FirstOrDefault(unit => !FolderFiles.IsName(unit.Id) || unit.Id.Contains('/')) is { } wrong)
            throw new ArgumentException($"Unit '{wrong.Id}' has a name of other characters than letters, digits and ._-.", nameof(units));
        if (Directory.Exists(_incoming))
            Directory.Delete(_incoming, recursive: true);           // of leases that are over
        Book = new LeaseBook(units.Where(unit => !isFinished(unit)).Select(unit => unit.Id), lease, NextEpoch(folder), time);
    }

    public LeaseBook Book { get; }

    /// <summary>After which time a worker without a unit asks again.</summary>
    public TimeSpan Wait => TimeSpan.FromSeconds(Math.Clamp(Book.Duration.TotalSeconds / 4, 0.1, 5));

    /// <summary>
    /// How long to answer when all is done, so that every worker asks once more and is told: one without a unit soon, one with a part that
    /// nobody waits for only when it brings something, after a third of its lease.
    /// </summary>
    public TimeSpan Farewell => _isHelped && Book.Duration / 2 > Wait * 1.5 ? Book.Duration / 2 : Wait * 1.5;

    /// <summary>Units that failed too often, with the last reason.</summary>
    public IReadOnlyDictionary<string, string> Failures => _failures;

    /// <summary>Answers a message; from one thread at a time.</summary>
    /// <param name="message">The message.</param>
    /// <param name="node">The place in the cluster from where it came.</param>
    public Message Answer(Message message, string node = "")
    {
        _speaker = node;
        try
        {
            return message switch
            {
                Pull pull => Give(pull),
                Fetch fetch => Read(fetch),
                Put put => Keep(put),
                Commit commit => Take(commit),
                GiveBack back => TakeBack(back),
                _ => new Refused($"{message.GetType().Name} is no question."),
            };
        }
        catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException or ArgumentException)
        {
            _log($"Not done: {message.GetType().Name}: {e.Message}");
            return new Refused(e.Message);
        }
    }

    /// <summary>The cluster has lost a place: whoever spoke from there loses its unit at once. From one thread at a time.</summary>
    /// <param name="node">The place.</param>
    public void Lose(string node)
    {
        foreach (var (unit, (_, lease)) in _holders.Where(holder => holder.Value.Node == node).ToArray())
        {
            _holders.Remove(unit);
            if (!Book.TakeAway(unit, lease))
                continue;
            Forget(lease);
            _log($"{unit}: lease {lease} is over, since its worker is no longer in the cluster.");
        }
    }

    private bool Renew(string unit, long lease)
    {
        if (!Book.Renew(unit, lease))
            return false;
        _holders[unit] = (_speaker, lease);
        return true;
    }

    private Message Give(Pull pull)
    {
        var worker = new string([.. pull.Worker.Where(c => c is >= ' ' and <= '~').Take(80)]);
        if (pull.Version != _version)
        {
            if (_refusedVersions.Add(worker))
                _log($"Worker {worker} is refused: it is of version {pull.Version}, the runs are of {_version}.");
            return new Refused($"This worker is of version {pull.Version}, the coordinator of {_version}; results of two versions are " +
                "not mixed. Use the same build on all machines.");
        }
        if (Book.Take(worker.Length > 0 ? worker : "?") is not { } lease)
            return new Idle(Wait.TotalSeconds, Book.IsDone);
        var unit = UnitOf(lease.Unit);
        if (_last.TryGetValue(lease.Unit, out var earlier))
            Forget(earlier);
        _last[lease.Unit] = lease.Number;
        _holders[lease.Unit] = (_speaker, lease.Number);
        try
        {
            // A part comes with what asks for it alone.
            var files = _parts.TryGetValue(lease.Unit, out var part)
                ? [FolderFiles.Note(unit.Folder, PartFiles.Asked(part.Name))] : FolderFiles.Notes(unit.Folder);
            var assigned = new Assigned(lease.Unit, lease.Number, Book.Duration.TotalSeconds, unit.Settings, files,
                unit.DataFolder is { } folder ? Data(folder) : null);
            _log($"{lease.Unit}: lease {lease.Number} to {lease.Worker}.");
            return assigned;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            TakeBack(new GiveBack(lease.Unit, lease.Number, e.Message, Fault.Unit));
            throw;
        }
    }

    private IReadOnlyList<FileNote> Data(string folder) =>
        _data.TryGetValue(folder, out var notes) ? notes : _data[folder] = FolderFiles.Notes(folder);

    private Message Read(Fetch fetch)
    {
        if (!Renew(fetch.Unit, fetch.Lease))
            return new Fenced();
        var unit = UnitOf(fetch.Unit);
        var folder = fetch.IsData ? unit.DataFolder ?? throw new InvalidDataException($"{unit.Id} has no data.") : unit.Folder;
        return new Chunk(FolderFiles.Read(FolderFiles.PathOf(folder, fetch.Path), Math.Max(0, fetch.Offset)));
    }

    private Message Keep(Put put)
    {
        if (!Renew(put.Unit, put.Lease))
            return Fence(put.Unit, put.Lease);
        var path = FolderFiles.PathOf(Aside(put.Lease), put.Path);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using var file = new FileStream(path, put.Offset == 0 ? FileMode.Create : FileMode.Open, FileAccess.Write);
        if (file.Length != put.Offset)
            throw new InvalidDataException($"'{put.Path}' goes on at {put.Offset}, and {file.Length} bytes are here; send it anew.");
        file.Seek(0, SeekOrigin.End);
        file.Write(put.Bytes);
        return new Accepted();
    }

    private Message Take(Commit commit)
    {
        if (commit.IsFinished && _finished.TryGetValue(commit.Unit, out var under) && under == commit.Lease)
            return new Accepted();
        if (!Renew(commit.Unit, commit.Lease))
            return Fence(commit.Unit, commit.Lease);
        if (_parts.TryGetValue(commit.Unit, out var part))
            return commit.IsFinished ? TakePart(commit, part.Unit, PartFiles.Done(part.Name)) : new Accepted();
        var (unit, aside) = (_units[commit.Unit], Aside(commit.Lease));
        var moves = new List<(string From, string To)>();
        foreach (var note in commit.Files)
        {
            var (from, to) = (FolderFiles.PathOf(aside, note.Path), FolderFiles.PathOf(unit.Folder, note.Path));
            var sent = File.Exists(from);
            if (!IsAsNoted(sent ? from : to, note))
            {
                File.Delete(from);
                return new Refused($"'{note.Path}' is not here as it was noted; send it anew.");
            }
            if (sent)
                moves.Add((from, to));
        }
        foreach (var (from, to) in moves)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(to)!);
            File.Move(from, to, overwrite: true);
        }
        var asked = commit.Files.Select(note => PartFiles.PartAsked(note.Path)).OfType<string>().ToArray();
        var done = new List<FileNote>();
        var missed = _missed.TryGetValue(unit.Id, out var before) && before.Lease == commit.Lease ? before.Names : [];
        _missed[unit.Id] = (commit.Lease, []);
        foreach (var name in FolderFiles.Names(unit.Folder).Except(commit.Files.Select(note => note.Path)))
        {
            if (asked.Contains(PartFiles.PartDone(name)))
                done.Add(FolderFiles.Note(unit.Folder, name));
            else if (commit.IsFinished || missed.Contains(name) || IsOfPart(name))
                File.Delete(Path.Combine(unit.Folder, name));
            else
                _missed[unit.Id].Names.Add(name);
        }
        Offer(unit, asked);
        if (!commit.IsFinished)
            return new Accepted(done.Count > 0 ? done : null);
        if (!_isFinished(unit))
            return TakeBack(new GiveBack(unit.Id, commit.Lease, "it is said to be finished, and its folder is not", Fault.Unit));
        Book.Finish(unit.Id, commit.Lease);
        _finished[unit.Id] = commit.Lease;
        Forget(commit.Lease);
        _log($"{unit.Id}: finished under lease {commit.Lease}; {Book.Waiting + Book.Leased} left.");
        return new Accepted();
    }

    // They are never replaced: what is not there is gone, and nobody is to be asked for it.
    private static bool IsOfPart(string name) => PartFiles.PartAsked(name) is not null || PartFiles.PartDone(name) is not null;

    private Message TakePart(Commit commit, WorkUnit unit, string file)
    {
        var from = FolderFiles.PathOf(Aside(commit.Lease), file);
        if (commit.Files.FirstOrDefault(note => note.Path == file) is not { } sent || !IsAsNoted(from, sent))
            return new Refused($"'{file}' is not here as it was noted; send it anew.");
        File.Move(from, FolderFiles.PathOf(unit.Folder, file), overwrite: true);
        Book.Finish(commit.Unit, commit.Lease);
        _finished[commit.Unit] = commit.Lease;
        _parts.Remove(commit.Unit);
        Forget(commit.Lease);
        _log($"{commit.Unit}: finished under lease {commit.Lease}.");
        return new Accepted();
    }

    /// <summary>Offers what the worker of a unit asks for and nobody has done, and withdraws what it no longer asks for.</summary>
    private void Offer(WorkUnit unit, IReadOnlyCollection<string> asked)
    {
        var wanted = asked.Where(name => !File.Exists(Path.Combine(unit.Folder, PartFiles.Done(name))))
            .ToDictionary(name => unit.Id + BeforePart + name);
        var offered = _parts.Where(part => part.Value.Unit == unit).Select(part => part.Key).ToArray();
        foreach (var over in offered.Where(part => !wanted.ContainsKey(part)))
        {
            Book.Withdraw(over);
            if (_last.Remove(over, out var lease))
            {
                _isHelped = true;
                Forget(lease);
            }
            _parts.Remove(over);
        }
        foreach (var (id, name) in wanted.OrderBy(part => part.Value, StringComparer.Ordinal))
        {
            if (_parts.TryAdd(id, (unit, name)))
                Book.Offer(id);
        }
    }

    private WorkUnit UnitOf(string id) => _parts.TryGetValue(id, out var part) ? part.Unit : _units[id];

    private Message TakeBack(GiveBack back)
    {
        // The disk of one worker may be full; a unit at which the files of every worker fail would end them all, one after the other.
        var hasFailed = back.Fault == Fault.Unit || back.Fault == Fault.Files && _fileFaults.Contains(back.Unit);
        if (!Book.GiveBack(back.Unit, back.Lease, hasFailed))
            return new Fenced();
        if (back.Fault == Fault.Files)
            _fileFaults.Add(back.Unit);
        Forget(back.Lease);
        if (!_parts.ContainsKey(back.Unit))
            _failures[back.Unit] = back.Reason;
        _log($"{back.Unit}: given back under lease {back.Lease}: {back.Reason}");
        return new Accepted();
    }

    private Fenced Fence(string unit, long lease)
    {
        _log($"{unit}: what came under lease {lease} is too late, and thrown away.");
        Forget(lease);
        return new Fenced();
    }

    private string Aside(long lease) => Path.Combine(_incoming, $"{lease}");

    private void Forget(long lease)
    {
        if (Directory.Exists(Aside(lease)))
            Directory.Delete(Aside(lease), recursive: true);
    }

    private static bool IsAsNoted(string path, FileNote note)
    {
        if (!File.Exists(path))
            return false;
        using var file = File.OpenRead(path);
        return file.Length == note.Length && Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(file)) == note.Sha256;
    }

    // Written before the first lease, so that numbers of two starts never meet.
    private static int NextEpoch(string folder)
    {
        var path = Path.Combine(folder, EpochFile);
        var epoch = 1;
        if (File.Exists(path))
        {
            epoch = int.TryParse(File.ReadAllText(path), out var last) && last is > 0 and < int.MaxValue ? last + 1 :
                throw new InvalidDataException($"'{path}' is damaged; expected the number of the coordinator's last start. Write one " +
                    "greater than all there were, for example 1000.");
        }
        AtomicFile.Write(path, stream => stream.Write(System.Text.Encoding.ASCII.GetBytes($"{epoch}")));
        return epoch;
    }
}
