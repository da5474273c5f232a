using Akka.Actor;
using Akka.Cluster;

namespace ZeroOneShot.Cluster;

/// <summary>
/// Gives out units of work to whoever asks, and takes what they did. Its state is the folder: killed and started again it goes on, and what
/// workers did under its earlier leases is thrown away.
/// </summary>
public sealed class ClusterCoordinator : IDisposable
{
    private static readonly TimeSpan s_again = TimeSpan.FromSeconds(1);

    private readonly ClusterSecret _secret;
    private readonly Desk _desk;
    private readonly Action<string> _log;
    private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _one = new();
    private ActorSystem _system;
    private volatile bool _isDisposed;

    private ClusterCoordinator(ClusterAddress address, ClusterSecret secret, Desk desk, Action<string> log)
    {
        (_secret, _desk, _log) = (secret, desk, log);
        _system = Open(address);
        Address = address with { Port = ((ExtendedActorSystem)_system).Provider.DefaultAddress.Port ?? address.Port };
    }

    /// <summary>How often a cluster that is lost is tried to be begun anew, a second apart.</summary>
    internal int Attempts { get; set; } = 60;

    internal ActorSystem System => _system;

    /// <summary>Where it listens.</summary>
    public ClusterAddress Address { get; }

    /// <summary>
    /// Completed when every unit is finished or has failed too often, and workers that wait have had the time to ask and be told so.
    /// Faulted with an <see cref="IOException"/> when the cluster was lost and cannot be begun anew, for example since another program has
    /// the port.
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
        return new ClusterCoordinator(address, secret, desk, Log);
    }

    /// <summary>Leaves the cluster, and stops to listen.</summary>
    public void Dispose()
    {
        lock (_one)
            _isDisposed = true;
        _system.Terminate().Wait();
    }

    /// <summary>Begins a cluster with this coordinator as its first member.</summary>
    private ActorSystem Open(ClusterAddress address)
    {
        var system = ClusterNode.Start(ClusterNode.Coordinator, address.Host, address.Port, _secret);
        ClusterNode.Listen(system, line =>
        {
            if (!_isDisposed)               // what breaks when the cluster is left is no news
                _log(line);
        });
        system.ActorOf(Props.Create(() => new Listener(_desk, _done)), ClusterNode.Coordinator);
        var cluster = Akka.Cluster.Cluster.Get(system);
        cluster.Join(cluster.SelfAddress);
        // Where members contradict one another about who is reachable, all of these are downed, the coordinator too.
        _ = Again(system);
        return system;
    }

    private async Task Again(ActorSystem system)
    {
        await system.WhenTerminated.ConfigureAwait(false);
        try
        {
            await Begin().ConfigureAwait(false);
        }
        catch (Exception e)                 // the log's, of which nobody else would hear
        {
            _done.TrySetException(new IOException($"The coordinator has lost its cluster: {e.Message}", e));
        }
    }

    private async Task Begin()
    {
        if (!_isDisposed)
            _log("The cluster had lost its coordinator, which begins it anew.");
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await Task.Delay(s_again).ConfigureAwait(false);
                lock (_one)
                {
                    if (!_isDisposed)
                        _system = Open(Address);
                    return;
                }
            }
            catch (Exception e)             // whatever it is, nobody else would hear of it
            {
                _log($"It cannot be begun: {e.Message}");
                if (attempt < Attempts)
                    continue;
                _done.TrySetException(new IOException($"{e.Message} What workers have brought is kept; start the same command again.", e));
                return;
            }
        }
    }

    private sealed class Listener : ReceiveActor
    {
        private readonly HashSet<string> _members = [];

        public Listener(Desk desk, TaskCompletionSource done)
        {
            Receive<Message>(message =>
            {
                var node = $"{Sender.Path.Address}";
                // Whoever the cluster has put out, or has not taken in, is not watched: a unit there would be lost until its lease is over.
                Sender.Tell(message is Pull && !desk.Book.IsDone && !_members.Contains(node)
                    ? new NotAMember() : desk.Answer(message, node));
                End();
            });
            Receive<ClusterEvent.IMemberEvent>(change =>
            {
                var node = $"{change.Member.Address}";
                if (change.Member.Status is MemberStatus.Joining or MemberStatus.WeaklyUp or MemberStatus.Up)
                    _members.Add(node);
                else if (change.Member.Status is MemberStatus.Down or MemberStatus.Removed && _members.Remove(node))
                    desk.Lose(node);
            });
            Akka.Cluster.Cluster.Get(Context.System).Subscribe(
                Self, ClusterEvent.SubscriptionInitialStateMode.InitialStateAsEvents, typeof(ClusterEvent.IMemberEvent));
            End();

            void End()
            {
                if (desk.Book.IsDone)
                    Task.Delay(desk.Farewell).ContinueWith(_ => done.TrySetResult(), TaskScheduler.Default);
            }
        }
    }
}
