using System.Reflection;
using Microsoft.Extensions.Logging;
using Microsoft.ML;
using Xunit;
using ZeroOneShot.OneShot;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Training;
using ZeroOneShot.ZeroShot;

namespace ZeroOneShot.ML.Tests;

/// <summary>What the stages do where nobody says otherwise, and what they tell about it.</summary>
public sealed class PruningResultTests
{
    private readonly MLContext _ml = new(seed: 1);

    [Fact]
    public void The_importances_of_every_round_and_the_ranks_behind_them_can_be_seen()
    {
        var pruned = _ml.Transforms.ZeroShotPrune(Toy.Prune(SearchMethod.ZeroOneShot)).Fit(Toy.Data(_ml));
        Assert.NotEmpty(pruned.Result.Rounds);
        var measured = pruned.Result.Rounds[0].Importances;
        Assert.Equal(["nngp-correlation"], measured.Functions);
        Assert.Equal(pruned.Result.Start.AllLive, measured.Candidates.Select(j => (j.Kind, j.Edge, j.Operation)));
        Assert.All(measured.Candidates, j => Assert.Equal((measured.Ranks[0] - j.Ranks[0]) / measured.Ranks[0], j.Importance, 1e-12));
        Assert.Equal(pruned.Mask, pruned.Result.Rounds[^1].Mask);
        Assert.Equal(Toy.BatchSize, pruned.Result.Images);

        var decided = _ml.Transforms.ZeroShotPrune(Toy.Prune(SearchMethod.Etenas)).Fit(Toy.Data(_ml));
        Assert.Equal(decided.Genotype, decided.Result.Genotype);
        Assert.Equal(2 * 5, decided.Result.LastOperations!.Candidates.Count);
        Assert.Empty(_ml.Transforms.ZeroShotPrune(Toy.Prune(SearchMethod.DartsRandom)).Fit(Toy.Data(_ml)).Result.Rounds);
    }

    [Fact]
    public void Fewer_images_than_asked_for_are_refused_or_ranked_once_each_with_a_warning()
    {
        var options = Toy.Prune(SearchMethod.ZeroOneShot);
        var logger = new KeepingLogger();
        (options.Logger, options.Settings) = (logger, options.Settings with { Batches = 3 });
        Assert.Contains("There are 12 images, and networks are to be ranked on 24 (3 batches of 8)",
            Assert.Throws<ArgumentException>(() => _ml.Transforms.ZeroShotPrune(options).Fit(Toy.Data(_ml, 12))).Message);
        options.Settings = options.Settings with { TakesFewerImages = true };
        Assert.Equal(12, _ml.Transforms.ZeroShotPrune(options).Fit(Toy.Data(_ml, 12)).Result.Images);
        Assert.Contains("on 12 images, not on 24 (3 batches of 8)",
            Assert.Single(logger.Messages, message => message.Level == LogLevel.Warning).Text);
        // Where nobody says how many, the stage makes do with what there is.
        Assert.True(new ZeroShotPruneEstimator.Options().Settings.TakesFewerImages);
    }

    [Fact]
    public void A_mask_alone_is_searched_by_the_method_of_the_paper()
    {
        var options = Toy.Search();
        options.Mask = OperationMask.Full(Toy.Space);
        var found = _ml.Transforms.MaskedDartsSearch(options).Fit(Toy.Data(_ml)).Result!;
        Assert.Equal((4, true, 25.0),
            (found.Options.Supernet.PartialChannels, found.Options.Supernet.EdgeNormalization, BetaDecayOf(found.Options)));
        Assert.NotNull(found.Betas);

        options.Method = SearchMethod.Darts;
        var darts = _ml.Transforms.MaskedDartsSearch(options).Fit(Toy.Data(_ml)).Result!;
        Assert.Equal((1, 0.0), (darts.Options.Supernet.PartialChannels, BetaDecayOf(darts.Options)));
        Assert.Null(darts.Betas);
    }

    [Fact]
    public void Both_ways_to_make_a_stage_give_the_same_settings_for_the_same_sizes()
    {
        var one = Of<SearchOptions>(_ml.Transforms.MaskedDartsSearch(epochs: 10, batchSize: 32, channels: 8, cells: 4));
        var other = Of<SearchOptions>(_ml.Transforms.MaskedDartsSearch(new MaskedDartsSearchEstimator.Options
        {
            Settings = SearchOptions.ForEpochs(10, 32) with { Supernet = new() { Channels = 8, Cells = 4 } },
        }));
        Same(one, other);
        Assert.Equal(
            Of<ZeroShotPruningOptions>(_ml.Transforms.ZeroShotPrune(level: 0.3, batchSize: 32, channels: 8, cells: 4)) with
            {
                RankingFunctions = [],
            },
            Of<ZeroShotPruningOptions>(_ml.Transforms.ZeroShotPrune(new ZeroShotPruneEstimator.Options
            {
                Settings = new()
                {
                    Pruning = new() { Level = 0.3 }, BatchSize = 32, TakesFewerImages = true, Supernet = new() { Channels = 8, Cells = 4 },
                },
            })) with
            {
                RankingFunctions = [],
            });
        Assert.Equal(
            Of<TrainingOptions>(_ml.MulticlassClassification.Trainers.CellNet(epochs: 10, batchSize: 32, channels: 8, cells: 4)),
            Of<TrainingOptions>(_ml.MulticlassClassification.Trainers.CellNet(new CellNetTrainer.Options
            {
                Settings = TrainingOptions.ForEpochs(10, 32) with
                {
                    Network = new() { Channels = 8, Cells = 4, AuxiliaryHead = false },
                },
            })));
        // From the paper's number of epochs on, the paper's settings.
        Same(Of<SearchOptions>(_ml.Transforms.MaskedDartsSearch()),
            Of<SearchOptions>(_ml.Transforms.MaskedDartsSearch(new MaskedDartsSearchEstimator.Options())));

        static void Same(SearchOptions one, SearchOptions other)
        {
            Assert.Equal(one.LossTerms, other.LossTerms);
            Assert.Equal(one, other with { LossTerms = one.LossTerms });
        }

        // The settings that a stage keeps for itself.
        static T Of<T>(object stage)
        {
            var options = stage.GetType().GetField("_options", BindingFlags.Instance | BindingFlags.NonPublic)!.GetValue(stage)!;
            return (T)options.GetType().GetProperty("Settings")!.GetValue(options)!;
        }
    }

    [Fact]
    public void A_training_that_diverges_is_logged_where_it_goes_back_to_its_best_epoch()
    {
        var options = Toy.TrainByHand();
        var logger = new KeepingLogger();
        (options.Logger, options.ValidationSet) = (logger, Toy.Data(_ml, 12));
        options.Settings = options.Settings with
        {
            Epochs = 30, LearningRate = 0.1, WeightDecay = 40, Momentum = 0, EarlyStopping = new() { Patience = 30 },
        };
        using var model = _ml.MulticlassClassification.Trainers.CellNet(options).Fit(Toy.Data(_ml, 16));
        Assert.Contains($"diverged in epoch {model.Epochs.Count + 1} ",
            Assert.Single(logger.Messages, message => message.Level == LogLevel.Warning).Text);
    }

    private static double BetaDecayOf(SearchOptions options) => options.LossTerms.OfType<BetaDecay>().Sum(term => term.Weight);
}
