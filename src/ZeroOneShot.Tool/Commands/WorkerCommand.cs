using System.CommandLine;
using ZeroOneShot.Cluster;
using ZeroOneShot.Experiments;
using ZeroOneShot.Tool.Output;

namespace ZeroOneShot.Tool.Commands;

/// <summary>Does the runs that a coordinator on another machine, or on this one, gives out.</summary>
internal static class WorkerCommand
{
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(10);

    private static readonly Option<string> s_join = new("--join")
    {
        Description = "Where the coordinator listens: zeroone table1 --cluster HOST:PORT.", Required = true, HelpName = "HOST:PORT",
    };

    private static readonly Option<string> s_folder = new("--folder")
    {
        Description = "For copies of the data, which are kept for the next time, and of runs, which are not.",
        DefaultValueFactory = _ => "zeroone-worker", HelpName = "DIR",
    };

    private static readonly Option<string?> s_device = new("--device") { Description = "cpu, cuda or cuda:N. Default: cpu." };

    /// <summary>Never the secret itself: other users of a machine see command lines.</summary>
    public static Option<string?> SecretFile { get; } = new("--secret-file")
    {
        Description = $"A file with what coordinator and workers share, at least 16 characters; or the variable " +
            $"{ClusterSecret.Variable}. Required unless the address is of this machine alone.",
        HelpName = "FILE",
    };

    public static Command Make()
    {
        var command = new Command("worker", "Does runs for zeroone table1 --cluster, until there are none left.")
        {
            s_join, s_folder, s_device, SecretFile,
        };
        command.Does((parsed, stop) =>
        {
            stop.Notice = "Stopping; the run is given back with what was done.";
            var device = parsed.GetValue(s_device);
            var finished = ClusterWorker.Join(ClusterAddress.Parse(parsed.GetRequiredValue(s_join)),
                ClusterSecret.Find(parsed.GetValue(SecretFile)), parsed.GetRequiredValue(s_folder), Work,
                RunSpecification.PresentCodeVersion, line => Console.Out.WriteLine(Terminal.Printable(line)), s_patience, stop.Token)
                .GetAwaiter().GetResult();
            Console.Out.WriteLine($"{finished} run(s) were finished here.");
            return ExitCode.Done;

            void Work(string folder, string preset, string? data, CancellationToken cancellationToken)
            {
                var process = StageCommand.InAProcess(ExperimentPreset.Parse(preset), device, [data!]);
                if (RunFolder.IsOne(folder))
                {
                    var run = RunFolder.Open(folder);
                    while (run.NextStage is { } stage)
                        process.Start(run, stage, cancellationToken);
                }
                else
                {
                    process.StartPart(folder, cancellationToken);
                }
            }
        });
        return command;
    }
}
