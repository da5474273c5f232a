using System.Text.Json.Serialization;

namespace ZeroOneShot.Benchmarks.Gpu;

/// <summary>What a part found. A part that broke or took too long has no figures, and says why.</summary>
internal sealed record PartResult(
    [property: JsonPropertyName("part")] string Part,
    [property: JsonPropertyName("passed")] bool Passed,
    [property: JsonPropertyName("detail")] string Detail,
    [property: JsonPropertyName("seconds")] double Seconds = 0)
{
    [JsonPropertyName("method"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Method { get; init; }

    [JsonPropertyName("evaluation"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Evaluation { get; init; }

    /// <summary>What the device held more at the peak than with the network built.</summary>
    [JsonPropertyName("peak_mib"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? PeakMiB { get; init; }

    /// <summary>All that the driver counted at the peak, other processes and CUDA's own included.</summary>
    [JsonPropertyName("device_mib"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? DeviceMiB { get; init; }

    /// <summary>What the search or training would have been predicted to take of the device; null where nothing is predicted.</summary>
    [JsonPropertyName("predicted_mib"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? PredictedMiB { get; init; }

    [JsonPropertyName("architecture_seconds"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? ArchitectureSeconds { get; init; }

    [JsonPropertyName("weights_seconds"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? WeightsSeconds { get; init; }

    /// <summary>Of the 50 epochs of Table 1, or of the whole pruning, extrapolated from these steps.</summary>
    [JsonPropertyName("search_seconds"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? SearchSeconds { get; init; }

    [JsonPropertyName("images_per_second"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? ImagesPerSecond { get; init; }
}
