using System.Diagnostics;
using System.Text.Json;
using Xunit;
using ZeroOneShot.Runtime;

namespace ZeroOneShot.Experiments.Tests;

/// <summary>
/// benchmarks/gpu/run as on a bare machine: an empty environment, a libtorch lent from its folder, and no GPU. The archive itself takes too
/// long to be made here; the benchmarks as they were built stand for it.
/// </summary>
public sealed class GpuRunTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("zerooneshot-");

    public GpuRunTests()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The bundle is for Linux.");
        var bin = AppContext.BaseDirectory.Replace(
            Path.Combine("tests", "ZeroOneShot.Experiments.Tests"), Path.Combine("benchmarks", "ZeroOneShot.Benchmarks"));
        Directory.CreateSymbolicLink(Path.Combine(_folder.FullName, "bin"), bin.TrimEnd('/'));
        var scripts = Path.GetFullPath(Path.Combine(bin, "..", "..", "..", "..", "gpu"));
        foreach (var script in (string[])["run", "step.py"])
            File.Copy(Path.Combine(scripts, script), Path.Combine(_folder.FullName, script));
    }

    private string Results => Path.Combine(_folder.FullName, "results");

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void Without_a_GPU_the_run_ends_with_a_sentence_that_says_what_else_to_do()
    {
        var (exitCode, output, errors) = Run("--libtorch", TorchRuntime.Libtorch.Folder!);
        Assert.Equal(2, exitCode);
        Assert.Contains("CUDA is not available", output);
        Assert.Contains("Nothing else was run: 'cuda' cannot compute here.", errors);
        Assert.Contains("--device cpu --small", errors);
        Assert.Equal([("load", false)], Parts());
    }

    [Fact]
    public void A_PyTorch_of_another_version_is_named_before_anything_is_computed()
    {
        var lib = Directory.CreateDirectory(Path.Combine(_folder.FullName, "torch", "lib")).FullName;
        foreach (var file in Directory.GetFiles(TorchRuntime.Libtorch.Folder!, "lib*"))
            File.CreateSymbolicLink(Path.Combine(lib, Path.GetFileName(file)), file);
        File.WriteAllText(Path.Combine(lib, "..", "version.py"), "__version__ = '1.13.1'");
        var (exitCode, output, _) = Run("--device", "cpu", "--libtorch", lib);
        Assert.Equal(2, exitCode);
        Assert.Contains("has libtorch 1.13.1; expected 2.10", output);
    }

    // There are no tests beside these benchmarks.
    [Fact]
    public void A_part_that_breaks_costs_its_own_result_alone()
    {
        var (exitCode, _, _) = Run("--device", "cpu", "--small", "--libtorch", TorchRuntime.Libtorch.Folder!,
            "--parts", "golden", "out-of-memory", "training");
        Assert.Equal(1, exitCode);
        Assert.Equal([("load", true), ("golden", false), ("out-of-memory", true), ("training", true), ("training", true)], Parts());
        var table = File.ReadAllText(Path.Combine(Results, "gpu.md"));
        Assert.Contains("| golden | NO |", table);
        Assert.Contains("| out-of-memory | yes |", table);
        Assert.Contains("images a second", table);
    }

    private (string, bool)[] Parts()
    {
        using var json = JsonDocument.Parse(File.ReadAllText(Path.Combine(Results, "gpu.json")));
        return [.. json.RootElement.GetProperty("results").EnumerateArray()
            .Select(result => (result.GetProperty("part").GetString()!, result.GetProperty("passed").GetBoolean()))];
    }

    private (int ExitCode, string Output, string Errors) Run(params string[] arguments)
    {
        var start = new ProcessStartInfo("/bin/sh", [Path.Combine(_folder.FullName, "run"), .. arguments, "--out", Results])
        {
            RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = _folder.FullName,
        };
        start.Environment.Clear();
        start.Environment["PATH"] = "/usr/bin:/bin";
        // The bundle has .NET in it, these benchmarks have not.
        start.Environment["DOTNET_ROOT"] = Path.GetFullPath(Path.Combine(
            System.Runtime.InteropServices.RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", ".."));
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, errors.Result);
    }
}
