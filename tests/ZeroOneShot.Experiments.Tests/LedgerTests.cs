using Xunit;
using ZeroOneShot.OneShot;
using ZeroOneShot.Persistence;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Tests;
using ZeroOneShot.Tests.Data;

namespace ZeroOneShot.Experiments.Tests;

public sealed class LedgerTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private Ledger Ledger => Ledger.Open(_folder.File("ledger"));

    private static RunSpecification Specification(SearchMethod? method = null, long seed = 1) =>
        RunSpecification.Of(method ?? SearchMethod.DartsRandom, SearchSpace.NasBench201, Toy.Data, seed, Toy.Preset);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_run_that_was_stopped_in_any_stage_goes_on_from_there_and_ends_as_if_it_had_never_stopped()
    {
        var whole = ExperimentRun.Finish(Ledger.Run(Specification()), Toy.Data, Toy.Preset, cancellationToken: Cancellation);
        var interrupted = Ledger.Open(_folder.File("interrupted")).Run(Specification());
        foreach (var stage in (RunStage[])[RunStage.Search, RunStage.Train])
        {
            using var stop = new CancellationTokenSource();
            Assert.ThrowsAny<OperationCanceledException>(() => ExperimentRun.Finish(
                interrupted, Toy.Data, Toy.Preset, progress: new StopIn(stage, stop), cancellationToken: stop.Token));
            Assert.Equal(stage, interrupted.NextStage);
        }
        var result = ExperimentRun.Finish(interrupted, Toy.Data, Toy.Preset, cancellationToken: Cancellation);
        Assert.Equal((whole.Genotype, whole.Accuracy, whole.Train.Parameters, whole.Prune.Mask),
            (result.Genotype, result.Accuracy, result.Train.Parameters, result.Prune.Mask));
        Assert.Equal((1, 2), (whole.Search.Attempts, result.Search.Attempts));
        Assert.True(result.Search.Seconds > 0 && result.Search.PeakMiB is > 0 or null);
        var log = File.ReadAllText(Path.Combine(interrupted.Path, "log.txt"));
        Assert.Contains("Search begins, attempt 2", log);
        Assert.Contains("Train is finished", log);
    }

    [Fact]
    public void A_finished_run_is_never_run_again()
    {
        var run = Ledger.Run(Specification());
        ExperimentRun.Finish(run, Toy.Data, Toy.Preset, cancellationToken: Cancellation);
        var files = Directory.GetFiles(run.Path).ToDictionary(file => file, File.ReadAllText);
        ExperimentRun.Do(run, RunStage.Train, Toy.Data, Toy.Preset, cancellationToken: Cancellation);
        Table1.Run(Ledger, Toy.Table(SearchMethod.DartsRandom) with { Seeds = [1] }, (_, _, _) => Assert.Fail("It was run again."),
            cancellationToken: Cancellation);
        Assert.Equal(files, Directory.GetFiles(run.Path).ToDictionary(file => file, File.ReadAllText));
    }

    [Fact]
    public void Runs_of_another_preset_data_or_version_have_folders_of_their_own()
    {
        var specification = Specification();
        var longer = Toy.Preset with { Search = Toy.Preset.Search with { Epochs = 3 } };
        RunSpecification[] others =
        [
            RunSpecification.Of(SearchMethod.DartsRandom, SearchSpace.NasBench201, Toy.Data, 1, longer),
            specification with { CodeVersion = "0.0.1" }, specification with { DataHash = "0" }, specification with { Seed = 2 },
            specification with { Space = SearchSpace.Darts.Name }, Specification(SearchMethod.Darts),
        ];
        Assert.Equal(others.Length + 1, others.Append(specification).Select(other => other.Id).Distinct().Count());
        Assert.Equal(specification, RunSpecification.FromJson(specification.ToJson()));
        foreach (var other in others)
            Ledger.Run(other);
        Assert.Equal(others.Length, Ledger.Runs().Count);
        Assert.Null(Ledger.Find(specification));
    }

    [Fact]
    public void What_a_run_is_not_of_is_refused_with_what_it_is_of()
    {
        var run = Ledger.Run(Specification());
        var others = new ExperimentData("noise", RandomImages.Of(36, 3, Toy.Data.Train.Shape), Toy.Data.Test);
        var ofData = Assert.Throws<ArgumentException>(
            () => ExperimentRun.Do(run, RunStage.Prune, others, Toy.Preset, cancellationToken: Cancellation));
        Assert.Contains(Toy.Data.Hash, ofData.Message);
        Assert.Contains(others.Hash, ofData.Message);
        Assert.Contains("preset 'toy'", Assert.Throws<ArgumentException>(() =>
            ExperimentRun.Do(run, RunStage.Prune, Toy.Data, Toy.Preset with { Train = Toy.Preset.Train with { Epochs = 2 } },
                cancellationToken: Cancellation)).Message);
        var old = Ledger.Run(Specification() with { CodeVersion = "0.0.1" });
        Assert.Contains("version 0.0.1", Assert.Throws<ArgumentException>(() =>
            ExperimentRun.Do(old, RunStage.Prune, Toy.Data, Toy.Preset, cancellationToken: Cancellation)).Message);
        Assert.Contains("Stage Prune", Assert.Throws<ArgumentException>(() =>
            ExperimentRun.Do(run, RunStage.Train, Toy.Data, Toy.Preset, cancellationToken: Cancellation)).Message);
    }

    [Fact]
    public void A_ledger_of_another_version_is_refused_with_both()
    {
        var ledger = Ledger;
        File.WriteAllText(Path.Combine(ledger.Folder, "ledger.json"), ChecksummedJson.Sign("{\"Format\":7}"));
        var error = Assert.Throws<InvalidDataException>(() => Ledger.Open(ledger.Folder));
        Assert.Contains("is of version 7", error.Message);
        Assert.Contains($"reads {Ledger.Format}", error.Message);
        File.WriteAllText(Path.Combine(ledger.Folder, "ledger.json"), "{");
        Assert.Contains("is damaged", Assert.Throws<InvalidDataException>(() => Ledger.Open(ledger.Folder)).Message);
    }

    [Fact]
    public void A_folder_with_other_files_is_no_ledger_and_stays_as_it_was()
    {
        File.WriteAllText(_folder.File("thesis.txt"), "");
        Assert.Contains("is no ledger, and not empty", Assert.Throws<IOException>(() => Ledger.Open(_folder.FullName)).Message);
        Assert.Single(Directory.GetFileSystemEntries(_folder.FullName));
    }

    [Fact]
    public void A_damaged_record_is_named_with_what_to_do()
    {
        var run = Ledger.Run(Specification());
        File.WriteAllText(Path.Combine(run.Path, "prune.json"), "{");
        var error = Assert.Throws<InvalidDataException>(
            () => ExperimentRun.Finish(run, Toy.Data, Toy.Preset, cancellationToken: Cancellation));
        Assert.Contains("prune.json' is damaged", error.Message);
        Assert.Contains("delete it", error.Message);
        File.WriteAllText(Path.Combine(run.Path, "specification.json"), "{");
        Assert.Contains("specification.json is missing or damaged", Assert.Throws<InvalidDataException>(() => Ledger.Runs()).Message);
    }

    [Fact]
    public void A_run_that_was_killed_as_it_began_is_begun_again()
    {
        var path = Path.Combine(Ledger.Folder, "runs", Specification().Id);
        Directory.CreateDirectory(path);
        File.WriteAllText(Path.Combine(path, ".specification.json.0123.tmp"), "{");
        Assert.Empty(Ledger.Runs());
        Assert.Equal(Specification(), Ledger.Run(Specification()).Specification);
    }

    private sealed class StopIn(RunStage stage, CancellationTokenSource stop) : IProgress<RunProgress>
    {
        public void Report(RunProgress value)
        {
            if (value.Stage == stage)
                stop.Cancel();
        }
    }
}
