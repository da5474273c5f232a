using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.ZeroShot;

namespace ZeroOneShot.ML;

/// <summary>The settings of the stages as one JSON object, which grows from stage to stage and travels with the model.</summary>
internal static class StageSettings
{
    private static readonly JsonSerializerOptions s_json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower), new SearchSpaceName(), new RankingFunctionName() },
    };

    /// <summary>The object with one more stage.</summary>
    /// <param name="earlier">The object so far; null for the first stage.</param>
    /// <param name="stage">For example <c>search</c>.</param>
    /// <param name="settings">The stage's settings.</param>
    public static string With(string? earlier, string stage, object settings)
    {
        var root = Parse(earlier);
        root[stage] = JsonSerializer.SerializeToNode(settings, settings.GetType(), s_json);
        return root.ToJsonString();
    }

    /// <summary>The object so far.</summary>
    /// <exception cref="InvalidDataException">This is no object.</exception>
    public static JsonObject Parse(string? earlier)
    {
        try
        {
            return earlier is null ? [] : JsonNode.Parse(earlier) as JsonObject ?? throw new JsonException("It is no object.");
        }
        catch (JsonException e)
        {
            throw new InvalidDataException(
                $"The settings of earlier stages are no JSON object, as they should be: {e.Message} Use the model as it was saved.", e);
        }
    }

    private sealed class SearchSpaceName : JsonConverter<SearchSpace>
    {
        public override SearchSpace Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            throw new NotSupportedException();

        public override void Write(Utf8JsonWriter writer, SearchSpace value, JsonSerializerOptions options) =>
            writer.WriteStringValue(value.Name);
    }

    private sealed class RankingFunctionName : JsonConverter<IRankingFunction>
    {
        public override IRankingFunction Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            throw new NotSupportedException();

        public override void Write(Utf8JsonWriter writer, IRankingFunction value, JsonSerializerOptions options) =>
            writer.WriteStringValue(value.GetType().Name);
    }
}
