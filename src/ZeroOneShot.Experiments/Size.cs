using System.Globalization;

namespace ZeroOneShot.Experiments;

/// <summary>A size of a preset that may be set by its name: a row of a table.</summary>
/// <param name="Name">As it is written.</param>
/// <param name="Least">The least value.</param>
/// <param name="Set">The preset with that size.</param>
internal sealed record Size(string Name, int Least, Func<ExperimentPreset, int, ExperimentPreset> Set)
{
    /// <summary>The sizes, in the order in which they stand in a preset's name.</summary>
    public static IReadOnlyList<Size> All { get; } =
    [
        new("train-images", 1, (preset, n) => preset with { TrainImages = n }),
        new("test-images", 1, (preset, n) => preset with { TestImages = n }),
        new("prune-channels", 1, (preset, n) => preset with
        {
            Prune = preset.Prune with { Supernet = preset.Prune.Supernet with { Channels = n } },
        }),
        new("prune-cells", 1, (preset, n) => preset with
        {
            Prune = preset.Prune with { Supernet = preset.Prune.Supernet with { Cells = n } },
        }),
        new("prune-batch", 2, (preset, n) => preset with { Prune = preset.Prune with { BatchSize = n } }),
        new("prune-batches", 1, (preset, n) => preset with { Prune = preset.Prune with { Batches = n } }),
        new("search-channels", 1, (preset, n) => preset with
        {
            Search = preset.Search with { Supernet = preset.Search.Supernet with { Channels = n } },
        }),
        new("search-cells", 1, (preset, n) => preset with
        {
            Search = preset.Search with { Supernet = preset.Search.Supernet with { Cells = n } },
        }),
        new("search-batch", 2, (preset, n) => preset with { Search = preset.Search with { BatchSize = n } }),
        new("search-epochs", 1, (preset, n) => preset with
        {
            Search = preset.Search with { Epochs = n, WarmupEpochs = n * preset.Search.WarmupEpochs / preset.Search.Epochs },
        }),
        new("warmup-epochs", 0, (preset, n) => preset with { Search = preset.Search with { WarmupEpochs = n } }),
        new("train-channels", 1, (preset, n) => preset with
        {
            Train = preset.Train with { Network = preset.Train.Network with { Channels = n } },
        }),
        new("train-cells", 1, (preset, n) => preset with
        {
            Train = preset.Train with { Network = preset.Train.Network with { Cells = n } },
        }),
        new("train-batch", 2, (preset, n) => preset with { Train = preset.Train with { BatchSize = n } }),
        new("train-epochs", 1, (preset, n) => preset with { Train = preset.Train with { Epochs = n } }),
    ];

    /// <summary>A preset with sizes, for example <c>train-images=1000,train-epochs=8</c>.</summary>
    /// <exception cref="ArgumentException">A size is unknown, stands twice, or has no value that it may have.</exception>
    public static ExperimentPreset Apply(ExperimentPreset preset, string text)
    {
        var values = new Dictionary<Size, int>();
        foreach (var part in text.Split(','))
        {
            var sides = part.Split('=', 2, StringSplitOptions.TrimEntries);
            var size = All.FirstOrDefault(known => known.Name.Equals(sides[0], StringComparison.OrdinalIgnoreCase)) ??
                throw new ArgumentException($"Preset '{preset.Name}' is followed by '{part}'; expected sizes such as train-images=1000, " +
                    $"between commas, out of {string.Join(", ", ExperimentPreset.Sizes)}.", nameof(text));
            if (sides.Length < 2 || !int.TryParse(sides[1], NumberStyles.None, CultureInfo.InvariantCulture, out var value) ||
                value < size.Least)
            {
                throw new ArgumentException($"'{part}' sets {size.Name}; expected a whole number of at least {size.Least}, for example " +
                    $"{size.Name}={Math.Max(8, size.Least)}.", nameof(text));
            }
            if (!values.TryAdd(size, value))
                throw new ArgumentException($"{size.Name} stands twice behind the preset's name; expected it once.", nameof(text));
        }
        var named = All.Where(values.ContainsKey).Select(size => $"{size.Name}={values[size]}");
        var sized = All.Where(values.ContainsKey).Aggregate(preset, (scaled, size) => size.Set(scaled, values[size])) with
        {
            Name = $"{preset.Name}:{string.Join(',', named)}",
        };
        return sized.Search.WarmupEpochs < sized.Search.Epochs ? sized : throw new ArgumentException(
            $"Preset '{sized.Name}' warms up for {sized.Search.WarmupEpochs} of {sized.Search.Epochs} epochs; expected fewer.",
            nameof(text));
    }
}
