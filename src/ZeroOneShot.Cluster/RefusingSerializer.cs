using System.Runtime.Serialization;
using Akka.Actor;
using Akka.Configuration;
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
        var named = Printable(manifest);
        throw Refuse(system, $"A message was refused: it is written by serializer {identifier}, which this cluster does not use" +
            (named.Length > 0 ? $", and names the type '{named}'." : "."));
    }

    /// <summary>What stands in a log of a name that came over the network.</summary>
    public static string Printable(string name) => new([.. name.Take(100).Where(c => c is >= ' ' and < '\x7f')]);

    /// <summary>Logs a refusal, and returns what is to be thrown.</summary>
    public static SerializationException Refuse(ExtendedActorSystem system, string sentence)
    {
        system.Log.Warning(sentence);
        return new SerializationException(sentence);
    }
}

internal sealed class RefusedJson(ExtendedActorSystem system) : RefusingSerializer(system, 1)
{
    // Akka has settings for its own, and looks for a constructor that takes them.
    public RefusedJson(ExtendedActorSystem system, Config _) : this(system)
    {
    }
}

internal sealed class RefusedProtobuf(ExtendedActorSystem system) : RefusingSerializer(system, 2);

internal sealed class RefusedDaemon(ExtendedActorSystem system) : RefusingSerializer(system, 3);

internal sealed class RefusedMiscellany(ExtendedActorSystem system) : RefusingSerializer(system, 16);

internal sealed class RefusedPrimitive(ExtendedActorSystem system) : RefusingSerializer(system, 17)
{
    public RefusedPrimitive(ExtendedActorSystem system, Config _) : this(system)
    {
    }
}

internal sealed class RefusedSystemMessage(ExtendedActorSystem system) : RefusingSerializer(system, 22);

internal sealed class RefusedReliableDelivery(ExtendedActorSystem system) : RefusingSerializer(system, 36);
