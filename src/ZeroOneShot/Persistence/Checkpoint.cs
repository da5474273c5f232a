using System.Text.Json;
using System.Text.Json.Serialization;
using static TorchSharp.torch;

namespace ZeroOneShot.Persistence;

/// <summary>A file from which a run that was cancelled or killed goes on, to the same result bit for bit.</summary>
/// <remarks>
/// Random numbers depend on the seed and on the number of a step alone, so that what was learned and how far the run had come are all there
/// is to keep. The file also says what it is a checkpoint of, and no other run takes it over.
/// </remarks>
/// <typeparam name="TState">How far the run has come; a new one is the beginning.</typeparam>
/// <param name="path">The file; it need not exist.</param>
/// <param name="run">What runs, in an error's words: <c>search</c>.</param>
/// <param name="identity">What the result depends on, by name: images, options and so on.</param>
internal sealed class Checkpoint<TState>(string path, string run, IReadOnlyDictionary<string, string> identity)
    where TState : class, new()
{
    private const string State = "state";

    // A training that went astray has a loss that is no number.
    private static readonly JsonSerializerOptions s_json = new() { NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals };

    /// <summary>Writes the file anew, all or nothing.</summary>
    public void Save(TState state, IEnumerable<(string Name, Tensor Tensor)> tensors) => SafetensorsFile.Write(
        path, tensors, new Dictionary<string, string>(identity) { [State] = JsonSerializer.Serialize(state, s_json) });

    /// <summary>How far the file says that the run has come; without a file it begins.</summary>
    /// <param name="restore">Takes over the tensors of the file.</param>
    /// <exception cref="InvalidDataException">The file is damaged, or is of another run; the message says what differs.</exception>
    public TState Load(Action<SafetensorsFile, TState> restore)
    {
        AtomicFile.DeleteLeftovers(path);
        if (!File.Exists(path))
            return new TState();
        var file = SafetensorsFile.Read(path);
        foreach (var (name, expected) in identity)
        {
            if (!file.Metadata.TryGetValue(name, out var found))
                throw Wrong($"it says nothing of its {name}");
            if (found != expected)
                throw Wrong($"its {name} are {Shortened(found)}, those of this {run} {Shortened(expected)}");
        }
        var state = file.Metadata.TryGetValue(State, out var json) ? JsonSerializer.Deserialize<TState>(json, s_json) : null;
        restore(file, state ?? throw Wrong($"it does not say how far the {run} had come"));
        return state;
    }

    private InvalidDataException Wrong(string found) => new($"'{path}' is no checkpoint of this {run}: {found}. " +
        $"Go on with the same {string.Join(", ", identity.Keys)}, or delete the file to begin anew.");

    private static string Shortened(string text) => text.Length <= 400 ? text : text[..400] + "...";
}
