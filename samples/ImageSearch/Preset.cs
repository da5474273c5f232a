using ZeroOneShot.ML;
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
            Settings = SearchPreset.Quick,
            Purpose = "minutes on two cores, with at most 2,000 images to train and 500 to test",
            TrainImages = 2000,
            TestImages = 500,
        },
        new() { Settings = SearchPreset.Cpu, Purpose = "an evening on a laptop, with all images" },
        new() { Settings = SearchPreset.Paper, Purpose = "the settings of the paper, for a GPU" },
    ];

    /// <summary>The settings of the stages.</summary>
    public required SearchPreset Settings { get; init; }

    public string Name => Settings.Name;

    public ZeroShotPruningOptions Prune => Settings.Prune;

    public SearchOptions Search => Settings.Search;

    public TrainingOptions Train => Settings.Train;

    public required string Purpose { get; init; }

    /// <summary>At most so many images are trained on, equally many of every class; null for all.</summary>
    public int? TrainImages { get; init; }

    /// <summary>At most so many images are tested on, equally many of every class; null for all.</summary>
    public int? TestImages { get; init; }

    /// <summary>Images of every class to train on, in place of <see cref="TrainImages"/>; a quarter of them to test on.</summary>
    public int? ImagesPerClass { get; init; }

    /// <exception cref="ArgumentException">There is no such preset; the message lists them.</exception>
    public static Preset Parse(string name) => All.Single(preset => preset.Settings == SearchPreset.Parse(name));

    /// <summary>The preset with some of its numbers replaced; null leaves a number as it is.</summary>
    public Preset With(int? epochs, int? searchEpochs, int? channels, int? cells, int? imagesPerClass) => this with
    {
        Settings = Settings with
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
            Settings = Settings with
            {
                Search = Search with
                {
                    CostTarget = new CostTarget { Parameters = parameters, MultiplyAdds = multiplyAdds, Network = Train.Network },
                },
            },
        },
    };

    /// <summary>The preset with batches no larger than the data set allows.</summary>
    /// <exception cref="ArgumentException">There are too few images for batches of two.</exception>
    public Preset FittedTo(int trainImages) => this with { Settings = Settings.FittedTo(trainImages) };

    /// <summary>How many images of every class to train on; null for all.</summary>
    public int? TrainImagesOfEach(int classes) => ImagesPerClass ?? Share(TrainImages, classes);

    /// <summary>How many images of every class to test on; null for all.</summary>
    public int? TestImagesOfEach(int classes) => ImagesPerClass is { } images ? Math.Max(1, images / 4) : Share(TestImages, classes);

    private static int? Share(int? images, int classes) => images is null ? null : Math.Max(1, images.Value / classes);

    private static SupernetOptions With(SupernetOptions supernet, int? channels, int? cells) =>
        supernet with { Channels = channels ?? supernet.Channels, Cells = cells ?? supernet.Cells };
}
