// coordinator PORT FOLDER UNITS STEPS LEASE | worker PORT FOLDER | stranger PORT | parent 0 FOLDER | child 0 FOLDER
using System.Globalization;
using Akka.Actor;
using Akka.Configuration;
using ZeroOneShot.Cluster;
using ZeroOneShot.ClusterProcess;
using ZeroOneShot.Experiments;
using ZeroOneShot.Persistence;

var address = new ClusterAddress("127.0.0.1", Number(1));
var secret = ClusterSecret.Find(null);
try
{
    switch (args[0])
    {
        case "coordinator":
            using (var kept = FolderLock.Take(args[2], "the runs of a cluster"))
            {
                var units = Enumerable.Range(0, Number(3)).Select(unit => $"unit-{unit:D4}")
                    .Select(id => new WorkUnit(id, Path.Combine(args[2], "units", id), args[4])).ToArray();
                foreach (var unit in units)
                    CountingWork.Begin(unit.Folder);
                using var coordinator = ClusterCoordinator.Start(address, secret, args[2], units,
                    unit => CountingWork.IsFinished(unit.Folder), TimeSpan.FromSeconds(Number(5)), "test", Log);
                Console.WriteLine("ready");
                await coordinator.Done;
            }
            return 0;
        case "worker":
            await ClusterWorker.Join(address, secret, args[2], CountingWork.Do, "test", Console.WriteLine, TimeSpan.FromSeconds(
                args.Length > 3 ? Number(3) : 60));
            return 0;
        case "parent":
            ChildProcess.OfThisProgram("child", "0").StartPart(args[2], CancellationToken.None);
            return 0;
        case "child":
            ChildProcess.EndWithParent(Console.Error.WriteLine);
            // Nobody else has it while this process lives.
            using (new FileStream(Path.Combine(args[2], "alive"), FileMode.Create, FileAccess.Write, FileShare.None))
            {
                File.WriteAllText(Path.Combine(args[2], "begun"), "");
                await Task.Delay(TimeSpan.FromMinutes(10));
            }
            return 0;
        default:
            // Akka as it comes: it writes the name of a type, and whoever reads it as it comes makes one.
            using (var system = ActorSystem.Create("zeroone", ConfigurationFactory.ParseString(
                "akka { loglevel = OFF, stdout-loglevel = OFF, actor.provider = remote, " +
                "remote.dot-netty.tcp { hostname = 127.0.0.1, port = 0 } }")))
            {
                var answer = await system.ActorSelection($"akka.tcp://zeroone@{address}/user/coordinator")
                    .Ask<object>(new Stranger("made by the reader"), TimeSpan.FromSeconds(Number(2))).ContinueWith(task => task.IsFaulted);
                return answer ? 0 : 1;
            }
    }
}
catch (Exception e) when (e is IOException or InvalidOperationException or ArgumentException)
{
    Console.Error.WriteLine(e.Message);
    return 1;
}

int Number(int position) => int.Parse(args[position], CultureInfo.InvariantCulture);

void Log(string line) => File.AppendAllText(Path.Combine(args[2], "log.txt"), line + "\n");

/// <summary>What no cluster has to make.</summary>
internal sealed record Stranger(string Text);
