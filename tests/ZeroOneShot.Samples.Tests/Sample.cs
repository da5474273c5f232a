using System.Diagnostics;

namespace ZeroOneShot.Samples.Tests;

/// <summary>A sample, run as a process of its own.</summary>
internal static class Sample
{
    public static Result Run(string name, params string[] arguments) => RunIn(Directory.GetCurrentDirectory(), name, arguments);

    /// <summary>The same, in a folder of its own.</summary>
    public static Result RunIn(string folder, string name, params string[] arguments)
    {
        using var process = Start(Path.Combine(Folder(name), name), null, arguments, folder);
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return new Result(process.ExitCode, output, errors.Result);
    }

    public static Process Start(string name, params string[] arguments) => Start(Path.Combine(Folder(name), name), null, arguments);

    public static Process Start(string program, IReadOnlyDictionary<string, string?>? environment, string[] arguments, string folder = "")
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = folder,
        };
        foreach (var (variable, value) in environment ?? new Dictionary<string, string?>())
            start.Environment[variable] = value;
        return Process.Start(start)!;
    }

    /// <summary>Where a sample was built to.</summary>
    public static string Folder(string name) => FolderOf(Path.Combine("samples", name));

    /// <summary>Where the tool was built to.</summary>
    public static string Tool => Path.Combine(FolderOf(Path.Combine("src", "ZeroOneShot.Tool")), "zeroone");

    private static string FolderOf(string project) =>
        AppContext.BaseDirectory.Replace(Path.Combine("tests", "ZeroOneShot.Samples.Tests"), project);

    internal sealed record Result(int ExitCode, string Output, string Errors);
}
