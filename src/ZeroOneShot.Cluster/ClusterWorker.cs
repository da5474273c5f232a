using ZeroOneShot.Experiments;
using ZeroOneShot.Persistence;

namespace ZeroOneShot.Cluster;

/// <summary>Asks a coordinator for units, does them, and brings what it wrote, as it goes along.</summary>
public sealed class ClusterWorker
{
    private static readonly TimeSpan s_answer = TimeSpan.FromSeconds(5), s_again = TimeSpan.FromMilliseconds(300),
        s_parts = TimeSpan.FromSeconds(1);

    private readonly Func<Message, TimeSpan, CancellationToken, Task<Message>> _ask;
    private readonly UnitWork _work;
    private readonly string _folder, _version, _name;
    private readonly Action<string> _log;
    private readonly TimeSpan _patience;

    /// <summary>How long a worker that is stopped tries to bring what it did; longer, and whoever stopped it would end it.</summary>
    internal TimeSpan Leaving { get; init; } = TimeSpan.FromSeconds(10);

    internal ClusterWorker(
        Func<Message, TimeSpan, CancellationToken, Task<Message>> ask, string folder, UnitWork work, string version, Action<string> log,
        TimeSpan patience, string? name = null)
    {
        (_ask, _folder, _work, _version, _log, _patience) = (ask, Path.GetFullPath(folder), work, version, log, patience);
        _name = name ?? $"{Environment.MachineName}-{Environment.ProcessId}";
    }

    /// <summary>Works until all is done, or the coordinator is gone for too long.</summary>
    /// <param name="address">Where the coordinator listens.</param>
    /// <param name="secret">What it has too.</param>
    /// <param name="folder">For copies of data, kept for the next time, and of units, which are not.</param>
    /// <param name="work">Does a unit.</param>
    /// <param name="version">The same as the coordinator's.</param>
    /// <param name="log">Told of units that begin and end.</param>
    /// <param name="patience">How long to wait for a coordinator that does not answer, for example while it is started again.</param>
    /// <param name="cancellationToken">Stops; the unit is given back with what was done.</param>
    /// <returns>Units that were finished.</returns>
    /// <exception cref="ArgumentException">A secret is missing.</exception>
    /// <exception cref="IOException">The coordinator does not answer, or this machine's disk is full: the unit was given back.</exception>
    /// <exception cref="InvalidOperationException">The coordinator refuses this worker; the message says why.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static async Task<int> Join(
        ClusterAddress address, ClusterSecret secret, string folder, UnitWork work, string version, Action<string> log, TimeSpan patience,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(address);
        ArgumentNullException.ThrowIfNull(secret);
        ArgumentNullException.ThrowIfNull(work);
        ArgumentNullException.ThrowIfNull(log);
        secret.CheckFor(address);
        AtomicFile.EnsureWritable(folder);
        var membership = new Membership(address, secret, log);
        await using (membership.ConfigureAwait(false))
        {
            return await new ClusterWorker(membership.Ask, folder, work, version, log, patience).Work(cancellationToken)
                .ConfigureAwait(false);
        }
    }

    internal async Task<int> Work(CancellationToken cancellationToken)
    {
        for (var finished = 0; ;)
        {
            switch (await Ask(new Pull(_name, _version), cancellationToken).ConfigureAwait(false))
            {
                case Assigned unit:
                    finished += await Do(unit, cancellationToken).ConfigureAwait(false) && !IsPart(unit) ? 1 : 0;
                    break;
                case Idle { IsDone: true }:
                    return finished;
                case Idle idle:
                    await Task.Delay(TimeSpan.FromSeconds(idle.WaitSeconds), cancellationToken).ConfigureAwait(false);
                    break;
                case Refused refused:
                    throw new InvalidOperationException(refused.Reason);
                case var other:
                    throw new InvalidOperationException($"The coordinator answers with {other.GetType().Name}; is it of this version?");
            }
        }
    }

    /// <summary>Asks again and again: a coordinator may be started anew, and everything can be said twice.</summary>
    private async Task<Message> Ask(Message message, CancellationToken cancellationToken)
    {
        for (var began = TimeProvider.System.GetTimestamp(); ;)
        {
            try
            {
                return await _ask(message, s_answer, cancellationToken).ConfigureAwait(false);
            }
            catch (TimeoutException e)
            {
                if (TimeProvider.System.GetElapsedTime(began) > _patience)
                    throw new GoneException(e);
                await Task.Delay(s_again, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private async Task<bool> Do(Assigned unit, CancellationToken cancellationToken)
    {
        var copy = Path.Combine(_folder, "units", $"{unit.Unit}-{unit.Lease}");
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var leaving = new CancellationTokenSource();
        using var _ = cancellationToken.Register(() => leaving.CancelAfter(Leaving));
        var known = unit.Files.ToDictionary(note => note.Path, note => note.Sha256);
        Task? work = null;
        async Task End()
        {
            await stop.CancelAsync().ConfigureAwait(false);
            if (work is not null)
                await Task.WhenAny(work).ConfigureAwait(false);
        }
        try
        {
            Directory.CreateDirectory(copy);
            foreach (var note in unit.Files)
            {
                var path = FolderFiles.PathOf(copy, note.Path);
                Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                await Fetch(unit, note, path, isData: false, cancellationToken).ConfigureAwait(false);
            }
            var data = unit.Data is { } notes ? await Data(unit, notes, cancellationToken).ConfigureAwait(false) : null;
            _log($"{unit.Unit} {(unit.Files.Count > 1 ? "goes on" : "begins")}.");
            work = Task.Run(() => _work(copy, unit.Settings, data, stop.Token), CancellationToken.None);
            while (await Task.WhenAny(work, Pause(unit, copy)).ConfigureAwait(false) != work)
            {
                if (await Bring(unit, copy, known, isFinished: false, leaving.Token).ConfigureAwait(false) is { } taken)
                {
                    await FetchParts(unit, taken.Parts ?? [], copy, known, leaving.Token).ConfigureAwait(false);
                }
                else
                {
                    await End().ConfigureAwait(false);
                    _log($"{unit.Unit}: the lease is over; " + (IsPart(unit) ? "it is no longer wanted."
                        : "another worker has it, or the coordinator was started again."));
                    return false;
                }
            }
            await work.ConfigureAwait(false);
            var isTaken = await Bring(unit, copy, known, isFinished: true, leaving.Token).ConfigureAwait(false) is not null;
            _log($"{unit.Unit} is finished{(isTaken ? "" : ", too late: another worker has it")}.");
            return isTaken;
        }
        catch (FencedException)
        {
            return false;
        }
        catch (Exception e) when (e is OperationCanceledException && cancellationToken.IsCancellationRequested)
        {
            await End().ConfigureAwait(false);
            await Leave(unit, "the worker is stopped", Fault.None, leaving.Token, work is null ? null : copy, known)
                .ConfigureAwait(false);
            throw;
        }
        catch (GoneException e)
        {
            throw new IOException($"{e.Message} Another worker goes on with {unit.Unit} from what was brought last, as soon as the " +
                "coordinator is there again; then start this worker again.", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            await End().ConfigureAwait(false);
            await Leave(unit, $"{_name} cannot go on: {e.Message}", Fault.Files, leaving.Token).ConfigureAwait(false);
            throw new IOException($"{e.Message} The unit {unit.Unit} was given back; make room, and start this worker again.", e);
        }
        catch (Exception e) when (e is InvalidDataException or InvalidOperationException or ArgumentException or OutOfMemoryException)
        {
            _log($"{unit.Unit} failed: {e.Message}");
            await End().ConfigureAwait(false);
            await Leave(unit, e.Message, Fault.Unit, leaving.Token).ConfigureAwait(false);
            return false;
        }
        finally
        {
            // Whatever has happened: nobody is there any more who would hear of what the work does, or stop it.
            await End().ConfigureAwait(false);
            DeleteQuietly(copy);
        }
    }

    /// <summary>Gives a unit back. One try: where the coordinator is gone as well, the lease ends by itself.</summary>
    private async Task Leave(
        Assigned unit, string reason, Fault fault, CancellationToken leaving, string? done = null,
        Dictionary<string, string>? known = null)
    {
        try
        {
            if (done is not null)
                await Bring(unit, done, known!, isFinished: false, leaving).ConfigureAwait(false);
            await _ask(new GiveBack(unit.Unit, unit.Lease, reason, fault), s_answer, leaving).ConfigureAwait(false);
        }
        catch (Exception e) when (e is TimeoutException or IOException or InvalidOperationException or OperationCanceledException)
        {
            _log($"{unit.Unit} could not be given back: {e.Message}");
        }
    }

    /// <summary>
    /// Until the unit's files are brought again: a third of its lease, less where it offers parts of itself, which others shall hear of
    /// soon, and where what they did is wanted.
    /// </summary>
    private static async Task Pause(Assigned unit, string folder)
    {
        var most = TimeSpan.FromSeconds(unit.LeaseSeconds / 3);
        for (var began = TimeProvider.System.GetTimestamp(); TimeProvider.System.GetElapsedTime(began) is var passed && passed < most;)
        {
            await Task.Delay(TimeSpan.FromTicks(Math.Min((most - passed).Ticks, s_parts.Ticks)) + TimeSpan.FromMilliseconds(1))
                .ConfigureAwait(false);
            if (!IsPart(unit) && PartFiles.AllAsked(folder).Count > 0)
                return;
        }
    }

    // A part of another's unit comes with what asks for it alone.
    private static bool IsPart(Assigned unit) => unit.Files is [{ Path: var only }] && PartFiles.PartAsked(only) is not null;

    /// <summary>What others did of the unit's parts: the work finds it when it comes to it.</summary>
    private async Task FetchParts(
        Assigned unit, IReadOnlyList<FileNote> parts, string folder, Dictionary<string, string> known, CancellationToken cancellationToken)
    {
        foreach (var note in parts)
        {
            if (PartFiles.PartDone(note.Path) is not { } part || !File.Exists(Path.Combine(folder, PartFiles.Asked(part))))
                continue;
            try
            {
                var path = FolderFiles.PathOf(folder, note.Path);
                await Fetch(unit, note, path, isData: false, cancellationToken).ConfigureAwait(false);
                if (File.Exists(Path.Combine(folder, PartFiles.Asked(part))))
                    known[note.Path] = note.Sha256;
                else
                    File.Delete(path);
            }
            catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
            {
                // The work deletes the folder when it wants no more, which may be now.
            }
        }
    }

    /// <summary>Sends what changed; null where the lease is over.</summary>
    private async Task<Accepted?> Bring(
        Assigned unit, string folder, Dictionary<string, string> known, bool isFinished, CancellationToken cancellationToken)
    {
        for (var attempt = 0; ; attempt++)
        {
            var notes = new List<FileNote>();
            foreach (var name in await Names(folder, known).ConfigureAwait(false))
            {
                var path = Path.Combine(folder, name);
                var bytes = TryRead(path);
                if (bytes is null)
                {
                    await Task.Delay(s_again, CancellationToken.None).ConfigureAwait(false);
                    bytes = TryRead(path);
                }
                if (bytes is null)
                {
                    known.Remove(name);
                    continue;                                       // it was deleted
                }
                var note = new FileNote(name, bytes.Length, FolderFiles.Hash(bytes));
                notes.Add(note);
                if (known.TryGetValue(name, out var hash) && hash == note.Sha256)
                    continue;
                for (var offset = 0; offset == 0 || offset < bytes.Length; offset += FolderFiles.ChunkBytes)
                {
                    var part = bytes.AsSpan(offset, Math.Min(FolderFiles.ChunkBytes, bytes.Length - offset)).ToArray();
                    var answer = await Ask(new Put(unit.Unit, unit.Lease, name, offset, part), cancellationToken).ConfigureAwait(false);
                    if (answer is Fenced)
                        return null;
                    if (answer is Refused)
                        break;                                      // said twice, or a full disk there: the commit will tell
                }
                known[name] = note.Sha256;
            }
            var reply = await Ask(new Commit(unit.Unit, unit.Lease, notes, isFinished), cancellationToken).ConfigureAwait(false);
            if (reply is not Refused refused)
                return reply as Accepted;
            if (attempt == 3)
                throw new InvalidOperationException($"The coordinator does not take what was done: {refused.Reason}");
            known.Clear();
        }
    }

    /// <summary>
    /// The files to bring. A checkpoint that is being replaced is for a moment not there under its name: what was brought before and is
    /// not there now is looked for again, before the coordinator hears that it is no more.
    /// </summary>
    private static async Task<IReadOnlyList<string>> Names(string folder, Dictionary<string, string> known)
    {
        var names = FolderFiles.Names(folder);
        if (!known.Keys.Except(names).Any())
            return names;
        await Task.Delay(s_again, CancellationToken.None).ConfigureAwait(false);
        names = FolderFiles.Names(folder);
        foreach (var deleted in known.Keys.Except(names).ToArray())
            known.Remove(deleted);
        return names;
    }

    private async Task Fetch(Assigned unit, FileNote note, string path, bool isData, CancellationToken cancellationToken)
    {
        var temporary = path + "." + _name;
        using (var file = File.Create(temporary))
        {
            while (file.Length < note.Length || note.Length == 0)
            {
                var answer = await Ask(new Fetch(unit.Unit, unit.Lease, note.Path, file.Length, isData), cancellationToken)
                    .ConfigureAwait(false);
                if (answer is Fenced)
                    throw new FencedException();
                if (answer is not Chunk { Bytes: var bytes } || bytes.Length == 0)
                    break;
                file.Write(bytes);
            }
            file.Seek(0, SeekOrigin.Begin);
            var hash = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(file));
            if (hash != note.Sha256)
            {
                throw new InvalidDataException($"'{note.Path}' came with hash {hash}, and the coordinator said {note.Sha256}: it was " +
                    "changed there meanwhile, or damaged on the way.");
            }
        }
        File.Move(temporary, path, overwrite: true);
    }

    /// <summary>A folder of the data, of which each file is fetched once, whatever unit needs it.</summary>
    private async Task<string> Data(Assigned unit, IReadOnlyList<FileNote> notes, CancellationToken cancellationToken)
    {
        var whole = FolderFiles.Hash(System.Text.Encoding.UTF8.GetBytes(string.Join('\n', notes.Order(
            Comparer<FileNote>.Create((a, b) => string.CompareOrdinal(a.Path, b.Path))).Select(note => $"{note.Path} {note.Sha256}"))));
        var folder = Path.Combine(_folder, "data", whole[..16]);
        foreach (var note in notes)
        {
            var path = FolderFiles.PathOf(folder, note.Path);
            if (File.Exists(path))
            {
                using var file = File.OpenRead(path);
                var hash = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(file));
                if (hash == note.Sha256)
                    continue;
                _log($"'{path}' has hash {hash}, and the coordinator's data have {note.Sha256}: it is fetched anew.");
            }
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            await Fetch(unit, note, path, isData: true, cancellationToken).ConfigureAwait(false);
        }
        return folder;
    }

    private static byte[]? TryRead(string path)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
    }

    private static void DeleteQuietly(string folder)
    {
        try
        {
            Directory.Delete(folder, recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A copy that stays is in nobody's way.
        }
    }

    private sealed class FencedException : Exception;

    /// <summary>The coordinator does not answer.</summary>
    private sealed class GoneException(TimeoutException why) : IOException(why.Message, why);
}
