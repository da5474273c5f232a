using System.Text;
using System.Text.Json;
using ZeroOneShot.ML;
using ZeroOneShot.Persistence;
using ZeroOneShot.Report;
using ZeroOneShot.Tool.Commands;
using ZeroOneShot.Tool.Output;

namespace ZeroOneShot.Tool.Runs;

/// <summary>What a run leaves in its folder, each file whole or not at all.</summary>
internal sealed class RunFolder(string path)
{
    public string Path { get; } = System.IO.Path.GetFullPath(path);

    public string Model => In("model.zip");

    public string Onnx => In("model.onnx");

    public string Mask => In("mask.json");

    /// <summary>What a pruning has measured, round by round; not there where nothing was ranked.</summary>
    public string Importances => In("importances.json");

    public string Genotype => In("genotype.json");

    public string Metrics => In("metrics.json");

    public string Predictions => In("predictions.csv");

    /// <summary>What people look at.</summary>
    public string Html => In("report.html");

    /// <summary>The values of the report, from which it is made anew.</summary>
    public string Report => In("report.json");

    /// <summary>What was asked for, from which a run that was stopped goes on.</summary>
    public string Specification => In("run.json");

    /// <summary>The sizes and epochs of the run, from which it can be repeated.</summary>
    public string Plan => In("plan.json");

    /// <summary>Where a run that is not over keeps how far it has come.</summary>
    public string Checkpoint => In("checkpoint");

    /// <summary>Whether a run was stopped or refused here.</summary>
    public bool IsUnfinished => File.Exists(Specification) && Directory.Exists(Checkpoint);

    /// <summary>Whether it had reached anything that a new run would give up.</summary>
    public bool HasReached => IsUnfinished                                  // locks stay where nothing was reached too
        && Directory.EnumerateFileSystemEntries(Checkpoint).Any(entry => !System.IO.Path.GetFileName(entry).StartsWith('.'));

    /// <summary>
    /// Removes what processes that were killed as they wrote have left. Only for who has the folder to himself (<see cref="FolderLock"/>).
    /// </summary>
    public void DeleteLeftovers()
    {
        foreach (var file in (string[])[Model, Onnx, Mask, Importances, Genotype, Metrics, Predictions, Html, Report, Specification, Plan])
            AtomicFile.DeleteLeftovers(file);
    }

    public void Write(string file, string text) =>
        AtomicFile.Write(file, stream => stream.Write(Encoding.UTF8.GetBytes(text.EndsWith('\n') ? text : text + "\n")));

    /// <summary>Writes the report's values, and the page made of them.</summary>
    public void Write(RunReport report)
    {
        Write(Report, report.ToJson());
        Write(Html, report.ToHtml());
    }

    /// <summary>Reads what was asked for.</summary>
    /// <exception cref="ToolException">There is no run here, or its file is damaged.</exception>
    public RunSpecification ReadSpecification() => ToolException.Within(ExitCode.RefusedFile, () =>
    {
        if (!File.Exists(Specification))
            throw new FileNotFoundException($"'{Path}' has no run.json; expected the folder of a run of zeroone fit.");
        try
        {
            return JsonText.Read<RunSpecification>(ChecksummedJson.ReadText(Specification));
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"'{Specification}' cannot be read: {e.Message} Begin the run anew with zeroone fit.");
        }
    });

    /// <summary>Reads the numbers of the run.</summary>
    /// <exception cref="InvalidDataException">They are damaged; the message names the file.</exception>
    public Metrics ReadMetrics()
    {
        try
        {
            var metrics = JsonText.Read<Metrics>(ChecksummedJson.ReadText(Metrics));
            return metrics.Seconds.Values.All(seconds => seconds is >= 0 and < 1e9) ? metrics : throw new JsonException(
                "A stage has taken no number of seconds.");
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"'{Metrics}' cannot be read: {e.Message} Remove it; without it the report lacks times.");
        }
    }

    /// <summary>Reads the plan of a file.</summary>
    /// <exception cref="ToolException">There is none, or it is damaged or of another version.</exception>
    public static ZeroOneShotPlan ReadPlan(string file) => InputText.Parse(file, ZeroOneShotPlan.FromJson);

    /// <summary>Reads the values of the report.</summary>
    /// <exception cref="ToolException">They are damaged or of another version.</exception>
    public RunReport ReadReport() => InputText.Parse(Report, text => RunReport.FromJson(text));

    private string In(string name) => System.IO.Path.Combine(Path, name);
}
