using System.Text.Json;
using ZeroOneShot.Persistence;

namespace ZeroOneShot.Experiments;

/// <summary>
/// A folder of runs, each in a folder of its own. A finished run is never run again, and one that was killed goes on where it was. Runs of
/// other data, presets or versions of the library stand beside one another, and are never mixed.
/// </summary>
public sealed class Ledger
{
    /// <summary>The version of the layout of folders and files.</summary>
    public const int Format = 1;

    private const string FormatFile = "ledger.json", RunsFolder = "runs";

    private Ledger(string folder) => Folder = folder;

    /// <summary>The full path.</summary>
    public string Folder { get; }

    /// <summary>Opens a ledger, or begins one in a folder that is missing or empty.</summary>
    /// <param name="folder">The folder.</param>
    /// <exception cref="InvalidDataException">The folder is a ledger of another version, or its description is damaged.</exception>
    /// <exception cref="IOException">The folder holds something else, or cannot be written.</exception>
    public static Ledger Open(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        var full = Path.GetFullPath(folder);
        var file = Path.Combine(full, FormatFile);
        if (File.Exists(file))
        {
            if (Read(file) is var found && found != Format)
            {
                throw new InvalidDataException($"Ledger '{full}' is of version {found}; this version of ZeroOneShot reads {Format}. Use " +
                    "the version that began it, or begin another ledger in another folder.");
            }
            return new Ledger(full);
        }
        if (HasFiles(full))
        {
            throw new IOException(
                $"'{full}' is no ledger, and not empty; expected a ledger, or an empty or missing folder to begin one in.");
        }
        ChecksummedJson.Write(file, new Description(Format));
        return new Ledger(full);
    }

    /// <summary>Keeps the ledger for one coordinator, which starts the runs. Anybody may read meanwhile.</summary>
    /// <exception cref="IOException">Another one has it; the message says which.</exception>
    public FolderLock Coordinate() => FolderLock.Take(Folder, "the runs of a ledger");

    /// <summary>The folder of a run, made where it is missing.</summary>
    /// <param name="specification">The run.</param>
    /// <exception cref="InvalidDataException">The folder of that name is damaged, or of another run.</exception>
    /// <exception cref="IOException">It cannot be written.</exception>
    public RunFolder Run(RunSpecification specification)
    {
        ArgumentNullException.ThrowIfNull(specification);
        var path = PathOf(specification);
        if (!HasFiles(path))
            return RunFolder.Create(path, specification);
        var run = RunFolder.Open(path);
        return run.Specification == specification ? run : throw new InvalidDataException(
            $"'{path}' is of another run than its name says; move it away, or restore its specification.json.");
    }

    /// <summary>The folder of a run; null where it was never begun.</summary>
    /// <param name="specification">The run.</param>
    /// <exception cref="InvalidDataException">The folder of that name is damaged.</exception>
    public RunFolder? Find(RunSpecification specification)
    {
        ArgumentNullException.ThrowIfNull(specification);
        return HasFiles(PathOf(specification)) ? Run(specification) : null;
    }

    /// <summary>All runs, of whatever version and preset, in the order of their names.</summary>
    /// <exception cref="InvalidDataException">A folder is damaged.</exception>
    public IReadOnlyList<RunFolder> Runs()
    {
        var runs = Path.Combine(Folder, RunsFolder);
        return !Directory.Exists(runs) ? [] :
            [.. Directory.GetDirectories(runs).Where(HasFiles).Order(StringComparer.Ordinal).Select(RunFolder.Open)];
    }

    private string PathOf(RunSpecification specification) => Path.Combine(Folder, RunsFolder, specification.Id);

    // A process that was killed as it began a run leaves an empty folder, or one with the temporary file of the specification.
    private static bool HasFiles(string path) =>
        Directory.Exists(path) && Directory.EnumerateFileSystemEntries(path).Any(entry => !Path.GetFileName(entry).StartsWith('.'));

    private static int Read(string file)
    {
        try
        {
            return ChecksummedJson.Read<Description>(file).Format;
        }
        catch (Exception e) when (e is JsonException or InvalidDataException)
        {
            throw new InvalidDataException(
                $"'{file}' is damaged ({e.Message}); copy that of any other ledger of version {Format} there, for all are the same.", e);
        }
    }

    private sealed record Description(int Format);
}
