using System.Runtime.InteropServices;

namespace ZeroOneShot.Tool;

/// <summary>Ctrl+C and SIGTERM: the first one stops the work within a step, the second one ends the process at once.</summary>
internal sealed class Stop : IDisposable
{
    private readonly CancellationTokenSource _source = new();       // never disposed: a signal may come as the command ends
    private readonly PosixSignalRegistration[] _registrations;

    public Stop() => _registrations =
    [
        PosixSignalRegistration.Create(PosixSignal.SIGINT, signal => On(signal, ExitCode.Interrupted)),
        PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal => On(signal, ExitCode.Terminated)),
    ];

    public CancellationToken Token => _source.Token;

    /// <summary>What the process ends with when it was stopped.</summary>
    public ExitCode Code { get; private set; } = ExitCode.Interrupted;

    /// <summary>What the reader is told at the first signal; null for nothing.</summary>
    public string? Notice { get; set; }

    /// <summary>What the reader is told when the work has stopped.</summary>
    public string Farewell { get; set; } = "Stopped.";

    public void Dispose()
    {
        foreach (var registration in _registrations)
            registration.Dispose();
    }

    private void On(PosixSignalContext signal, ExitCode code)
    {
        if (_source.IsCancellationRequested)
            return;                                                 // the second: as the system does it
        signal.Cancel = true;
        Code = code;
        if (Notice is { } notice)
            Console.Error.WriteLine(notice);
        _source.Cancel();
    }
}
