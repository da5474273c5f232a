using Xunit;
using ZeroOneShot.Data;
using ZeroOneShot.Networks;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Tests.Data;
using ZeroOneShot.Training;

namespace ZeroOneShot.Tests.Training;

/// <summary>A training that takes a second: two steps an epoch.</summary>
internal static class Toy
{
    public const int Epochs = 3, StepsPerEpoch = 2;

    public static readonly ImageSet Images = RandomImages.Of(24, 3, new ImageShape(3, 16, 16));

    public static readonly ImageSet Validation = RandomImages.Of(9, 3, new ImageShape(3, 16, 16));

    public static readonly TrainingOptions Options = new()
    {
        Network = new CellNetOptions { Channels = 4, Cells = 3 }, Epochs = Epochs, BatchSize = 12, Seed = 5, DropPath = 0.5,
    };

    public static TrainedCellNet Train(TrainingOptions options, ImageSet? validation = null, IProgress<RunProgress>? progress = null,
        CancellationToken? cancellationToken = null, string? checkpoint = null, ImageSet? images = null) => CellNetTraining.Train(
        images ?? Images, PublishedGenotypes.PcDartsCifar, options, validation, progress,
        checkpoint: checkpoint, cancellationToken: cancellationToken ?? TestContext.Current.CancellationToken);

    /// <summary>All weights and running statistics.</summary>
    public static byte[] Bytes(TrainedCellNet trained) =>
        [.. trained.Network.state_dict().SelectMany(entry => entry.Value.cpu().bytes.ToArray())];
}
