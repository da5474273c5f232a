using TorchSharp;
using ZeroOneShot.Data;
using ZeroOneShot.Networks;
using ZeroOneShot.Optimization;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using static TorchSharp.torch;

namespace ZeroOneShot.Training;

/// <summary>Training of an evaluation network (DARTS, section 3.2 and its public code).</summary>
public static class CellNetTraining
{
    /// <summary>Trains the network of a genotype.</summary>
    /// <param name="images">The training images.</param>
    /// <param name="genotype">The architecture.</param>
    /// <param name="options">Settings.</param>
    /// <param name="validation">Images to measure after every epoch; null for none.</param>
    /// <param name="progress">Told after every step.</param>
    /// <param name="cancellation">Stops the run within one step.</param>
    /// <param name="space">The table with the genotype's operations; null is <see cref="SearchSpace.Darts"/>.</param>
    /// <returns>The trained network, which the caller disposes.</returns>
    /// <exception cref="ArgumentException">An option is out of its range, an image is too small or large, or there are fewer images than a batch.</exception>
    /// <exception cref="OperationCanceledException">The run was cancelled.</exception>
    public static TrainedCellNet Train(
        ImageSet images, Genotype genotype, TrainingOptions options, ImageSet? validation = null,
        IProgress<RunProgress>? progress = null, CancellationToken cancellation = default, SearchSpace? space = null)
    {
        ArgumentNullException.ThrowIfNull(images);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        cancellation.ThrowIfCancellationRequested();
        CheckSize(images.Shape);
        if (validation is not null && validation.Shape != images.Shape)
        {
            throw new ArgumentException(
                $"The validation images are {validation.Shape}, the training images {images.Shape}; both need one shape.", nameof(validation));
        }
        var device = TorchRuntime.ResolveDevice(options.Device);

        var statistics = images.Statistics();
        using var batches = new BatchStream(images, options.BatchSize, options.Augmentation ?? DefaultAugmentation(images.Shape), statistics,
            options.Seed, "train", device);
        var network = new CellNet(genotype, options.Network, images.Shape.Channels, images.ClassCount, space);
        var epochs = new List<TrainingEpoch>();
        var trained = new TrainedCellNet(network, statistics, images.Shape, images.ClassNames, epochs);
        try
        {
            using (var random = RandomStream.Of(options.Seed, "train: weights"))
                Initialization.Default(network, random);
            network.to(device);
            using var dropPathRandom = RandomStream.Of(options.Seed, "train: drop path");
            using var parameters = new FlatParameters(network.parameters());
            using var optimizer = new Sgd(parameters, options.Momentum, options.WeightDecay);
            var lean = new LeanCellNet(network);
            var clock = new StageClock(RunStage.Train, options.Epochs, progress);
            for (var epoch = 0; epoch < options.Epochs; epoch++)
            {
                network.train();
                optimizer.LearningRate = CosineSchedule.At(options.LearningRate, 0, epoch, options.Epochs);
                var dropPath = options.DropPath * epoch / options.Epochs;
                var (lossSum, right, steps) = (0.0, 0L, batches.BatchesPerEpoch);
                for (var i = 0; i < steps; i++)
                {
                    cancellation.ThrowIfCancellationRequested();
                    using var scope = NewDisposeScope();
                    var (batch, labels) = batches.Batch((long)epoch * steps + i);
                    parameters.Gradient.zero_();
                    var (logits, crossEntropy) = lean.Gradient(batch, labels, options.AuxiliaryWeight, dropPath, dropPathRandom);
                    parameters.ClipGradient(options.ClipNorm);
                    optimizer.Step();
                    lossSum += crossEntropy.Value();
                    right += (long)logits.detach().argmax(1).eq(labels).sum().Value();
                    if (i + 1 < steps)
                        clock.Report(epoch, i + 1, steps, lossSum / (i + 1), (double)right / ((i + 1) * options.BatchSize));
                }
                var accuracy = (double)right / (steps * options.BatchSize);
                double? validationAccuracy = validation is null ? null : trained.Accuracy(validation, cancellation);
                epochs.Add(new TrainingEpoch(lossSum / steps, accuracy, validationAccuracy));
                clock.Report(epoch, steps, steps, lossSum / steps, accuracy, validationAccuracy);
            }
            network.eval();
            return trained;
        }
        catch
        {
            trained.Dispose();
            throw;
        }
    }

    private static Augmentation DefaultAugmentation(ImageShape shape)
    {
        var size = Math.Min(shape.Height, shape.Width);
        return Augmentation.ForSize(size) with { Cutout = size / 2 };
    }

    private static void CheckSize(ImageShape shape)
    {
        if (shape.Channels is not (1 or 3) || Outside(shape.Height) || Outside(shape.Width))
        {
            throw new ArgumentException($"The images are {shape}; a CellNet takes images of {CellNet.SmallestImage} to {CellNet.LargestImage} pixels a side " +
                "with 1 or 3 channels. Resize them first, for example with ResizeImages.", nameof(shape));
        }

        static bool Outside(int side) => side is < CellNet.SmallestImage or > CellNet.LargestImage;
    }
}
