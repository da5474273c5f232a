using System.Globalization;
using System.Text.Json;
using ZeroOneShot.Persistence;
using ZeroOneShot.Runtime;

namespace ZeroOneShot.Experiments;

/// <summary>
/// The folder of a run in a <see cref="Ledger"/>: its specification, a record of every finished stage, checkpoints of the present one, and
/// a log. All files appear whole or not at all, so that a run can be killed at any moment.
/// </summary>
public sealed class RunFolder
{
    /// <summary>The stages in their order.</summary>
    public static IReadOnlyList<RunStage> Stages { get; } = [RunStage.Prune, RunStage.Search, RunStage.Train];

    private const string SpecificationFile = "specification.json", LogFile = "log.txt";

    private RunFolder(string path, RunSpecification specification) => (Path, Specification) = (path, specification);

    /// <summary>The full path.</summary>
    public string Path { get; }

    /// <summary>What is run.</summary>
    public RunSpecification Specification { get; }

    /// <summary>Whether all stages are done.</summary>
    public bool IsFinished => Stages.All(stage => File.Exists(StageFile(stage)));

    /// <summary>Whether anything has been done.</summary>
    public bool HasBegun => Directory.Exists(Checkpoints) || Stages.Any(stage => File.Exists(StageFile(stage)));

    /// <summary>The first stage that is not done; null where all are.</summary>
    public RunStage? NextStage => IsFinished ? null : Stages.First(stage => !File.Exists(StageFile(stage)));

    /// <summary>The folder of checkpoints.</summary>
    public string Checkpoints => System.IO.Path.Combine(Path, "checkpoints");

    /// <summary>Whether a folder is that of a run.</summary>
    /// <param name="path">The folder.</param>
    public static bool IsOne(string path) => File.Exists(System.IO.Path.Combine(path, SpecificationFile));

    /// <summary>Opens the folder of a run.</summary>
    /// <param name="path">The folder.</param>
    /// <exception cref="InvalidDataException">Its specification is missing or damaged.</exception>
    public static RunFolder Open(string path)
    {
        var full = System.IO.Path.GetFullPath(path);
        var file = System.IO.Path.Combine(full, SpecificationFile);
        try
        {
            return new RunFolder(full, ChecksummedJson.Read<RunSpecification>(file));
        }
        catch (Exception e) when (e is JsonException or InvalidDataException or FileNotFoundException)
        {
            throw new InvalidDataException($"'{full}' is no folder of a run: {SpecificationFile} is missing or damaged ({e.Message}). " +
                "Restore the file, or delete the folder to begin the run anew.", e);
        }
    }

    internal static RunFolder Create(string path, RunSpecification specification)
    {
        ChecksummedJson.Write(System.IO.Path.Combine(path, SpecificationFile), specification);
        return new RunFolder(System.IO.Path.GetFullPath(path), specification);
    }

    /// <summary>What a finished stage left; null where it is not finished.</summary>
    /// <param name="stage">The stage.</param>
    /// <exception cref="InvalidDataException">The record is damaged.</exception>
    public StageRecord? Record(RunStage stage) => Read<StageRecord>(StageFile(stage));

    /// <summary>The result; null before all stages are finished.</summary>
    /// <exception cref="InvalidDataException">A record is damaged.</exception>
    public RunResult? Result() => !IsFinished ? null : new RunResult
    {
        Specification = Specification,
        Prune = Record(RunStage.Prune)!, Search = Record(RunStage.Search)!, Train = Record(RunStage.Train)!,
    };

    /// <summary>Adds a line to the log, with the time.</summary>
    /// <param name="text">The line.</param>
    public void Log(string text) => File.AppendAllText(System.IO.Path.Combine(Path, LogFile),
        string.Create(CultureInfo.InvariantCulture, $"{DateTime.UtcNow:u} {text.ReplaceLineEndings(" ")}\n"));

    internal void Finish(RunStage stage, StageRecord record)
    {
        ChecksummedJson.Write(StageFile(stage), record);
        Log($"{stage} is finished: {record.Seconds:F1} s, {record.ProcessorSeconds:F1} s of processors, in {record.Attempts} attempt(s).");
    }

    internal string Checkpoint(RunStage stage) => System.IO.Path.Combine(Checkpoints, Name(stage));

    /// <summary>What the attempts so far took: notes that each leaves as it goes along.</summary>
    internal IReadOnlyList<AttemptNote> Attempts(RunStage stage) => !Directory.Exists(AttemptFolder) ? [] :
    [
        .. Directory.GetFiles(AttemptFolder, Name(stage) + "-*.json").Order(StringComparer.Ordinal)
            .Select(file => Read<AttemptNote>(file)!),
    ];

    internal void Note(RunStage stage, int attempt, AttemptNote note) =>
        ChecksummedJson.Write(System.IO.Path.Combine(AttemptFolder, $"{Name(stage)}-{attempt:D4}.json"), note);

    private string AttemptFolder => System.IO.Path.Combine(Path, "attempts");

    private string StageFile(RunStage stage) => System.IO.Path.Combine(Path, Name(stage) + ".json");

    private static string Name(RunStage stage) => stage.ToString().ToLowerInvariant();

    private static T? Read<T>(string file) where T : class
    {
        if (!File.Exists(file))
            return null;
        try
        {
            return ChecksummedJson.Read<T>(file);
        }
        catch (Exception e) when (e is JsonException or InvalidDataException)
        {
            throw new InvalidDataException($"'{file}' is damaged ({e.Message}); delete it to do that stage again.", e);
        }
    }
}

/// <summary>How far an attempt at a stage came.</summary>
internal sealed record AttemptNote(double Seconds, double ProcessorSeconds, double? PeakMiB);
