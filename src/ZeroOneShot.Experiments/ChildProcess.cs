using System.ComponentModel;
using System.Diagnostics;
using ZeroOneShot.Runtime;

namespace ZeroOneShot.Experiments;

/// <summary>
/// Does every stage in a process of its own, so that its peak of memory is its own, and one that crashes or is killed takes nothing else
/// along.
/// </summary>
/// <param name="program">The program to start.</param>
/// <param name="arguments">
/// What it is to be told, before the folder of the run and the name of the stage: it then does that stage with
/// <see cref="ExperimentRun.Do"/>, calls <see cref="EndWithParent"/> before, and ends with 0, with <see cref="FileFault"/> where a file
/// cannot be written, as on a full disk, or with another number; and with a sentence on its error output.
/// </param>
public sealed class ChildProcess(string program, params IReadOnlyList<string> arguments)
{
    /// <summary>
    /// With what the process ends where the machine, and not the run, is to blame: a file could not be read or written. Not 1, with which
    /// programs end for any other reason.
    /// </summary>
    public const int FileFault = 74;        // EX_IOERR of BSD's sysexits.h

    /// <summary>What the program is told in place of the name of a stage: it then does <see cref="ExperimentRun.DoPart"/>.</summary>
    public const string Part = "Part";

    /// <summary>
    /// For the program that is started: ends this process, at whatever it is, when the one that started it is gone, even killed. Nobody
    /// would hear of what it does, another process may go on with its run, and what it wrote is whole at any moment.
    /// </summary>
    /// <remarks>The standard input comes from the one that started it, which writes nothing: it ends with that process alone.</remarks>
    /// <param name="log">Told why the process ends, just before.</param>
    public static void EndWithParent(Action<string> log) => new Thread(() =>
    {
        try
        {
            using var input = Console.OpenStandardInput();
            while (input.ReadByte() >= 0)
            {
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // As good as its end.
        }
        log("The process that started this one is gone, or gives it no standard input to watch: it ends.");
        using var self = Process.GetCurrentProcess();
        self.Kill();
    }) { IsBackground = true, Name = "waits for the end of the process that started this one" }.Start();

    /// <summary>This program, started again.</summary>
    /// <param name="arguments">As for the constructor.</param>
    public static ChildProcess OfThisProgram(params IReadOnlyList<string> arguments) => new(Environment.ProcessPath!,
        Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet"
            ? [Environment.GetCommandLineArgs()[0], .. arguments] : arguments);

    /// <summary>Does a stage: see <see cref="StageStarter"/>.</summary>
    /// <param name="run">The run.</param>
    /// <param name="stage">The stage.</param>
    /// <param name="cancellationToken">Ends the process; what it had written to its checkpoint stays.</param>
    /// <exception cref="IOException">It ended with <see cref="FileFault"/>; the message has its last words.</exception>
    /// <exception cref="InvalidOperationException">It ended otherwise; the message has its last words.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public void Start(RunFolder run, RunStage stage, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(run);
        var (code, words) = Run([run.Path, stage.ToString()], cancellationToken);
        if (code == 0 && run.Record(stage) is not null)
            return;
        var message = $"Stage {stage} of {run.Specification.Id} ended with {code}: {words}";
        if (code == FileFault)
            throw new IOException(message);
        run.Log(message);
        throw new InvalidOperationException(message);
    }

    /// <summary>Does a part of another worker's pruning (<see cref="ExperimentRun.DoPart"/>).</summary>
    /// <param name="folder">The folder that asks for it; the program is told of it and, in the stage's place, <see cref="Part"/>.</param>
    /// <param name="cancellationToken">Ends the process.</param>
    /// <exception cref="IOException">It ended with <see cref="FileFault"/>; the message has its last words.</exception>
    /// <exception cref="InvalidOperationException">It ended otherwise; the message has its last words.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public void StartPart(string folder, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(folder);
        var (code, words) = Run([folder, Part], cancellationToken);
        if (code == 0)
            return;
        var message = $"A part of a pruning ended with {code}: {words}";
        throw code == FileFault ? new IOException(message) : new InvalidOperationException(message);
    }

    private (int Code, string Words) Run(string[] more, CancellationToken cancellationToken)
    {
        var start = new ProcessStartInfo(program, [.. arguments, .. more])
        {
            RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true,
        };
        using var process = Process.Start(start)!;                  // until whose end the other's standard input stays open
        var output = process.StandardOutput.ReadToEndAsync(CancellationToken.None);
        var errors = process.StandardError.ReadToEndAsync(CancellationToken.None);
        using (cancellationToken.Register(() => End(process)))
            process.WaitForExit();
        cancellationToken.ThrowIfCancellationRequested();
        var words = string.Join(' ', $"{errors.Result}\n{output.Result}"
            .Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).TakeLast(5));
        return (process.ExitCode, words.Length > 0 ? words : "no words");
    }

    private static void End(Process process)
    {
        try
        {
            process.Kill(entireProcessTree: true);
        }
        catch (Exception e) when (e is InvalidOperationException or Win32Exception or AggregateException)
        {
            // It, or one that it started, has ended meanwhile.
        }
    }
}
