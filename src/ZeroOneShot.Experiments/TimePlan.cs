using System.Diagnostics;
using ZeroOneShot.Data;
using ZeroOneShot.Networks;
using ZeroOneShot.OneShot;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Training;
using ZeroOneShot.ZeroShot;
using static TorchSharp.torch;

namespace ZeroOneShot.Experiments;

/// <summary>Says beforehand how long a table takes, from a step of each stage of each method.</summary>
public static class TimePlan
{
    /// <summary>
    /// Takes two steps of each stage, of which the second is timed: seconds for a small preset, minutes for the paper's. Other programs on
    /// the machine, now or later, change the times. One entry for every method, set of images and space; runs of several seeds take as
    /// long each.
    /// </summary>
    /// <param name="options">The table.</param>
    /// <param name="cancellationToken">Stops between two methods.</param>
    /// <exception cref="ArgumentException">The options name no runs, or there are fewer images than a batch.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static IReadOnlyList<PlannedTime> Measure(Table1Options options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        _ = options.Runs();
        TorchRuntime.EnsureLoaded();
        var plan = new List<PlannedTime>();
        foreach (var data in options.Data)
        {
            var (train, _) = data.PartFor(options.Preset);
            foreach (var space in options.Spaces)
            {
                foreach (var method in options.Methods)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    var mask = method.Pruning == PruningKind.None ? method.StartMask(space)
                        : RandomPruning.Mask(space, options.Preset.Prune.Pruning.Level, seed: 1);
                    plan.Add(new PlannedTime(data.Name, space.Name, method.Name, Prune(method, space, train, options.Preset),
                        method.Pruning == PruningKind.ZeroShotToGenotype ? 0 : Search(method, mask, train, options.Preset),
                        Train(mask, train, options.Preset)));
                }
            }
        }
        return plan;
    }

    private static double Prune(SearchMethod method, SearchSpace space, ImageSet images, ExperimentPreset preset)
    {
        if (method.Pruning is not (PruningKind.ZeroShot or PruningKind.ZeroShotToGenotype))
            return 0;
        var settings = method.Apply(preset.Prune with { Space = space });
        var start = PartialPruning.Start(OperationMask.Full(space), settings.Pruning);
        var ranking = new RankingOptions
        {
            BatchSize = settings.BatchSize, Batches = settings.Batches, Initializations = 1, Outputs = settings.Outputs,
        };
        var one = Second(() => Ranking.Score(images, start, settings.RankingFunctions[0], ranking, settings.Supernet));
        return one * settings.RankingFunctions.Count *
            ZeroShotPruning.Plan(settings, method.Pruning == PruningKind.ZeroShotToGenotype).Networks;
    }

    private static double Search(SearchMethod method, OperationMask mask, ImageSet images, ExperimentPreset preset)
    {
        if (method.Search == SearchKind.ZeroShot)
        {
            var ranking = preset.Ranking;
            var genotype = mask.ReadGenotype((_, edge, row) => row + 0.01 * edge);
            return ranking.Candidates * Second(() =>
                Ranking.Scores(images, genotype, ranking.For(mask.Space).Functions!, ranking.Ranking, ranking.Network, mask.Space));
        }
        using var scope = NewDisposeScope();
        var settings = method.Apply(preset.Search);
        var shape = settings.Supernet.WithStem(mask.Space, images.Shape);
        using var supernet = new Supernet(mask, shape, images.Shape.Channels, images.ClassCount);
        using var architecture = new ArchitectureParameters(mask, shape.EdgeNormalization);
        using (var random = RandomStream.Of(1, "time plan"))
            Initialization.Default(supernet, random);
        using var step = new BilevelStep(supernet, architecture, settings with { Supernet = shape });
        var (pixels, labels) = Batch(images, settings.BatchSize);
        var architectureSeconds = Second(() => step.ArchitectureStep(pixels, labels));
        var weightsSeconds = Second(() => step.WeightsStep(pixels, labels));
        var steps = Math.Ceiling(images.Count * settings.TrainFraction / settings.BatchSize);
        return steps * (settings.Epochs * weightsSeconds + (settings.Epochs - settings.WarmupEpochs) * architectureSeconds);
    }

    private static double Train(OperationMask mask, ImageSet images, ExperimentPreset preset)
    {
        using var scope = NewDisposeScope();
        var settings = preset.Train;
        var genotype = mask.ReadGenotype((_, edge, row) => row + 0.01 * edge);      // convolutions stand last in the tables
        using var network = new CellNet(genotype, settings.Network.WithStem(mask.Space, images.Shape), images.Shape.Channels,
            images.ClassCount, mask.Space);
        network.train();
        using var step = new TrainingStep(network, settings) { LearningRate = settings.LearningRate };
        using var random = RandomStream.Of(1, "time plan");
        Initialization.Default(network, random);
        var (pixels, labels) = Batch(images, settings.BatchSize);
        var seconds = Second(() => step.Take(pixels, labels, settings.DropPath, random));
        return seconds * settings.Epochs * Math.Ceiling((double)images.Count / settings.BatchSize);
    }

    private static (Tensor Images, Tensor Labels) Batch(ImageSet images, int size)
    {
        if (images.Count < size)
        {
            throw new ArgumentException(
                $"There are {images.Count} images; a batch takes {size}. Give more, or a preset of smaller batches.", nameof(images));
        }
        int[] indices = [.. Enumerable.Range(0, size)];
        return (images.Statistics().Normalize(images.ImageTensor(indices)), images.LabelTensor(indices));
    }

    private static double Second<T>(Func<T> compute)
    {
        compute();
        var start = Stopwatch.GetTimestamp();
        compute();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }
}
