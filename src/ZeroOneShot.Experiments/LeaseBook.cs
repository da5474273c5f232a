using System.Diagnostics.CodeAnalysis;

namespace ZeroOneShot.Experiments;

/// <summary>
/// Decides who works on what. Every unit is leased to one worker at a time; a lease that is not renewed in time is over, and the unit is
/// given to the next worker that asks. No network, no files, and no clock but the one that it is given: the coordinator's. Not for several
/// threads at once. <see cref="Table1.Run"/> asks it in the name of its own process, the coordinator of a cluster in that of workers.
/// </summary>
public sealed class LeaseBook
{
    /// <summary>A unit that failed so often is left alone until the next start.</summary>
    public const int MaxFailures = 3;

    private readonly Dictionary<string, Entry> _entries = [];
    private readonly Queue<Entry> _waiting = new();

    // Of silent and lost workers: given out first, or a unit that was nearly done would stand behind all that were not begun.
    private readonly Queue<Entry> _lost = new();

    // Parts of units in the hands of a worker, of which nobody is waited for: the last one first, since that worker begins with the first.
    private readonly Stack<Entry> _offers = new();

    // The earliest time at which a lease may be over; renewals leave it as it is, and are looked up when it comes.
    private readonly PriorityQueue<(Entry Entry, long Number), long> _deadlines = new();
    private readonly TimeProvider _time;
    private readonly long _ticks;
    private readonly int _epoch, _units;
    private uint _count;

    /// <summary>A book in which all units wait.</summary>
    /// <param name="units">The names of the units that are not finished, in the order in which they are given out.</param>
    /// <param name="duration">How long a lease lasts without being renewed; more than zero.</param>
    /// <param name="epoch">Which start of the coordinator this is; greater than all earlier ones.</param>
    /// <param name="time">The clock, of which only the monotonic part is used. Default: the system's.</param>
    /// <exception cref="ArgumentException">A unit stands twice.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The duration or the epoch is not positive.</exception>
    public LeaseBook(IEnumerable<string> units, TimeSpan duration, int epoch, TimeProvider? time = null)
    {
        ArgumentNullException.ThrowIfNull(units);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(duration, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThan(epoch, 1);
        (_time, _epoch, Duration) = (time ?? TimeProvider.System, epoch, duration);
        _ticks = (long)(duration.TotalSeconds * _time.TimestampFrequency);
        foreach (var unit in units)
        {
            var entry = new Entry(unit);
            if (!_entries.TryAdd(unit, entry))
                throw new ArgumentException($"Unit '{unit}' stands twice; a unit is done once.", nameof(units));
            _waiting.Enqueue(entry);
        }
        _units = _entries.Count;
    }

    /// <summary>How long a lease lasts without being renewed.</summary>
    public TimeSpan Duration { get; }

    /// <summary>Units in the hands of a worker, without parts.</summary>
    public int Leased { get; private set; }

    /// <summary>Units that nobody has and that are not done.</summary>
    public int Waiting => _waiting.Count + _lost.Count;

    /// <summary>Units that were finished since the start.</summary>
    public int Finished { get; private set; }

    /// <summary>Units that failed <see cref="MaxFailures"/> times.</summary>
    public int Failed { get; private set; }

    /// <summary>Leases that were not renewed in time.</summary>
    public long Expired { get; private set; }

    /// <summary>Leases that were ended before their time, since the worker was known to be gone.</summary>
    public long TakenAway { get; private set; }

    /// <summary>Messages of workers that no longer had the unit.</summary>
    public long Fenced { get; private set; }

    /// <summary>Whether nothing is left to be done.</summary>
    public bool IsDone => Finished + Failed == _units;

    /// <summary>
    /// Offers a part of a unit to whoever finds no unit that waits. It counts among no units; whoever offered it may do it too.
    /// </summary>
    /// <param name="part">Its name, among units and parts.</param>
    /// <exception cref="ArgumentException">The name stands already.</exception>
    public void Offer(string part)
    {
        var entry = new Entry(part) { IsOffer = true };
        if (!_entries.TryAdd(part, entry))
            throw new ArgumentException($"'{part}' stands twice; a part is offered once.", nameof(part));
        _offers.Push(entry);
    }

    /// <summary>A part is no longer wanted: whoever has it is not listened to any more.</summary>
    /// <param name="part">Its name.</param>
    public void Withdraw(string part)
    {
        if (!_entries.TryGetValue(part, out var entry) || !entry.IsOffer)
            return;
        entry.Number = 0;
        _entries.Remove(part);
    }

    /// <summary>Leases the next unit, or where none waits the next part of one; null where there is none.</summary>
    /// <param name="worker">The worker's name, for the log.</param>
    public Lease? Take(string worker)
    {
        ArgumentException.ThrowIfNullOrEmpty(worker);
        Expire();
        if (!_lost.TryDequeue(out var entry) && !_waiting.TryDequeue(out entry) && !TryOffer(out entry))
            return null;
        entry.Number = ((long)_epoch << 32) | ++_count;
        entry.Deadline = _time.GetTimestamp() + _ticks;
        _deadlines.Enqueue((entry, entry.Number), entry.Deadline);
        Leased += entry.IsOffer ? 0 : 1;
        return new Lease(entry.Unit, entry.Number, worker);
    }

    /// <summary>Makes a lease last its whole duration from now on; false where it is over, or was of another worker's.</summary>
    /// <param name="unit">The unit.</param>
    /// <param name="number">The number of the lease.</param>
    public bool Renew(string unit, long number)
    {
        if (Held(unit, number) is not { } entry)
            return false;
        entry.Deadline = _time.GetTimestamp() + _ticks;
        return true;
    }

    /// <summary>Takes a unit as done; false where the lease is over: what that worker did is not wanted.</summary>
    /// <inheritdoc cref="Renew"/>
    public bool Finish(string unit, long number)
    {
        if (Held(unit, number) is not { } entry)
            return false;
        End(entry);
        if (entry.IsOffer)
            _entries.Remove(unit);
        else
            Finished++;
        return true;
    }

    /// <summary>A worker cannot go on: the unit waits for another, or is left alone where it failed too often.</summary>
    /// <param name="unit">The unit.</param>
    /// <param name="number">The number of the lease.</param>
    /// <param name="hasFailed">Whether the unit is to blame, not the worker (a full disk, being stopped).</param>
    public bool GiveBack(string unit, long number, bool hasFailed)
    {
        if (Held(unit, number) is not { } entry)
            return false;
        End(entry);
        var isLeft = hasFailed && ++entry.Failures >= MaxFailures;
        if (entry.IsOffer && isLeft)
            _entries.Remove(unit);
        else if (entry.IsOffer)
            _offers.Push(entry);
        else if (isLeft)
            Failed++;
        else
            _waiting.Enqueue(entry);
        return true;
    }

    /// <summary>Ends a lease whose worker is known to be gone: the next worker gets the unit. False where it was over already.</summary>
    /// <inheritdoc cref="Renew"/>
    public bool TakeAway(string unit, long number)
    {
        Expire();
        if (Present(unit, number) is not { } entry)
            return false;
        TakenAway++;
        Lose(entry);
        return true;
    }

    private Entry? Held(string unit, long number)
    {
        Expire();
        if (Present(unit, number) is { } entry)
            return entry;
        Fenced++;
        return null;
    }

    private Entry? Present(string unit, long number) =>
        number != 0 && _entries.TryGetValue(unit, out var entry) && entry.Number == number ? entry : null;

    private void End(Entry entry)
    {
        entry.Number = 0;
        Leased -= entry.IsOffer ? 0 : 1;
    }

    private void Lose(Entry entry)
    {
        End(entry);
        if (entry.IsOffer)
            _offers.Push(entry);
        else
            _lost.Enqueue(entry);
    }

    private bool TryOffer([NotNullWhen(true)] out Entry? entry)
    {
        while (_offers.TryPop(out entry))
        {
            if (_entries.TryGetValue(entry.Unit, out var present) && present == entry)
                return true;                                        // the others were withdrawn
        }
        return false;
    }

    private void Expire()
    {
        var now = _time.GetTimestamp();
        while (_deadlines.TryPeek(out var first, out var deadline) && deadline <= now)
        {
            _deadlines.Dequeue();
            if (first.Entry.Number != first.Number)
                continue;                                           // finished, or given back
            if (first.Entry.Deadline > now)
            {
                _deadlines.Enqueue(first, first.Entry.Deadline);    // renewed meanwhile
                continue;
            }
            Expired++;
            Lose(first.Entry);
        }
    }

    private sealed class Entry(string unit)
    {
        public string Unit { get; } = unit;

        /// <summary>The number of the present lease; 0 without one.</summary>
        public long Number { get; set; }

        public long Deadline { get; set; }

        public int Failures { get; set; }

        public bool IsOffer { get; init; }
    }
}
