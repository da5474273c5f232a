using System.Diagnostics;

namespace ZeroOneShot.Tool.Tests;

/// <summary>The command zeroone, run as a process of its own.</summary>
internal static class Tool
{
    public static bool HasSignals => !OperatingSystem.IsWindows();

    /// <summary>Whether there is a program that gives another one a terminal (Debian's bsdutils).</summary>
    public static bool HasTerminal => OperatingSystem.IsLinux() && File.Exists("/usr/bin/script");

    public static string Path { get; } = System.IO.Path.Combine(AppContext.BaseDirectory.Replace(
        System.IO.Path.Combine("tests", "ZeroOneShot.Tool.Tests"), System.IO.Path.Combine("src", "ZeroOneShot.Tool")), "zeroone");

    public static Result Run(params string[] arguments)
    {
        using var process = Start(arguments);
        process.StandardInput.Close();
        return End(process);
    }

    /// <summary>The same with another temporary folder.</summary>
    public static Result RunWithTemporaryFolder(string folder, params string[] arguments) =>
        Run(new Dictionary<string, string> { ["TMPDIR"] = folder }, arguments);

    public static Result Run(IReadOnlyDictionary<string, string> environment, params string[] arguments) =>
        Run(Path, environment, arguments);

    /// <summary>The same in a copy of its folder that lacks native libraries.</summary>
    /// <param name="missing">The names of the files that are left out.</param>
    /// <param name="folder">Where the copy goes, which does not exist.</param>
    /// <param name="arguments">The command.</param>
    public static Result RunWithout(string missing, string folder, params string[] arguments)
    {
        var own = System.IO.Path.GetDirectoryName(Path)!;
        foreach (var file in Directory.GetFiles(own, "*", SearchOption.AllDirectories)
            .Where(file => System.IO.Path.GetFileName(file) != missing))
        {
            var copy = System.IO.Path.Combine(folder, System.IO.Path.GetRelativePath(own, file));
            Directory.CreateDirectory(System.IO.Path.GetDirectoryName(copy)!);
            // What is loaded by its path must lie there; the rest, half a gigabyte, need not.
            if (System.IO.Path.GetFileName(file).StartsWith("zeroone", StringComparison.Ordinal))
                File.Copy(file, copy);
            else
                File.CreateSymbolicLink(copy, file);
        }
        return Run(System.IO.Path.Combine(folder, System.IO.Path.GetFileName(Path)), null, arguments);
    }

    private static Result Run(string program, IReadOnlyDictionary<string, string>? environment, string[] arguments)
    {
        using var process = Start(program, arguments, environment);
        process.StandardInput.Close();
        return End(process);
    }

    public static Process Start(params string[] arguments) => Start(Path, arguments, null);

    /// <summary>The same with a terminal of 80 columns, whose output comes with all its escape sequences.</summary>
    /// <param name="environment">Variables of the environment.</param>
    /// <param name="arguments">The command.</param>
    /// <param name="interruptAt">Types Ctrl+C when this has been written; null for never.</param>
    public static Result AtTerminal(
        IReadOnlyDictionary<string, string>? environment, string[] arguments, string? interruptAt = null)
    {
        const char CtrlC = '\u0003';
        var command = string.Join(' ', arguments.Prepend(Path).Select(word => $"'{word}'"));
        using var process = Start("/usr/bin/script", ["-qec", $"stty cols 80 rows 24; exec {command}", "/dev/null"],
            new Dictionary<string, string>(environment ?? new Dictionary<string, string>()) { ["TERM"] = "xterm-256color" });
        var output = new System.Text.StringBuilder();
        var buffer = new char[1024];
        for (int read; (read = process.StandardOutput.Read(buffer)) > 0;)
        {
            output.Append(buffer, 0, read);
            if (interruptAt is not null && output.ToString().Contains(interruptAt))
            {
                process.StandardInput.Write(CtrlC);
                process.StandardInput.Flush();
                interruptAt = null;
            }
        }
        process.WaitForExit();
        return new Result(process.ExitCode, output.ToString(), "");
    }

    /// <summary>Sends a signal of POSIX, at once: a program that does so takes as long to begin as a small run to end.</summary>
    public static void Signal(Process process, string signal) =>
        _ = Kill(process.Id, signal switch { "INT" => 2, "KILL" => 9, "CONT" => 18, "STOP" => 19, _ => 15 });         // Linux's

    [System.Runtime.InteropServices.DllImport("libc", EntryPoint = "kill")]
    private static extern int Kill(int process, int signal);

    public static Result End(Process process)
    {
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return new Result(process.ExitCode, output, errors.Result);
    }

    private static Process Start(string program, string[] arguments, IReadOnlyDictionary<string, string>? environment)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true,
        };
        foreach (var (variable, value) in environment ?? new Dictionary<string, string>())
            start.Environment[variable] = value;
        return Process.Start(start)!;
    }

    internal sealed record Result(int ExitCode, string Output, string Errors);
}
