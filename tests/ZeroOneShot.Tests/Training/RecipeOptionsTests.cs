using Xunit;
using ZeroOneShot.Data;
using ZeroOneShot.Networks;
using ZeroOneShot.OneShot;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Tests.Data;
using ZeroOneShot.Training;

namespace ZeroOneShot.Tests.Training;

/// <summary>Settings beside those of the paper.</summary>
public sealed class RecipeOptionsTests
{
    [Fact]
    public void From_300_epochs_on_the_settings_are_those_of_the_paper_and_below_others()
    {
        Assert.Equal(new TrainingOptions { Epochs = 600 }, TrainingOptions.ForEpochs(600));
        Assert.Equal(new TrainingOptions { Epochs = 300, BatchSize = 96 }, TrainingOptions.ForEpochs(300, 96));
        var (minutes, hours) = (TrainingOptions.ForEpochs(20, 32), TrainingOptions.ForEpochs(200, 128));
        Assert.Equal((0, false, true, false), (minutes.DropPath, minutes.Cutout, minutes.WhitenedStem, minutes.Network.AuxiliaryHead));
        Assert.Equal((0.1, true), (hours.DropPath, hours.Cutout));
        Assert.Equal(2 * minutes.LearningRate, hours.LearningRate, 1e-9);
        var searched = SearchOptions.ForEpochs(10);
        Assert.Equal((3e-3, 0.7), (searched.ArchitectureLearningRate, searched.LeastParameters));
        Assert.Equal((6e-4, 0.0), (SearchOptions.ForEpochs(50).ArchitectureLearningRate, SearchOptions.ForEpochs(50).LeastParameters));
    }

    [Fact]
    public void A_learning_rate_rises_falls_and_ends_at_nothing()
    {
        var options = TrainingOptions.ForEpochs(10, 32);
        double[] rates = [.. Enumerable.Range(0, 101).Select(i => options.LearningRateAt(i / 10.0, i / 100.0))];
        Assert.Equal(options.LearningRate, rates.Max(), 1e-9);
        Assert.Equal(20, Array.IndexOf(rates, rates.Max()));
        Assert.Equal(rates[..21].Order(), rates[..21]);
        Assert.Equal(rates[20..].OrderDescending(), rates[20..]);
        Assert.Equal(0, rates[100], 1e-9);
        // The paper's: a cosine, the same within an epoch.
        Assert.Equal(0.0125, new TrainingOptions().LearningRateAt(300, 0.5), 1e-9);
    }

    [Theory]
    [InlineData(ClassWeighting.Balanced, 0.625, 2.5)]
    [InlineData(ClassWeighting.SquareRoot, 0.8333333, 1.6666667)]
    public void Images_of_rare_classes_count_more_and_all_together_as_before(ClassWeighting weighting, double often, double rare)
    {
        Assert.Equal([often, rare], TrainingStep.ClassWeights(weighting, [80, 20], 100), (a, b) => Math.Abs(a - b) < 1e-6);
        // Images that weigh twice as much are as good as twice as many.
        Assert.Equal(TrainingStep.ClassWeights(weighting, [80, 20], 100)[1] / TrainingStep.ClassWeights(weighting, [80, 20], 100)[0],
            TrainingStep.ClassWeights(weighting, [160, 40], 100)[1] / TrainingStep.ClassWeights(weighting, [160, 40], 100)[0], 1e-9);
        Assert.Null(TrainingStep.ClassWeights(ClassWeighting.Equal, RandomImages.Of(24, 3, new ImageShape(3, 16, 16))));
    }

    [Fact]
    public void Every_setting_of_the_recipe_changes_the_result_and_the_same_seed_repeats_it()
    {
        var images = RandomImages.Of(24, 3, new ImageShape(3, 16, 16));
        var plain = new TrainingOptions
        {
            Network = new CellNetOptions { Channels = 4, Cells = 3, AuxiliaryHead = false }, BatchSize = 12, Epochs = 2, LearningRate = 0.1,
        };
        var results = new List<double>();
        foreach (var options in new[]
        {
            plain, plain with { Nesterov = true }, plain with { LabelSmoothing = 0.1 }, plain with { WeightAverage = 0.5 },
            plain with { Warmup = 0.5 }, plain with { Schedule = LearningRateSchedule.Linear },
            plain with { Schedule = LearningRateSchedule.Cosine }, plain with { Cutout = false }, plain with { WhitenedStem = true }, plain,
        })
        {
            using var trained = CellNetTraining.Train(images, PublishedGenotypes.DartsV2, options, images,
                cancellationToken: TestContext.Current.CancellationToken);
            results.Add(trained.Measure(images, TestContext.Current.CancellationToken).Loss);
        }
        Assert.Equal(9, results.Distinct().Count());
        Assert.Equal(results[0], results[^1]);
    }

    [Fact]
    public void Temperature_scaling_lowers_the_validation_loss_and_changes_no_class()
    {
        var images = RandomImages.Of(24, 3, new ImageShape(3, 16, 16));
        var options = new TrainingOptions
        {
            Network = new CellNetOptions { Channels = 4, Cells = 3, AuxiliaryHead = false }, BatchSize = 12, Epochs = 2, LearningRate = 0.1,
        };
        using var plain = CellNetTraining.Train(images, PublishedGenotypes.DartsV2, options, images,
            cancellationToken: TestContext.Current.CancellationToken);
        using var scaled = CellNetTraining.Train(images, PublishedGenotypes.DartsV2, options with { TemperatureScaling = true }, images,
            cancellationToken: TestContext.Current.CancellationToken);
        Assert.Null(plain.Temperature);
        Assert.NotEqual(1, scaled.Temperature!.Value, 0.01);
        Assert.Equal(plain.Classify(images, TestContext.Current.CancellationToken),
            scaled.Classify(images, TestContext.Current.CancellationToken));
        Assert.InRange(scaled.Measure(images, TestContext.Current.CancellationToken).Loss, 0,
            plain.Measure(images, TestContext.Current.CancellationToken).Loss);
        // Where all are right, as many as one more image might be wrong.
        var easy = new ImageSet(Enumerable.Range(0, 24).SelectMany(i => Enumerable.Repeat((byte)(i % 2 * 255), 768)).ToArray(),
            [.. Enumerable.Range(0, 24).Select(i => i % 2)], new ImageShape(3, 16, 16), ["black", "white"]);
        using var sure = CellNetTraining.Train(
            easy, PublishedGenotypes.DartsV2, options with { Epochs = 6, TemperatureScaling = true }, easy,
            cancellationToken: TestContext.Current.CancellationToken);
        var (loss, accuracy) = sure.Measure(easy, TestContext.Current.CancellationToken);
        Assert.Equal(1, accuracy);
        Assert.InRange(loss, 0.01, 0.2);
        Assert.Contains("TemperatureScaling needs a validation set", Assert.Throws<ArgumentException>(() => CellNetTraining.Train(
            images, PublishedGenotypes.DartsV2, options with { TemperatureScaling = true },
            cancellationToken: TestContext.Current.CancellationToken)).Message);
    }
}
