using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.RegularExpressions;
using Xunit;
using ZeroOneShot.ClusterProcess;
using ZeroOneShot.Tests;

namespace ZeroOneShot.Cluster.Tests;

/// <summary>Processes on loopback. ZEROONE_CLUSTER_UNITS makes as many units of it as the full size has: 40.</summary>
public sealed partial class ClusterTests : IDisposable
{
    private const string Secret = "the secret of these tests", Lease = "2";

    private static readonly int s_units = int.Parse(
        Environment.GetEnvironmentVariable("ZEROONE_CLUSTER_UNITS") ?? "8", CultureInfo.InvariantCulture);

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

    [Fact]
    public async Task Whatever_is_killed_or_stopped_every_result_is_there_once_and_as_one_process_makes_it()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "There are no such signals.");
        const int steps = 40;
        var coordinator = Coordinator(s_units, steps);
        var workers = new[] { Worker("a"), Worker("b") };
        await Until(() => Finished >= 1);

        // One stops for longer than its lease, and answers late.
        workers[0].Signal("STOP");
        await Until(() => Log.Split('\n').Count(line => line.Contains(": lease ", StringComparison.Ordinal)) > Finished + 2);
        workers[0].Signal("CONT");
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
            CountingWork.Do(alone, $"{steps}", null, Cancellation);
            Assert.Equal(File.ReadAllBytes(Path.Combine(alone, "result.txt")),
                File.ReadAllBytes(Path.Combine(Ledger, "units", $"unit-{unit:D4}", "result.txt")));
        }
        Assert.All(FinishedUnits().GroupBy(id => id), unit => Assert.Single(unit));
        Assert.Equal(s_units, FinishedUnits().Length);
        Assert.Contains("is too late, and thrown away", Log);
        Assert.True(round >= 2);
    }

    [Fact]
    public async Task A_worker_with_another_secret_is_refused_and_a_message_that_names_a_type_is_and_both_stand_in_the_log()
    {
        Coordinator(1, 1);
        await Until(() => _processes[0].Words.Contains("ready", StringComparison.Ordinal));
        var stranger = Start("another secret of sixteen", "worker", _port, _folder.File("x"), "1");
        Assert.Equal(1, await stranger.End());
        Assert.Contains("does not answer", stranger.Words);
        Assert.Contains("another secret", stranger.Words);
        var hostile = Start(Secret, "stranger", _port, "3");
        Assert.True(await hostile.End() == 0, hostile.Words);
        Assert.Contains("its sender does not have this cluster's secret", Log);
        Assert.Contains("written by serializer 1, which this cluster does not use, and names the type 'Stranger", Log);
        Assert.Equal(0, await Worker("a").End());
        Assert.Equal(1, Finished);
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
    public void An_address_that_others_can_reach_needs_a_secret()
    {
        var error = Assert.Throws<ArgumentException>(() => ClusterCoordinator.Start(new ClusterAddress("192.0.2.1", 4160),
            ClusterSecret.None, _folder.FullName, [], _ => true, TimeSpan.FromSeconds(1), "test", _ => { }));
        Assert.Contains("there is no secret: anybody could send results", error.Message);
        Assert.Contains("16", Assert.Throws<ArgumentException>(() => ClusterSecret.Of("short")).Message);
    }

    private int Finished => FinishedUnits().Length;

    private string[] FinishedUnits() => [.. FinishedLine().Matches(Log).Select(match => match.Groups["unit"].Value)];

    private OwnProcess Coordinator(int units, int steps) =>
        Start(Secret, "coordinator", _port, Ledger, $"{units}", $"{steps}", Lease);

    private OwnProcess Worker(string name) => Start(Secret, "worker", _port, _folder.File("worker-" + name));

    private OwnProcess Start(string secret, params string[] arguments)
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

    [GeneratedRegex(@"^(?<unit>unit-\d+): finished under", RegexOptions.Multiline)]
    private static partial Regex FinishedLine();
}
