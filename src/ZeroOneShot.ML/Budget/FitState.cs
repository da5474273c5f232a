using System.Text.Json;
using System.Text.Json.Serialization;
using ZeroOneShot.Persistence;

namespace ZeroOneShot.ML;

/// <summary>
/// How far a Fit of <see cref="ZeroOneShotTrainer"/> has come, beside the checkpoints of its stages: its plan, and the time used.
/// </summary>
internal sealed record FitState
{
    private const string Name = "fit.json";

    private static readonly JsonSerializerOptions s_json = new()
    {
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    };

    /// <summary>What it is the state of: images and settings.</summary>
    public required string Identity { get; init; }

    /// <summary>The plan.</summary>
    public required ZeroOneShotPlan Plan { get; init; }

    /// <summary>Seconds used so far, by all processes, for everything.</summary>
    public double Seconds { get; set; }

    /// <summary>Seconds used so far by the stages, by their names.</summary>
    public Dictionary<string, double> StageSeconds { get; init; } = [];

    /// <summary>Whether pruning took too long, and operations were left by chance.</summary>
    public bool PrunedByChance { get; set; }

    /// <summary>The state in a folder; null where there is none.</summary>
    /// <exception cref="InvalidDataException">It is damaged, or of other images or settings.</exception>
    public static FitState? Read(string folder, string identity)
    {
        var path = Path.Combine(folder, Name);
        if (!File.Exists(path))
            return null;
        FitState state;
        try
        {
            state = ChecksummedJson.Read<FitState>(path, s_json);
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"'{path}' cannot be read: {e.Message} Delete the folder's files to begin anew.", e);
        }
        if (state.Identity != identity)
        {
            throw new InvalidDataException(
                $"'{path}' is of other images or settings: {state.Identity}, those of this Fit: {identity}. " +
                "Go on with the same, choose another CheckpointFolder, or delete the folder's files to begin anew.");
        }
        return state;
    }

    /// <summary>Writes it, whole or not at all.</summary>
    public void Write(string folder) => ChecksummedJson.Write(Path.Combine(folder, Name), this, s_json);
}
