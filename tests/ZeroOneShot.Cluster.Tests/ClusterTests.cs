using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.Serialization;
using System.Text.RegularExpressions;
using Akka.Actor;
using Xunit;
using ZeroOneShot.ClusterProcess;
using ZeroOneShot.Tests;

namespace ZeroOneShot.Cluster.Tests;

/// <summary>Processes on loopback. What takes minutes runs where ZEROONE_CLUSTER_UNITS says how many units: 40.</summary>
public sealed partial class ClusterTests : IDisposable
{
    private const string Secret = "the secret of these tests", Lease = "2", Size = "ZEROONE_CLUSTER_UNITS";

    private static readonly int s_units = int.Parse(
        Environment.GetEnvironmentVariable(Size) ?? "8", CultureInfo.InvariantCulture);

    private readonly TemporaryFolder _folder = new();
    private readonly string _port = $"{FreePort()}";
    private readonly List<OwnProcess> _processes = [];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private string Ledger => _folder.File("ledger");

    private string Log => File.Exists(Path.Combine(Ledger, "log.txt")) ? File.ReadAllText(Path.Combine(Ledger, "log.txt")) : "";

    public void Dispose()
    {
        _processes.ForEach(process => process.Dispose());
        _folder.Dispose();
    }

    [Fact(Timeout = 900_000)]
    public async Task Whatever_is_killed_or_stopped_every_result_is_there_once_and_as_one_process_makes_it()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "There are no such signals.");
        Assert.SkipWhen(Environment.GetEnvironmentVariable(Size) is null, $"It takes minutes: {Size} says how many units, for example 40.");
        const int steps = 15;
        var coordinator = Coordinator(s_units, steps);
        var workers = new[] { Worker("a"), Worker("b") };
        await Until(() => Finished >= 1);

        await StopForLongerThanItsLease(workers[0]);
        await Until(() => Log.Contains("is too late, and thrown away", StringComparison.Ordinal));
        var round = 0;
        for (; Finished < s_units; round++)
        {
            var before = Finished;
            await Until(() => Finished >= Math.Min(s_units, before + 2));
            workers[round % 2].Kill();
            workers[round % 2] = Worker(round % 2 == 0 ? "a" : "b");
            if (round == 1)
            {
                coordinator.Kill();
                coordinator = Coordinator(s_units, steps);
            }
        }
        Assert.Equal(0, await coordinator.End());

        for (var unit = 0; unit < s_units; unit++)
        {
            var alone = _folder.File($"unit-{unit:D4}");
            CountingWork.Begin(alone);
            CountingWork.Do(alone, $"{steps}", null, TestContext.Current.CancellationToken);
            Assert.Equal(File.ReadAllBytes(Path.Combine(alone, "result.txt")),
                File.ReadAllBytes(Path.Combine(Ledger, "units", $"unit-{unit:D4}", "result.txt")));
        }
        // The coordinator may have been killed between a result and its line of the log.
        Assert.InRange(FinishedUnits().Length, s_units - 1, s_units);
        Assert.All(FinishedUnits().GroupBy(id => id), unit => Assert.Single(unit));
        Assert.True(round >= 2, $"{round} workers were killed; give more units.");
    }

    [Fact]
    public async Task A_worker_that_is_killed_gives_its_unit_back_though_its_lease_would_last_for_hours()
    {
        const int steps = 60;
        var coordinator = Start(Secret, "coordinator", _port, Ledger, "1", $"{steps}", "20000");
        var killed = Worker("a");
        await Until(() => Leases().Length == 1);
        killed.Kill();
        Worker("b");
        Assert.Equal(0, await coordinator.End());
        Assert.Contains("is over, since its worker is no longer in the cluster", Log);
        Assert.Equal(2, Leases().Length);
        Assert.Equal(1, Finished);
    }

    [Fact]
    public async Task A_coordinator_that_is_killed_starts_again_at_once_at_its_address_and_its_worker_joins_again()
    {
        const int steps = 60;
        var coordinator = Coordinator(1, steps);
        var worker = Worker("a");
        await Until(() => Leases().Length == 1);
        coordinator.Kill();
        Assert.Equal(0, await Coordinator(1, steps).End());
        Assert.Equal(0, await worker.End());
        Assert.Equal(1, Finished);
    }

    [Theory]
    [InlineData("Akka.Cluster.ClusterUserAction+Down, Akka.Cluster")]
    [InlineData("Akka.Cluster.ClusterUserAction+Leave, Akka.Cluster")]
    [InlineData("Akka.Cluster.Routing.ClusterRouterPool, Akka.Cluster")]
    [InlineData("System.Diagnostics.Process, System")]
    public async Task Whoever_commands_a_member_or_names_a_type_in_the_words_of_membership_is_refused(string manifest)
    {
        var refused = new TaskCompletionSource<string>();
        using var system = ClusterNode.Start(ClusterNode.Worker, "127.0.0.1", 0, ClusterSecret.None);
        ClusterNode.Listen(system, line => refused.TrySetResult(line));
        var serializer = new MembershipSerializer((ExtendedActorSystem)system);
        Assert.Throws<SerializationException>(() => serializer.FromBinary([], manifest));
        Assert.Contains(manifest, await refused.Task.WaitAsync(TimeSpan.FromMinutes(1), Cancellation));
        await system.Terminate();
    }

    [Fact]
    public async Task Whoever_has_another_secret_or_does_not_encrypt_is_refused_and_it_stands_in_the_log()
    {
        Coordinator(1, 1);
        await Until(() => _processes[0].Words.Contains("ready", StringComparison.Ordinal));
        var stranger = Start("another secret of sixteen", "worker", _port, _folder.File("x"), "1");
        Assert.Equal(1, await stranger.End());
        Assert.Contains("does not answer", stranger.Words);
        Assert.Contains("another secret", stranger.Words);
        Assert.Contains("the other side does not have this cluster's secret", Log);
        var before = Log.Length;
        Assert.Equal(1, await Start(null, "worker", _port, _folder.File("y"), "1").End());
        Assert.Matches(@"Rejected incoming connection from .* due to TLS handshake failure", Log[before..]);
        Assert.Equal(0, await Worker("a").End());
        Assert.Equal(1, Finished);
    }

    [Fact]
    public async Task A_message_that_names_a_type_is_refused_and_it_stands_in_the_log()
    {
        Start(null, "coordinator", _port, Ledger, "1", "1", Lease);
        await Until(() => _processes[0].Words.Contains("ready", StringComparison.Ordinal));
        var hostile = Start(null, "stranger", _port, "3");
        Assert.True(await hostile.End() == 0, hostile.Words);
        Assert.Contains("written by serializer 1, which this cluster does not use", Log);
        Assert.Equal(0, await Start(null, "worker", _port, _folder.File("worker-a")).End());
        Assert.Equal(1, Finished);
    }

    [Fact]
    public void A_secret_makes_one_key_wherever_it_is_used_and_another_secret_another()
    {
        using var here = ClusterCertificate.Of(ClusterSecret.Of(Secret));
        using var there = ClusterCertificate.Of(ClusterSecret.Of(" " + Secret + "\n"));
        using var other = ClusterCertificate.Of(ClusterSecret.Of(Secret + "."));
        Assert.Equal(here.GetPublicKey(), there.GetPublicKey());
        Assert.NotEqual(here.GetPublicKey(), other.GetPublicKey());
        Assert.True(here.HasPrivateKey);
    }

    [Fact]
    public async Task A_second_coordinator_of_a_ledger_is_refused()
    {
        Coordinator(1, 1);
        await Until(() => _processes[0].Words.Contains("ready", StringComparison.Ordinal));
        var second = Start(Secret, "coordinator", $"{FreePort()}", Ledger, "1", "1", Lease);
        Assert.Equal(1, await second.End());
        Assert.Contains("the runs of a cluster", second.Words);
    }

    [Fact]
    public async Task A_coordinator_whose_port_another_one_has_is_refused()
    {
        Coordinator(1, 1);
        await Until(() => _processes[0].Words.Contains("ready", StringComparison.Ordinal));
        var second = Start(Secret, "coordinator", _port, _folder.File("another"), "1", "1", Lease);
        Assert.Equal(1, await second.End());
        Assert.Contains($"127.0.0.1:{_port} cannot be listened at", second.Words);
    }

    [Fact(Timeout = 120_000)]
    public async Task A_coordinator_that_has_lost_its_cluster_and_cannot_begin_it_anew_says_so_and_ends()
    {
        var (log, one) = (new List<string>(), new Lock());
        using var coordinator = ClusterCoordinator.Start(new ClusterAddress("127.0.0.1", int.Parse(_port, CultureInfo.InvariantCulture)),
            ClusterSecret.None, Ledger, [new WorkUnit("unit-0000", _folder.File("unit"))], _ => false, TimeSpan.FromMinutes(1), "test",
            line =>
            {
                lock (one)
                    log.Add(line);
            });
        coordinator.Attempts = 2;
        var lost = coordinator.System.Terminate();
        using var other = new TcpListener(IPAddress.Loopback, coordinator.Address.Port);
        for (var has = false; !has;)
        {
            try
            {
                other.Start();
                has = true;
            }
            catch (SocketException)
            {
                await Task.Delay(5, TestContext.Current.CancellationToken);
            }
        }
        await lost;
        var error = await Assert.ThrowsAsync<IOException>(() => coordinator.Done.WaitAsync(TimeSpan.FromMinutes(1), Cancellation));
        Assert.Contains($"127.0.0.1:{_port} cannot be listened at", error.Message);
        Assert.Contains("start the same command again", error.Message);
        lock (one)
            Assert.Equal(2, log.Count(line => line.StartsWith("It cannot be begun", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_coordinator_that_is_not_reached_from_here_is_waited_for()
    {
        await using var membership = new Membership(new ClusterAddress("nowhere.invalid", 4160), ClusterSecret.Of(Secret), _ => { });
        var error = await Assert.ThrowsAsync<TimeoutException>(
            () => membership.Ask(new Pull("w", "test"), TimeSpan.FromSeconds(1), Cancellation));
        Assert.Contains("nowhere.invalid:4160 is not reached from here", error.Message);
    }

    [Fact(Timeout = 120_000)]
    public async Task A_stage_ends_with_the_process_that_started_it_though_that_one_is_killed()
    {
        var folder = Directory.CreateDirectory(_folder.File("stage")).FullName;
        var parent = Start(null, "parent", "0", folder);
        await Until(() => File.Exists(Path.Combine(folder, "begun")));
        Assert.False(IsFree());
        parent.Kill();
        while (!IsFree())
            await Task.Delay(50, TestContext.Current.CancellationToken);

        bool IsFree()
        {
            try
            {
                using var file = new FileStream(Path.Combine(folder, "alive"), FileMode.Open, FileAccess.ReadWrite, FileShare.None);
                return true;
            }
            catch (IOException)
            {
                return false;
            }
        }
    }

    [Theory]
    [InlineData("Pull", """{"Worker":null,"Version":"1"}""")]
    [InlineData("Pull", """{"Worker":"a"}""")]
    [InlineData("Put", """{"Unit":"a","Lease":1,"Path":"b","Offset":0,"Bytes":null}""")]
    [InlineData("Commit", """{"Unit":"a","Lease":1,"Files":[null],"IsFinished":true}""")]
    [InlineData("Commit", """{"Unit":"a","Lease":1,"Files":[{"Path":null,"Length":1,"Sha256":""}],"IsFinished":true}""")]
    public async Task A_message_that_lacks_something_is_refused(string name, string json)
    {
        using var system = ClusterNode.Start(ClusterNode.Worker, "127.0.0.1", 0, ClusterSecret.None);
        var serializer = new MessageSerializer((ExtendedActorSystem)system);
        Assert.Throws<SerializationException>(() => serializer.FromBinary(System.Text.Encoding.UTF8.GetBytes(json), name));
        var whole = new Assigned("a", 1, 2, "", [new FileNote("b", 1, "c")], null);
        var read = Assert.IsType<Assigned>(serializer.FromBinary(serializer.ToBinary(whole), "Assigned"));
        Assert.Equal((whole.Unit, whole.Files[0], null), (read.Unit, read.Files[0], read.Data));
        await system.Terminate();
    }

    [Fact]
    public void An_address_that_others_can_reach_needs_a_secret()
    {
        var error = Assert.Throws<ArgumentException>(() => ClusterCoordinator.Start(new ClusterAddress("192.0.2.1", 4160),
            ClusterSecret.None, _folder.FullName, [], _ => true, TimeSpan.FromSeconds(1), "test", _ => { }));
        Assert.Contains("there is no secret: anybody could send results", error.Message);
        Assert.Contains("16", Assert.Throws<ArgumentException>(() => ClusterSecret.Of("short")).Message);
    }

    // By the results themselves: a coordinator may be killed between a result and its line of the log.
    private int Finished => !Directory.Exists(Path.Combine(Ledger, "units")) ? 0
        : Directory.GetDirectories(Path.Combine(Ledger, "units")).Count(CountingWork.IsFinished);

    private string[] FinishedUnits() => [.. FinishedLine().Matches(Log).Select(match => match.Groups["unit"].Value)];

    /// <summary>
    /// Pauses a worker while it has a unit, until another one has that unit. Between two units it is let go, and paused again.
    /// </summary>
    private async Task StopForLongerThanItsLease(OwnProcess worker)
    {
        for (; ; await Task.Delay(100, Cancellation))
        {
            worker.Signal("STOP");
            var name = $"-{worker.Id}";
            if (Leases().LastOrDefault(lease => lease.Worker.EndsWith(name, StringComparison.Ordinal)).Unit is { } unit)
            {
                var path = Path.Combine(Ledger, "units", unit);
                await Until(() => CountingWork.IsFinished(path) ||
                    !Leases().Last(lease => lease.Unit == unit).Worker.EndsWith(name, StringComparison.Ordinal));
                if (!Leases().Last(lease => lease.Unit == unit).Worker.EndsWith(name, StringComparison.Ordinal))
                {
                    worker.Signal("CONT");
                    return;
                }
            }
            worker.Signal("CONT");
        }
    }

    private (string Unit, string Worker)[] Leases() =>
        [.. LeaseLine().Matches(Log).Select(match => (match.Groups["unit"].Value, match.Groups["worker"].Value))];

    private OwnProcess Coordinator(int units, int steps) =>
        Start(Secret, "coordinator", _port, Ledger, $"{units}", $"{steps}", Lease);

    private OwnProcess Worker(string name) => Start(Secret, "worker", _port, _folder.File("worker-" + name));

    private OwnProcess Start(string? secret, params string[] arguments)
    {
        var process = new OwnProcess(secret, arguments);
        _processes.Add(process);
        return process;
    }

    private async Task Until(Func<bool> condition)
    {
        while (!condition())
        {
            await Task.Delay(50, Cancellation);
            if (_processes[0].HasEnded && _processes.Count == 1)
                Assert.Fail(_processes[0].Words);
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    [GeneratedRegex(@"^(?<unit>unit-\d+): lease \d+ to (?<worker>\S+)\.$", RegexOptions.Multiline)]
    private static partial Regex LeaseLine();

    [GeneratedRegex(@"^(?<unit>unit-\d+): finished under", RegexOptions.Multiline)]
    private static partial Regex FinishedLine();
}
