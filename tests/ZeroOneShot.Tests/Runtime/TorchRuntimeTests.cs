using System.Diagnostics;
using TorchSharp;
using Xunit;
using ZeroOneShot.Runtime;

namespace ZeroOneShot.Tests.Runtime;

public sealed class TorchRuntimeTests
{
    [Fact]
    public void Libtorch_loads_and_computes_without_any_set_up_step()
    {
        TorchRuntime.EnsureLoaded();
        using var x = torch.ones(2, 3);
        Assert.Equal(6, x.sum().item<float>());
    }

    [Fact]
    public void A_plug_in_computes_also_when_it_is_loaded_again() => Assert.Equal(
        ["6", "6"], Lines("ZeroOneShot.PluginHost", null, Program("ZeroOneShot.SearchProcess") + ".dll", "sum"));

    [Theory]
    [InlineData("missing")]
    [InlineData("a file")]
    [InlineData("read-only")]
    public void Libtorch_loads_whatever_the_temporary_folder_is(string kind)
    {
        using var folder = new TemporaryFolder();
        var temporary = kind == "read-only" ? "/proc" : folder.File("temporary");
        if (kind == "a file")
            File.WriteAllText(temporary, "");
        Assert.Equal(["6"], Lines("ZeroOneShot.SearchProcess", temporary, "sum"));
    }

    [Fact]
    public void A_mended_library_that_cannot_be_loaded_says_what_was_tried_and_what_to_set()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Libraries are mended on Linux only.");
        var error = Assert.Throws<DllNotFoundException>(() => PrivateCopy.Load([1, 2, 3], "libNothing.so", inPlaceOf: "/x/libNothing.so"));
        Assert.Contains("A copy of /x/libNothing.so", error.Message);
        Assert.Contains("neither from memory (", error.Message);
        Assert.Contains($"nor from the temporary folder '{Path.GetTempPath()}'", error.Message);
        Assert.Contains("Set TMPDIR", error.Message);
    }

    [Fact]
    public void Asking_for_CUDA_without_it_says_what_to_do()
    {
        Assert.SkipWhen(torch.cuda.is_available(), "CUDA is available here.");
        var error = Assert.Throws<InvalidOperationException>(() => TorchRuntime.ResolveDevice("cuda"));
        Assert.Contains("TorchBackend=cuda", error.Message);
    }

    private static string Program(string name) => Path.Combine(AppContext.BaseDirectory.Replace("ZeroOneShot.Tests", name), name);

    private static string[] Lines(string program, string? temporaryFolder, params string[] arguments)
    {
        var start = new ProcessStartInfo(Program(program), arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        if (temporaryFolder is not null)
            start.Environment["TMPDIR"] = temporaryFolder;
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, errors.Result);
        return output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    [Fact]
    public void An_unknown_device_is_refused_with_the_known_ones() =>
        Assert.Contains("'cuda:N'", Assert.Throws<ArgumentException>(() => TorchRuntime.ResolveDevice("tpu")).Message);
}
