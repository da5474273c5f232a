using System.Reflection;
using Microsoft.ML;
using Microsoft.ML.OnnxRuntime;
using TorchSharp;
using ZeroOneShot.ML;

namespace ZeroOneShot.Tool;

/// <summary>The versions of what takes part.</summary>
internal static class Versions
{
    public static string Own => Of(typeof(Versions));

    public static IReadOnlyDictionary<string, string> All() => new Dictionary<string, string>
    {
        ["zero_one_shot"] = Of(typeof(CellNetTrainer)),
        ["torchsharp"] = Of(typeof(torch)),
        ["ml_net"] = Of(typeof(MLContext)),
        ["onnx_runtime"] = OrtEnv.Instance().GetVersionString(),
        ["dotnet"] = Environment.Version.ToString(),
    };

    // The part behind the plus is the commit.
    public static string Of(Type type) =>
        type.Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "";
}
