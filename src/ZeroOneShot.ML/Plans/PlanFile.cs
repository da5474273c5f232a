using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using ZeroOneShot.Persistence;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.ML;

/// <summary>
/// A <see cref="ZeroOneShotPlan"/> as JSON, with a checksum, which people who change a plan leave out: a wrong digit is not to be another
/// plan in silence.
/// </summary>
internal sealed record PlanFile
{
    private const int Format = 1;

    // Characters; a plan has about 1,500.
    private const int LongestText = 1 << 16;

    private static readonly JsonSerializerOptions s_json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false) },
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        IgnoreReadOnlyProperties = true,
    };

    public required int Version { get; init; }

    public required ZeroOneShotPlan Plan { get; init; }

    public static string Write(ZeroOneShotPlan plan) =>
        ChecksummedJson.Sign(JsonSerializer.Serialize(new PlanFile { Version = Format, Plan = plan }, s_json));

    /// <exception cref="FormatException">The text is no plan.</exception>
    public static ZeroOneShotPlan Read(string json)
    {
        if (json.Length > LongestText)
            throw new FormatException($"The text has {json.Length} characters; expected a plan of at most {LongestText}.");
        try
        {
            var root = StrictJson.Parse(json) as JsonObject ?? throw new FormatException("The plan is not a JSON object.");
            // Before what a plan of another version need not have.
            if (root["version"]?.GetValueKind() is not JsonValueKind.Number)
                throw new FormatException("The text is no plan: it has no number 'version'. Make one with zeroone plan.");
            if (root["version"]!.GetValue<double>() is var version && version != Format)
            {
                throw new FormatException(FormattableString.Invariant(
                    $"The plan is of version {version} of its format; expected {Format}. Make it anew with this version of ZeroOneShot."));
            }
            if (root.ContainsKey("sha256"))
                root = (JsonObject)JsonNode.Parse(Verified(json))!;
            var plan = root.Deserialize<PlanFile>(s_json)!.Plan;
            plan.Validate();
            return plan;
        }
        catch (Exception e) when (e is JsonException or ArgumentException or InvalidOperationException or NotSupportedException)
        {
            throw new FormatException($"The text is no plan: {e.Message} Make it anew with zeroone plan.", e);
        }
    }

    private static string Verified(string json)
    {
        try
        {
            return ChecksummedJson.Verify(json);
        }
        catch (JsonException e)
        {
            throw new FormatException("The plan was damaged, or changed by hand: its checksum is of another one. Restore it, or take " +
                "'sha256' out of a plan that you have changed.", e);
        }
    }
}
