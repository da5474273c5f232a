namespace PredictApi;

/// <summary>From the command line, the environment or appsettings.json.</summary>
internal sealed record ServiceSettings
{
    /// <summary>A model that ML.NET saved.</summary>
    public string? Model { get; init; }

    /// <summary>The longest body that is read.</summary>
    public long MaxBytes { get; init; } = 10_000_000;

    /// <summary>The most images that are decoded and scored at a time.</summary>
    public int Concurrency { get; init; } = Environment.ProcessorCount;
}
