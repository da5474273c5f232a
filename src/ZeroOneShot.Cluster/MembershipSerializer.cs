using System.Collections.Frozen;
using System.Runtime.Serialization;
using Akka.Actor;
using Akka.Cluster.Serialization;
using Akka.Serialization;

namespace ZeroOneShot.Cluster;

/// <summary>
/// What Akka.Cluster itself says: joining, gossip and heartbeats, records of addresses and numbers. Not what commands a member (leave,
/// down), which this cluster never sends, and not a router's pool, which holds a message of any other serializer.
/// </summary>
/// <remarks>The names look like those of types; they are looked up in this table alone, and in a switch of Akka's.</remarks>
internal sealed class MembershipSerializer(ExtendedActorSystem system) : SerializerWithStringManifest(system)
{
    private static readonly FrozenSet<string> s_known = new[]
    {
        "HB", "HBR",
        "Akka.Cluster.GossipEnvelope, Akka.Cluster",
        "Akka.Cluster.GossipStatus, Akka.Cluster",
        "Akka.Cluster.InternalClusterAction+InitJoin, Akka.Cluster",
        "Akka.Cluster.InternalClusterAction+InitJoinAck, Akka.Cluster",
        "Akka.Cluster.InternalClusterAction+InitJoinNack, Akka.Cluster",
        "Akka.Cluster.InternalClusterAction+Join, Akka.Cluster",
        "Akka.Cluster.InternalClusterAction+Welcome, Akka.Cluster",
        "Akka.Cluster.InternalClusterAction+ExitingConfirmed, Akka.Cluster",
    }.ToFrozenSet();

    private readonly ClusterMessageSerializer _akka = new(system);

    public override int Identifier => 5;

    public override string Manifest(object o) => _akka.Manifest(o);

    public override byte[] ToBinary(object obj) => s_known.Contains(_akka.Manifest(obj)) ? _akka.ToBinary(obj) :
        throw new SerializationException($"{obj.GetType().Name} is no message of this cluster, and does not leave the process.");

    public override object FromBinary(byte[] bytes, string manifest)
    {
        if (!s_known.Contains(manifest))
        {
            throw RefusingSerializer.Refuse(system,
                $"A message was refused: '{RefusingSerializer.Printable(manifest)}' is nothing that members of this cluster say.");
        }
        try
        {
            return _akka.FromBinary(bytes, manifest);
        }
        catch (Exception e)         // what a damaged message makes of Akka's reader is not known, and is not to end a connection
        {
            throw RefusingSerializer.Refuse(system,
                $"A message was refused: it is no {RefusingSerializer.Printable(manifest)} ({e.Message}).");
        }
    }
}
