using System.Text.Json;
using Xunit;
using ZeroOneShot.OneShot;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Tests;
using ZeroOneShot.Yardstick;
using ZeroOneShot.ZeroShot;
using ZeroOneShot.ZeroShot.Functions;

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
            Estimate = (run, _) => new FoundAccuracy(90 + run.Seed, 85, 95, 50),
        };
        var said = new List<string>();
        var report = Run(options, Toy.InThisProcess, new Said(said));
        Assert.Empty(report.Failures);
        Assert.True(report.IsComplete);
        Assert.Equal(["DARTS", "Zero-One-Shot"], report.Rows.Select(row => row.Method));
        var (darts, zeroOneShot) = (report.Rows[0], report.Rows[1]);
        Assert.Null(darts.PruneSeconds);                                    // it does not prune
        Assert.All(report.Rows, row => Assert.True(row.ProcessorSeconds!.Mean > 0));
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
        var (cost, found) = (Cells("What it costs: cifar10, space darts"), Cells("What it finds: cifar10, space darts"));
        Assert.Equal("2 of 2 | 500 ± 0 | 500 ± 0 | 50% | 19% | 4.0 ± 0.0 | 100% | 10.0 ± 0.0 | 46.5 ± 0.7 | 62% | 66%", cost);
        var surrogate = AccuracySurrogate.Load();
        var predicted = surrogate.Predict(PublishedGenotypes.DartsV1);
        Assert.Equal($"2 of 2 | {predicted.Accuracy:F2} ± 0.00 | {predicted.Low:F2} to {predicted.High:F2} | " +
            $"{surrogate.Percentile(PublishedGenotypes.DartsV1):F0} ± 0 | 38 ± 0 | 91.50 ± 0.71 | 96.86", found);
        var markdown = report.ToMarkdown();
        Assert.Contains($"| Zero-One-Shot | {cost} |", markdown);
        Assert.Contains($"| Zero-One-Shot | {found} |", markdown);
        Assert.Contains("| ETENAS | 0 of 2 |", markdown);
        Assert.Contains("batches of 12, 2 epochs, 1 of them warming up", markdown);

        string Cells(string caption) => string.Join(" | ", report.Tables().Single(table => table.Caption == caption)
            .Rows.Single(row => row[0] == "Zero-One-Shot").Skip(1));

        var csv = report.ToCsv().Split('\n');
        Assert.All(csv[..^1], line => Assert.Equal(csv[0].Split(',').Length, line.Split(',').Length));
        using var json = JsonDocument.Parse(report.ToJson());
        Assert.Equal(91.5, json.RootElement.GetProperty("rows").EnumerateArray()
            .Single(element => element.GetProperty("method").GetString() == "Zero-One-Shot")
            .GetProperty("accuracy").GetProperty("mean").GetDouble(), 9);
        Assert.Contains("\"search_mib\": {", report.ToJson());
    }

    [Theory]
    [InlineData("darts-s1", "Zero-One-Shot")]
    [InlineData("darts-s2", "Zero-One-Shot")]
    [InlineData("darts-s3", "Zero-One-Shot")]
    [InlineData("darts-s4", "Zero-One-Shot")]
    [InlineData("darts-large", "DARTS-RND")]
    public void Every_space_has_its_tables_without_what_is_known_of_that_of_DARTS_alone(string space, string method)
    {
        var options = Toy.Table(SearchMethod.Parse(method)) with { Spaces = [SearchSpace.Named(space)], Seeds = [1] };
        var report = Run(options, Toy.InThisProcess);
        Assert.Empty(report.Failures);
        Assert.True(report.IsComplete);
        Assert.Equal([$"What it costs: noise, space {space}", $"What it finds: noise, space {space}"],
            report.Tables().Select(table => table.Caption));
        Assert.DoesNotContain(report.Tables().SelectMany(table => table.Columns), column => column.Contains("the paper's"));
        Assert.Null(report.Rows[0].Estimated);
        Assert.NotNull(report.Rows[0].SkipConnections);
    }

    [Fact]
    public void A_table_says_whose_estimates_are_extrapolated()
    {
        var options = Toy.Table(SearchMethod.Darts) with
        {
            Estimate = (run, _) => new FoundAccuracy(90, 85, 95, 50) { IsExtrapolated = run.Seed == 2 },
        };
        foreach (var run in options.Runs())
            Fill(run, 0, 1, 1, 1);
        var report = Table1.Draw(Ledger, options);
        Assert.Equal(1, report.Rows.Single().Extrapolated);
        Assert.Contains("1 estimate(s) of DARTS", report.ToMarkdown());
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
        Assert.Equal(new FoundAccuracy(83.5, 83.5, 83.5, 50), FoundAccuracy.By(table)(run, genotype));
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
        // Those of a version that is asked for are drawn by themselves, and say so.
        var older = Table1.Draw(Ledger, options, "0.0.1");
        Assert.Equal(2, older.Rows.Single().Finished);
        Assert.Contains("library 0.0.1; 2 of 2 runs are finished", older.ToMarkdown());
    }

    [Fact]
    public void Sizes_behind_a_presets_name_are_another_preset_that_is_found_again_by_its_own_name()
    {
        var sized = ExperimentPreset.Parse("CPU:train-epochs=3, search-epochs=6,train-images=500,Prune-Channels=4");
        Assert.Equal("cpu:train-images=500,prune-channels=4,search-epochs=6,train-epochs=3", sized.Name);
        Assert.Equal((500, 4, 6, 2, 3), (sized.TrainImages, sized.Prune.Supernet.Channels, sized.Search.Epochs, sized.Search.WarmupEpochs,
            sized.Train.Epochs));
        Assert.Equal(ExperimentPreset.Cpu.Search.BatchSize, sized.Search.BatchSize);
        Assert.Equal(sized.Settings(), ExperimentPreset.Parse(sized.Name).Settings());
        var run = RunSpecification.Of(SearchMethod.Darts, SearchSpace.NasBench201, Toy.Data, 1, sized);
        Assert.NotEqual(run.PresetHash, (Toy.Table(SearchMethod.Darts) with { Preset = ExperimentPreset.Cpu }).Runs()[0].PresetHash);
        Assert.StartsWith("noise-nas-bench-201-darts-cpu-seed1-", run.Id);         // and no sign that a folder cannot have
        Assert.All(ExperimentPreset.Sizes, size => ExperimentPreset.Parse($"smoke:{size}=3,search-epochs=9".Replace(
            "search-epochs=3,", "", StringComparison.Ordinal)));
    }

    [Fact]
    public void Presets_that_rank_otherwise_do_not_share_runs()
    {
        var prune = ExperimentPreset.Smoke.Prune;
        ExperimentPreset[] presets =
        [
            Preset(prune with { RankingFunctions = [new Swap(8)] }), Preset(prune with { RankingFunctions = [new Swap(16)] }),
            Preset(prune), Preset(prune with { FirstOrder = true }), Preset(prune with { Weights = RandomWeights.Default }),
            Preset(prune with { Weights = RandomWeights.KaimingNormalFanOut }),
        ];
        // One of the two kinds of random weights is that of the preset.
        Assert.Equal(presets.Length - 1, presets.Select(preset => RunSpecification.Of(
            SearchMethod.Darts, SearchSpace.NasBench201, Toy.Data, 1, preset).PresetHash).Distinct().Count());

        static ExperimentPreset Preset(ZeroShotPruningOptions options) => ExperimentPreset.Smoke with { Prune = options };
    }

    [Theory]
    [InlineData("cpu:", "expected sizes such as train-images=1000")]
    [InlineData("cpu:images=3", "out of train-images, test-images")]
    [InlineData("cpu:train-images", "expected a whole number of at least 1")]
    [InlineData("cpu:train-images=-3", "expected a whole number of at least 1")]
    [InlineData("cpu:search-batch=1", "expected a whole number of at least 2")]
    [InlineData("cpu:train-images=3,train-images=4", "stands twice")]
    [InlineData("cpu:search-epochs=3,warmup-epochs=3", "warms up for 3 of 3 epochs")]
    public void Sizes_that_are_none_are_refused_with_what_is_expected(string preset, string words) =>
        Assert.Contains(words, Assert.Throws<ArgumentException>(() => ExperimentPreset.Parse(preset)).Message);

    [Fact]
    public void A_full_disk_costs_the_run_under_way_alone_and_the_next_time_it_goes_on()
    {
        var options = Toy.Table(SearchMethod.DartsRandom);
        var tries = 0;
        var report = Run(options, (run, stage, token) =>
        {
            if (run.Specification.Seed == 1 && stage == RunStage.Search)
            {
                tries++;
                throw new IOException("No space left on device");
            }
            Toy.InThisProcess(run, stage, token);
        });
        Assert.Contains("seed1", report.Failures.Single());
        Assert.Equal(LeaseBook.MaxFailures, tries);
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
    public void A_process_that_cannot_write_is_not_the_runs_fault()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "The process is a shell.");
        var shell = new ChildProcess("/bin/sh", "-c", $"echo No space left on device >&2; exit {ChildProcess.FileFault}");
        var run = Ledger.Run(Toy.Table(SearchMethod.DartsRandom).Runs()[0]);
        Assert.Contains("No space left on device", Assert.Throws<IOException>(
            () => shell.Start(run, RunStage.Prune, TestContext.Current.CancellationToken)).Message);
        var fault = new ChildProcess("/bin/sh", "-c", "echo a fault of its own >&2; exit 1");
        Assert.Contains("a fault of its own", Assert.Throws<InvalidOperationException>(
            () => fault.Start(run, RunStage.Prune, TestContext.Current.CancellationToken)).Message);
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
        run.Finish(RunStage.Search, new StageRecord { Seconds = search, ProcessorSeconds = 4, PeakMiB = peak, Genotype = genotype });
        run.Finish(RunStage.Train, new StageRecord { Seconds = 1, Accuracy = accuracy, Genotype = genotype });
    }

    private sealed class Said(List<string> lines) : IProgress<string>
    {
        public void Report(string value) => lines.Add(value);
    }
}
