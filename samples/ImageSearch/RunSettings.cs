using ZeroOneShot.OneShot;

namespace ImageSearch;

/// <summary>What the command line asks for.</summary>
internal sealed record RunSettings
{
    /// <summary>The folder of the images; null for the data set inside this application.</summary>
    public required string? Data { get; init; }

    public required SearchMethod Method { get; init; }

    /// <summary>The preset, with what the command line changes of it.</summary>
    public required Preset Preset { get; init; }

    public required int Seed { get; init; }

    public required string Out { get; init; }

    /// <summary>Side of the images in pixels.</summary>
    public required int ImageSize { get; init; }

    /// <summary>Whether the images of a folder are read as grey.</summary>
    public required bool Grey { get; init; }
}
