using System.CommandLine;
using System.Globalization;
using System.Text;
using ZeroOneShot.Data;
using ZeroOneShot.Experiments;
using ZeroOneShot.OneShot;
using ZeroOneShot.Persistence;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Yardstick;

namespace ZeroOneShot.Benchmarks;

/// <summary>The paper's Table 1 by one command.</summary>
internal static class Table1Command
{
    public const string Name = "table1", StageName = "table1-stage";

    /// <summary>The command, and the hidden one that it starts for every stage.</summary>
    public static IReadOnlyList<Command> Commands()
    {
        var data = new Option<DirectoryInfo[]>("--data")
        {
            Description = "Folders with CIFAR-10 or CIFAR-100 in the binary layout.", Required = true,
            AllowMultipleArgumentsPerToken = true,
        };
        data.Validators.Add(result =>
        {
            foreach (var token in result.Tokens.Where(token => !CifarFiles.TryDetect(token.Value, out _)))
                result.AddError($"'{token.Value}' holds neither CIFAR-10 nor CIFAR-100 in the binary layout.");
        });
        var methods = Options.Among("--methods", "Methods; all are the eight of Table 1",
            ["all", .. SearchMethod.All.Select(method => method.Name)], "all");
        var spaces = Options.Spaces(SearchSpace.Darts);
        var seeds = Options.Count("--seeds", "Runs of each method, with seeds 1, 2, ...", 3);
        var preset = Options.Among("--preset", "How much a run computes", [.. ExperimentPreset.All.Select(p => p.Name)], "smoke");
        preset.AllowMultipleArgumentsPerToken = false;
        var budget = new Option<TimeSpan?>("--budget")
        {
            Description = "Time in all, for example 90s, 60m, 8h: what is under way then goes on the next time.",
            CustomParser = result => Duration(result.Tokens[0].Value) is { } time ? time : Error(result),
        };
        var ledger = new Option<DirectoryInfo>("--ledger")
        {
            Description = "Folder of the runs, to be given again to go on.", Required = true,
        };
        var plan = new Option<bool>("--plan") { Description = "Only say how long it will take." };
        var draw = new Option<bool>("--draw") { Description = "Only draw the table of the runs that are finished." };
        var nasBench201 = new Option<FileInfo?>("--nasbench201")
        {
            Description = "The table of NAS-Bench-201, CSV of net and accuracy: true accuracies of what is found in its space.",
        };
        var device = new Option<string?>("--device") { Description = "cpu, cuda or cuda:N. Default: cpu." };
        var command = new Command(Name, "Memory, time and accuracy of the methods over data and seeds, beside the paper's table.")
        {
            data, methods, spaces, seeds, preset, budget, ledger, plan, draw, nasBench201, device,
        };
        command.SetAction((parsed, cancellationToken) => Task.Run(() =>
        {
            var folders = parsed.GetRequiredValue(data);
            var names = parsed.GetRequiredValue(methods);
            var options = new Table1Options
            {
                Data = [.. folders.Select(folder => ExperimentData.Cifar(folder.FullName))],
                Methods = names.Contains("all") ? SearchMethod.Table1 : [.. names.Select(SearchMethod.Parse)],
                Spaces = [.. parsed.GetRequiredValue(spaces).Select(SearchSpace.Named)],
                Seeds = [.. Enumerable.Range(1, parsed.GetValue(seeds)).Select(seed => (long)seed)],
                Preset = ExperimentPreset.Parse(parsed.GetRequiredValue(preset)[0]),
                Budget = parsed.GetValue(budget),
                Estimate = FoundAccuracy.By(parsed.GetValue(nasBench201) is { } table ? NasBench201Table.Read(table.FullName) : null),
            };
            return Run(options, folders, parsed, cancellationToken);
        }, CancellationToken.None));

        var arguments = new Argument<string[]>("arguments");
        var stage = new Command(StageName, "What table1 runs in processes of its own.") { arguments };
        stage.Hidden = true;
        stage.SetAction(parsed => Stage(parsed.GetRequiredValue(arguments)));
        return [command, stage];

        int Run(Table1Options options, DirectoryInfo[] folders, ParseResult parsed, CancellationToken cancellationToken)
        {
            try
            {
                var opened = Ledger.Open(parsed.GetRequiredValue(ledger).FullName);
                if (parsed.GetValue(draw))
                    return Write(opened, Table1.Draw(opened, options));
                Say(options, opened, parsed.GetValue(device), cancellationToken);
                if (parsed.GetValue(plan))
                    return 0;
                var started = ChildProcess.OfThisProgram(StageName, options.Preset.Name, parsed.GetValue(device) ?? "cpu",
                    string.Join(Path.PathSeparator, folders.Select(folder => folder.FullName)));
                return Write(opened, Table1.Run(opened, options, started.Start, new Console(), cancellationToken));
            }
            catch (Exception e) when (e is IOException or InvalidDataException or ArgumentException)
            {
                System.Console.Error.WriteLine(e.Message);
                return 1;
            }
            catch (OperationCanceledException)
            {
                System.Console.Error.WriteLine("Stopped; the same command goes on.");
                return 130;
            }
        }
    }

    private static int Stage(string[] arguments)
    {
        if (arguments is not [var preset, var device, var folders, var path, var stage])
            throw new ArgumentException("Expected preset, device, folders of data, folder of the run and stage.");
        var run = RunFolder.Open(path);
        var data = folders.Split(Path.PathSeparator).Select(ExperimentData.Cifar).Single(data => data.Name == run.Specification.Data);
        try
        {
            ExperimentRun.Do(run, Enum.Parse<RunStage>(stage), data, ExperimentPreset.Parse(preset), device);
            return 0;
        }
        catch (Exception e) when (e is IOException or InvalidDataException or ArgumentException or InvalidOperationException
            or OutOfMemoryException)
        {
            System.Console.Error.WriteLine(e.Message);
            return 1;
        }
    }

    /// <summary>How long it takes: runs that are done are not counted.</summary>
    private static void Say(Table1Options options, Ledger ledger, string? device, CancellationToken cancellationToken)
    {
        if (device is not (null or "cpu"))
            return;
        var left = options.Runs().Where(run => ledger.Find(run) is not { IsFinished: true }).ToArray();
        var times = TimePlan.Measure(options, cancellationToken);
        var seconds = 0.0;
        foreach (var planned in times)
        {
            var runs = left.Count(run => run.Method == planned.Method && run.Data == planned.Data && run.Space == planned.Space);
            seconds += runs * planned.Seconds;
            System.Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{planned.Data}, {planned.Space}, {planned.Method}: {runs} run(s) of {planned.PruneSeconds:F0} s pruning, " +
                $"{planned.SearchSeconds:F0} s search, {planned.TrainSeconds:F0} s training"));
        }
        System.Console.WriteLine(
            $"In all about {TimeSpan.FromSeconds(Math.Round(seconds))} (hours:minutes:seconds), if the machine stays as busy as now.");
    }

    private static int Write(Ledger ledger, Table1Report report)
    {
        foreach (var (file, text) in new[]
        {
            ("table1.md", report.ToMarkdown()), ("table1.csv", report.ToCsv()), ("table1.json", report.ToJson()),
        })
        {
            AtomicFile.Write(Path.Combine(ledger.Folder, file), stream => stream.Write(Encoding.UTF8.GetBytes(text)));
        }
        System.Console.WriteLine(report.ToMarkdown());
        return report.Failures.Count == 0 ? 0 : 1;
    }

    private static TimeSpan? Duration(string text)
    {
        if (text.Length < 2 || !double.TryParse(text[..^1], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) ||
            number is <= 0 or > 10_000)
        {
            return null;
        }
        return text[^1] switch
        {
            's' => TimeSpan.FromSeconds(number),
            'm' => TimeSpan.FromMinutes(number),
            'h' => TimeSpan.FromHours(number),
            _ => null,
        };
    }

    private static TimeSpan? Error(System.CommandLine.Parsing.ArgumentResult result)
    {
        result.AddError($"--budget is '{result.Tokens[0].Value}'; expected a number and s, m or h, for example 60m.");
        return null;
    }

    private sealed class Console : IProgress<string>
    {
        public void Report(string value) => System.Console.WriteLine(value);
    }
}
