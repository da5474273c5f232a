using System.Diagnostics;
using System.Text;
using Xunit;
using ZeroOneShot.Tests;

namespace ZeroOneShot.Cluster.Tests;

/// <summary>A process of tests/ZeroOneShot.ClusterProcess.</summary>
internal sealed class OwnProcess : IDisposable
{
    private readonly Process _process;
    private readonly StringBuilder _words = new();

    public OwnProcess(string? secret, params string[] arguments)
    {
        const string name = "ZeroOneShot.ClusterProcess";
        var built = Path.GetRelativePath(Path.Combine(Repository.Root, "tests", "ZeroOneShot.Cluster.Tests"), AppContext.BaseDirectory);
        var start = new ProcessStartInfo("dotnet", [Path.Combine(Repository.Root, "tests", name, built, name + ".dll"), .. arguments])
        {
            RedirectStandardOutput = true, RedirectStandardError = true,
        };
        start.Environment.Remove(ClusterSecret.Variable);
        if (secret is not null)
            start.Environment[ClusterSecret.Variable] = secret;
        _process = new Process { StartInfo = start };
        _process.OutputDataReceived += (_, line) => Add(line.Data);
        _process.ErrorDataReceived += (_, line) => Add(line.Data);
        _process.Start();
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public string Words
    {
        get
        {
            lock (_words)
                return _words.ToString();
        }
    }

    public int Id => _process.Id;

    public bool HasEnded => _process.HasExited;

    public async Task<int> End()
    {
        await _process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return _process.ExitCode;
    }

    /// <summary>SIGKILL.</summary>
    public void Kill()
    {
        _process.Kill();
        _process.WaitForExit();
    }

    /// <summary>SIGSTOP, SIGCONT.</summary>
    public void Signal(string name)
    {
        using var kill = Process.Start("kill", [$"-{name}", $"{_process.Id}"]);
        kill.WaitForExit();
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            Kill();
        _process.Dispose();
    }

    private void Add(string? line)
    {
        lock (_words)
            _words.AppendLine(line);
    }
}
