using System.Security.Cryptography;
using System.Text.Json;
using ZeroOneShot.Data;
using ZeroOneShot.Persistence;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.OneShot;

/// <summary>A file from which a search that was cancelled or killed goes on, to the same result bit for bit.</summary>
/// <remarks>
/// Batches depend on the seed and on their number alone, so that what was learned (weights, running statistics, alphas, betas, the optimizers'
/// moments) and the number of the next step are all there is to keep.
/// </remarks>
internal sealed class SearchCheckpoint
{
    private const string State = "state";

    private readonly string _path;
    private readonly Dictionary<string, string> _identity;

    /// <param name="path">The file; it need not exist.</param>
    /// <param name="images">The images of the search.</param>
    /// <param name="mask">The mask of the search.</param>
    /// <param name="options">The settings of the search.</param>
    public SearchCheckpoint(string path, ImageSet images, OperationMask mask, SearchOptions options)
    {
        _path = path;
        _identity = new()
        {
            ["images"] = Fingerprint(images),
            ["mask"] = mask.ToJson(),
            ["options"] = JsonSerializer.Serialize(options with { Device = null, MaxMemory = null }),
        };
    }

    /// <summary>Writes the file anew, all or nothing.</summary>
    public void Save(BilevelStep step, SearchState state) => SafetensorsFile.Write(
        _path, step.State(), new Dictionary<string, string>(_identity) { [State] = JsonSerializer.Serialize(state) });

    /// <summary>Takes over what the file holds; without a file the search begins.</summary>
    /// <exception cref="InvalidDataException">The file is damaged, or is of another search; the message says what differs.</exception>
    public SearchState Load(BilevelStep step)
    {
        if (!File.Exists(_path))
            return new SearchState();
        var file = SafetensorsFile.Read(_path);
        foreach (var (name, expected) in _identity)
        {
            if (!file.Metadata.TryGetValue(name, out var found))
                throw Wrong($"it says nothing of its {name}");
            if (found != expected)
                throw Wrong($"its {name} are {Shortened(found)}, those of this search {Shortened(expected)}");
        }
        var state = file.Metadata.TryGetValue(State, out var json) ? JsonSerializer.Deserialize<SearchState>(json) : null;
        step.Restore(file, (state ?? throw Wrong("it does not say how far the search had come")).Updates);
        return state;
    }

    private InvalidDataException Wrong(string found) => new(
        $"'{_path}' is no checkpoint of this search: {found}. Go on with the same images, mask and settings, or delete the file to begin anew.");

    private static string Shortened(string text) => text.Length <= 400 ? text : text[..400] + "...";

    private static string Fingerprint(ImageSet images)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (var i = 0; i < images.Count; i++)
        {
            hash.AppendData(images.Pixels(i));
            hash.AppendData(BitConverter.GetBytes(images.Label(i)));
        }
        return $"{images.Count} images of {images.Shape}, {images.ClassCount} classes, SHA-256 {Convert.ToHexString(hash.GetHashAndReset())}";
    }
}

/// <summary>How far a search has come.</summary>
internal sealed record SearchState
{
    /// <summary>The epoch of the next step.</summary>
    public int Epoch { get; set; }

    /// <summary>The number of the next step in its epoch.</summary>
    public int Step { get; set; }

    /// <summary>Architecture steps taken.</summary>
    public long Updates { get; set; }

    /// <summary>Sum of the weights steps' losses in this epoch.</summary>
    public double Loss { get; set; }

    /// <summary>Images classified rightly in this epoch's weights steps.</summary>
    public long Right { get; set; }

    /// <summary>Sum of the architecture steps' losses in this epoch.</summary>
    public double SearchLoss { get; set; }

    /// <summary>The epochs that are over.</summary>
    public List<FinishedEpoch> Finished { get; init; } = [];

    /// <summary>A <see cref="SearchEpoch"/> with its genotype as text.</summary>
    public sealed record FinishedEpoch(double Loss, double Accuracy, double? SearchLoss, string Genotype);
}
