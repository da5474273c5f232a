using System.Runtime.InteropServices;
using System.Text.RegularExpressions;

namespace ZeroOneShot.Runtime;

/// <summary>
/// A libtorch outside of the application: an installed PyTorch's, which brings CUDA along, or one unpacked somewhere. TorchSharp finds it
/// loaded, and looks no further.
/// </summary>
internal static partial class LentLibtorch
{
    private const string ToFindIt = "For an installed PyTorch it is what " +
        "python3 -c \"import os, torch; print(os.path.join(os.path.dirname(torch.__file__), 'lib'))\" prints.";

    // CUDA's before any computation: libtorch asks once whether it is there, and remembers the answer.
    private static readonly string[] s_inOrder = ["libc10.so", "libtorch_cpu.so", "libc10_cuda.so", "libtorch_cuda.so", "libtorch.so"];

    private static bool IsNeeded(string file) => !file.Contains("cuda", StringComparison.Ordinal);

    /// <summary>Loads libtorch from a folder.</summary>
    /// <param name="folder">The folder with <c>libtorch_cpu.so</c>.</param>
    /// <param name="own">Where the application has a library of its own by that name, or null.</param>
    /// <exception cref="DllNotFoundException">
    /// Its version does not fit, files are missing, or another libtorch was loaded before; the message says which.
    /// </exception>
    public static void Load(string folder, Func<string, string?> own)
    {
        if (!Directory.Exists(folder))
            throw Refused(folder, $"is no folder; expected the one with libtorch_cpu.so. {ToFindIt}");
        var missing = s_inOrder.Where(file => IsNeeded(file) && !File.Exists(Path.Combine(folder, file))).ToArray();
        if (missing.Length > 0)
            throw Refused(folder, $"has no {string.Join(", no ", missing)}; expected the folder with all of libtorch. {ToFindIt}");
        if (StatedVersion(folder) is { } stated && !Fits(stated))
            throw OfVersion(folder, stated);
        if (ProcessMaps.FileOf("libtorch_cpu.so") is { } before && !NativeBinding.IsLoaded(Path.Combine(folder, "libtorch_cpu.so")))
        {
            throw Refused(folder, $"comes too late: this process has loaded libtorch from '{Path.GetDirectoryName(before)}' already. " +
                "Call TorchRuntime.EnsureLoaded before anything else uses TorchSharp.");
        }
        foreach (var file in s_inOrder)
        {
            var path = Path.Combine(folder, file);
            if (!IsNeeded(file) && !File.Exists(path))
                continue;
            nint library;
            try
            {
                library = NativeLibrary.Load(path);
            }
            catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
            {
                throw Refused(folder, $"has a {file} that cannot be loaded: {e.Message}");
            }
            if (file == "libtorch_cpu.so" && LibtorchVersion.Of(library) is var version && !Fits(version))
                throw OfVersion(folder, version);
            // TorchSharp asks for these by name, and would be given the application's own, a second libtorch in the process.
            if (own(file) is { } replaced)
                NativeBinding.StandIn(library, path, replaced);
        }
    }

    /// <summary>What to say where TorchSharp's library does not fit to libtorch.</summary>
    /// <param name="folder">The folder of libtorch.</param>
    /// <param name="reason">The loader's words.</param>
    public static DllNotFoundException Unfit(string folder, string reason) => Refused(folder,
        $"has not all that TorchSharp 0.107.0 calls ({reason}); expected libtorch 2.10, for which it was built.");

    private static bool Fits(string? version) => version is not null && Fitting().IsMatch(version);

    private static DllNotFoundException OfVersion(string folder, string? version) => Refused(folder,
        $"has libtorch {version ?? "of a version before 2.10, which does not tell it"}; expected 2.10, for which TorchSharp 0.107.0 was " +
        "built, or 2.11. Install such a PyTorch, for example with pip install torch==2.10.0, or leave the setting out to compute with " +
        "the application's own libtorch.");

    private static DllNotFoundException Refused(string folder, string what) =>
        new($"The folder '{folder}' that {TorchRuntime.LibtorchVariable} or {TorchRuntime.LibtorchSetting} names {what}");

    /// <summary>What stands beside the folder in an installed PyTorch, or in an unpacked libtorch.</summary>
    private static string? StatedVersion(string folder)
    {
        foreach (var (file, pattern) in new[] { ("version.py", Assigned()), ("build-version", Plain()) })
        {
            var path = Path.Combine(folder, "..", file);
            if (File.Exists(path) && pattern.Match(File.ReadAllText(path)) is { Success: true } match)
                return match.Groups[1].Value;
        }
        return null;
    }

    [GeneratedRegex(@"^2\.1[01](\D|$)")]
    private static partial Regex Fitting();

    [GeneratedRegex(@"__version__\s*=\s*['""]([^'""]+)['""]")]
    private static partial Regex Assigned();

    [GeneratedRegex(@"^\s*(\d[^\s]*)")]
    private static partial Regex Plain();
}
