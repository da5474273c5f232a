using System.Text.Json;
using Xunit;
using ZeroOneShot.OneShot;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Tests;
using ZeroOneShot.Yardstick;

namespace ZeroOneShot.Experiments.Tests;

public sealed class Table1Tests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private Ledger Ledger => Ledger.Open(_folder.File("ledger"));

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_table_has_memory_time_and_accuracy_of_every_method_over_its_seeds()
    {
        var options = Toy.Table(SearchMethod.Darts, SearchMethod.ZeroOneShot) with
        {
            Estimate = (run, _) => new AccuracyEstimate(90 + run.Seed, 85, 95),
        };
        var said = new List<string>();
        var report = Run(options, Toy.InThisProcess, new Said(said));
        Assert.Empty(report.Failures);
        Assert.True(report.IsComplete);
        Assert.Equal(["DARTS", "Zero-One-Shot"], report.Rows.Select(row => row.Method));
        var (darts, zeroOneShot) = (report.Rows[0], report.Rows[1]);
        Assert.Null(darts.PruneSeconds);                                    // it does not prune
        Assert.True(zeroOneShot.PruneSeconds!.Mean > 0 && zeroOneShot.Seconds!.Mean > zeroOneShot.SearchSeconds!.Mean);
        Assert.All(report.Rows, row => Assert.Equal((2, 91.5, Math.Sqrt(0.5)),
            (row.Accuracy!.Count, row.Estimated!.Mean, row.Estimated.Deviation!.Value)));
        Assert.Equal(4, said.Count(line => line.Contains("is finished")));
        // What is drawn later, by anybody, is the same.
        Assert.Equal(report.ToMarkdown(), Table1.Draw(Ledger, options).ToMarkdown());
    }

    [Fact]
    public void The_table_stands_beside_the_papers_with_ratios_to_DARTS_of_both()
    {
        var cifar = new ExperimentData("cifar10", Toy.Data.Train, Toy.Data.Test);
        var options = new Table1Options { Data = [cifar], Preset = Toy.Preset, Seeds = [1, 2] };
        foreach (var run in options.Runs().Where(run => run.Method is "DARTS" or "Zero-One-Shot"))
        {
            var half = run.Method == "DARTS" ? 1 : 0.5;
            Fill(run, prune: run.Method == "DARTS" ? 0 : 10, search: 90 * half + run.Seed, peak: 1000 * half,
                accuracy: 0.9 + 0.01 * run.Seed);
        }
        var report = Table1.Draw(Ledger, options);
        Assert.Equal((8, false, 4), (report.Rows.Count, report.IsComplete, report.Rows.Sum(row => row.Finished)));
        var lines = report.ToMarkdown().Split('\n');
        var row = lines.Single(line => line.StartsWith("| Zero-One-Shot |")).Split('|', StringSplitOptions.TrimEntries)[1..^1];
        var surrogate = AccuracySurrogate.Load().Predict(PublishedGenotypes.DartsV1);
        Assert.Equal(
            [
                "Zero-One-Shot", "2 of 2", "500", "10.0 ± 0.0", "500", "46.5 ± 0.7", $"{surrogate.Accuracy:F2} ± 0.00",
                $"[{surrogate.Low:F2}, {surrogate.High:F2}]", "91.50 ± 0.71", "38", "50%", "19%", "62%", "66%", "96.86",
            ],
            [.. row[..2], row[2].Split(' ')[0], row[3], row[4].Split(' ')[0], .. row[5..9], row[9].Split(' ')[0], .. row[10..]]);
        Assert.Contains("| ETENAS | 0 of 2 |", report.ToMarkdown());

        var csv = report.ToCsv().Split('\n');
        Assert.All(csv[..^1], line => Assert.Equal(csv[0].Split(',').Length, line.Split(',').Length));
        using var json = JsonDocument.Parse(report.ToJson());
        Assert.Equal(91.5, json.RootElement.GetProperty("rows").EnumerateArray()
            .Single(element => element.GetProperty("method").GetString() == "Zero-One-Shot")
            .GetProperty("accuracy").GetProperty("mean").GetDouble(), 9);
    }

    [Fact]
    public void Found_networks_of_NAS_Bench_201_have_the_tables_accuracy_where_a_table_is_given()
    {
        var cifar = new ExperimentData("cifar10", Toy.Data.Train, Toy.Data.Test);
        var run = RunSpecification.Of(SearchMethod.Darts, SearchSpace.NasBench201, cifar, 1, Toy.Preset);
        var genotype = OperationMask.Full(SearchSpace.NasBench201).ReadGenotype((_, _, row) => row == 1 ? 1 : 0);
        Assert.Null(FoundAccuracy.By()(run, genotype));
        File.WriteAllText(_folder.File("table.csv"), "net,val_accuracy\n\"(0, 0, 0, 0, 0, 0)\",83.5\n");
        var table = NasBench201Table.Read(_folder.File("table.csv"));
        Assert.Equal(new AccuracyEstimate(83.5, 83.5, 83.5), FoundAccuracy.By(table)(run, genotype));
        Assert.Null(FoundAccuracy.By(table)(run with { Data = "cifar100" }, genotype));
    }

    [Fact]
    public void Results_of_another_preset_or_version_are_not_in_the_table()
    {
        var options = Toy.Table(SearchMethod.Darts);
        foreach (var run in options.Runs())
        {
            Fill(run with { CodeVersion = "0.0.1" }, 0, 1, 1, 1);
            Fill(run with { PresetHash = "0" }, 0, 1, 1, 1);
        }
        Assert.Equal(0, Table1.Draw(Ledger, options).Rows.Single().Finished);
    }

    [Fact]
    public void A_full_disk_costs_the_run_under_way_alone_and_the_next_time_it_goes_on()
    {
        var options = Toy.Table(SearchMethod.DartsRandom);
        var report = Run(options, (run, stage, token) =>
        {
            if (run.Specification.Seed == 1 && stage == RunStage.Search)
                throw new IOException("No space left on device");
            Toy.InThisProcess(run, stage, token);
        });
        Assert.Contains("seed1", report.Failures.Single());
        Assert.Contains("No space left on device", report.ToMarkdown());
        Assert.Equal(1, report.Rows.Single().Finished);
        var stages = new List<RunStage>();
        report = Run(options, (run, stage, token) =>
        {
            stages.Add(stage);
            Toy.InThisProcess(run, stage, token);
        });
        Assert.True(report.IsComplete);
        Assert.Empty(report.Failures);
        Assert.Equal([RunStage.Search, RunStage.Train], stages);
    }

    [Fact]
    public void A_process_that_dies_is_reported_with_its_last_words_and_the_others_go_on()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The process is a shell.");
        var shell = new ChildProcess("/bin/sh", "-c", "echo the last words >&2; kill -9 $$");
        var options = Toy.Table(SearchMethod.DartsRandom);
        var report = Run(options, shell.Start);
        Assert.Equal(2, report.Failures.Count);
        Assert.All(report.Failures, failure => Assert.Contains("ended with 137: the last words", failure));
        Assert.Contains("the last words", File.ReadAllText(Path.Combine(Ledger.Run(options.Runs()[0]).Path, "log.txt")));
    }

    [Fact]
    public void A_second_coordinator_of_a_ledger_is_refused_with_the_firsts_name_but_may_draw_the_table()
    {
        var options = Toy.Table(SearchMethod.Darts);
        using (Ledger.Coordinate())
        {
            var error = Assert.Throws<IOException>(() => Run(options, Toy.InThisProcess));
            Assert.Contains($"process {Environment.ProcessId}", error.Message);
            Assert.Contains("the runs of a ledger", error.Message);
            Assert.Single(Table1.Draw(Ledger, options).Rows);
        }
    }

    [Fact]
    public void When_the_budget_is_spent_the_run_under_way_stops_and_the_table_is_drawn()
    {
        var stops = 0;
        var report = Run(Toy.Table(SearchMethod.Darts) with { Budget = TimeSpan.FromMilliseconds(1) }, (_, _, token) =>
        {
            token.WaitHandle.WaitOne();
            stops++;
            token.ThrowIfCancellationRequested();
        });
        Assert.InRange(stops, 0, 1);
        Assert.Equal((0, 2), (report.Rows.Single().Finished, report.Rows.Single().Wanted));
        Assert.Empty(report.Failures);
    }

    [Fact]
    public void How_long_the_table_takes_is_said_beforehand_for_every_method_and_stage()
    {
        var plan = TimePlan.Measure(Toy.Table(SearchMethod.Darts, SearchMethod.ZeroOneShot, SearchMethod.Etenas),
            TestContext.Current.CancellationToken);
        Assert.Equal(["DARTS", "Zero-One-Shot", "ETENAS"], plan.Select(planned => planned.Method));
        Assert.Equal([false, true, true], plan.Select(planned => planned.PruneSeconds > 0));
        Assert.Equal([true, true, false], plan.Select(planned => planned.SearchSeconds > 0));
        Assert.All(plan, planned => Assert.True(planned.TrainSeconds > 0));
    }

    [Fact]
    public void A_table_of_nothing_or_of_something_twice_is_refused()
    {
        Assert.Contains("no method", Assert.Throws<ArgumentException>(() => Toy.Table().Runs()).Message);
        Assert.Contains("'1' stands twice", Assert.Throws<ArgumentException>(
            () => (Toy.Table(SearchMethod.Darts) with { Seeds = [1, 1] }).Runs()).Message);
        Assert.Contains("smoke, cpu, paper", Assert.Throws<ArgumentException>(() => ExperimentPreset.Parse("huge")).Message);
    }

    private Table1Report Run(Table1Options options, StageStarter start, IProgress<string>? progress = null) =>
        Table1.Run(Ledger, options, start, progress, TestContext.Current.CancellationToken);

    private void Fill(RunSpecification specification, double prune, double search, double peak, double accuracy)
    {
        var run = Ledger.Run(specification);
        var genotype = PublishedGenotypes.DartsV1.ToString();
        run.Finish(RunStage.Prune, new StageRecord { Seconds = prune, PeakMiB = prune > 0 ? peak : null });
        run.Finish(RunStage.Search, new StageRecord { Seconds = search, PeakMiB = peak, Genotype = genotype });
        run.Finish(RunStage.Train, new StageRecord { Seconds = 1, Accuracy = accuracy, Genotype = genotype });
    }

    private sealed class Said(List<string> lines) : IProgress<string>
    {
        public void Report(string value) => lines.Add(value);
    }
}
