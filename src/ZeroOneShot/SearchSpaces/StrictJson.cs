using System.Text.Json;
using System.Text.Json.Nodes;

namespace ZeroOneShot.SearchSpaces;

/// <summary>
/// Reads JSON that people write: a name that stands twice, or one that means nothing, is a slip, and not to be passed over in silence.
/// </summary>
internal static class StrictJson
{
    private static readonly JsonDocumentOptions s_options = new() { AllowDuplicateProperties = false, MaxDepth = 8 };

    /// <exception cref="JsonException">The text is not JSON, is nested more than eight times, or has a name twice in an object.</exception>
    public static JsonNode? Parse(string json) => JsonNode.Parse(json, documentOptions: s_options);

    /// <exception cref="FormatException">An object has another name than these.</exception>
    public static void ThrowIfOther(JsonObject value, string where, params IReadOnlyList<string> names)
    {
        if (value.FirstOrDefault(property => !names.Contains(property.Key)).Key is { } other)
        {
            var found = other.Length <= 60 ? other : other[..57] + "...";
            throw new FormatException($"There is '{found}' in {where}; expected no other names than {string.Join(", ", names)}.");
        }
    }
}
