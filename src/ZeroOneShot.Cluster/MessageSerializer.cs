using System.Collections.Frozen;
using System.Runtime.Serialization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Akka.Actor;
using Akka.Actor.Setup;
using Akka.Event;
using Akka.Serialization;

namespace ZeroOneShot.Cluster;

/// <summary>
/// Messages as JSON of known records behind a code that only who has the secret can make (HMAC-SHA256). The name of a record is looked up
/// in a table of eleven; no name of a type is ever looked up from what came over the network.
/// </summary>
internal sealed class MessageSerializer(ExtendedActorSystem system) : SerializerWithStringManifest(system)
{
    private const int CodeBytes = HMACSHA256.HashSizeInBytes;

    private static readonly FrozenDictionary<string, Type> s_types = new[]
    {
        typeof(Pull), typeof(Assigned), typeof(Idle), typeof(Fetch), typeof(Chunk), typeof(Put), typeof(Commit), typeof(GiveBack),
        typeof(Accepted), typeof(Fenced), typeof(Refused),
    }.ToFrozenDictionary(type => type.Name);

    private readonly byte[] _key = system.Settings.Setup.Get<Secret>() is { HasValue: true } secret ? secret.Value.Key : [];

    public override int Identifier => 160116;

    public override string Manifest(object o) => o.GetType().Name;

    public override byte[] ToBinary(object obj)
    {
        var json = JsonSerializer.SerializeToUtf8Bytes(obj, obj.GetType(), MessageJson.Default);
        return [.. Code(Manifest(obj), json), .. json];
    }

    public override object FromBinary(byte[] bytes, string manifest)
    {
        if (bytes.Length < CodeBytes ||
            !CryptographicOperations.FixedTimeEquals(bytes.AsSpan(0, CodeBytes), Code(manifest, bytes.AsSpan(CodeBytes))))
        {
            throw Refuse("A message was refused: its sender does not have this cluster's secret.");
        }
        if (!s_types.TryGetValue(manifest, out var type))
            throw Refuse("A message was refused: it is none of those that coordinator and workers know.");
        try
        {
            return JsonSerializer.Deserialize(bytes.AsSpan(CodeBytes), type, MessageJson.Default) ?? throw new JsonException("It is null.");
        }
        catch (JsonException e)
        {
            throw Refuse($"A message was refused: it is no {type.Name} ({e.Message}).");
        }
    }

    private byte[] Code(string manifest, ReadOnlySpan<byte> json)
    {
        using var code = IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, _key);
        code.AppendData(Encoding.UTF8.GetBytes(manifest));
        code.AppendData([0]);
        code.AppendData(json);
        return code.GetHashAndReset();
    }

    private SerializationException Refuse(string sentence)
    {
        system.Log.Warning(sentence);
        return new SerializationException(sentence);
    }

    /// <summary>How the system hands the secret to this class, which it makes itself.</summary>
    internal sealed class Secret(byte[] key) : Setup
    {
        public byte[] Key { get; } = key;
    }
}
