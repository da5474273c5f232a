using System.Diagnostics;

namespace ZeroOneShot.Samples.Tests;

/// <summary>A sample, run as a process of its own.</summary>
internal static class Sample
{
    /// <summary>The options of a run of seconds.</summary>
    public static readonly string[] Tiny =
    [
        "--method", "Zero-One-Shot-RND", "--channels", "8", "--cells", "3", "--search-epochs", "1", "--epochs", "2",
        "--images-per-class", "8",
    ];

    public static Result Run(string name, params string[] arguments)
    {
        using var process = Start(name, arguments);
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return new Result(process.ExitCode, output, errors.Result);
    }

    public static Process Start(string name, params string[] arguments) => Start(Path.Combine(Folder(name), name), null, arguments);

    public static Process Start(string program, IReadOnlyDictionary<string, string?>? environment, string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (variable, value) in environment ?? new Dictionary<string, string?>())
            start.Environment[variable] = value;
        return Process.Start(start)!;
    }

    /// <summary>Where a sample was built to.</summary>
    public static string Folder(string name) =>
        AppContext.BaseDirectory.Replace(Path.Combine("tests", "ZeroOneShot.Samples.Tests"), Path.Combine("samples", name));

    internal sealed record Result(int ExitCode, string Output, string Errors);
}
