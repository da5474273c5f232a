using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using ZeroOneShot.Experiments;

namespace ZeroOneShot.Benchmarks;

/// <summary>
/// The coordinator's own decisions (<see cref="LeaseBook"/>) with many workers that fail, in virtual time: no network, no files. Units take
/// 5 to 15 minutes, and go on from a checkpoint that every renewal brings, a third of a lease ago at most.
/// </summary>
internal static class ClusterSimulation
{
    public static Command Command()
    {
        var workers = Options.Count("--workers", "Workers", 1_000);
        var units = Options.Count("--units", "Units", 100_000);
        var failures = Options.Count("--failures", "Of 100,000 renewals so many fail: the worker dies or hangs", 200);
        var lease = Options.Count("--lease", "Seconds that a lease lasts", 60);
        var seed = Options.Count("--seed", "Decides who fails when", 1);
        var command = new Command("cluster-simulation", "The coordinator's decisions for many workers that fail, in virtual time.")
        {
            workers, units, failures, lease, seed,
        };
        command.SetAction(parsed => Run(parsed.GetValue(workers), parsed.GetValue(units), parsed.GetValue(failures) / 100_000.0,
            parsed.GetValue(lease), parsed.GetValue(seed)));
        return command;
    }

    private static void Run(int workerCount, int unitCount, double failures, int leaseSeconds, int seed)
    {
        var time = new VirtualTime();
        var random = new Random(seed);
        string[] names = [.. Enumerable.Range(0, unitCount).Select(unit => $"unit-{unit}")];
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var book = new LeaseBook(names, TimeSpan.FromSeconds(leaseSeconds), epoch: 1, time);
        var memory = GC.GetTotalMemory(forceFullCollection: true) - before;
        var left = names.ToDictionary(name => name, _ => 300 + 600 * random.NextDouble());     // seconds, as of the last renewal
        var lost = new Dictionary<string, double>();                                           // since when nobody works on a unit
        var (recoveries, done, calls, useful, wasted) = (new List<double>(), new HashSet<string>(), 0L, 0.0, 0.0);
        var events = new PriorityQueue<Worker, double>();
        for (var worker = 0; worker < workerCount; worker++)
            events.Enqueue(new Worker($"worker-{worker}"), random.NextDouble());
        var between = leaseSeconds / 3.0;
        var began = Stopwatch.GetTimestamp();
        while (!book.IsDone && events.TryDequeue(out var worker, out var now))
        {
            time.Seconds = now;
            calls++;
            if (worker.Lease is not { } lease)
            {
                if (book.Take(worker.Name) is { } taken)
                {
                    worker.Lease = taken;
                    worker.Since = now;
                    if (lost.Remove(taken.Unit, out var since))
                        recoveries.Add(now - since);
                    events.Enqueue(worker, now + Math.Min(between, left[taken.Unit]));
                }
                else
                {
                    events.Enqueue(worker, now + 5);
                }
                continue;
            }
            if (worker.Wakes is { } hung)
            {
                // It hung for longer than its lease, and speaks as if nothing had been: the unit is another's, or waits.
                if (hung && book.Finish(lease.Unit, lease.Number))
                    throw new InvalidOperationException("A late answer was taken.");
                (worker.Lease, worker.Wakes) = (null, null);
                events.Enqueue(worker, now);
                continue;
            }
            if (random.NextDouble() < failures)
            {
                var hangs = random.Next(2) == 0;
                wasted += now - worker.Since;
                lost[lease.Unit] = now;
                worker.Wakes = hangs;
                events.Enqueue(worker, now + leaseSeconds * (1 + 4 * random.NextDouble()));
                continue;
            }
            var worked = now - worker.Since;
            (left[lease.Unit], worker.Since) = (left[lease.Unit] - worked, now);
            useful += worked;
            if (left[lease.Unit] > 1e-6)
            {
                if (!book.Renew(lease.Unit, lease.Number))
                    throw new InvalidOperationException("A lease that was renewed in time was over.");
                events.Enqueue(worker, now + Math.Min(between, left[lease.Unit]));
                continue;
            }
            if (!book.Finish(lease.Unit, lease.Number) || !done.Add(lease.Unit))
                throw new InvalidOperationException("A unit was finished twice, or a result was lost.");
            worker.Lease = null;
            events.Enqueue(worker, now);
        }
        var elapsed = Stopwatch.GetElapsedTime(began).TotalSeconds;
        recoveries.Sort();
        var end = GC.GetTotalMemory(forceFullCollection: true);
        void Say(FormattableString line) => Console.WriteLine(line.ToString(CultureInfo.InvariantCulture));
        Say($"{workerCount} workers, {unitCount} units, leases of {leaseSeconds} s, {failures:P2} of renewals fail, seed {seed}");
        Say($"finished once each: {done.Count} of {unitCount}, after {time.Seconds / 3600:F2} virtual hours");
        Say($"throughput: {unitCount / time.Seconds * 3600:F0} an hour");
        Say($"time of workers: {useful / (workerCount * time.Seconds):P1} useful, {wasted / (workerCount * time.Seconds):P2} done again");
        Say($"leases that ran out: {book.Expired}; late messages fenced off: {book.Fenced}");
        if (recoveries.Count > 0)
        {
            var (median, many) = (recoveries[recoveries.Count / 2], recoveries[(int)(recoveries.Count * 0.95)]);
            Say($"from failure to another worker, seconds: median {median:F0}, 95 % {many:F0}, most {recoveries[^1]:F0}");
        }
        Say($"messages: {calls}, {calls / time.Seconds:F0} a virtual second");
        Say($"decided in {elapsed:F2} s, {calls / elapsed:F0} a second, the simulation's own work included");
        Say($"memory of the book, without names: {memory / 1048576.0:F1} MiB; of the process at the end: {end / 1048576.0:F1} MiB");
        GC.KeepAlive(book);
    }

    private sealed class Worker(string name)
    {
        public string Name { get; } = name;

        public Lease? Lease { get; set; }

        public double Since { get; set; }

        /// <summary>Null while it works; whether it hung, and does not know, or died and begins anew.</summary>
        public bool? Wakes { get; set; }
    }

    private sealed class VirtualTime : TimeProvider
    {
        public double Seconds { get; set; }

        public override long TimestampFrequency => 1_000_000;

        public override long GetTimestamp() => (long)(Seconds * TimestampFrequency);
    }
}
