using System.Reflection;
using Microsoft.ML;
using Microsoft.ML.OnnxRuntime;
using TorchSharp;
using ZeroOneShot.Data;
using ZeroOneShot.ML;
using ZeroOneShot.Networks;

namespace ImageSearch;

/// <summary>The numbers of a run, as metrics.json holds them.</summary>
internal sealed record Metrics
{
    /// <summary>Share of test images that the network classifies rightly.</summary>
    public required double TestAccuracy { get; init; }

    /// <summary>The same of a linear classifier of the same pixels.</summary>
    public required double LinearAccuracy { get; init; }

    /// <summary>Seconds by stage.</summary>
    public required IReadOnlyDictionary<string, double> Seconds { get; init; }

    public required string Method { get; init; }

    public required string Preset { get; init; }

    public required int Seed { get; init; }

    /// <summary>The architecture in the notation of the literature.</summary>
    public required string Genotype { get; init; }

    /// <summary>Learned numbers of the network.</summary>
    public required long Parameters { get; init; }

    public required int TrainImages { get; init; }

    public required int TestImages { get; init; }

    public required IReadOnlyDictionary<string, string> Versions { get; init; }

    public static Metrics Of(RunSettings settings, Preset preset, ImageData data, CellNetTransformer network, Evaluation evaluation,
        double linearAccuracy, IReadOnlyDictionary<string, double> seconds) => new()
        {
            TestAccuracy = evaluation.Accuracy,
            LinearAccuracy = linearAccuracy,
            Seconds = seconds.ToDictionary(stage => stage.Key, stage => Math.Round(stage.Value, 3)),
            Method = settings.Method.Name,
            Preset = preset.Name,
            Seed = settings.Seed,
            Genotype = network.Genotype.ToString(),
            Parameters = NetworkCost.Of(network.Genotype, preset.Train.Network,
                new ImageShape(data.Channels, settings.ImageSize, settings.ImageSize), data.ClassNames.Count).Parameters,
            TrainImages = data.TrainImages,
            TestImages = data.TestImages,
            Versions = new Dictionary<string, string>
            {
                ["zero_one_shot"] = VersionOf(typeof(CellNetTrainer)),
                ["torchsharp"] = VersionOf(typeof(torch)),
                ["ml_net"] = VersionOf(typeof(MLContext)),
                ["onnx_runtime"] = OrtEnv.Instance().GetVersionString(),
                ["dotnet"] = Environment.Version.ToString(),
            },
        };

    // The part behind the plus is the commit.
    private static string VersionOf(Type type) =>
        type.Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "";
}
