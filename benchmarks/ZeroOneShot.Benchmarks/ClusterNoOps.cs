using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using ZeroOneShot.Cluster;
using ZeroOneShot.Persistence;

namespace ZeroOneShot.Benchmarks;

/// <summary>What the cluster itself costs: units that do nothing but write one small file, by real processes over loopback.</summary>
internal static class ClusterNoOps
{
    private const string Version = "no-ops", Result = "result";

    public static Command Command()
    {
        var units = Options.Count("--units", "Units", 1_000);
        var workers = Options.Count("--workers", "Processes that work, beside the one that coordinates", 2);
        var join = new Option<string?>("--join") { Hidden = true };             // how it starts its workers
        var command = new Command("cluster-no-ops", "Time of a cluster of local processes for units that do nothing.")
        {
            units, workers, join,
        };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            if (parsed.GetValue(join) is { } address)
                await Work(ClusterAddress.Parse(address), cancellationToken).ConfigureAwait(false);
            else
                await Coordinate(parsed.GetValue(units), parsed.GetValue(workers), cancellationToken).ConfigureAwait(false);
        });
        return command;
    }

    private static async Task Coordinate(int unitCount, int workerCount, CancellationToken cancellationToken)
    {
        var folder = Directory.CreateTempSubdirectory("zeroone-no-ops-").FullName;
        var processes = new List<Process>();
        try
        {
            WorkUnit[] units = [.. Enumerable.Range(0, unitCount).Select(unit => $"unit-{unit}")
                .Select(id => new WorkUnit(id, Directory.CreateDirectory(Path.Combine(folder, "units", id)).FullName))];
            var finished = 0;
            var last = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            using var coordinator = ClusterCoordinator.Start(new ClusterAddress("127.0.0.1", FreePort()), ClusterSecret.None, folder, units,
                unit => File.Exists(Path.Combine(unit.Folder, Result)), TimeSpan.FromSeconds(10), Version, line =>
                {
                    if (line.Contains(": finished under", StringComparison.Ordinal) && ++finished == unitCount)
                        last.SetResult();
                });
            var began = Stopwatch.GetTimestamp();
            var program = Environment.GetCommandLineArgs()[0];
            for (var i = 0; i < workerCount; i++)
                processes.Add(Process.Start("dotnet", [program, "cluster-no-ops", "--join", $"{coordinator.Address}"]));
            await last.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
            var seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
            await coordinator.Done.WaitAsync(cancellationToken).ConfigureAwait(false);
            foreach (var process in processes)
                await process.WaitForExitAsync(cancellationToken).ConfigureAwait(false);
            var used = processes.Sum(process => process.ExitCode == 0 ? 1 : 0);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{unitCount} units, {workerCount} workers and a coordinator on one machine: the last was finished {seconds:F1} s " +
                $"after the workers were started ({unitCount / seconds:F0} a second); " +
                $"{used} workers ended well; {Environment.CpuUsage.TotalTime.TotalSeconds:F1} s of processors in the coordinator."));
        }
        finally
        {
            foreach (var process in processes)
            {
                if (!process.HasExited)
                    process.Kill();
                process.Dispose();
            }
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task Work(ClusterAddress address, CancellationToken cancellationToken)
    {
        var folder = Directory.CreateTempSubdirectory("zeroone-no-ops-").FullName;
        try
        {
            await ClusterWorker.Join(address, ClusterSecret.None, folder,
                (unit, _, _, _) => AtomicFile.Write(Path.Combine(unit, Result), stream => stream.WriteByte(1)),
                Version, _ => { }, TimeSpan.FromSeconds(10), cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
