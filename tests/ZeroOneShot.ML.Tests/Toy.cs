using Microsoft.ML;
using Microsoft.ML.Data;
using ZeroOneShot.Data;
using ZeroOneShot.OneShot;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.ZeroShot;

namespace ZeroOneShot.ML.Tests;

/// <summary>Images and settings small enough that three stages run in seconds.</summary>
internal static class Toy
{
    public const int Side = 16;

    public const int BatchSize = 8;

    /// <summary>Two nodes and four operations in place of four and eight.</summary>
    public static readonly SearchSpace Space = new("toy", new CellTopology(2),
        [
            CandidateOperation.None, CandidateOperation.MaxPool3x3, CandidateOperation.SkipConnect,
            CandidateOperation.SeparableConvolution3x3,
        ]);

    /// <summary>An architecture of that space.</summary>
    public static readonly Genotype Genotype = new(Cell("sep_conv_3x3"), Cell("max_pool_3x3"));

    public static readonly string[] ClassNames = ["bars", "dots", "waves"];

    /// <summary>Stripes across, stripes down, and blots, with noise.</summary>
    public static ImageSet Images(int count = 48, int channels = 3, int seed = 7, int side = Side)
    {
        var random = new Random(seed);
        var shape = new ImageShape(channels, side, side);
        var pixels = new byte[count * shape.Size];
        var labels = new int[count];
        for (var i = 0; i < count; i++)
        {
            labels[i] = i % ClassNames.Length;
            for (var p = 0; p < shape.Size; p++)
            {
                var (row, column) = (p / side % side, p % side);
                var bright = labels[i] switch { 0 => row % 4 < 2, 1 => column % 4 < 2, _ => (row / 4 + column / 4) % 2 == 0 };
                pixels[i * shape.Size + p] = (byte)((bright ? 150 : 50) + random.Next(50));
            }
        }
        return new ImageSet(pixels, labels, shape, ClassNames);
    }

    public static IDataView Data(MLContext ml, int count = 48, string features = "Features", string label = "Label") =>
        ml.Data.LoadImages(Images(count), label, features);

    public static ZeroShotPruneEstimator.Options Prune(SearchMethod? method = null) => new()
    {
        Method = method ?? SearchMethod.ZeroOneShotRandom,
        Space = Space,
        Settings = new()
        {
            BatchSize = BatchSize, Batches = 1, Initializations = 1,
            Supernet = new() { Channels = 4, Cells = 3, StemMultiplier = 1 }, RankingFunctions = [new NngpNorm()],
        },
    };

    public static MaskedDartsSearchEstimator.Options Search() => new()
    {
        Space = Space,
        Settings = new()
        {
            BatchSize = BatchSize, Epochs = 2, WarmupEpochs = 1, Supernet = new() { Channels = 4, Cells = 3, StemMultiplier = 1 },
        },
    };

    public static CellNetTrainer.Options Train(Genotype? genotype = null) => new()
    {
        Space = genotype is null ? Space : SearchSpace.Darts,
        Genotype = genotype,
        Settings = new() { BatchSize = BatchSize, Epochs = 2, Network = new() { Channels = 4, Cells = 3, StemMultiplier = 1 } },
    };

    /// <summary>Training of <see cref="Genotype"/>, without pruning and search.</summary>
    public static CellNetTrainer.Options TrainByHand()
    {
        var options = Train();
        options.Genotype = Genotype;
        return options;
    }

    private static CellGenotype Cell(string operation) =>
        new([new(operation, 0), new("skip_connect", 1), new(operation, 1), new("skip_connect", 2)]);

    public static IEstimator<CellNetTransformer> Trainer(MLContext ml) => ml.MulticlassClassification.Trainers.CellNet(Train());

    public static EstimatorChain<CellNetTransformer> Pipeline(MLContext ml, SearchMethod? method = null) =>
        ml.Transforms.ZeroShotPrune(Prune(method))
            .Append(ml.Transforms.MaskedDartsSearch(Search()))
            .Append(Trainer(ml));
}
