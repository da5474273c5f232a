using Xunit;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Tests;
using ZeroOneShot.Tool.Commands;
using ZeroOneShot.Tool.Output;
using ZeroOneShot.Tool.Runs;

namespace ZeroOneShot.Tool.Tests;

/// <summary>The files that a fit leaves, as the commands read them (<see cref="Damage"/>).</summary>
public sealed class DamagedFileTests(TinyRun run)
{
    private IReadOnlyList<OwnFile> Files =>
    [
        Of("run.json", "resume", path => JsonText.Line(FolderOf(path).ReadSpecification())),
        Of("plan.json", "fit --plan", path => RunFolder.ReadPlan(path).ToJson()),
        Of("report.json", "report", path => FolderOf(path).ReadReport().ToJson()),
        Of("metrics.json", "report", path => JsonText.Line(FolderOf(path).ReadMetrics())),
        Of("mask.json", "figure1", path => InputText.Parse(path, json => OperationMask.FromJson(json, SearchSpace.Darts)).ToJson()),
        Of("genotype.json", "rank", path => InputText.Parse(path, Genotype.FromJson).ToJson()),
    ];

    [Fact]
    public void No_wrong_byte_in_a_file_of_a_run_changes_what_a_command_does() =>
        Damage.Flip(Files, inTheSuite: 600, refusal: typeof(ToolException));

    [Fact]
    public void A_file_of_a_run_whose_end_is_missing_is_refused() =>
        Damage.Truncate(Files, inTheSuite: 120, refusal: typeof(ToolException));

    [Fact]
    public void A_pipe_or_a_device_in_place_of_a_file_of_a_run_is_refused_and_not_waited_for()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "It has no such files.");
        var folder = Directory.CreateDirectory(run.New("pipes")).FullName;
        foreach (var file in Files)
        {
            var path = Path.Combine(folder, file.File);
            using (var made = System.Diagnostics.Process.Start("mkfifo", [path]))
                made.WaitForExit();
            Refused();
            File.Delete(path);
            File.CreateSymbolicLink(path, "/dev/zero");
            Refused();
            File.Delete(path);

            void Refused()
            {
                var error = Assert.ThrowsAny<Exception>(() => file.Read(path));
                Assert.True(error is InvalidDataException or ToolException, $"{error}");
                Assert.Contains($"'{path}' is empty, or it is a pipe or a device", error.Message);
            }
        }
    }

    [Fact]
    public void Predictions_that_are_not_those_of_the_metrics_are_in_no_report()
    {
        var folder = Directory.CreateDirectory(run.New("other-predictions")).FullName;
        foreach (var name in (string[])["model.zip", "metrics.json"])
            File.Copy(run.File(name), Path.Combine(folder, name));
        var predictions = Path.Combine(folder, "predictions.csv");
        File.WriteAllText(predictions, File.ReadAllText(run.File("predictions.csv")).Replace("0.", "0.9"));
        var said = Tool.Run("report", folder);
        Assert.Equal(5, said.ExitCode);
        Assert.Contains($"'{predictions}' is damaged, or not the one that", said.Errors);
    }

    [Fact]
    public void A_mask_that_people_changed_is_read_without_its_checksum()
    {
        var json = System.Text.Json.Nodes.JsonNode.Parse(File.ReadAllText(run.File("mask.json")))!.AsObject();
        json["normal"]![0]!.AsArray().RemoveAt(0);
        Assert.Contains("take 'sha256' out of a text that you have changed",
            Assert.Throws<FormatException>(() => OperationMask.FromJson(json.ToJsonString(), SearchSpace.Darts)).Message);
        Assert.True(json.Remove("sha256"));
        OperationMask.FromJson(json.ToJsonString(), SearchSpace.Darts);
    }

    private static RunFolder FolderOf(string path) => new(Path.GetDirectoryName(path)!);

    // Without the end of the last line, which a file may lack.
    private OwnFile Of(string name, string reader, Func<string, string> read) =>
        new(name, reader, System.Text.Encoding.UTF8.GetBytes(File.ReadAllText(run.File(name)).TrimEnd('\n')), read);
}
