using System.Text.Json;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.Tool.Commands;

/// <summary>
/// What tells a mask from a genotype, both JSON: it names its search space. So does what a pruning has measured, which has rounds, too.
/// </summary>
internal static class MaskFile
{
    /// <summary>The search space of a mask; null for what is none.</summary>
    /// <exception cref="FormatException">The text is no JSON, or names a space that does not come with the library.</exception>
    public static SearchSpace? SpaceOf(string json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            return document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty("space", out var space)
                ? SearchSpace.Named(space.GetString() ?? "") : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or ArgumentException)
        {
            throw new FormatException($"The text is neither a mask nor a genotype: {ToolException.Sentence(e)}", e);
        }
    }

    /// <summary>Whether a text that names a search space is what a pruning has measured.</summary>
    public static bool HasRounds(string json)
    {
        using var document = JsonDocument.Parse(json);
        return document.RootElement.TryGetProperty("rounds", out _);
    }
}
