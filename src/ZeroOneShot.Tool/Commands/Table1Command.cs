using System.CommandLine;
using System.Globalization;
using System.Text;
using ZeroOneShot.Cluster;
using ZeroOneShot.Experiments;
using ZeroOneShot.OneShot;
using ZeroOneShot.Persistence;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Tool.Output;
using ZeroOneShot.Yardstick;

namespace ZeroOneShot.Tool.Commands;

/// <summary>Table 1 of the paper: the methods side by side.</summary>
internal static class Table1Command
{
    private static readonly Option<string[]> s_data = new("--data")
    {
        Description = "Folders with CIFAR-10 or CIFAR-100 in the binary layout.", Required = true, AllowMultipleArgumentsPerToken = true,
        HelpName = "DIR",
    };

    private static readonly Option<string[]> s_methods = Among("--methods", "Methods; all are the eight of Table 1",
        ["all", .. SearchMethod.All.Select(method => method.Name)], "all");

    private static readonly Option<string[]> s_spaces = Among("--spaces", "Search spaces",
        [.. SearchSpace.All.Select(space => space.Name)], SearchSpace.Darts.Name);

    private static readonly Option<int> s_seeds = new("--seeds")
    {
        Description = "Runs of each method, with seeds 1, 2, ...", DefaultValueFactory = _ => 3, HelpName = "N",
    };

    private static readonly Option<string> s_preset = new("--preset")
    {
        Description = $"How much a run computes: {string.Join(", ", ExperimentPreset.All.Select(preset => preset.Name))}; behind a colon " +
            $"sizes of your own, for example cpu:train-images=1000,train-epochs=8. Sizes: {string.Join(", ", ExperimentPreset.Sizes)}.",
        DefaultValueFactory = _ => ExperimentPreset.Smoke.Name, HelpName = "NAME[:SIZE=N,...]",
    };

    private static readonly Option<string?> s_budget = new("--budget")
    {
        Description = "Time in all, for example 90s, 60m, 8h: what is under way then goes on the next time.", HelpName = "TIME",
    };

    private static readonly Option<string> s_out = new("--out", "-o")
    {
        Description = "Folder of the runs and of the table, to be given again to go on.", DefaultValueFactory = _ => "table1",
        HelpName = "DIR",
    };

    private static readonly Option<bool> s_plan = new("--plan") { Description = "Only say how long it will take." };

    private static readonly Option<string?> s_draw = new("--draw")
    {
        Description = "Only draw the table of the runs that are finished, those of this version of the library or of another one.",
        Arity = ArgumentArity.ZeroOrOne, HelpName = "VERSION",
    };

    private static readonly Option<string?> s_nasBench201 = new("--nasbench201")
    {
        Description = "The table of NAS-Bench-201, CSV of net and accuracy: true accuracies of what is found in its space.",
        HelpName = "FILE",
    };

    private static readonly Option<string?> s_device = new("--device") { Description = "cpu, cuda or cuda:N. Default: cpu." };

    private static readonly Option<string?> s_cluster = new("--cluster")
    {
        Description = "Do no run here: listen at HOST:PORT for workers (zeroone worker --join HOST:PORT), and give them the runs.",
        HelpName = "HOST:PORT",
    };

    private static readonly Option<string> s_lease = new("--lease")
    {
        Description = "A worker that is not heard of for so long loses its run.", DefaultValueFactory = _ => "60s", HelpName = "TIME",
    };

    public static Command Make()
    {
        var command = new Command("table1", "Makes the paper's Table 1: memory, time and accuracy of the methods over data and seeds, " +
            "beside the paper's own. A run that is finished is never run again; one that was stopped goes on.")
        {
            s_data, s_methods, s_spaces, s_seeds, s_preset, s_budget, s_out, s_plan, s_draw, s_nasBench201, s_device,
            s_cluster, s_lease, WorkerCommand.SecretFile,
        };
        command.Does((parsed, stop) =>
        {
            stop.Farewell = "Stopped; the same command goes on.";
            if (parsed.GetValue(s_seeds) < 1)
                throw new ToolException(ExitCode.Arguments, $"--seeds is {parsed.GetValue(s_seeds)}; expected at least 1.");
            var budget = parsed.GetValue(s_budget) is { } text ? Duration("--budget", text) : (TimeSpan?)null;
            var folders = parsed.GetRequiredValue(s_data);
            var names = parsed.GetRequiredValue(s_methods);
            var preset = ExperimentPreset.Parse(parsed.GetRequiredValue(s_preset));
            var address = parsed.GetValue(s_cluster) is { } there ? ClusterAddress.Parse(there) : null;
            var lease = Duration("--lease", parsed.GetRequiredValue(s_lease));
            var secret = ClusterSecret.Find(parsed.GetValue(WorkerCommand.SecretFile));
            var options = new Table1Options
            {
                Data = ToolException.Within(ExitCode.Data, () => folders.Select(ExperimentData.Cifar).ToArray()),
                Methods = names.Contains("all") ? SearchMethod.Table1 : [.. names.Select(SearchMethod.Parse)],
                Spaces = [.. parsed.GetRequiredValue(s_spaces).Select(SearchSpace.Named)],
                Seeds = [.. Enumerable.Range(1, parsed.GetValue(s_seeds)).Select(seed => (long)seed)],
                Preset = preset,
                Budget = budget,
                Estimate = FoundAccuracy.By(parsed.GetValue(s_nasBench201) is { } table ? NasBench201Table.Read(table) : null),
            };
            var ledger = Ledger.Open(parsed.GetRequiredValue(s_out));
            if (parsed.GetResult(s_draw) is not null)
                return Draw(ledger, options, parsed.GetValue(s_draw));
            if (parsed.GetValue(s_plan) || address is null)
                Say(options, ledger, parsed.GetValue(s_device), stop.Token);
            if (parsed.GetValue(s_plan))
                return ExitCode.Done;
            if (address is not null)
                return Coordinate(ledger, options, address, secret, lease, folders, stop.Token);
            var process = StageCommand.InAProcess(options.Preset, parsed.GetValue(s_device), folders);
            return Write(ledger, Table1.Run(ledger, options, process.Start, new Lines(), stop.Token));
        });
        return command;
    }

    /// <summary>Gives the runs to workers until all are done, and draws the table.</summary>
    private static ExitCode Coordinate(
        Ledger ledger, Table1Options options, ClusterAddress address, ClusterSecret secret, TimeSpan lease, string[] folders,
        CancellationToken cancellationToken)
    {
        using var kept = ledger.Coordinate();
        var data = options.Data.Zip(folders).ToDictionary(pair => pair.First.Name, pair => Path.GetFullPath(pair.Second));
        var units = options.Runs().Select(ledger.Run)
            .Select(run => new WorkUnit(run.Specification.Id, run.Path, options.Preset.Name, data[run.Specification.Data])).ToArray();
        var lines = new Lines();
        using var timeIsUp = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        if (options.Budget is { } budget)
            timeIsUp.CancelAfter(budget);
        using var coordinator = ClusterCoordinator.Start(address, secret, ledger.Folder, units,
            unit => RunFolder.Open(unit.Folder).IsFinished, lease, RunSpecification.PresentCodeVersion, lines.Report);
        lines.Report($"Workers join with: zeroone worker --join {coordinator.Address}");
        try
        {
            coordinator.Done.Wait(timeIsUp.Token);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            lines.Report("The time is up; the same command goes on from what workers have brought.");
        }
        var report = Table1.Draw(ledger, options);
        var unfinished = coordinator.Failures.Where(failure => ledger.Runs().Any(run =>
            run.Specification.Id == failure.Key && !run.IsFinished)).Select(failure => $"{failure.Key}: {failure.Value}");
        return Write(ledger, report with { Failures = [.. report.Failures, .. unfinished] });
    }

    /// <summary>Draws what is there; where only other versions did runs, says which.</summary>
    private static ExitCode Draw(Ledger ledger, Table1Options options, string? version)
    {
        var report = Table1.Draw(ledger, options, version);
        if (report.Rows.All(row => row.Finished == 0))
        {
            var others = ledger.Runs().Where(run => run.IsFinished).Select(run => run.Specification.CodeVersion).Distinct().ToArray();
            if (others.Length > 0 && !others.Contains(report.CodeVersion))
            {
                throw new ToolException(ExitCode.Arguments, $"No run here is of version {report.CodeVersion}; there are finished ones of " +
                    $"{string.Join(" and ", others)}. Give one of these: --draw {others[0]}.");
            }
        }
        return Write(ledger, report);
    }

    /// <summary>How long it takes: runs that are done are not counted.</summary>
    private static void Say(Table1Options options, Ledger ledger, string? device, CancellationToken cancellationToken)
    {
        if (device is not (null or "cpu"))
            return;
        var left = options.Runs().Where(run => ledger.Find(run) is not { IsFinished: true }).ToArray();
        if (left.Length == 0)
            return;
        var methods = left.Select(run => run.Method).ToHashSet();
        var times = TimePlan.Measure(
            options with { Methods = [.. options.Methods.Where(method => methods.Contains(method.Name))] }, cancellationToken);
        var seconds = 0.0;
        foreach (var planned in times)
        {
            var runs = left.Count(run => run.Method == planned.Method && run.Data == planned.Data && run.Space == planned.Space);
            seconds += runs * planned.Seconds;
            Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{planned.Data}, {planned.Space}, {planned.Method}: {runs} run(s) of {planned.PruneSeconds:F0} s pruning, " +
                $"{planned.SearchSeconds:F0} s search, {planned.TrainSeconds:F0} s training"));
        }
        Console.Out.WriteLine(
            $"In all about {TimeSpan.FromSeconds(Math.Round(seconds))} (hours:minutes:seconds), if the machine stays as busy as now.");
    }

    private static ExitCode Write(Ledger ledger, Table1Report report)
    {
        foreach (var (file, text) in new[]
        {
            ("table1.md", report.ToMarkdown()), ("table1.csv", report.ToCsv()), ("table1.json", report.ToJson()),
            ("table1.html", report.ToHtml()),
        })
        {
            AtomicFile.Write(Path.Combine(ledger.Folder, file), stream => stream.Write(Encoding.UTF8.GetBytes(text)));
        }
        Console.Out.WriteLine(report.ToMarkdown());
        Console.Out.WriteLine(
            $"Written to {Terminal.Printable(Path.Combine(ledger.Folder, "table1.html"))}, and beside it as .md, .csv and .json.");
        return report.Failures.Count == 0 ? ExitCode.Done : ExitCode.Failed;
    }

    private static TimeSpan Duration(string option, string text)
    {
        if (text.Length > 1 && "smh".IndexOf(text[^1]) is >= 0 and var unit &&
            double.TryParse(text[..^1], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) &&
            number is > 0 and <= 10_000)
        {
            return TimeSpan.FromSeconds(number * Math.Pow(60, unit));
        }
        throw new ToolException(ExitCode.Arguments, $"{option} is '{text}'; expected a number and s, m or h, for example 60m.");
    }

    private static Option<string[]> Among(string name, string what, IReadOnlyList<string> values, string usual) =>
        new Option<string[]>(name)
        {
            Description = $"{what}: {string.Join(", ", values)}.", AllowMultipleArgumentsPerToken = true,
            DefaultValueFactory = _ => [usual],
        }.AcceptOnlyFromAmong([.. values]);

    private sealed class Lines : IProgress<string>
    {
        public void Report(string value) => Console.Out.WriteLine(Terminal.Printable(value));
    }
}
