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
    public bool HasReached => IsUnfinished && Directory.EnumerateFileSystemEntries(Checkpoint).Any();

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
            return JsonText.Read<RunSpecification>(ChecksummedJson.Verify(File.ReadAllText(Specification)));
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"'{Specification}' cannot be read: {e.Message} Begin the run anew with zeroone fit.");
        }
    });

    /// <summary>Reads the plan of a file.</summary>
    /// <exception cref="ToolException">There is none, or it is damaged or of another version.</exception>
    public static ZeroOneShotPlan ReadPlan(string file) => InputText.Parse(file, ZeroOneShotPlan.FromJson);

    /// <summary>Reads the values of the report.</summary>
    /// <exception cref="ToolException">They are damaged or of another version.</exception>
    public RunReport ReadReport() => InputText.Parse(Report, text => RunReport.FromJson(text));

    private string In(string name) => System.IO.Path.Combine(Path, name);
}
