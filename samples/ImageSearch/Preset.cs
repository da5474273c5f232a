using ZeroOneShot.Data;
using ZeroOneShot.Networks;
using ZeroOneShot.OneShot;
using ZeroOneShot.Training;
using ZeroOneShot.ZeroShot;

namespace ImageSearch;

/// <summary>How much is computed.</summary>
internal sealed record Preset
{
    /// <summary>The table.</summary>
    public static IReadOnlyList<Preset> All { get; } =
    [
        new()
        {
            Name = "quick",
            Purpose = "minutes on two cores, with at most 2,000 images to train and 500 to test",
            TrainImages = 2000,
            TestImages = 500,
            Prune = new() { Supernet = new() { Channels = 8, Cells = 4 }, BatchSize = 32, Batches = 1, Initializations = 1 },
            Search = new() { Supernet = new() { Channels = 8, Cells = 4 }, Epochs = 3, WarmupEpochs = 1, BatchSize = 64 },
            Train = new()
            {
                Network = new() { Channels = 8, Cells = 4, AuxiliaryHead = false },
                Epochs = 12,
                BatchSize = 32,
                LearningRate = 0.1,
                DropPath = 0,
                Augmentation = new Augmentation { CropPadding = 1 },
            },
        },
        new()
        {
            Name = "cpu",
            Purpose = "an evening on a laptop, with all images",
            Prune = new() { BatchSize = 64, Initializations = 1 },
            Search = new() { Epochs = 10, WarmupEpochs = 3, BatchSize = 128 },
            Train = new()
            {
                Network = new() { Channels = 16, Cells = 8, AuxiliaryHead = false },
                Epochs = 30,
                BatchSize = 128,
                DropPath = 0.1,
            },
        },
        new()
        {
            Name = "paper",
            Purpose = "the settings of the paper, for a GPU",
            Prune = new(),
            Search = new(),
            Train = new(),
        },
    ];

    public required string Name { get; init; }

    public required string Purpose { get; init; }

    public required ZeroShotPruningOptions Prune { get; init; }

    public required SearchOptions Search { get; init; }

    public required TrainingOptions Train { get; init; }

    /// <summary>At most so many images are trained on, equally many of every class; null for all.</summary>
    public int? TrainImages { get; init; }

    /// <summary>At most so many images are tested on, equally many of every class; null for all.</summary>
    public int? TestImages { get; init; }

    /// <summary>Images of every class to train on, in place of <see cref="TrainImages"/>; a quarter of them to test on.</summary>
    public int? ImagesPerClass { get; init; }

    /// <exception cref="ArgumentException">There is no such preset; the message lists them.</exception>
    public static Preset Parse(string name) =>
        All.FirstOrDefault(preset => preset.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
        ?? throw new ArgumentException(
            $"Preset '{name}' is unknown; expected one of {string.Join(", ", All.Select(preset => preset.Name))}.");

    /// <summary>The preset with some of its numbers replaced; null leaves a number as it is.</summary>
    public Preset With(int? epochs, int? searchEpochs, int? channels, int? cells, int? imagesPerClass) => this with
    {
        Prune = Prune with { Supernet = With(Prune.Supernet, channels, cells) },
        Search = Search with
        {
            Supernet = With(Search.Supernet, channels, cells),
            Epochs = searchEpochs ?? Search.Epochs,
            WarmupEpochs = (searchEpochs ?? Search.Epochs) * Search.WarmupEpochs / Search.Epochs,
        },
        Train = Train with
        {
            Network = Train.Network with { Channels = channels ?? Train.Network.Channels, Cells = cells ?? Train.Network.Cells },
            Epochs = epochs ?? Train.Epochs,
        },
        ImagesPerClass = imagesPerClass ?? ImagesPerClass,
    };

    /// <summary>The preset with a limit on what the found network costs; at most one is given.</summary>
    /// <exception cref="ArgumentException">Both are given.</exception>
    public Preset KeptTo(long? parameters, long? multiplyAdds) => (parameters, multiplyAdds) switch
    {
        (null, null) => this,
        (not null, not null) => throw new ArgumentException("--max-parameters and --max-multiply-adds are both given; choose one."),
        _ => this with
        {
            Search = Search with
            {
                CostTarget = new CostTarget { Parameters = parameters, MultiplyAdds = multiplyAdds, Network = Train.Network },
            },
        },
    };

    /// <summary>The preset with batches no larger than the data set allows, of which the search takes one half to train on.</summary>
    /// <exception cref="ArgumentException">There are too few images for batches of two.</exception>
    public Preset FittedTo(int trainImages)
    {
        var least = 2 * Math.Max(2, Prune.Batches);
        if (trainImages < least)
            throw new ArgumentException($"There are {trainImages} images to train on; expected at least {least}. Give more images.");
        return this with
        {
            Prune = Prune with { BatchSize = Math.Min(Prune.BatchSize, trainImages / Prune.Batches) },
            Search = Search with { BatchSize = Math.Min(Search.BatchSize, trainImages / 2) },
            Train = Train with { BatchSize = Math.Min(Train.BatchSize, trainImages) },
        };
    }

    /// <summary>How many images of every class to train on; null for all.</summary>
    public int? TrainImagesOfEach(int classes) => ImagesPerClass ?? Share(TrainImages, classes);

    /// <summary>How many images of every class to test on; null for all.</summary>
    public int? TestImagesOfEach(int classes) => ImagesPerClass is { } images ? Math.Max(1, images / 4) : Share(TestImages, classes);

    private static int? Share(int? images, int classes) => images is null ? null : Math.Max(1, images.Value / classes);

    private static SupernetOptions With(SupernetOptions supernet, int? channels, int? cells) =>
        supernet with { Channels = channels ?? supernet.Channels, Cells = cells ?? supernet.Cells };
}
