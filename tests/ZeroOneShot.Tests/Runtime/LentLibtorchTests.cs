using System.Diagnostics;
using Xunit;
using ZeroOneShot.Runtime;

namespace ZeroOneShot.Tests.Runtime;

/// <summary>A process whose libtorch is an installed PyTorch's, as ZEROONESHOT_LIBTORCH names it.</summary>
public sealed class LentLibtorchTests : IDisposable
{
    private const string Program = "ZeroOneShot.SearchProcess";

    private readonly TemporaryFolder _folder = new();

    public LentLibtorchTests()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "libtorch is lent on Linux only.");
        Directory.CreateDirectory(Lib);
    }

    private string Lib => _folder.File("torch/lib");

    private static string Own => TorchRuntime.Libtorch.Folder!;

    private static string BuiltProgram => AppContext.BaseDirectory.Replace("ZeroOneShot.Tests", Program);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void An_application_without_libtorch_computes_with_that_of_an_installed_PyTorch()
    {
        Lend();
        File.WriteAllText(_folder.File("torch/version.py"), "__version__ = '2.10.0+cu128'\ngit_version = '1'\n");
        var (exitCode, output, errors) = Run(WithoutLibtorch(), Lib, "libtorch");
        Assert.True(exitCode == 0, errors);
        Assert.StartsWith("libtorch 2.10.0 without CUDA in ", output[0]);
        Assert.EndsWith("lent by ZEROONESHOT_LIBTORCH", output[0]);
        Assert.Equal(["1", "6"], output[1..]);
    }

    [Fact]
    public void A_lent_libtorch_is_the_only_one_in_the_process_though_the_application_has_its_own()
    {
        Lend();
        // A link to the application's own would be the same library to the loader.
        File.Delete(Path.Combine(Lib, "libtorch_cpu.so"));
        File.Copy(Path.Combine(Own, "libtorch_cpu.so"), Path.Combine(Lib, "libtorch_cpu.so"));
        var (exitCode, output, errors) = Run(BuiltProgram, Lib, "libtorch");
        Assert.True(exitCode == 0, errors);
        Assert.Contains($"'{Lib}', lent", output[0]);
        Assert.Equal(["1", "6"], output[1..]);
    }

    [Fact]
    public void A_PyTorch_of_another_version_is_refused_with_both_versions_before_it_is_loaded()
    {
        Lend();
        File.WriteAllText(_folder.File("torch/version.py"), "__version__ = \"1.13.1\"\n");
        Refused(Lib, "has libtorch 1.13.1; expected 2.10", "pip install torch==2.10.0");
    }

    [Fact]
    public void A_libtorch_that_does_not_tell_its_version_is_refused_as_an_old_one()
    {
        Lend();
        File.Delete(Path.Combine(Lib, "libtorch_cpu.so"));
        File.CreateSymbolicLink(Path.Combine(Lib, "libtorch_cpu.so"), Path.Combine(Own, "libtorch_global_deps.so"));
        Refused(Lib, "of a version before 2.10", "expected 2.10");
    }

    [Fact]
    public void A_libtorch_that_lacks_functions_is_refused_when_it_is_loaded_not_when_they_are_called()
    {
        var error = LentLibtorch.Unfit("/x/torch/lib", "undefined symbol: _ZN2at4_ops3add4callE");
        Assert.Contains("'/x/torch/lib'", error.Message);
        Assert.Contains("undefined symbol: _ZN2at4_ops3add4callE", error.Message);
        // libtorch_python.so calls functions of a Python that is not here.
        Assert.Contains("undefined symbol", Assert.Throws<DllNotFoundException>(
            () => NativeBinding.Load(Path.Combine(Own, "libtorch_python.so"))).Message);
    }

    [Fact]
    public void A_folder_without_all_of_libtorch_is_refused_with_what_is_missing_and_how_to_find_the_right_one()
    {
        Lend();
        File.Delete(Path.Combine(Lib, "libtorch.so"));
        Refused(Lib, "has no libtorch.so", "python3 -c");
        Refused(_folder.File("nowhere"), "is no folder", "python3 -c");
    }

    [Fact]
    public void A_file_that_is_no_library_is_named()
    {
        Lend();
        File.Delete(Path.Combine(Lib, "libc10.so"));
        File.WriteAllText(Path.Combine(Lib, "libc10.so"), "no library");
        Refused(Lib, "has a libc10.so that cannot be loaded");
    }

    private static void Refused(string folder, params string[] sentences)
    {
        var (exitCode, output, errors) = Run(BuiltProgram, folder, "sum");
        Assert.Equal(4, exitCode);
        Assert.Empty(output);
        Assert.Contains($"The folder '{folder}' that ZEROONESHOT_LIBTORCH", errors);
        Assert.All(sentences, sentence => Assert.Contains(sentence, errors));
    }

    /// <summary>Links to the application's own libtorch, as a PyTorch would have them.</summary>
    private void Lend()
    {
        foreach (var file in Directory.GetFiles(Own).Where(file => !file.Contains("LibTorchSharp")))
            File.CreateSymbolicLink(Path.Combine(Lib, Path.GetFileName(file)), file);
    }

    /// <summary>The program with TorchSharp's library alone.</summary>
    private string WithoutLibtorch()
    {
        var folder = Directory.CreateDirectory(_folder.File("program")).FullName;
        foreach (var file in Directory.GetFiles(BuiltProgram, "*.dll").Concat(
            [BuiltProgram + Program, BuiltProgram + Program + ".runtimeconfig.json", TorchSharpLibrary()]))
        {
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
        }
        return folder + "/";
    }

    private static string TorchSharpLibrary() =>
        Directory.GetFiles(BuiltProgram, "libLibTorchSharp.so", SearchOption.AllDirectories).First();

    private static (int ExitCode, string[] Output, string Errors) Run(string folder, string libtorch, string argument)
    {
        var start = new ProcessStartInfo(folder + Program, [argument]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["ZEROONESHOT_LIBTORCH"] = libtorch;
        // Where TorchSharp would look for packages that the application does not have.
        start.Environment["NUGET_PACKAGES"] = folder;
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output.Split('\n', StringSplitOptions.RemoveEmptyEntries), errors.Result);
    }
}
