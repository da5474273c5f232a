using System.Runtime.ExceptionServices;
using TorchSharp;

namespace ZeroOneShot.Runtime;

/// <summary>
/// Threads that run computations side by side, libtorch on one thread in each. Operations of few channels are too small to be
/// worth dividing among threads themselves: two threads inside them take as long as one.
/// </summary>
/// <remarks>
/// There are as many as libtorch is set to use threads (<see cref="torch.set_num_threads(int)"/>); with one, everything runs on the
/// caller's. Results are handed over in order, so that sums over them do not depend on how many threads there are.
/// </remarks>
internal static class Workers
{
    // Numbers that take as long to compute as it takes threads to begin and end.
    private const long WorthThreads = 1 << 17;

    private static readonly Lock s_lock = new();
    private static Worker[] s_workers = [];

    /// <summary>Computes the results 0 to count - 1 and hands each over, in order, one at a time.</summary>
    /// <param name="count">How many.</param>
    /// <param name="compute">Runs on any thread, several at once.</param>
    /// <param name="use">
    /// Takes a result; never runs twice at once. Where something fails, results that it has not taken are disposed.
    /// </param>
    /// <param name="sideBySide">
    /// Whether several may run at once. On a GPU they would not, but hold their memory all the same.
    /// </param>
    /// <param name="after">
    /// How many results have to be handed over before one can be computed, at most as many as come before it; null: none.
    /// </param>
    /// <exception cref="ArgumentException">A result has to wait for itself or for a later one.</exception>
    public static void Run<T>(
        int count, Func<int, T> compute, Action<int, T> use, bool sideBySide = true, Func<int, int>? after = null)
    {
        for (var i = 0; i < count && after is not null; i++)
        {
            if (after(i) > i)
                throw new ArgumentException($"Result {i} waits for {after(i)} results; expected at most {i}.", nameof(after));
        }
        var all = sideBySide ? Worker.ThreadsOfLibtorch : 1;
        var threads = Math.Min(all, count);
        if (threads <= 1)
        {
            for (var i = 0; i < count; i++)
                Use(i, compute(i), use);
            return;
        }
        lock (s_lock)
        {
            if (s_workers.Length < threads)
                Start(all);
            var job = new Job<T>(count, compute, use, after);
            for (var i = 0; i < threads; i++)
                s_workers[i].Begin(job.Work);
            for (var i = 0; i < threads; i++)
                s_workers[i].Wait();
            job.ThrowIfFailed();
        }
    }

    /// <summary>Computes something on one thread, with one of libtorch's: what depends on their number then does not.</summary>
    /// <param name="compute">Leaves nothing in its thread's dispose scope.</param>
    public static T OnOne<T>(Func<T> compute)
    {
        var threads = Worker.ThreadsOfLibtorch;
        if (threads == 1)
            return compute();
        lock (s_lock)
        {
            if (s_workers.Length == 0)
                Start(threads);
            T? result = default;
            var job = new Job<T>(1, _ => compute(), (_, computed) => result = computed, after: null);
            s_workers[0].Begin(job.Work);
            s_workers[0].Wait();
            job.ThrowIfFailed();
            return result!;
        }
    }

    /// <summary>
    /// Does something for 0 to count - 1, in any order, on any thread, several at once where that is worth their while; the caller's is one
    /// of them.
    /// </summary>
    /// <param name="count">How many.</param>
    /// <param name="size">Numbers that one of them computes.</param>
    /// <param name="work">What to do. It uses neither workers nor libtorch, which has other threads on the caller's.</param>
    public static void Each(int count, long size, Action<int> work)
    {
        var all = count * size >= WorthThreads ? Worker.ThreadsOfLibtorch : 1;
        var threads = Math.Min(all, count);
        if (threads <= 1)
        {
            for (var i = 0; i < count; i++)
                work(i);
            return;
        }
        lock (s_lock)
        {
            if (s_workers.Length < threads - 1)
                Start(all);
            var shares = new Shares(count, work);
            for (var i = 0; i < threads - 1; i++)
                s_workers[i].Begin(shares.Work);
            shares.Work();
            for (var i = 0; i < threads - 1; i++)
                s_workers[i].Wait(isPatient: threads <= Environment.ProcessorCount);
            shares.Failure?.Throw();
        }
    }

    /// <summary>Hands a result over; where that fails, nobody else disposes it.</summary>
    private static void Use<T>(int i, T result, Action<int, T> use)
    {
        try
        {
            use(i, result);
        }
        catch
        {
            (result as IDisposable)?.Dispose();
            throw;
        }
    }

    // Of as many as there are processors all but the last are patient: with the caller's thread, each keeps one busy. Where there are
    // more threads than processors, none.
    private static void Start(int threads)
    {
        s_workers = [.. s_workers, .. Enumerable.Range(s_workers.Length, threads - s_workers.Length)
            .Select(i => new Worker("ZeroOneShot worker", isPatient: i < threads - 1 && threads <= Environment.ProcessorCount))];
    }

    private sealed class Job<T>(int count, Func<int, T> compute, Action<int, T> use, Func<int, int>? after)
    {
        // A lock of what follows; threads wait on it for something that they can begin.
        private readonly object _gate = new();
        private readonly List<int> _left = [.. Enumerable.Range(0, count)];
        private readonly Dictionary<int, T> _waiting = [];
        private int _used;
        private bool _handsOver;
        private ExceptionDispatchInfo? _failure;

        /// <summary>Throws what was thrown, and disposes the results that nobody has taken; nothing may be under way.</summary>
        public void ThrowIfFailed()
        {
            if (_failure is null)
                return;
            foreach (var result in _waiting.Values)
                (result as IDisposable)?.Dispose();
            _failure.Throw();
        }

        public void Work()
        {
            try
            {
                while (Next() is { } i)
                    HandOver(i, compute(i));
            }
            catch (Exception e)
            {
                lock (_gate)
                {
                    _failure ??= ExceptionDispatchInfo.Capture(e);
                    Monitor.PulseAll(_gate);
                }
            }
        }

        /// <summary>The first that can begin, when there is one; null where there is nothing left to do.</summary>
        private int? Next()
        {
            lock (_gate)
            {
                while (_failure is null && _left.Count > 0)
                {
                    var at = after is null ? 0 : _left.FindIndex(i => after(i) <= _used);
                    if (at >= 0)
                    {
                        var i = _left[at];
                        _left.RemoveAt(at);
                        return i;
                    }
                    Monitor.Wait(_gate);
                }
                return null;
            }
        }

        /// <summary>Leaves a result to whoever hands over at the moment, or hands over what has come to its turn.</summary>
        private void HandOver(int i, T result)
        {
            lock (_gate)
                _waiting.Add(i, result);
            while (true)
            {
                T? next;
                lock (_gate)
                {
                    if (_handsOver || !_waiting.Remove(_used, out next))
                        return;
                    _handsOver = true;
                }
                Use(_used, next, use);
                lock (_gate)
                {
                    (_handsOver, _used) = (false, _used + 1);
                    Monitor.PulseAll(_gate);
                }
            }
        }
    }

    private sealed class Shares(int count, Action<int> work)
    {
        private int _next = -1;
        private volatile ExceptionDispatchInfo? _failure;

        public ExceptionDispatchInfo? Failure => _failure;

        public void Work()
        {
            try
            {
                for (var i = Interlocked.Increment(ref _next); i < count && _failure is null; i = Interlocked.Increment(ref _next))
                    work(i);
            }
            catch (Exception e)
            {
                _failure ??= ExceptionDispatchInfo.Capture(e);
            }
        }
    }
}
