using System.Text.Json;
using ZeroOneShot.Data;
using ZeroOneShot.OneShot;
using ZeroOneShot.Training;
using ZeroOneShot.ZeroShot;

namespace ZeroOneShot.Experiments;

/// <summary>
/// How much every run of a series computes. All methods get the same images, epochs and training; those that prune do so by the paper's
/// ranking function.
/// </summary>
public sealed record ExperimentPreset
{
    /// <summary>A few steps of the smallest networks: seconds a run, and figures that say nothing about the methods.</summary>
    public static ExperimentPreset Smoke { get; } = new()
    {
        Name = "smoke", TrainImages = 60, TestImages = 30,
        Prune = new()
        {
            Supernet = new() { Channels = 4, Cells = 3 }, BatchSize = 12, Batches = 1, Initializations = 1,
            RankingFunctions = [new NngpNorm()],
        },
        Search = new() { Supernet = new() { Channels = 4, Cells = 3 }, BatchSize = 12, Epochs = 2, WarmupEpochs = 1 },
        Train = new() { Network = new() { Channels = 4, Cells = 3, AuxiliaryHead = false }, BatchSize = 12, Epochs = 1, DropPath = 0 },
    };

    /// <summary>Small networks on a part of the images: eight methods, three seeds, in a night on two cores.</summary>
    public static ExperimentPreset Cpu { get; } = new()
    {
        Name = "cpu", TrainImages = 4000, TestImages = 2000,
        Prune = new()
        {
            Supernet = new() { Channels = 8, Cells = 5 }, BatchSize = 64, Batches = 2, Initializations = 1,
            RankingFunctions = [new NngpNorm()],
        },
        Search = new() { Supernet = new() { Channels = 8, Cells = 5 }, BatchSize = 64, Epochs = 12, WarmupEpochs = 4 },
        Train = new()
        {
            Network = new() { Channels = 12, Cells = 8, AuxiliaryHead = false }, BatchSize = 64, Epochs = 20, LearningRate = 0.05,
            DropPath = 0.1, Augmentation = new Augmentation { CropPadding = 4 },
        },
    };

    /// <summary>The protocol of the paper, for a GPU or for weeks.</summary>
    public static ExperimentPreset Paper { get; } = new()
    {
        Name = "paper", Prune = new() { RankingFunctions = [new NngpNorm()], Supernet = new() }, Search = new(), Train = new(),
    };

    /// <summary>How a search without training ranks: networks of the size of the searched supernet.</summary>
    internal ZeroShotSearchOptions Ranking => new()
    {
        Network = new() { Channels = Search.Supernet.Channels, Cells = Search.Supernet.Cells, AuxiliaryHead = false },
    };

    /// <summary>The presets, the smallest first.</summary>
    public static IReadOnlyList<ExperimentPreset> All { get; } = [Smoke, Cpu, Paper];

    /// <summary>The preset's name.</summary>
    public required string Name { get; init; }

    /// <summary>At most so many images are searched and trained on, equally many of every class; null for all. Default null.</summary>
    public int? TrainImages { get; init; }

    /// <summary>At most so many images are tested on, equally many of every class; null for all. Default null.</summary>
    public int? TestImages { get; init; }

    /// <summary>Settings of the pruning. Seed, space and what the method sets are replaced.</summary>
    public required ZeroShotPruningOptions Prune { get; init; }

    /// <summary>Settings of the search. Seed and what the method sets are replaced.</summary>
    public required SearchOptions Search { get; init; }

    /// <summary>Settings of the training of the found network. The seed is replaced.</summary>
    public required TrainingOptions Train { get; init; }

    /// <summary>What may be set behind a preset's name: see <see cref="Parse"/>.</summary>
    public static IReadOnlyList<string> Sizes { get; } = [.. Size.All.Select(size => size.Name)];

    /// <summary>
    /// The preset of a name, made smaller or larger where sizes stand behind it, for example <c>cpu:train-images=1000,train-epochs=8</c>.
    /// Case and order do not matter. The preset that is returned has them in its own name, in a fixed order, by which it is found again.
    /// </summary>
    /// <param name="name">A name, or a name, a colon, and sizes between commas: <see cref="Sizes"/>.</param>
    /// <exception cref="ArgumentException">There is no such preset or size; the message lists them.</exception>
    public static ExperimentPreset Parse(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        var parts = name.Split(':', 2);
        var preset = All.FirstOrDefault(known => known.Name.Equals(parts[0], StringComparison.OrdinalIgnoreCase)) ??
            throw new ArgumentException(
                $"Preset '{parts[0]}' is unknown; expected one of {string.Join(", ", All.Select(one => one.Name))}.", nameof(name));
        return parts.Length == 1 ? preset : Size.Apply(preset, parts[1]);
    }

    /// <summary>What it computes, in words.</summary>
    public string Describe()
    {
        static string Images(int? count) => count is { } most ? $"{most} images" : "all images";
        return $"Search and training on {Images(TrainImages)}, test on {Images(TestImages)}. Pruning: {Prune.Supernet.Channels} " +
            $"channels, {Prune.Supernet.Cells} cells, {Prune.Batches} x {Prune.BatchSize} images, {Prune.Initializations} " +
            $"initialisation(s). Search: {Search.Supernet.Channels} channels, {Search.Supernet.Cells} cells, batches of " +
            $"{Search.BatchSize}, {Search.Epochs} epochs, {Search.WarmupEpochs} of them warming up. Training: " +
            $"{Train.Network.Channels} channels, {Train.Network.Cells} cells, batches of {Train.BatchSize}, {Train.Epochs} epochs.";
    }

    /// <summary>Everything that the preset sets, as text: two presets with the same text give the same runs.</summary>
    internal string Settings() => JsonSerializer.Serialize(new
    {
        TrainImages, TestImages, Search, Train, Prune.Supernet, Prune.Pruning, Prune.BatchSize, Prune.Batches, Prune.Initializations,
        Prune.Outputs, Prune.Weights, Prune.FirstOrder, Functions = FunctionSettings.Of(Prune.RankingFunctions),
    });
}
