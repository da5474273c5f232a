using System.Text.Json;
using System.Text.Json.Serialization;
using ZeroOneShot.Lean;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.Benchmarks.Gpu;

/// <summary>A search step in PyTorch itself, by benchmarks/gpu/step.py, where the machine's Python has it.</summary>
/// <param name="Python">The interpreter.</param>
/// <param name="Script">step.py.</param>
internal sealed record PyTorchStep(string Python, FileInfo Script)
{
    public const string Evaluation = "pytorch";

    private sealed record Measured(
        [property: JsonPropertyName("version")] string Version,
        [property: JsonPropertyName("peak_mib")] double PeakMiB,
        [property: JsonPropertyName("device_mib")] double DeviceMiB,
        [property: JsonPropertyName("architecture_seconds")] double ArchitectureSeconds,
        [property: JsonPropertyName("weights_seconds")] double WeightsSeconds,
        [property: JsonPropertyName("parameters")] long Parameters);

    /// <summary>The interpreter's arguments, to measure a method on the operations that are live in other measurements of it.</summary>
    public string[] Arguments(string method, Setting setting)
    {
        var (mask, supernet) = Of(method, setting);
        var live = mask.Space.Kinds.ToDictionary(kind => kind == CellKind.Normal ? "normal" : "reduce", kind =>
            Enumerable.Range(0, mask.Space.Topology.EdgeCount).Select(edge =>
                mask.Live(kind, edge).Select(row => mask.Space.Operations[row].Name).ToArray()).ToArray());
        return
        [
            Script.FullName, "--device", setting.Device, "--live", JsonSerializer.Serialize(live), "--channels", $"{supernet.Channels}",
            "--cells", $"{supernet.Cells}", "--partial", $"{supernet.PartialChannels}", "--batch", $"{setting.SearchBatch}",
            "--size", $"{setting.ImageSize}", "--steps", $"{setting.Repetitions}",
        ];
    }

    /// <summary>What the script printed; it counts only where its network has as many parameters as this library's.</summary>
    public static PartResult Read(string method, Setting setting, string printed)
    {
        var measured = JsonSerializer.Deserialize<Measured>(printed)!;
        var (mask, supernet) = Of(method, setting);
        var parameters = new SupernetMemory(mask, supernet, new(3, setting.ImageSize, setting.ImageSize), threads: 1, bfloat16: false)
            .Parameters(Measurement.Classes);
        return new PartResult("search-step", measured.Parameters == parameters,
            $"PyTorch {measured.Version}, {setting.Repetitions} steps, medians; {measured.Parameters} parameters, {parameters} expected")
        {
            Method = method, Evaluation = Evaluation, PeakMiB = measured.PeakMiB, DeviceMiB = measured.DeviceMiB,
            ArchitectureSeconds = measured.ArchitectureSeconds, WeightsSeconds = measured.WeightsSeconds,
            SearchSeconds = setting.SecondsOfSearch(measured.ArchitectureSeconds, measured.WeightsSeconds),
        };
    }

    private static (OperationMask Mask, Networks.SupernetOptions Supernet) Of(string method, Setting setting)
    {
        var measurement = new Measurement(method, Measurement.PlainPlanar, setting.SearchBatch, setting.Search.Channels,
            setting.Search.Cells, setting.Repetitions, setting.ImageSize);
        return (measurement.Mask, measurement.Options.Supernet.WithStem(measurement.Mask.Space, measurement.Images));
    }
}
