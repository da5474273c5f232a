using System.Text.Json;
using Xunit;
using ZeroOneShot.OneShot;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Tests;

namespace ZeroOneShot.Experiments.Tests;

/// <summary>The records of a ledger (<see cref="Damage"/>).</summary>
public sealed class DamagedFileTests(DamagedFileTests.Records records) : IClassFixture<DamagedFileTests.Records>
{
    [Fact]
    public void A_wrong_byte_in_a_record_is_noticed_or_changes_nothing() => Damage.Flip(records.Files, inTheSuite: 300);

    [Fact]
    public void A_record_whose_end_is_missing_is_refused() => Damage.Truncate(records.Files, inTheSuite: 60);

    [Fact]
    public void A_pipe_or_an_empty_file_in_place_of_a_record_is_refused_by_its_name()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Pipes of this kind are Unix's.");
        using var folder = new TemporaryFolder();
        var run = Ledger.Open(folder.FullName).Run(Records.Specification);
        var record = Path.Combine(run.Path, "prune.json");
        using (var made = System.Diagnostics.Process.Start("mkfifo", [record]))
            made.WaitForExit();
        Assert.Contains(
            "prune.json' is damaged (File", Assert.Throws<InvalidDataException>(() => run.Record(RunStage.Prune)).Message);
        File.Delete(record);
        File.WriteAllBytes(record, []);
        Assert.Contains("delete it to do that stage again",
            Assert.Throws<InvalidDataException>(() => run.Record(RunStage.Prune)).Message);
    }

    /// <summary>Those of a finished run.</summary>
    public sealed class Records : IDisposable
    {
        private readonly TemporaryFolder _folder = new();

        public Records()
        {
            var ledger = Ledger.Open(_folder.FullName);
            var run = ledger.Run(Specification);
            ExperimentRun.Finish(run, Toy.Data, Toy.Preset);
            Files =
            [
                Of(Path.Combine(ledger.Folder, "ledger.json"), path => $"{Ledger.Open(Path.GetDirectoryName(path)!).Runs().Count} runs"),
                .. Directory.GetFiles(run.Path, "*.json").Order().Select(file => Of(file, path => Record(run.Path, path))),
            ];
        }

        internal static RunSpecification Specification { get; } =
            RunSpecification.Of(SearchMethod.DartsRandom, SearchSpace.NasBench201, Toy.Data, seed: 1, Toy.Preset);

        internal IReadOnlyList<OwnFile> Files { get; }

        public void Dispose() => _folder.Dispose();

        private static OwnFile Of(string file, Func<string, string> read) =>
            new(Path.GetFileName(file), "Ledger", File.ReadAllBytes(file), read);

        /// <summary>The run, as its folder tells it with one file from elsewhere.</summary>
        private static string Record(string run, string file)
        {
            foreach (var other in Directory.GetFiles(run, "*.json").Where(other => Path.GetFileName(other) != Path.GetFileName(file)))
                File.Copy(other, Path.Combine(Path.GetDirectoryName(file)!, Path.GetFileName(other)));
            return JsonSerializer.Serialize(RunFolder.Open(Path.GetDirectoryName(file)!).Result());
        }
    }
}
