using ZeroOneShot.Data;
using ZeroOneShot.OneShot;
using ZeroOneShot.Training;
using ZeroOneShot.ZeroShot;

namespace ZeroOneShot.ML;

/// <summary>
/// Settings of the three stages that go together, for those who put the stages together themselves and know how much they want computed;
/// <see cref="ZeroOneShotTrainer"/> chooses by time instead.
/// </summary>
public sealed record SearchPreset
{
    // The cheapest of the settings whose masks were better than random ones by two of their standard deviations at every seed.
    private static readonly ZeroShotPruningOptions s_cheapest = new() { BatchSize = 16, Batches = 1, Initializations = 1 };

    /// <summary>Minutes on two cores, with some 2,000 small images: to see that everything works.</summary>
    public static SearchPreset Quick { get; } = new()
    {
        Name = "quick",
        Prune = s_cheapest,
        Search = SearchOptions.ForEpochs(3, 64) with { Supernet = new() { Channels = 8, Cells = 4 } },
        Train = new()
        {
            Network = new() { Channels = 8, Cells = 4, AuxiliaryHead = false },
            Epochs = 12,
            BatchSize = 32,
            LearningRate = 0.1,
            DropPath = 0,
            Augmentation = new Augmentation { CropPadding = 1 },
        },
    };

    /// <summary>An evening on a laptop, with some 10,000 small images.</summary>
    public static SearchPreset Cpu { get; } = new()
    {
        Name = "cpu",
        Prune = s_cheapest,
        Search = SearchOptions.ForEpochs(10, 128),
        Train = TrainingOptions.ForEpochs(30, 128) with { Network = new() { Channels = 16, Cells = 8, AuxiliaryHead = false } },
    };

    /// <summary>The settings of the paper, for a GPU. It alone prunes by the paper's <see cref="NngpNorm"/>.</summary>
    public static SearchPreset Paper { get; } = new()
    {
        Name = "paper", Prune = new() { RankingFunctions = [new NngpNorm()], Supernet = new() }, Search = new(), Train = new(),
    };

    /// <summary>The three, from the smallest on.</summary>
    public static IReadOnlyList<SearchPreset> All { get; } = [Quick, Cpu, Paper];

    /// <summary>The name, for example <c>cpu</c>.</summary>
    public required string Name { get; init; }

    /// <summary>The settings of <see cref="ZeroShotPruneEstimator"/>.</summary>
    public required ZeroShotPruningOptions Prune { get; init; }

    /// <summary>The settings of <see cref="MaskedDartsSearchEstimator"/>.</summary>
    public required SearchOptions Search { get; init; }

    /// <summary>The settings of <see cref="CellNetTrainer"/>.</summary>
    public required TrainingOptions Train { get; init; }

    /// <summary>The preset of a name; case does not matter.</summary>
    /// <param name="name"><c>quick</c>, <c>cpu</c> or <c>paper</c>.</param>
    /// <exception cref="ArgumentException">There is no such preset; the message lists them.</exception>
    public static SearchPreset Parse(string name) =>
        All.FirstOrDefault(preset => preset.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
        ?? throw new ArgumentException(
            $"Preset '{name}' is unknown; expected one of {string.Join(", ", All.Select(preset => preset.Name))}.");

    /// <summary>
    /// The preset with batches no larger than the number of images allows, of which the search takes one half to train on.
    /// </summary>
    /// <param name="images">The number of images to train on.</param>
    /// <exception cref="ArgumentException">There are too few images for batches of two.</exception>
    public SearchPreset FittedTo(int images)
    {
        var least = 2 * Math.Max(2, Prune.Batches);
        if (images < least)
            throw new ArgumentException($"There are {images} images to train on; expected at least {least}. Give more images.");
        return this with
        {
            Prune = Prune with { BatchSize = Math.Min(Prune.BatchSize, images / Prune.Batches) },
            Search = Search with { BatchSize = Math.Min(Search.BatchSize, images / 2) },
            Train = Train with { BatchSize = Math.Min(Train.BatchSize, images) },
        };
    }
}
