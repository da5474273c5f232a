using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Loader;
using TorchSharp;

namespace ZeroOneShot.Runtime;

/// <summary>The native libtorch behind TorchSharp: loading it, the allocator under it, and the device to compute on.</summary>
public static partial class TorchRuntime
{
    /// <summary>
    /// The <see cref="AppContext"/> switch (also read from an environment variable of that name in capitals with underscores,
    /// <c>ZEROONESHOT_DEFAULT_ALLOCATOR=1</c>) that leaves glibc's allocator as it is.
    /// </summary>
    public const string DefaultAllocatorSwitch = "ZeroOneShot.DefaultAllocator";

    /// <summary>
    /// The value of <see cref="AppContext"/>, or else the environment variable <c>ZEROONESHOT_LIBTORCH</c>, that names the folder of a
    /// libtorch to compute with in place of the application's own, or where it has none: <c>torch/lib</c> of an installed PyTorch 2.10 or
    /// 2.11, which brings CUDA along. On Linux. To be set before anything else uses this library or TorchSharp, with
    /// <see cref="AppContext.SetData"/> or as <c>RuntimeHostConfigurationOption</c> in the project.
    /// </summary>
    public const string LibtorchSetting = "ZeroOneShot.Libtorch";

    internal const string LibtorchVariable = "ZEROONESHOT_LIBTORCH";

    // The only symbol TorchSharp 0.107.0 needs at this version, ios_base_library_init, is a link-order marker that is never called.
    private const string MissingOnOlderSystems = "GLIBCXX_3.4.32";

    // What is wrong with libtorch, once it has been loaded; null: nothing.
    private static readonly Lazy<Exception?> s_failure = new(Load);

    private static string? LentFolder =>
        AppContext.GetData(LibtorchSetting) is string { Length: > 0 } set ? Path.GetFullPath(set)
        : Environment.GetEnvironmentVariable(LibtorchVariable) is { Length: > 0 } named ? Path.GetFullPath(named) : null;

    /// <summary>The folder of this assembly; null in a single-file application, where it has none.</summary>
    [UnconditionalSuppressMessage("SingleFile", "IL3000", Justification = "The empty path of a single-file application is expected.")]
    private static string? OwnFolder =>
        Path.GetDirectoryName(typeof(TorchRuntime).Assembly.Location) is { Length: > 0 } folder ? folder : null;

    /// <summary>Whether glibc has been told to keep freed memory in the process.</summary>
    internal static bool KeepsFreedMemory { get; private set; }

    /// <summary>Makes sure that libtorch is loaded and can compute.</summary>
    /// <exception cref="DllNotFoundException">
    /// libtorch or TorchSharp's native library cannot be loaded; the message says what is missing.
    /// </exception>
    public static void EnsureLoaded()
    {
        if (s_failure.Value is { } failure)
            throw new DllNotFoundException(failure.Message, failure);
        try
        {
            torch.InitializeDeviceType(DeviceType.CPU);
        }
        catch (Exception e) when (e is NotSupportedException or TypeInitializationException or DllNotFoundException or ArgumentException)
        {
            // (ArgumentException: in a single-file application TorchSharp stumbles over the path of its assembly, which is none.)
            throw new DllNotFoundException(NotLoadable(e.GetBaseException().Message), e);
        }
    }

    /// <summary>The name of a module, once libtorch is loaded: the constructor of its base class is native code already.</summary>
    /// <exception cref="DllNotFoundException">It cannot be loaded; see <see cref="EnsureLoaded"/>.</exception>
    internal static string Loaded(string module)
    {
        EnsureLoaded();
        return module;
    }

    /// <summary>Which libtorch it is.</summary>
    /// <exception cref="DllNotFoundException">It cannot be loaded; see <see cref="EnsureLoaded"/>.</exception>
    public static LibtorchInfo Libtorch
    {
        get
        {
            EnsureLoaded();
            var file = ProcessMaps.FileOf("libtorch_cpu.so")
                ?? FindNative(OperatingSystem.IsWindows() ? "torch_cpu.dll" : "libtorch_cpu.dylib");
            var version = file is not null && NativeLibrary.TryLoad(file, out var library) ? LibtorchVersion.Of(library) : null;
            return new LibtorchInfo(version, Path.GetDirectoryName(file), LentFolder is not null,
                ProcessMaps.FileOf("libtorch_cuda.so") is not null);
        }
    }

    /// <summary>
    /// Whether an NVIDIA GPU may round the factors of float32 convolutions and matrix products to 10 bits (TF32), which is several times
    /// faster there; sums stay float32. Of the whole process; a CPU does not round. Default: libtorch's, which rounds in convolutions
    /// alone, and then this is false.
    /// </summary>
    public static bool TensorFloat32
    {
        get => torch.backends.cudnn.allow_tf32 && torch.backends.cuda.matmul.allow_tf32;
        set => torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = value;
    }

    /// <summary>The device named, once it is known to be usable.</summary>
    /// <param name="name"><c>cpu</c>, <c>cuda</c> or <c>cuda:N</c>; null or empty is <c>cpu</c>.</param>
    /// <exception cref="ArgumentException">The name is none of these.</exception>
    /// <exception cref="InvalidOperationException">CUDA was asked for and the CUDA build of libtorch or a GPU is absent.</exception>
    public static torch.Device ResolveDevice(string? name)
    {
        EnsureLoaded();
        if (string.IsNullOrEmpty(name) || name == "cpu")
            return torch.CPU;
        if (name != "cuda" && !(name.StartsWith("cuda:", StringComparison.Ordinal) && int.TryParse(name.AsSpan(5), out _)))
        {
            throw new ArgumentException(
                $"Device '{name}' is unknown; expected 'cpu', 'cuda' or 'cuda:N', for example 'cuda:0'.", nameof(name));
        }
        if (!CudaIsAvailable(out var reason))
            throw new InvalidOperationException(
                $"Device '{name}' was asked for, but CUDA is not available{reason}. " +
                "On a machine with an NVIDIA GPU build with TorchBackend=cuda (package TorchSharp-cuda-linux or " +
                $"TorchSharp-cuda-windows), or on Linux let {LibtorchVariable} name the torch/lib of an installed PyTorch 2.10 with " +
                "CUDA; " +
                "or use device 'cpu'.");
        return torch.device(name);
    }

    private static bool CudaIsAvailable(out string reason)
    {
        try
        {
            reason = "";
            return torch.cuda.is_available();
        }
        catch (Exception e) when (e is NotSupportedException or DllNotFoundException)
        {
            reason = ": this application has no CUDA build of libtorch";
            return false;
        }
    }

    /// <summary>
    /// Runs when this assembly is first used. It must not throw, so that types that need no tensors work without libtorch:
    /// a failure is kept for <see cref="EnsureLoaded"/>. libtorch itself, of which many commands and services that predict need nothing,
    /// is loaded when TorchSharp's assembly is.
    /// </summary>
    [ModuleInitializer]
    [SuppressMessage("Usage", "CA2255", Justification = "TorchSharp loads its native library on first use; the repair must come before.")]
    internal static void Initialize()
    {
        if (!OperatingSystem.IsLinux())
            return;
        if (!AppContext.TryGetSwitch(DefaultAllocatorSwitch, out var keep) || !keep)
        {
            if (Environment.GetEnvironmentVariable("ZEROONESHOT_DEFAULT_ALLOCATOR") is null or "" or "0")
                KeepFreedMemory();
        }
        // Threads of libgomp that spin while they wait take the processor from whoever works: on a machine that others use too, ten times
        // the time of sleeping. A few microseconds of it spare the sleep between two small operations. A value the user has set stays.
        _ = SetEnvironmentVariable("GOMP_SPINCOUNT", "1000", overwrite: 0);
        // A GPU's memory lies idle between tensors of many sizes unless libtorch's allocator may lengthen what it has; and the products of
        // matrices, of which there are few and small ones here, need no 32 MiB each to work in.
        if (Environment.GetEnvironmentVariable("PYTORCH_ALLOC_CONF") is null)
            _ = SetEnvironmentVariable("PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:True", overwrite: 0);
        _ = SetEnvironmentVariable("CUBLAS_WORKSPACE_CONFIG", ":4096:2:16:8", overwrite: 0);
        AppDomain.CurrentDomain.AssemblyLoad += WhenLoaded;
        if (AssemblyLoadContext.GetLoadContext(typeof(TorchRuntime).Assembly)!.Assemblies.Any(IsTorchSharp))
            _ = s_failure.Value;

        static void WhenLoaded(object? sender, AssemblyLoadEventArgs loaded)
        {
            if (!IsTorchSharp(loaded.LoadedAssembly))
                return;
            AppDomain.CurrentDomain.AssemblyLoad -= WhenLoaded;
            _ = s_failure.Value;
        }

        static bool IsTorchSharp(Assembly assembly) => assembly.GetName().Name == "TorchSharp";
    }

    private static Exception? Load()
    {
        if (!OperatingSystem.IsLinux())
        {
            return LentFolder is not { } folder ? null : new DllNotFoundException(
                $"{LibtorchVariable} or {LibtorchSetting} names '{folder}'; libtorch is lent on Linux only. Leave the setting out, and " +
                "add a package with libtorch to the application project.");
        }
        try
        {
            LoadOnLinux();
            return null;
        }
        catch (Exception e) when (e is DllNotFoundException or IOException or BadImageFormatException or UnauthorizedAccessException)
        {
            return e;
        }
    }

    /// <summary>
    /// glibc gives large freed blocks back to the system, and every tensor is then page-faulted in anew, which costs more than the
    /// arithmetic of a small convolution. These settings keep freed memory in the process.
    /// </summary>
    private static void KeepFreedMemory()
    {
        const int trimThreshold = -1, topPad = -2, mmapThreshold = -3, arenaMax = -8;
        try
        {
            _ = SetAllocatorOption(trimThreshold, 2_000_000_000);
            _ = SetAllocatorOption(mmapThreshold, 2_000_000_000);
            _ = SetAllocatorOption(topPad, 1 << 26);
            _ = SetAllocatorOption(arenaMax, 1);
            KeepsFreedMemory = true;
        }
        catch (EntryPointNotFoundException)
        {
            // musl has no mallopt; its allocator stays as it is.
        }
    }

    private static void LoadOnLinux()
    {
        var lent = LentFolder;
        var library = FindNative("libLibTorchSharp.so");
        if (lent is not null)
        {
            if (library is null)
                throw new DllNotFoundException("The application lacks libLibTorchSharp.so; it comes with the package TorchSharp 0.107.0.");
            LentLibtorch.Load(lent, FindNative);
        }
        else
        {
            // Without natives to be found there is nothing to mend: TorchSharp looks further, and says so if it finds none.
            if (library is null || FindNative("libtorch_cpu.so") is null)
                return;
            // With CUDA's, where the application has them, before any computation: libtorch remembers whether they are there.
            foreach (var dependency in (string[])["libc10.so", "libtorch_cpu.so", "libtorch_cuda.so", "libtorch.so"])
            {
                if (FindNative(dependency) is { } path && !TryLoad(path, out var error))
                    throw new DllNotFoundException(NotLoadable(error));
            }
        }
        SilenceNnpack(lent is null ? FindNative("libtorch_cpu.so")! : Path.Combine(lent, "libtorch_cpu.so"));
        LoadTorchSharp(library, reason => lent is null ? new DllNotFoundException(NotLoadable(reason)) : LentLibtorch.Unfit(lent, reason));
    }

    private static void LoadTorchSharp(string library, Func<string, Exception> failure)
    {
        try
        {
            NativeBinding.Load(library);
            return;
        }
        catch (DllNotFoundException e) when (e.Message.Contains(MissingOnOlderSystems, StringComparison.Ordinal))
        {
            // mended below
        }
        catch (DllNotFoundException e)
        {
            throw failure(e.Message);
        }
        var image = File.ReadAllBytes(library);
        if (VersionRequirements.MarkWeak(image, MissingOnOlderSystems) == 0)
            throw failure($"{library} asks for {MissingOnOlderSystems} in a way that cannot be relaxed");
        try
        {
            // TorchSharp finds what is loaded by its soname, unless it lives in a context of its own, as plug-ins do, which asks for the
            // file.
            PrivateCopy.Load(image, "libLibTorchSharp.so", inPlaceOf: library);
        }
        catch (DllNotFoundException e) when (e.Message.Contains("undefined symbol", StringComparison.Ordinal))
        {
            throw failure(e.Message);
        }
    }

    /// <summary>
    /// Convolutions on one thread ask for NNPACK, and where it does not know the processor, or sees too little of it in a container, each
    /// of them writes a warning to the console: tens of thousands in a search. There it is switched off; libtorch would not use it anyway.
    /// </summary>
    private static unsafe void SilenceNnpack(string path)
    {
        const int success = 0;
        if (!NativeLibrary.TryLoad(path, out var torchCpu) ||
            !NativeLibrary.TryGetExport(torchCpu, "nnp_initialize", out var initialize) ||
            !NativeLibrary.TryGetExport(torchCpu, "_ZN2at13globalContextEv", out var globalContext) ||
            !NativeLibrary.TryGetExport(torchCpu, "_ZN2at7Context20setUserEnabledNNPACKEb", out var setUserEnabledNnpack))
        {
            return;
        }
        if (((delegate* unmanaged<int>)initialize)() != success)
            ((delegate* unmanaged<nint, byte, void>)setUserEnabledNnpack)(((delegate* unmanaged<nint>)globalContext)(), 0);
    }

    private static bool TryLoad(string path, out string error)
    {
        try
        {
            NativeLibrary.Load(path);
            error = "";
            return true;
        }
        catch (Exception e) when (e is DllNotFoundException or BadImageFormatException)
        {
            error = e.Message;
            return false;
        }
    }

    /// <summary>Beside the application or, for a plug-in, beside this assembly.</summary>
    private static string? FindNative(string file) =>
        OfPlugin(file) ?? NativeFolders().Select(folder => Path.Combine(folder, file)).FirstOrDefault(File.Exists);

    private static IEnumerable<string> NativeFolders()
    {
        foreach (var folder in (AppContext.GetData("NATIVE_DLL_SEARCH_DIRECTORIES") as string ?? "")
            .Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries))
            yield return folder;
        yield return AppContext.BaseDirectory;
        if (OwnFolder is not { } own)
            yield break;
        yield return own;
        yield return Path.Combine(own, "runtimes", RuntimeInformation.RuntimeIdentifier, "native");
    }

    /// <summary>Where a plug-in beside this assembly has a library, in the folder of packages for example, by its .deps.json.</summary>
    private static string? OfPlugin(string file)
    {
        if (OwnFolder is not { } own || AssemblyLoadContext.GetLoadContext(typeof(TorchRuntime).Assembly) == AssemblyLoadContext.Default)
            return null;
        const string Extension = ".deps.json";
        return Directory.EnumerateFiles(own, "*" + Extension).Select(path => path[..^Extension.Length] + ".dll").Where(File.Exists)
            .Select(plugin => new AssemblyDependencyResolver(plugin).ResolveUnmanagedDllToPath(file))
            .FirstOrDefault(path => path is not null);
    }

    private static string NotLoadable(string reason) =>
        $"The native libtorch could not be loaded: {reason} " +
        $"ZeroOneShot needs TorchSharp 0.107.0 and the package libtorch-cpu-{RuntimeInformation.RuntimeIdentifier} 2.10.0 in the " +
        "application project (in this repository: UsesTorch=true), a 64-bit process, and on Linux glibc 2.34 and libstdc++ with " +
        "GLIBCXX_3.4.30 or newer (Debian 12, Ubuntu 22.04).";

    // Environment.SetEnvironmentVariable does not reach native libraries on Unix.
    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetEnvironmentVariable(string name, string value, int overwrite);

    [LibraryImport("libc", EntryPoint = "mallopt")]
    private static partial int SetAllocatorOption(int option, int value);
}
