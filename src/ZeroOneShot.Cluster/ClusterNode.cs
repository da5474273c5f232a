using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Akka.Actor;
using Akka.Actor.Setup;
using Akka.Configuration;
using Akka.Event;
using Akka.Remote.Transport.DotNetty;

namespace ZeroOneShot.Cluster;

/// <summary>
/// Akka.Cluster as coordinator and workers use it: its membership, plain messages of our own, and nothing else that it can do.
/// </summary>
internal static class ClusterNode
{
    public const string Coordinator = "coordinator", Worker = "worker";

    private const string System = "zeroone";

    /// <summary>
    /// Starts a place in a cluster, which has yet to join. Of a cluster that is cut in two the part with the coordinator is kept: the
    /// others leave, and come back as new members. A worker that is silent for some ten seconds is out.
    /// </summary>
    /// <param name="role"><see cref="Coordinator"/>, of which a cluster has one, or <see cref="Worker"/>.</param>
    /// <param name="host">By which name or address the others reach it.</param>
    /// <param name="port">0 lets the system choose.</param>
    /// <param name="secret">What all have.</param>
    public static ActorSystem Start(string role, string host, int port, ClusterSecret secret)
    {
        var tls = secret.IsNone ? null : Tls(ClusterCertificate.Of(secret));
        static string Type<T>() => $"\"{typeof(T).FullName}, {typeof(T).Assembly.GetName().Name}\"";
        var config = ConfigurationFactory.ParseString($$"""
            akka {
              loglevel = WARNING
              stdout-loglevel = OFF
              loggers = []
              coordinated-shutdown {
                run-by-clr-shutdown-hook = off
                phases {
                  cluster-leave.timeout = 2 s
                  cluster-exiting.timeout = 2 s
                  cluster-exiting-done.timeout = 2 s
                }
              }
              actor {
                provider = cluster
                serializers {
                  zeroone = {{Type<MessageSerializer>()}}
                  json = {{Type<RefusedJson>()}}
                  proto = {{Type<RefusedProtobuf>()}}
                  daemon-create = {{Type<RefusedDaemon>()}}
                  akka-misc = {{Type<RefusedMiscellany>()}}
                  primitive = {{Type<RefusedPrimitive>()}}
                  akka-system-msg = {{Type<RefusedSystemMessage>()}}
                  akka-cluster = {{Type<MembershipSerializer>()}}
                  reliable-delivery = {{Type<RefusedReliableDelivery>()}}
                }
                serialization-bindings { {{Type<Message>()}} = zeroone }
              }
              remote {
                untrusted-mode = on
                trusted-selection-paths = ["/user/{{Coordinator}}", "/system/cluster/core/daemon", "/system/cluster/heartbeatReceiver"]
                log-remote-lifecycle-events = off
                retry-gate-closed-for = 1 s
                dot-netty.tcp {
                  hostname = "{{host}}"
                  port = {{port}}
                  enable-ssl = {{(tls is null ? "off" : "on")}}
                  maximum-frame-size = 2000000b
                  send-buffer-size = 2000000b
                  receive-buffer-size = 2000000b
                }
              }
              cluster {
                roles = [{{role}}]
                app-version = "1.0"
                seed-node-timeout = 1 s
                retry-unsuccessful-join-after = 3 s
                periodic-tasks-initial-delay = 200 ms
                gossip-interval = 500 ms
                leader-actions-interval = 500 ms
                allow-weakly-up-members = 2 s
                failure-detector {
                  heartbeat-interval = 1 s
                  acceptable-heartbeat-pause = 4 s
                }
                downing-provider-class = "Akka.Cluster.SBR.SplitBrainResolverProvider, Akka.Cluster"
                split-brain-resolver {
                  active-strategy = keep-oldest
                  keep-oldest { role = {{Coordinator}}, down-if-alone = off }
                  stable-after = 4 s
                  down-all-when-unstable = off
                }
              }
            }
            """);
        try
        {
            ThrowIfTaken(host, port);
            var setup = BootstrapSetup.Create().WithConfig(config);
            return ActorSystem.Create(System, tls is null ? ActorSystemSetup.Create(setup) : setup.And(tls));
        }
        catch (Exception e) when (Cause(e) is SocketException socket)
        {
            throw new IOException($"{host}:{port} cannot be listened at ({socket.Message}). Is another coordinator there? Choose another " +
                "port, or an address of this machine.", e);
        }
    }

    /// <summary>
    /// The transport lets several processes listen at a port, which then share its connections; without that it would have to wait for
    /// minutes until the connections of a coordinator that was killed are forgotten. So a port that is taken is found beforehand.
    /// </summary>
    private static void ThrowIfTaken(string host, int port)
    {
        if (port == 0)
            return;
        var address = IPAddress.TryParse(host, out var one) ? one : Dns.GetHostAddresses(host, AddressFamily.InterNetwork)[0];
        using var listener = new TcpListener(address, port);
        listener.Start();
    }

    /// <summary>The coordinator's place, by which workers join, and below which they find it.</summary>
    public static Address CoordinatorAt(ClusterAddress address, ClusterSecret secret) =>
        new(secret.IsNone ? "akka.tcp" : "akka.ssl.tcp", System, address.Host, address.Port);

    /// <summary>The address by which this machine reaches another.</summary>
    public static string HostTowards(ClusterAddress address)
    {
        var target = Dns.GetHostAddresses(address.Host, AddressFamily.InterNetwork).FirstOrDefault() ??
            throw new SocketException((int)SocketError.HostNotFound);
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Connect(target, address.Port);
        return ((IPEndPoint)socket.LocalEndPoint!).Address.ToString();
    }

    /// <summary>Warnings of the network, such as refused messages.</summary>
    public static void Listen(ActorSystem system, Action<string> log)
    {
        var listener = system.ActorOf(Props.Create(() => new Listener(log)), "log");
        system.EventStream.Subscribe(listener, typeof(Warning));
        system.EventStream.Subscribe(listener, typeof(Error));
    }

    /// <summary>
    /// Both sides show the certificate, and prove that they have its key. Who made it, for whom, and the dates in it do not matter: whoever
    /// has the key has the secret.
    /// </summary>
    private static DotNettySslSetup Tls(X509Certificate2 certificate)
    {
        var key = certificate.GetPublicKey();
        return new(certificate, suppressValidation: false, requireMutualAuthentication: true, (other, _, peer, _, log) =>
        {
            if (other is not null && CryptographicOperations.FixedTimeEquals(other.GetPublicKey(), key))
                return true;
            log.Warning($"A connection was refused ({peer}): the other side does not have this cluster's secret.");
            return false;
        });
    }

    /// <summary>What an error comes from; an error of the network where there is one.</summary>
    public static Exception Cause(Exception e) => e is SocketException || e.InnerException is null
        ? e is AggregateException { InnerExceptions: [var only, ..] } ? Cause(only) : e : Cause(e.InnerException);

    private sealed class Listener : ReceiveActor
    {
        private const int Longest = 240;

        // Of a machine that is gone each member tells again and again; one line when it breaks off, and the resolver's decision, are
        // enough.
        private static readonly string[] s_silent =
        [
            "Disassociated", "Tried to associate with unreachable", "heartbeat interval is growing", "Marking node(s) as UNREACHABLE",
            "Scheduled sending of heartbeat was delayed", "Coordinated shutdown phase",
        ];

        public Listener(Action<string> log) => Receive<LogEvent>(line =>
        {
            // Behind the first line stand stack traces.
            var first = $"{line.Message}".Split('\n')[0].TrimEnd();
            if (first == s_silent[0] || s_silent.Skip(1).Any(words => first.Contains(words, StringComparison.Ordinal)))
                return;
            log($"Network: {(first.Length > Longest ? first[..Longest] + "..." : first)}");
        });
    }
}
