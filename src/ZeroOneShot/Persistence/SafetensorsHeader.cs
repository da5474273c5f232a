using System.Buffers.Binary;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Unicode;

namespace ZeroOneShot.Persistence;

/// <summary>
/// The head of a safetensors file: eight bytes of little-endian length, then JSON. Nothing in it is believed before it is checked against
/// the length of the file. Format: https://github.com/huggingface/safetensors#format.
/// </summary>
internal static class SafetensorsHeader
{
    public const string MetadataName = "__metadata__";

    private const int LengthBytes = 8;
    private const long LongestHeader = 100_000_000; // the limit of the reference implementation

    public static (Dictionary<string, string> Metadata, List<SafetensorEntry> Entries, long DataStart) Read(Stream stream, string path)
    {
        var json = ReadJson(stream, path);
        var dataLength = stream.Length - LengthBytes - json.Length;
        var metadata = new Dictionary<string, string>(StringComparer.Ordinal);
        var entries = new List<SafetensorEntry>();
        using var document = Parse(json, path);
        foreach (var (name, value) in Properties(document.RootElement, "the header", path))
        {
            if (name == MetadataName)
                ReadMetadata(value, metadata, path);
            else
                entries.Add(ReadEntry(name, value, dataLength, path));
        }
        CheckLayout(entries, dataLength, path);
        return (metadata, entries, LengthBytes + json.Length);
    }

    /// <summary>Whether a stream goes on as a safetensors file begins.</summary>
    public static bool Begins(Stream stream)
    {
        Span<byte> start = stackalloc byte[LengthBytes + 1];
        return stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false) == start.Length
            && BinaryPrimitives.ReadUInt64LittleEndian(start) <= LongestHeader && start[LengthBytes] == (byte)'{';
    }

    /// <summary>The head of a file with these entries, padded with spaces so that the data starts at a multiple of eight.</summary>
    public static byte[] Write(IEnumerable<SafetensorEntry> entries, IReadOnlyDictionary<string, string>? metadata)
    {
        using var buffer = new MemoryStream();
        buffer.Write(stackalloc byte[LengthBytes]);
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        {
            json.WriteStartObject();
            if (metadata is { Count: > 0 })
            {
                json.WriteStartObject(MetadataName);
                foreach (var (key, value) in metadata.OrderBy(pair => pair.Key, StringComparer.Ordinal))
                    json.WriteString(key, value);
                json.WriteEndObject();
            }
            foreach (var entry in entries)
            {
                json.WriteStartObject(entry.Name);
                json.WriteString("dtype", SafetensorType.ByDType[entry.DType].Code);
                WriteArray(json, "shape", entry.Shape);
                WriteArray(json, "data_offsets", [entry.Begin, entry.End]);
                json.WriteEndObject();
            }
            json.WriteEndObject();
        }
        while (buffer.Length % 8 != 0)
            buffer.WriteByte((byte)' ');
        var head = buffer.ToArray();
        BinaryPrimitives.WriteInt64LittleEndian(head, head.Length - LengthBytes);
        return head;
    }

    private static void WriteArray(Utf8JsonWriter json, string name, IReadOnlyList<long> values)
    {
        json.WriteStartArray(name);
        foreach (var value in values)
            json.WriteNumberValue(value);
        json.WriteEndArray();
    }

    private static byte[] ReadJson(Stream stream, string path)
    {
        if (stream.Length < LengthBytes)
            throw Invalid(path, $"it has {stream.Length} bytes, fewer than the {LengthBytes} that hold the length of the header");
        Span<byte> prefix = stackalloc byte[LengthBytes];
        stream.ReadExactly(prefix);
        var length = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        var rest = stream.Length - LengthBytes;
        if (length > (ulong)rest)
            throw Invalid(path, $"its header should take {length} bytes, but only {rest} follow; it is cut short or of another format");
        if (length > LongestHeader)
            throw Invalid(path, $"its header should take {length} bytes; the format allows {LongestHeader}");
        var json = new byte[length];
        stream.ReadExactly(json);
        return json;
    }

    private static JsonDocument Parse(byte[] json, string path)
    {
        if (json is not [(byte)'{', ..])
            throw Invalid(path, "its header does not begin with '{'");
        if (!Utf8.IsValid(json))
            throw Invalid(path, "its header is not valid UTF-8");
        try
        {
            return JsonDocument.Parse(json);
        }
        catch (JsonException e)
        {
            throw Invalid(path, $"its header is not valid JSON ({e.Message})", e);
        }
    }

    private static void ReadMetadata(JsonElement value, Dictionary<string, string> metadata, string path)
    {
        if (value.ValueKind != JsonValueKind.Object)
            throw Invalid(path, $"'{MetadataName}' is {Kind(value)}; expected an object of strings");
        foreach (var (key, text) in Properties(value, $"'{MetadataName}'", path))
        {
            if (text.ValueKind != JsonValueKind.String)
                throw Invalid(path, $"'{MetadataName}' has {Kind(text)} for '{key}'; expected a string");
            metadata.Add(key, Text(text, $"the value of '{key}' in '{MetadataName}'", path));
        }
    }

    private static SafetensorEntry ReadEntry(string name, JsonElement value, long dataLength, string path)
    {
        var tensor = $"tensor '{name}'";
        if (value.ValueKind != JsonValueKind.Object)
            throw Invalid(path, $"{tensor} is {Kind(value)}; expected an object with dtype, shape and data_offsets");
        var properties = Properties(value, tensor, path).ToDictionary(p => p.Name, p => p.Value, StringComparer.Ordinal);
        foreach (var required in (string[])["dtype", "shape", "data_offsets"])
        {
            if (!properties.ContainsKey(required))
                throw Invalid(path, $"{tensor} has no '{required}'");
        }

        var code = properties["dtype"].ValueKind == JsonValueKind.String
            ? Text(properties["dtype"], $"the dtype of {tensor}", path)
            : properties["dtype"].GetRawText();
        if (!SafetensorType.ByCode.TryGetValue(code, out var type))
            throw Invalid(path, $"{tensor} has dtype '{code}'; expected one of {SafetensorType.KnownCodes}");

        var shape = Numbers(properties["shape"], $"the shape of {tensor}", path);
        var offsets = Numbers(properties["data_offsets"], $"data_offsets of {tensor}", path);
        if (offsets is not [var begin, var end] || begin > end)
            throw Invalid(path, $"data_offsets of {tensor} are [{string.Join(", ", offsets)}]; expected two numbers, begin <= end");
        if (end > dataLength)
            throw Invalid(path, $"{tensor} takes bytes {begin} to {end} of the data, but there are {dataLength}; it is cut or damaged");
        if (Bytes(shape, type.Size) is not { } bytes)
            throw Invalid(path, $"the shape [{string.Join(", ", shape)}] of {tensor} has more elements than any file can hold");
        if (bytes != end - begin)
        {
            throw Invalid(path, $"{tensor} of dtype {code} and shape [{string.Join(", ", shape)}] takes {bytes} bytes, " +
                $"but its data_offsets [{begin}, {end}] hold {end - begin}");
        }
        return new(name, type.DType, shape, begin, end);
    }

    /// <summary>The tensors must tile the data: no byte shared, none left over.</summary>
    private static void CheckLayout(List<SafetensorEntry> entries, long dataLength, string path)
    {
        long reached = 0;
        SafetensorEntry? previous = null;
        foreach (var entry in entries.OrderBy(e => e.Begin).ThenBy(e => e.End))
        {
            if (entry.Begin < reached)
            {
                throw Invalid(path,
                    $"tensor '{entry.Name}' begins at byte {entry.Begin} and overlaps '{previous!.Name}', which ends at {reached}");
            }
            if (entry.Begin > reached)
                throw Invalid(path, $"bytes {reached} to {entry.Begin}, before tensor '{entry.Name}', belong to no tensor");
            (reached, previous) = (entry.End, entry);
        }
        if (reached < dataLength)
        {
            var where = previous is null ? "" : $", after tensor '{previous.Name}',";
            throw Invalid(path, $"bytes {reached} to {dataLength}{where} belong to no tensor");
        }
    }

    private static List<(string Name, JsonElement Value)> Properties(JsonElement element, string owner, string path)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        var properties = new List<(string, JsonElement)>();
        foreach (var property in element.EnumerateObject())
        {
            string name;
            try
            {
                name = property.Name;
            }
            catch (InvalidOperationException e)
            {
                throw Invalid(path, $"{owner} has a name that is not valid Unicode", e);
            }
            if (!seen.Add(name))
                throw Invalid(path, $"{owner} names '{name}' twice");
            properties.Add((name, property.Value));
        }
        return properties;
    }

    private static string Text(JsonElement value, string what, string path)
    {
        try
        {
            return value.GetString()!;
        }
        catch (InvalidOperationException e)
        {
            throw Invalid(path, $"{what} is not valid Unicode", e);
        }
    }

    private static long[] Numbers(JsonElement value, string what, string path)
    {
        if (value.ValueKind != JsonValueKind.Array)
            throw Invalid(path, $"{what} is {Kind(value)}; expected an array of whole numbers");
        var numbers = new long[value.GetArrayLength()];
        for (var i = 0; i < numbers.Length; i++)
        {
            if (value[i].ValueKind != JsonValueKind.Number || !value[i].TryGetInt64(out numbers[i]) || numbers[i] < 0)
                throw Invalid(path, $"{what} holds {value[i].GetRawText()}; expected whole numbers from 0");
        }
        return numbers;
    }

    private static long? Bytes(long[] shape, long size)
    {
        try
        {
            return checked(shape.Aggregate(size, (product, length) => checked(product * length)));
        }
        catch (OverflowException)
        {
            return null;
        }
    }

    private static string Kind(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "an array",
        JsonValueKind.String => "a string",
        JsonValueKind.Number => "a number",
        JsonValueKind.Null => "null",
        _ => "a truth value",
    };

    private static InvalidDataException Invalid(string path, string found, Exception? cause = null) =>
        new($"'{path}' is not a valid safetensors file: {found}. Write the file again, or take another copy of it.", cause);
}
