using System.Diagnostics;
using TorchSharp;

namespace ZeroOneShot.Runtime;

/// <summary>A thread that does one thing after another beside the caller's, libtorch on one thread in it.</summary>
internal sealed class Worker : IDisposable
{
    // Who waits for less than it takes to wake a thread, a tenth of a millisecond or more on a virtual machine, had better not sleep.
    private static readonly long s_patience = Stopwatch.Frequency / 10_000;

    // The common number of threads is another one for a moment: see the constructor.
    private static readonly Lock s_starting = new();

    private readonly SemaphoreSlim _begin = new(0), _end = new(0);
    private readonly Thread _thread;
    private readonly bool _isPatient;
    private Action? _work;

    /// <summary>Starts the thread. How many threads libtorch has on the caller's stays as it was.</summary>
    /// <param name="name">The thread's name, for debuggers.</param>
    /// <param name="isPatient">Whether it looks out for more to do, for a moment, before it sleeps.</param>
    public Worker(string name, bool isPatient = false)
    {
        _isPatient = isPatient;
        _thread = new Thread(Loop) { IsBackground = true, Name = name };
        _thread.Start();
        lock (s_starting)
        {
            var threads = torch.get_num_threads();
            Begin(static () =>
            {
                _ = torch.get_num_threads();                // a thread takes over the common number when it first asks, then never again
                torch.set_num_threads(1);
            });
            Wait();
            torch.set_num_threads(threads);                 // the worker has set one thread for itself and for threads still to come
        }
    }

    /// <summary>
    /// How many threads libtorch has on this one. A thread that first asks while a worker starts would have one from then on.
    /// </summary>
    public static int ThreadsOfLibtorch
    {
        get
        {
            lock (s_starting)
                return torch.get_num_threads();
        }
    }

    /// <summary>Begins something; every call is followed by one of <see cref="Wait"/> before the next.</summary>
    /// <param name="work">What to do; it throws nothing.</param>
    public void Begin(Action work)
    {
        _work = work;
        _begin.Release();
    }

    /// <summary>Returns when what was begun is over.</summary>
    /// <param name="isPatient">Whether the caller's thread looks out for that, for a moment, before it sleeps.</param>
    public void Wait(bool isPatient = false) => Await(_end, isPatient);

    /// <summary>Ends the thread; nothing may be under way.</summary>
    public void Dispose()
    {
        _work = null;
        _begin.Release();
        _thread.Join();
        _begin.Dispose();
        _end.Dispose();
    }

    private static void Await(SemaphoreSlim semaphore, bool isPatient)
    {
        var end = Stopwatch.GetTimestamp() + s_patience;
        while (isPatient && semaphore.CurrentCount == 0 && Stopwatch.GetTimestamp() < end)
            Thread.SpinWait(4);
        semaphore.Wait();
    }

    private void Loop()
    {
        while (true)
        {
            Await(_begin, _isPatient);
            if (_work is null)
                return;
            _work();
            _end.Release();
        }
    }
}
