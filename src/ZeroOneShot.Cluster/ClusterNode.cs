using System.Net;
using System.Net.Sockets;
using Akka.Actor;
using Akka.Configuration;
using Akka.Event;

namespace ZeroOneShot.Cluster;

/// <summary>Akka.Remote as coordinator and workers use it: plain messages of our own, and nothing else that it can do.</summary>
internal static class ClusterNode
{
    public const string System = "zeroone", Coordinator = "coordinator";

    public static ActorSystem Start(string host, int port, ClusterSecret secret)
    {
        static string Type<T>() => $"\"{typeof(T).FullName}, {typeof(T).Assembly.GetName().Name}\"";
        var config = ConfigurationFactory.ParseString($$"""
            akka {
              loglevel = WARNING
              stdout-loglevel = OFF
              loggers = []
              coordinated-shutdown.run-by-clr-shutdown-hook = off
              actor {
                provider = remote
                serializers {
                  zeroone = {{Type<MessageSerializer>()}}
                  json = {{Type<RefusedJson>()}}
                  proto = {{Type<RefusedProtobuf>()}}
                  daemon-create = {{Type<RefusedDaemon>()}}
                  akka-misc = {{Type<RefusedMiscellany>()}}
                  primitive = {{Type<RefusedPrimitive>()}}
                  akka-system-msg = {{Type<RefusedSystemMessage>()}}
                }
                serialization-bindings { {{Type<Message>()}} = zeroone }
              }
              remote {
                untrusted-mode = on
                trusted-selection-paths = ["/user/{{Coordinator}}"]
                log-remote-lifecycle-events = off
                retry-gate-closed-for = 1 s
                dot-netty.tcp {
                  hostname = "{{host}}"
                  port = {{port}}
                  maximum-frame-size = 2000000b
                  send-buffer-size = 2000000b
                  receive-buffer-size = 2000000b
                }
              }
            }
            """);
        try
        {
            return ActorSystem.Create(System, BootstrapSetup.Create().WithConfig(config)
                .And(new MessageSerializer.Secret(secret.Key)));
        }
        catch (Exception e) when (Cause(e) is SocketException socket)
        {
            throw new IOException($"{host}:{port} cannot be listened at ({socket.Message}). Is another coordinator there? Choose another " +
                "port, or an address of this machine.", e);
        }
    }

    /// <summary>The address by which this machine reaches another.</summary>
    public static string HostTowards(ClusterAddress address)
    {
        var target = Dns.GetHostAddresses(address.Host, AddressFamily.InterNetwork).FirstOrDefault() ??
            throw new IOException($"'{address.Host}' has no IPv4 address.");
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

    private static Exception Cause(Exception e) => e is SocketException || e.InnerException is null
        ? e is AggregateException { InnerExceptions: [var only, ..] } ? Cause(only) : e : Cause(e.InnerException);

    private sealed class Listener : ReceiveActor
    {
        // A machine that is gone is told of twice, the second time by this word alone; behind the first line stand stack traces.
        private const string Again = "Disassociated";

        public Listener(Action<string> log) => Receive<LogEvent>(line =>
        {
            var first = $"{line.Message}".Split('\n')[0].TrimEnd();
            if (first != Again)
                log($"Network: {first}");
        });
    }
}
