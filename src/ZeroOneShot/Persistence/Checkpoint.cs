using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using static TorchSharp.torch;

namespace ZeroOneShot.Persistence;

/// <summary>A file from which a run that was cancelled or killed goes on, to the same result bit for bit.</summary>
/// <remarks>
/// Random numbers depend on the seed and on the number of a step alone, so that what was learned and how far the run had come are all there
/// is to keep. The file also says what it is a checkpoint of, and no other run takes it over. The one before stays beside it as
/// <c>search.previous.safetensors</c>, for the case that the newest is damaged. One run at a time has them, from <see cref="Load"/> until
/// it disposes this.
/// </remarks>
/// <typeparam name="TState">How far the run has come; a new one is the beginning.</typeparam>
/// <param name="path">The file; it need not exist.</param>
/// <param name="run">What runs, in an error's words: <c>search</c>.</param>
/// <param name="identity">What the result depends on, by name: images, options and so on.</param>
/// <param name="arithmetic">On what its last bits depend, which may be another when the run goes on; null: nothing is kept of it.</param>
internal sealed class Checkpoint<TState>(
    string path, string run, IReadOnlyDictionary<string, string> identity, string? arithmetic = null) : IDisposable
    where TState : class, new()
{
    private const string State = "state", ComputedBy = "computed by", Then = "; then ";

    // A training that went astray has a loss that is no number.
    private static readonly JsonSerializerOptions s_json = new() { NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals };

    private readonly string _newest = Path.GetFullPath(path);
    private WriterLock? _lock;
    private bool _newestIsDamaged;
    private string? _computedBy;                             // where there was something else before

    /// <summary>
    /// What <see cref="Load"/> has to say of a damaged file that it could do without, or of one that was computed otherwise; else null.
    /// </summary>
    public string? Warning { get; private set; }

    private string Previous =>
        Path.Combine(Path.GetDirectoryName(_newest)!, Path.GetFileNameWithoutExtension(_newest) + ".previous" + Path.GetExtension(_newest));

    /// <summary>Writes the file anew, all or nothing, and keeps the one before.</summary>
    public void Save(TState state, IEnumerable<(string Name, Tensor Tensor)> tensors)
    {
        var texts = new Dictionary<string, string>(identity) { [State] = JsonSerializer.Serialize(state, s_json) };
        if ((_computedBy ?? arithmetic) is { } by)
            texts[ComputedBy] = by;
        SafetensorsFile.Write(_newest, tensors, texts, _newestIsDamaged ? null : Previous);     // a damaged one is not worth the good one
        _newestIsDamaged = false;
    }

    /// <summary>How far the file says that the run has come; without a file it begins.</summary>
    /// <param name="restore">Takes over the tensors of the file, and refuses a state that cannot be.</param>
    /// <exception cref="InvalidDataException">
    /// The file and the one before are damaged, or are of another run; the message says what differs and what to delete.
    /// </exception>
    /// <exception cref="IOException">Another run has the file.</exception>
    public TState Load(Action<SafetensorsFile, TState> restore)
    {
        if (Directory.Exists(_newest))
            throw new IOException($"'{_newest}' is a folder; expected the name of a checkpoint's file. Give a file name inside it.");
        var hidden = Path.Combine(Path.GetDirectoryName(_newest)!, "." + Path.GetFileName(_newest));
        _lock = WriterLock.Take(hidden, $"Checkpoint '{_newest}'", $"a {run}");
        try
        {
            AtomicFile.DeleteLeftovers(_newest);
            return LoadLocked(restore);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Lets the next run have the file.</summary>
    public void Dispose() => _lock?.Dispose();

    private TState LoadLocked(Action<SafetensorsFile, TState> restore)
    {
        // There is only the one before where a process was killed between moving the two.
        var generations = new[] { _newest, Previous }.Where(File.Exists).ToList();
        var damages = new List<string>();
        var file = generations.Select(generation => Undamaged(generation, damages)).FirstOrDefault(file => file is not null);
        if (file is null)
        {
            return damages.Count == 0 ? new TState() : throw new InvalidDataException($"No checkpoint of this {run} can be read. " +
                $"{string.Join(' ', damages)} To begin the {run} anew, delete {string.Join(" and ", generations.Select(f => $"'{f}'"))}.");
        }
        foreach (var (name, expected) in identity)
        {
            if (!file.Metadata.TryGetValue(name, out var found))
                throw Wrong(file, $"it says nothing of its {name}");
            if (found != expected)
            {
                var (other, own) = Difference(found, expected);
                throw Wrong(file, $"its {name} are {Shortened(other)}, those of this {run} {Shortened(own)}");
            }
        }
        var state = StateOf(file);
        restore(file, state);
        if (damages.Count > 0)
        {
            _newestIsDamaged = true;
            Warning = $"{damages[0]} The {run} goes on from the checkpoint before, '{file.Path}', to the same result.";
        }
        if (arithmetic is not null && file.Metadata.TryGetValue(ComputedBy, out var before) && before != arithmetic)
        {
            _computedBy = before.Split(Then).Contains(arithmetic) ? before : before + Then + arithmetic;
            var other = $"What '{file.Path}' has was computed by {before}, and the {run} goes on by {arithmetic}: the result may differ " +
                "in its last bits from that of a run by one of them. Go on where it began, or delete the file to begin anew.";
            Warning = Warning is null ? other : $"{Warning} {other}";
        }
        return state;
    }

    private static SafetensorsFile? Undamaged(string path, List<string> damages)
    {
        try
        {
            var file = SafetensorsFile.Read(path);
            return file.HasChecksum ? file : throw Checksum.Missing($"'{path}'");
        }
        catch (Exception e) when (e is InvalidDataException or IOException)                 // the latter: of a bad disk
        {
            damages.Add(e.Message);
            return null;
        }
    }

    private TState StateOf(SafetensorsFile file)
    {
        try
        {
            if (file.Metadata.TryGetValue(State, out var json) && JsonSerializer.Deserialize<TState>(json, s_json) is { } state)
                return state;
        }
        catch (JsonException e)
        {
            throw Wrong(file, $"how far it had come cannot be read ({e.Message})");
        }
        throw Wrong(file, "it does not say how far it had come");
    }

    private InvalidDataException Wrong(SafetensorsFile file, string found) => new(
        $"'{file.Path}' is no checkpoint of this {run}: {found}. " +
        $"Go on with the same {string.Join(", ", identity.Keys)}, or delete {Both()} to begin anew.");

    private string Both() => string.Join(" and ", new[] { _newest, Previous }.Where(File.Exists).Select(file => $"'{file}'"));

    /// <summary>What differs between two texts: of JSON objects the values that do, by their names.</summary>
    private static (string Found, string Expected) Difference(string found, string expected)
    {
        var (others, own) = (Values(found), Values(expected));
        return others is null || own is null ? (found, expected) : (Only(others, own), Only(own, others));

        static string Only(Dictionary<string, string> values, Dictionary<string, string> others) => string.Join(", ",
            values.Where(value => others.GetValueOrDefault(value.Key) != value.Value).Select(value => $"{value.Key} {value.Value}")
                .DefaultIfEmpty("without these"));
    }

    private static Dictionary<string, string>? Values(string text)
    {
        var values = new Dictionary<string, string>();
        try
        {
            if (JsonNode.Parse(text) is not JsonObject root)
                return null;
            Add("", root);
            return values;
        }
        catch (JsonException)
        {
            return null;
        }

        void Add(string name, JsonNode? node)
        {
            if (node is not JsonObject { Count: > 0 } of)
            {
                values[name] = node?.ToJsonString() ?? "null";
                return;
            }
            foreach (var (key, value) in of)
                Add(name.Length == 0 ? key : $"{name}.{key}", value);
        }
    }

    private static string Shortened(string text) => text.Length <= 400 ? text : text[..400] + "...";
}
