using System.Collections.Frozen;
using System.Text.Json;
using Akka.Actor;
using Akka.Serialization;

namespace ZeroOneShot.Cluster;

/// <summary>
/// Messages as JSON of known records. The name of a record is looked up in a table of twelve; no name of a type is ever looked up from what
/// came over the network.
/// </summary>
internal sealed class MessageSerializer(ExtendedActorSystem system) : SerializerWithStringManifest(system)
{
    private static readonly FrozenDictionary<string, Type> s_types = new[]
    {
        typeof(Pull), typeof(Assigned), typeof(Idle), typeof(Fetch), typeof(Chunk), typeof(Put), typeof(Commit), typeof(GiveBack),
        typeof(Accepted), typeof(Fenced), typeof(Refused), typeof(NotAMember),
    }.ToFrozenDictionary(type => type.Name);

    public override int Identifier => 160116;

    public override string Manifest(object o) => o.GetType().Name;

    public override byte[] ToBinary(object obj) => JsonSerializer.SerializeToUtf8Bytes(obj, obj.GetType(), MessageJson.Default);

    public override object FromBinary(byte[] bytes, string manifest)
    {
        if (!s_types.TryGetValue(manifest, out var type))
            throw RefusingSerializer.Refuse(system, "A message was refused: it is none of those that coordinator and workers know.");
        try
        {
            var message = JsonSerializer.Deserialize(bytes, type, MessageJson.Default) ?? throw new JsonException("It is null.");
            // What a list holds is not seen to by the reader.
            var isWhole = message switch
            {
                Assigned assigned => assigned.Files.Concat(assigned.Data ?? []).All(note => note is not null),
                Commit commit => commit.Files.All(note => note is not null),
                Accepted { Parts: { } parts } => parts.All(note => note is not null),
                _ => true,
            };
            return isWhole ? message : throw new JsonException("A list of files has a null.");
        }
        catch (JsonException e)
        {
            throw RefusingSerializer.Refuse(system, $"A message was refused: it is no {type.Name} ({e.Message}).");
        }
    }
}
