using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace ZeroOneShot.OneShot;

/// <summary>Writes a relaxation or a loss term as an object with the name of its type and its settings.</summary>
internal sealed class SettingsOfOwnType : JsonConverterFactory
{
    /// <inheritdoc/>
    public override bool CanConvert(Type typeToConvert) =>
        typeToConvert == typeof(Relaxation) || typeToConvert == typeof(ArchitectureLossTerm);

    /// <inheritdoc/>
    public override JsonConverter CreateConverter(Type typeToConvert, JsonSerializerOptions options) =>
        (JsonConverter)Activator.CreateInstance(typeof(Writer<>).MakeGenericType(typeToConvert))!;

    private sealed class Writer<T> : JsonConverter<T>
        where T : class
    {
        public override T Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            throw new NotSupportedException($"A {typeof(T).Name} is written into settings, not read from them.");

        public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options)
        {
            var settings = JsonSerializer.SerializeToNode(value, value.GetType(), options)!.AsObject();
            var written = new JsonObject { ["type"] = value.GetType().Name };
            foreach (var (name, setting) in settings.ToArray())
                written[name] = setting?.DeepClone();
            written.WriteTo(writer, options);
        }
    }
}
