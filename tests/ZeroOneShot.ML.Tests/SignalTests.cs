using System.Diagnostics;
using System.Runtime.InteropServices;
using Xunit;

namespace ZeroOneShot.ML.Tests;

/// <summary>
/// A program with a whole pipeline that is ended by a signal, wherever it is, leaves nothing in the temporary folder, and goes on to the
/// same model. A kill may leave something, which the next start removes.
/// </summary>
public sealed class SignalTests : IDisposable
{
    private const int Hangup = 1, Interrupt = 2, Kill = 9, Terminate = 15;

    private readonly TemporaryFolder _work = new(), _temporary = new();

    /// <summary>How many runs are ended; by hand, more: ZEROONESHOT_SIGNALS=40.</summary>
    private static int Runs => int.TryParse(Environment.GetEnvironmentVariable("ZEROONESHOT_SIGNALS"), out var runs) ? runs : 2;

    public void Dispose()
    {
        _work.Dispose();
        _temporary.Dispose();
    }

    [Theory]
    [InlineData(Terminate)]
    [InlineData(Interrupt)]
    [InlineData(Hangup)]
    public void A_signal_ends_the_program_and_leaves_nothing_in_the_temporary_folder(int signal)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Signals are Unix's.");
        var lines = Run(null, signal).Lines;
        var random = new Random(signal);
        for (var run = 0; run < Runs; run++)
        {
            Assert.Equal(128 + signal, RunUntilStopped(signal, lines, run, random).Exit);
            Assert.Empty(Directory.GetFileSystemEntries(_temporary.FullName));
        }
    }

    [Fact]
    public void Killed_at_random_moments_it_goes_on_to_the_same_model_and_what_a_kill_left_is_removed_at_the_next_start()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Signals are Unix's.");
        var lines = Run(null, Kill).Lines;
        var expected = File.ReadAllBytes(_work.File("model.onnx"));
        var random = new Random(3);
        for (var run = 0; run < Runs; run++)
        {
            var (folder, exit) = RunUntilStopped(Kill, lines, run, random);
            Assert.Equal(128 + Kill, exit);
            Assert.Equal(0, Run(null, Kill, folder).Exit);
            Assert.Equal(expected, File.ReadAllBytes(Path.Combine(folder, "model.onnx")));
            Assert.Empty(Directory.GetFileSystemEntries(_temporary.FullName));
        }
    }

    [Fact]
    public void A_signal_that_the_application_has_taken_over_stays_its_own()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Signals are Unix's.");
        var seen = 0;
        using var own = PosixSignalRegistration.Create(PosixSignal.SIGHUP, context =>
        {
            context.Cancel = true;
            Interlocked.Increment(ref seen);
        });
        // Again and again, since a signal is delivered on another thread and may come to it when the load is over.
        for (var sent = 1; sent <= 100; sent++)
        {
            for (var busy = 0; busy < 8 * Environment.ProcessorCount; busy++)
                ThreadPool.UnsafeQueueUserWorkItem(_ => Thread.SpinWait(1000), null);
            LoadingFolder.Use(_ => Send(Environment.ProcessId, Hangup));
            SpinWait.SpinUntil(() => seen == sent, TimeSpan.FromSeconds(30));
            Assert.Equal(sent, seen);                                       // and this process is still there
        }
    }

    /// <summary>
    /// Runs the pipeline until a signal stops it at a moment by chance, again where it was over before the signal came: on a busy machine
    /// it may write its last lines before they are read here.
    /// </summary>
    private (string Folder, int Exit) RunUntilStopped(int signal, int lines, int run, Random random)
    {
        for (var attempt = 0; ; attempt++)
        {
            var folder = Directory.CreateDirectory(_work.File($"{run}-{attempt}")).FullName;
            // Half of them in the loading of models, where ML.NET has a file.
            var after = run % 2 == 0 ? random.Next(lines) : lines - random.Next(1, 11);
            var exit = Run(after, signal, folder).Exit;
            if (exit != 0 || attempt == 20)
                return (folder, exit);
        }
    }

    /// <summary>Runs the pipeline, to its end or until it has written so many lines.</summary>
    private (int Lines, int Exit) Run(int? until, int signal, string? folder = null)
    {
        const string name = "ZeroOneShot.SearchProcess";
        var program = Path.Combine(AppContext.BaseDirectory.Replace("ZeroOneShot.ML.Tests", name), name);
        var start = new ProcessStartInfo(program, ["pipeline", folder ?? _work.FullName]) { RedirectStandardOutput = true };
        start.Environment["TMPDIR"] = _temporary.FullName;
        start.Environment["DOTNET_EnableDiagnostics"] = "0";                // whose sockets lie there too
        start.Environment["ORT_DISABLE_TELEMETRY"] = "1";                   // which has a file there, of ONNX Runtime's own
        using var process = Process.Start(start)!;
        var lines = 0;
        while ((until is null || lines < until) && process.StandardOutput.ReadLine() is not null)
            lines++;
        if (until is not null)
            Send(process.Id, signal);
        process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (lines, process.ExitCode);
    }

    private static int Send(int process, int signal) =>
        SendSignal(process, signal) == 0 ? 0 : throw new InvalidOperationException($"Signal {signal} cannot be sent to {process}.");

    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static extern int SendSignal(int process, int signal);
}
