using System.Text.Json;
using System.Text.Json.Serialization;
using ZeroOneShot.Persistence;

namespace ZeroOneShot.ML;

/// <summary>
/// How far a Fit of <see cref="ZeroOneShotTrainer"/> has come, beside the checkpoints of its stages: its plan, and the time used.
/// </summary>
internal sealed record FitState
{
    private const string Name = "fit.json", PreviousName = "fit.previous.json";

    private static readonly JsonSerializerOptions s_json = new()
    {
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    };

    /// <summary>What it is the state of: images and settings.</summary>
    public required string Identity { get; init; }

    /// <summary>The plan.</summary>
    public required ZeroOneShotPlan Plan { get; set; }

    /// <summary>Seconds used so far, by all processes, for everything.</summary>
    public double Seconds { get; set; }

    /// <summary>Seconds used so far by the stages, by their names.</summary>
    public Dictionary<string, double> StageSeconds { get; init; } = [];

    /// <summary>Whether pruning took too long, and operations were left by chance.</summary>
    public bool PrunedByChance { get; set; }

    /// <summary>Whether the plan's training is that of the network that was found, timed; before, of a typical one.</summary>
    public bool KnowsNetwork { get; set; }

    private bool _newestIsDamaged;

    /// <summary>Keeps a folder's state and checkpoints for one Fit, until that is disposed or its process has ended.</summary>
    /// <exception cref="IOException">Another has them, or the folder cannot be written.</exception>
    public static IDisposable Lock(string folder)
    {
        var full = Path.GetFullPath(folder);
        var taken = WriterLock.Take(Path.Combine(full, ".fit"), $"CheckpointFolder '{full}'", "a Fit");
        AtomicFile.DeleteLeftovers(Path.Combine(full, Name));
        return taken;
    }

    /// <summary>The state in a folder; null where there is none.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="identity">What it must be the state of.</param>
    /// <param name="warn">Told of a damaged file that the one before takes the place of.</param>
    /// <exception cref="InvalidDataException">It and the one before are damaged, or of other images or settings.</exception>
    public static FitState? Read(string folder, string identity, Action<string> warn)
    {
        // There is only the one before where a process was killed between moving the two.
        string[] generations = [.. new[] { Name, PreviousName }.Select(name => Path.Combine(folder, name)).Where(File.Exists)];
        var damages = new List<string>();
        foreach (var path in generations)
        {
            FitState state;
            try
            {
                state = ChecksummedJson.Read<FitState>(path, s_json);
            }
            catch (Exception e) when (e is JsonException or InvalidDataException or IOException)        // the last: of a bad disk
            {
                damages.Add($"'{path}' cannot be read: {e.Message}");
                continue;
            }
            if (state.Identity != identity)
            {
                throw new InvalidDataException(
                    $"'{path}' is of other images or settings: {state.Identity}, those of this Fit: {identity}. " +
                    "Go on with the same, choose another CheckpointFolder, or delete the folder's files to begin anew.");
            }
            if (damages.Count > 0)
            {
                state._newestIsDamaged = true;
                warn($"{damages[0]} The Fit goes on from the one before, '{path}', with the same plan.");
            }
            return state;
        }
        return damages.Count == 0 ? null : throw new InvalidDataException(
            $"{string.Join(' ', damages)} Delete the folder's files to begin anew.");
    }

    /// <summary>Writes it, whole or not at all, and keeps the one before.</summary>
    public void Write(string folder)
    {
        ChecksummedJson.Write(Path.Combine(folder, Name), this, s_json,
            _newestIsDamaged ? null : Path.Combine(folder, PreviousName));          // a damaged one is not worth the good one
        _newestIsDamaged = false;
    }
}
