using System.Diagnostics;
using System.Text.Json;

namespace ZeroOneShot.ML.Tests;

/// <summary>The application of tests/ZeroOneShot.Consumer, run as a process of its own, without libtorch and this library.</summary>
internal static class Consumer
{
    public static Seen Run(params string[] arguments)
    {
        var program = Path.Combine(
            AppContext.BaseDirectory.Replace("ZeroOneShot.ML.Tests", "ZeroOneShot.Consumer"), "ZeroOneShot.Consumer");
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0 ? JsonSerializer.Deserialize<Seen>(output)! : throw new InvalidOperationException(errors.Result);
    }

    internal sealed record Seen(
        string PredictedLabelType, string[] SlotNames, float[][] Scores, string[] Labels, double MicroAccuracy, string[] Assemblies);
}
