using System.Text.Json;
using System.Text.Json.Nodes;
using ZeroOneShot.Persistence;

namespace ZeroOneShot.SearchSpaces;

/// <summary>
/// Reads JSON that people write: a name that stands twice, or one that means nothing, is a slip, and not to be passed over in silence.
/// </summary>
internal static class StrictJson
{
    private static readonly JsonDocumentOptions s_options = new() { AllowDuplicateProperties = false, MaxDepth = 8 };

    /// <summary>Parses a text, whose checksum is verified and left out where it has one (<see cref="ChecksummedJson.Sign"/>).</summary>
    /// <exception cref="JsonException">The text is not JSON, is nested more than eight times, or has a name twice in an object.</exception>
    /// <exception cref="FormatException">The checksum is of another text.</exception>
    public static JsonNode? Parse(string json)
    {
        var root = JsonNode.Parse(json, documentOptions: s_options);
        if (root is not JsonObject content || !content.ContainsKey(ChecksummedJson.Property))
            return root;
        try
        {
            return JsonNode.Parse(ChecksummedJson.Verify(json));
        }
        catch (JsonException e)
        {
            throw new FormatException($"The text was damaged, or changed by hand: its checksum is of another one. Restore it, or take " +
                $"'{ChecksummedJson.Property}' out of a text that you have changed.", e);
        }
    }

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
