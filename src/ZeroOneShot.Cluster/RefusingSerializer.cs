using System.Runtime.Serialization;
using Akka.Actor;
using Akka.Event;
using Akka.Serialization;

namespace ZeroOneShot.Cluster;

/// <summary>
/// Stands in the place of Akka's own serializers, some of which make whatever type a message names: what claims to be written by one of
/// them is refused, and logged.
/// </summary>
internal abstract class RefusingSerializer(ExtendedActorSystem system, int identifier) : SerializerWithStringManifest(system)
{
    public override int Identifier => identifier;

    public override string Manifest(object o) => "";

    public override byte[] ToBinary(object obj) =>
        throw new SerializationException($"{obj.GetType().Name} is no message of this cluster, and does not leave the process.");

    public override object FromBinary(byte[] bytes, string manifest)
    {
        var sentence = $"A message was refused: it is written by serializer {identifier}, which this cluster does not use" +
            (manifest.Length > 0 ? $", and names the type '{new string([.. manifest.Take(100).Where(c => c is > ' ' and < '\x7f')])}'." : ".");
        system.Log.Warning(sentence);
        throw new SerializationException(sentence);
    }
}

internal sealed class RefusedJson(ExtendedActorSystem system) : RefusingSerializer(system, 1);

internal sealed class RefusedProtobuf(ExtendedActorSystem system) : RefusingSerializer(system, 2);

internal sealed class RefusedDaemon(ExtendedActorSystem system) : RefusingSerializer(system, 3);

internal sealed class RefusedMiscellany(ExtendedActorSystem system) : RefusingSerializer(system, 16);

internal sealed class RefusedPrimitive(ExtendedActorSystem system) : RefusingSerializer(system, 17);

internal sealed class RefusedSystemMessage(ExtendedActorSystem system) : RefusingSerializer(system, 22);
