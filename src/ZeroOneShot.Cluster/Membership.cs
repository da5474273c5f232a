using System.Net.Sockets;
using Akka.Actor;
using Akka.Cluster;
using Akka.Remote;

namespace ZeroOneShot.Cluster;

/// <summary>
/// A worker's place in the cluster. When it is downed, or the coordinator is gone, it asks for a new one with the next message; what the
/// worker computes meanwhile goes on.
/// </summary>
internal sealed class Membership(ClusterAddress address, ClusterSecret secret, Action<string> log) : IAsyncDisposable
{
    // A coordinator hears of a new member a moment later than the member itself.
    private static readonly TimeSpan s_new = TimeSpan.FromSeconds(3);

    private Place? _place;

    /// <summary>Asks the coordinator, once this worker is a member. From one thread at a time.</summary>
    /// <exception cref="TimeoutException">It is not, or there is no answer; the message is a sentence.</exception>
    public async Task<Message> Ask(Message message, TimeSpan timeout, CancellationToken cancellationToken)
    {
        if (_place is { IsOver: true })
        {
            log("This worker is out of the cluster, and joins it again.");
            _ = _place.End();               // nobody waits for it: it has no port that is wanted again
            _place = null;
        }
        var place = _place ??= Enter();
        long joined;
        Message answer;
        try
        {
            joined = await place.Joined.WaitAsync(timeout, cancellationToken).ConfigureAwait(false);
            answer = await place.Coordinator.Ask<Message>(message, timeout, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is TimeoutException or AskTimeoutException ||
            place.IsOver && !cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"{address} does not answer: nobody listens there, the network is down, or the " +
                "coordinator has another secret, of which its log then tells.", e);
        }
        if (answer is not NotAMember)
            return answer;
        if (TimeProvider.System.GetElapsedTime(joined) > s_new)
            place.IsOver = true;
        throw new TimeoutException($"{address} does not count this worker among the members of its cluster.");
    }

    // No route, no name: a network that is down for a while is no reason to end.
    private Place Enter()
    {
        try
        {
            return new Place(address, secret, log);
        }
        catch (Exception e) when (ClusterNode.Cause(e) is SocketException socket)
        {
            throw new TimeoutException($"{address} is not reached from here: {socket.Message}.", e);
        }
    }

    /// <summary>Leaves the cluster.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_place is { } place)
            await place.End().ConfigureAwait(false);
    }

    /// <summary>One time as a member.</summary>
    private sealed class Place
    {
        private readonly ActorSystem _system;
        private readonly TaskCompletionSource<long> _joined = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private volatile bool _isOver;

        public Place(ClusterAddress address, ClusterSecret secret, Action<string> log)
        {
            _system = ClusterNode.Start(ClusterNode.Worker, ClusterNode.HostTowards(address), 0, secret);
            ClusterNode.Listen(_system, line =>
            {
                if (!IsOver)                // what breaks when this place is left is no news
                    log(line);
            });
            _system.ActorOf(Props.Create(() => new Watcher(this)), "membership");
            var coordinator = ClusterNode.CoordinatorAt(address, secret);
            Coordinator = _system.ActorSelection(new RootActorPath(coordinator) / "user" / ClusterNode.Coordinator);
            Akka.Cluster.Cluster.Get(_system).JoinSeedNodes([coordinator]);
            _system.WhenTerminated.ContinueWith(_ => IsOver = true, TaskScheduler.Default);
        }

        public ActorSelection Coordinator { get; }

        /// <summary>When this worker became a member.</summary>
        public Task<long> Joined => _joined.Task;

        public bool IsOver
        {
            get => _isOver;
            set => _isOver = value;
        }

        public Task End()
        {
            IsOver = true;
            return _system.Terminate();
        }

        private sealed class Watcher : ReceiveActor
        {
            public Watcher(Place place)
            {
                var cluster = Akka.Cluster.Cluster.Get(Context.System);
                Receive<ClusterEvent.IMemberEvent>(change =>
                {
                    var isSelf = change.Member.UniqueAddress == cluster.SelfUniqueAddress;
                    if (change.Member.Status is MemberStatus.Joining or MemberStatus.WeaklyUp or MemberStatus.Up)
                    {
                        if (isSelf)
                            place._joined.TrySetResult(TimeProvider.System.GetTimestamp());
                    }
                    else if (isSelf || change.Member.HasRole(ClusterNode.Coordinator))
                    {
                        place.IsOver = true;
                    }
                });
                // The others have put this place out, and do not listen to it any more.
                Receive<ThisActorSystemQuarantinedEvent>(_ => place.IsOver = true);
                cluster.Subscribe(
                    Self, ClusterEvent.SubscriptionInitialStateMode.InitialStateAsEvents, typeof(ClusterEvent.IMemberEvent));
                Context.System.EventStream.Subscribe(Self, typeof(ThisActorSystemQuarantinedEvent));
            }
        }
    }
}
