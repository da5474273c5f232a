using System.Diagnostics;

namespace ZeroOneShot.Tests.OneShot;

/// <summary>The search of tests/ZeroOneShot.SearchProcess, run as a process of its own.</summary>
internal sealed class SearchProcess : IDisposable
{
    private readonly Process _process;
    private readonly Task<string> _errors;

    /// <param name="arguments">See its Program.cs.</param>
    public SearchProcess(params string[] arguments)
    {
        const string name = "ZeroOneShot.SearchProcess";
        var program = Path.Combine(AppContext.BaseDirectory.Replace("ZeroOneShot.Tests", name), name);
        var start = new ProcessStartInfo(program, arguments)
            { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        _process = Process.Start(start)!;
        _errors = _process.StandardError.ReadToEndAsync();
    }

    /// <summary>The number of the process.</summary>
    public int Id => _process.Id;

    /// <summary>Lets a stepwise search take its next step.</summary>
    public void Step() => _process.StandardInput.WriteLine();

    /// <summary>Waits for its end, and gives its exit code and what it said of an error.</summary>
    public (int ExitCode, string Errors) End()
    {
        _process.StandardOutput.ReadToEnd();
        _process.WaitForExit();
        return (_process.ExitCode, _errors.Result);
    }

    /// <summary>The next line it writes; null when it has ended.</summary>
    public string? ReadLine() => _process.StandardOutput.ReadLine();

    /// <summary>The lines it writes until it ends by itself.</summary>
    public string[] ReadToEnd()
    {
        var lines = _process.StandardOutput.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        _process.WaitForExit();
        return _process.ExitCode == 0
            ? lines
            : throw new InvalidOperationException($"The search ended with {_process.ExitCode}: {_errors.Result}");
    }

    /// <summary>Ends it at once (on Unix with SIGKILL), so that nothing of it runs any more.</summary>
    public void Kill() => _process.Kill();

    /// <summary>Whether it was killed, not over by itself; waits until it is one of the two.</summary>
    public bool WasKilled
    {
        get
        {
            _process.WaitForExit();
            return _process.ExitCode == (OperatingSystem.IsWindows() ? -1 : 128 + 9);
        }
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }
}
