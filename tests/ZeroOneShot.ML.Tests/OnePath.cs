namespace ZeroOneShot.ML.Tests;

/// <summary>A path, of no class.</summary>
internal sealed class OnePath
{
    public string ImagePath { get; set; } = "";
}
