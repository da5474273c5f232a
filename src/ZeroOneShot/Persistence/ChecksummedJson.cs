using System.Security.Cryptography;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace ZeroOneShot.Persistence;

/// <summary>
/// JSON that a run keeps for itself, with a checksum of its content as the last property, so that a wrong byte is noticed and not taken
/// for another number.
/// </summary>
public static class ChecksummedJson
{
    internal const string Property = "sha256";

    // What a run keeps for itself takes kilobytes.
    private const long MostBytes = 64 << 20;

    // What people read in it stays readable.
    private static readonly JsonSerializerOptions s_indented = new()
    {
        WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>Adds the checksum.</summary>
    /// <param name="json">An object without a property <c>sha256</c>.</param>
    /// <returns>The object with that property, indented.</returns>
    /// <exception cref="JsonException">The text is no such object.</exception>
    public static string Sign(string json)
    {
        // As it will be written: the reader sees these escapes, not those of the text that was given.
        var content = Parse(Parse(json).ToJsonString(s_indented));
        if (content.ContainsKey(Property))
            throw new JsonException($"The object has a property '{Property}' already; expected none.");
        content[Property] = Checksum(content);
        return content.ToJsonString(s_indented);
    }

    /// <summary>Checks what <see cref="Sign"/> wrote.</summary>
    /// <param name="json">The text.</param>
    /// <returns>The object without its checksum.</returns>
    /// <exception cref="JsonException">
    /// The text is no object, or its checksum is missing or of another content: it was damaged, or changed by hand.
    /// </exception>
    public static string Verify(string json)
    {
        var content = Parse(json);
        if (content[Property] is not JsonValue value || !value.TryGetValue<string>(out var expected))
            throw new JsonException($"There is no checksum ('{Property}'): the content was damaged, or written by hand.");
        content.Remove(Property);
        return Checksum(content) == expected ? content.ToJsonString() : throw new JsonException(
            $"The checksum ('{Property}') is of another content: it was damaged, or changed by hand.");
    }

    /// <summary>
    /// Writes a value to a file with its checksum, whole or not at all; what was there before becomes <paramref name="previous"/>, where
    /// one is named.
    /// </summary>
    internal static void Write<T>(string path, T value, JsonSerializerOptions? options = null, string? previous = null) =>
        AtomicFile.Write(
            path, previous, stream => stream.Write(Encoding.UTF8.GetBytes(Sign(JsonSerializer.Serialize(value, options)))));

    /// <summary>Reads what <see cref="Write"/> wrote.</summary>
    /// <exception cref="JsonException">It is not that, or its checksum is of another content.</exception>
    /// <exception cref="FileNotFoundException">There is no such file, or it is a folder.</exception>
    /// <exception cref="InvalidDataException">The file is empty, far too large, a pipe or a device.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    internal static T Read<T>(string path, JsonSerializerOptions? options = null) =>
        JsonSerializer.Deserialize<T>(ReadText(path), options) ?? throw new JsonException("It is null.");

    /// <summary>The content of a file that <see cref="Sign"/> made, without its checksum.</summary>
    /// <inheritdoc cref="Read"/>
    internal static string ReadText(string path) => Verify(InputFile.ReadText(path, "JSON that a run keeps for itself", MostBytes));

    private static JsonObject Parse(string json) =>
        JsonNode.Parse(json, documentOptions: new() { AllowDuplicateProperties = false }) as JsonObject
        ?? throw new JsonException("The text is no JSON object.");

    private static string Checksum(JsonObject content)
    {
        try
        {
            return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(content.ToJsonString())));
        }
        catch (InvalidOperationException e)                             // half of a surrogate pair, which is found only when it is read
        {
            throw new JsonException(e.Message, e);
        }
    }
}
