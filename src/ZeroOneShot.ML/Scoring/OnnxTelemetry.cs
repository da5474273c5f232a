using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace ZeroOneShot.ML;

/// <summary>
/// ONNX Runtime, when it is first used, writes a device id and a database of events into the user's cache folder, to be sent home. Where
/// the user has not decided by ORT_DISABLE_TELEMETRY, it is told not to.
/// </summary>
internal static partial class OnnxTelemetry
{
    private const string Switch = "ORT_DISABLE_TELEMETRY";

    // Runs when this assembly is first used. OrtEnv.DisableTelemetryEvents comes too late: it makes what it would disable first.
    [ModuleInitializer]
    [SuppressMessage("Usage", "CA2255", Justification = "It must come before the first session, whoever makes it.")]
    internal static void DisableUnlessDecided()
    {
        if (Environment.GetEnvironmentVariable(Switch) is not null)
            return;
        Environment.SetEnvironmentVariable(Switch, "1");
        // On Unix, .NET keeps its variables to itself: native libraries do not see them.
        if (!OperatingSystem.IsWindows())
            _ = SetNativeVariable(Switch, "1", overwrite: 0);
    }

    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetNativeVariable(string name, string value, int overwrite);
}
