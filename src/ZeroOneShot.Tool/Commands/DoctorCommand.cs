using System.CommandLine;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Microsoft.ML.OnnxRuntime;
using SkiaSharp;
using Spectre.Console;
using ZeroOneShot.Persistence;
using ZeroOneShot.Runtime;
using ZeroOneShot.Tool.Output;

namespace ZeroOneShot.Tool.Commands;

/// <summary>Looks at the machine, and says what to do about each thing that is not as it should be.</summary>
internal static class DoctorCommand
{
    public const string Name = "doctor";

    private const long LeastMemory = 2L << 30, LeastTemporary = 256L << 20;

    private static readonly Option<bool> s_json = new("--json") { Description = "As JSON." };

    public static Command Make()
    {
        var command = new Command(Name, "Looks at libtorch, ONNX Runtime, SkiaSharp, processor, memory, CUDA and folders, and says what " +
            "to do. Exit code 6 when a native library is missing, 1 when something else must be mended.") { s_json };
        command.Does((parsed, _) =>
        {
            Finding[] findings = [System(), Torch(), Onnx(), Skia(), Vectors(), Cores(), Memory(), Cuda(), Temporary(), Here()];
            if (parsed.GetValue(s_json))
                Console.Out.WriteLine(JsonText.Indented(findings));
            else
                Write(findings);
            return findings.FirstOrDefault(of => of.Result == Result.Bad) is { } bad ? bad.Code : ExitCode.Done;
        });
        return command;
    }

    private static void Write(IEnumerable<Finding> findings)
    {
        if (Console.IsOutputRedirected)
            AnsiConsole.Profile.Width = 1000;                       // a line each, for programs
        foreach (var finding in findings)
        {
            var mark = finding.Result switch { Result.Good => "[green]ok[/]  ", Result.Note => "[yellow]note[/]", _ => "[red]BAD[/] " };
            AnsiConsole.MarkupLine($"{mark}  {finding.What,-16} {Terminal.Escaped(finding.Found)}");
            if (finding.Remedy is { } remedy)
                AnsiConsole.MarkupLine($"      {"",-16} {Terminal.Escaped(remedy)}");
        }
    }

    private static Finding System() => new("system", Result.Good,
        $"zeroone {Versions.Own}, .NET {Environment.Version}, {RuntimeInformation.OSDescription}, {RuntimeInformation.OSArchitecture}");

    private static Finding Torch() => Library("libtorch",
        () =>
        {
            TorchRuntime.EnsureLoaded();
            return $"TorchSharp {Versions.Of(typeof(TorchSharp.torch))}";
        },
        Environment.GetEnvironmentVariable(TorchRuntime.LibtorchVariable) is { } lent
            ? $"Unset {TorchRuntime.LibtorchVariable}, which is '{lent}': the tool brings its own libtorch along."
            : "fit, plan, rank and export need it; predict, evaluate and info do not. Install the tool for " +
              $"{RuntimeInformation.RuntimeIdentifier}: dotnet tool install ZeroOneShot.Tool; see docs/troubleshooting.md.");

    private static Finding Onnx() => Library("ONNX Runtime", () => OrtEnv.Instance().GetVersionString(),
        "fit, predict and evaluate need it. Install the tool anew, or on Windows the Visual C++ runtime.");

    private static Finding Skia() => Library("SkiaSharp",
        () =>
        {
            using var bitmap = new SKBitmap(1, 1);
            return Versions.Of(typeof(SKBitmap));
        },
        "Every image is read by it. On Linux apt-get install libfontconfig1, which it needs; else install the tool anew.");

    private static Finding Library(string what, Func<string> load, string remedy)
    {
        try
        {
            return new Finding(what, Result.Good, $"loaded, {load()}");
        }
        catch (Exception e) when (ToolException.CodeOf(ToolException.Cause(e), ExitCode.Failed) is ExitCode.NativeLibrary)
        {
            return new Finding(what, Result.Bad, ToolException.Sentence(ToolException.Cause(e)), remedy) { Code = ExitCode.NativeLibrary };
        }
    }

    private static Finding Vectors() => (Vector512.IsHardwareAccelerated, Vector256.IsHardwareAccelerated,
        Vector128.IsHardwareAccelerated) switch
    {
        (true, _, _) => new("vectors", Result.Good, "512 bits"),
        (_, true, _) => new("vectors", Result.Good, "256 bits"),
        (_, _, true) => new("vectors", Result.Note, "128 bits: about half the speed of wider ones",
            "If the processor has AVX2, unset DOTNET_EnableAVX2 and DOTNET_EnableHWIntrinsic."),
        _ => new("vectors", Result.Note, "none: everything runs in libtorch, many times slower",
            "Unset DOTNET_EnableHWIntrinsic, or use another processor."),
    };

    private static Finding Cores()
    {
        var threads = Environment.GetEnvironmentVariable("OMP_NUM_THREADS");
        return int.TryParse(threads, out var few) && few < Environment.ProcessorCount
            ? new("cores", Result.Note, $"{Environment.ProcessorCount}, and OMP_NUM_THREADS is {few}",
                "Unset OMP_NUM_THREADS to use all of them.")
            : new("cores", Result.Good, $"{Environment.ProcessorCount}");
    }

    private static Finding Memory()
    {
        var bytes = ProcessMemory.MemoryOfTheMachine;
        var found = string.Create(CultureInfo.InvariantCulture, $"{bytes / (double)(1 << 30):0.0} GiB for this process");
        return bytes >= LeastMemory ? new("memory", Result.Good, found) : new("memory", Result.Note, found,
            "Give fit --memory, or a container more: 2 GiB are comfortable.");
    }

    private static Finding Cuda()
    {
        try
        {
            TorchRuntime.ResolveDevice("cuda");
            return new Finding("CUDA", Result.Good, "available");
        }
        catch (Exception e) when (e is InvalidOperationException or DllNotFoundException)
        {
            return new Finding("CUDA", Result.Good, "not available, and not needed: the tool computes on the processor");
        }
    }

    private static Finding Temporary()
    {
        var folder = Path.GetTempPath();
        const string Remedy = "Set TMPDIR (on Windows TMP) to a folder with room: ML.NET unpacks models there.";
        try
        {
            AtomicFile.EnsureWritable(folder);
            var free = new DriveInfo(folder).AvailableFreeSpace;
            var found = $"{folder}, {free / (1 << 20):N0} MiB free";
            return free >= LeastTemporary ? new("temporary folder", Result.Good, found)
                : new("temporary folder", Result.Note, found, Remedy);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return new Finding("temporary folder", Result.Bad, e.Message, Remedy);
        }
    }

    private static Finding Here()
    {
        var folder = Directory.GetCurrentDirectory();
        try
        {
            AtomicFile.EnsureWritable(folder);
            return new Finding("this folder", Result.Good, $"{folder}, can be written");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return new Finding("this folder", Result.Note, e.Message, "Give fit --out DIR a folder that can be written.");
        }
    }

    private enum Result
    {
        Good,
        Note,
        Bad,
    }

    private sealed record Finding(string What, Result Result, string Found, string? Remedy = null)
    {
        public ExitCode Code { get; init; } = ExitCode.Failed;
    }
}
