using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace ZeroOneShot.Tool.Output;

/// <summary>JSON as all commands write it.</summary>
internal static class JsonText
{
    private static readonly JsonSerializerOptions s_line = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
        // Keeps the quotation marks of genotypes readable.
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private static readonly JsonSerializerOptions s_indented = new(s_line) { WriteIndented = true };

    private static readonly JsonSerializerOptions s_read = new(s_line)
    {
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectNullableAnnotations = true,
    };

    public static string Indented<T>(T value) => JsonSerializer.Serialize(value, s_indented);

    public static string Line<T>(T value) => JsonSerializer.Serialize(value, s_line);

    /// <exception cref="JsonException">The text is no such value.</exception>
    public static T Read<T>(string json) => JsonSerializer.Deserialize<T>(json, s_read) ?? throw new JsonException("It is null.");
}
