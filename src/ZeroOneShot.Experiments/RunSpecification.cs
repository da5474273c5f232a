using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using ZeroOneShot.OneShot;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.Experiments;

/// <summary>Everything that a run's result depends on. Two runs of one specification are one run.</summary>
public sealed record RunSpecification
{
    private static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true };

    /// <summary>The name of a method of <see cref="SearchMethod.All"/>.</summary>
    public required string Method { get; init; }

    /// <summary>The name of a space of <see cref="SearchSpace.All"/>. Default: that of DARTS.</summary>
    public string Space { get; init; } = SearchSpace.Darts.Name;

    /// <summary>The name of the data.</summary>
    public required string Data { get; init; }

    /// <summary>The hash of the data; see <see cref="ExperimentData.Hash"/>.</summary>
    public required string DataHash { get; init; }

    /// <summary>The seed of all stages.</summary>
    public required long Seed { get; init; }

    /// <summary>The name of the preset, with the sizes that were set.</summary>
    public required string Preset { get; init; }

    /// <summary>Everything that the preset sets, hashed: a preset that was changed is another one.</summary>
    public required string PresetHash { get; init; }

    /// <summary>The version of the library, with the commit it was built from where that is known.</summary>
    public required string CodeVersion { get; init; }

    /// <summary>The version of the library that is running.</summary>
    public static string PresentCodeVersion { get; } =
        typeof(SearchMethod).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";

    /// <summary>A name for the run's folder: what a reader looks for, and a hash of the whole.</summary>
    [JsonIgnore]
    public string Id => $"{Data}-{Space}-{Method}-{Preset.Split(':')[0]}-seed{Seed}-{Hash(Text())[..12]}".ToLowerInvariant();

    /// <summary>The specification of a run with this version of the library.</summary>
    /// <param name="method">The method.</param>
    /// <param name="space">The search space, one of <see cref="SearchSpace.All"/>.</param>
    /// <param name="data">The data.</param>
    /// <param name="seed">The seed.</param>
    /// <param name="preset">How much is computed.</param>
    public static RunSpecification Of(SearchMethod method, SearchSpace space, ExperimentData data, long seed, ExperimentPreset preset)
    {
        ArgumentNullException.ThrowIfNull(method);
        ArgumentNullException.ThrowIfNull(space);
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(preset);
        return new RunSpecification
        {
            Method = SearchMethod.Parse(method.Name).Name, Space = SearchSpace.Named(space.Name).Name, Data = data.Name,
            DataHash = data.Hash, Seed = seed, Preset = preset.Name, PresetHash = Hash(preset.Settings()),
            CodeVersion = PresentCodeVersion,
        };
    }

    /// <summary>The specification as JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, s_indented);

    /// <summary>Reads what <see cref="ToJson"/> wrote.</summary>
    /// <param name="json">The text.</param>
    /// <exception cref="InvalidDataException">It is no specification of a run.</exception>
    public static RunSpecification FromJson(string json)
    {
        try
        {
            return JsonSerializer.Deserialize<RunSpecification>(json) ?? throw new JsonException("It is null.");
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"This is no specification of a run: {e.Message}", e);
        }
    }

    private string Text() => JsonSerializer.Serialize(this);

    private static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}
