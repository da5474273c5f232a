using Akka.Actor;

namespace ZeroOneShot.Cluster;

/// <summary>
/// Gives out units of work to whoever asks, and takes what they did. Its state is the folder: killed and started again it goes on, and what
/// workers did under its earlier leases is thrown away.
/// </summary>
public sealed class ClusterCoordinator : IDisposable
{
    private readonly ActorSystem _system;
    private readonly Desk _desk;
    private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private ClusterCoordinator(ActorSystem system, Desk desk, ClusterAddress address) =>
        (_system, _desk, Address) = (system, desk, address);

    /// <summary>Where it listens.</summary>
    public ClusterAddress Address { get; }

    /// <summary>
    /// Completed when every unit is finished or has failed too often, and workers that wait have had the time to ask and be told so.
    /// </summary>
    public Task Done => _done.Task;

    /// <summary>Units that were given back, with the last reason; those that were finished later among them.</summary>
    public IReadOnlyDictionary<string, string> Failures => _desk.Failures;

    /// <summary>Starts to listen. The caller keeps the folder locked (<see cref="Persistence.FolderLock"/>).</summary>
    /// <param name="address">Where to listen.</param>
    /// <param name="secret">What workers must have too; required unless the address is of loopback.</param>
    /// <param name="folder">Holds the coordinator's own two or three files, for example a ledger's folder.</param>
    /// <param name="units">All units, finished ones too.</param>
    /// <param name="isFinished">Whether a unit's folder is.</param>
    /// <param name="lease">A worker that is not heard of for so long loses its unit.</param>
    /// <param name="version">Workers of another version are refused.</param>
    /// <param name="log">Told of every lease, result and refusal; from any thread.</param>
    /// <exception cref="ArgumentException">A secret is missing, or a unit's name has strange characters or stands twice.</exception>
    /// <exception cref="IOException">The folder cannot be written, or the address cannot be listened at.</exception>
    public static ClusterCoordinator Start(
        ClusterAddress address, ClusterSecret secret, string folder, IReadOnlyList<WorkUnit> units, Func<WorkUnit, bool> isFinished,
        TimeSpan lease, string version, Action<string> log)
    {
        ArgumentNullException.ThrowIfNull(address);
        ArgumentNullException.ThrowIfNull(secret);
        ArgumentNullException.ThrowIfNull(units);
        ArgumentNullException.ThrowIfNull(log);
        if (address.Host is "0.0.0.0")
        {
            throw new ArgumentException("0.0.0.0 is every address of this machine; expected the one by which workers reach it.",
                nameof(address));
        }
        secret.CheckFor(address);
        var one = new Lock();
        void Log(string line)
        {
            lock (one)
                log(line);
        }
        var desk = new Desk(folder, units, isFinished, lease, version, Log);
        var system = ClusterNode.Start(address.Host, address.Port, secret);
        ClusterNode.Listen(system, Log);
        var port = ((ExtendedActorSystem)system).Provider.DefaultAddress.Port ?? address.Port;
        var coordinator = new ClusterCoordinator(system, desk, address with { Port = port });
        system.ActorOf(Props.Create(() => new Listener(desk, coordinator._done)), ClusterNode.Coordinator);
        return coordinator;
    }

    /// <summary>Stops to listen.</summary>
    public void Dispose() => _system.Terminate().Wait();

    private sealed class Listener : ReceiveActor
    {
        public Listener(Desk desk, TaskCompletionSource done)
        {
            Receive<Message>(message =>
            {
                Sender.Tell(desk.Answer(message));
                End();
            });
            End();

            void End()
            {
                if (desk.Book.IsDone)
                    Task.Delay(desk.Wait * 1.5).ContinueWith(_ => done.TrySetResult(), TaskScheduler.Default);
            }
        }
    }
}
