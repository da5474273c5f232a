using Xunit;
using ZeroOneShot.Data;
using ZeroOneShot.Runtime;

namespace ZeroOneShot.ML.Tests;

/// <summary>What keeps a planned training from learning its images by heart grows with how often it sees them.</summary>
public sealed class PlannedTrainingTests
{
    [Fact]
    public void A_plan_that_people_made_longer_than_any_keeps_its_recipe()
    {
        var plan = new StagePlan
        {
            Stage = RunStage.Train, Channels = 8, Cells = 5, BatchSize = 32, Epochs = 200, Images = 1000, Time = default, Memory = 0,
        };
        var (planned, longer) = (Settings(plan), Settings(plan with { Epochs = 400 }));
        Assert.Equal(planned with { Epochs = 400 }, longer);

        static Training.TrainingOptions Settings(StagePlan plan) =>
            Planner.TrainingSettings(plan, new ImageShape(3, 32, 32), seed: 0, device: null);
    }

    [Theory]
    [InlineData(10, 19_000, 2, 0)]
    [InlineData(20, 19_000, 4, 0)]
    [InlineData(37, 19_000, 4, 12)]
    [InlineData(37, 1_000, 4, 0)]
    [InlineData(60, 19_000, 4, 16)]
    public void Crops_and_cutout_suit_the_length(int epochs, int images, int padding, int cutout)
    {
        var plan = new StagePlan
        {
            Stage = RunStage.Train, Channels = 8, Cells = 5, BatchSize = 32, Epochs = epochs, Images = images, Time = default, Memory = 0,
        };
        var settings = Planner.TrainingSettings(plan, new ImageShape(3, 32, 32), seed: 0, device: null);
        var used = settings.Augmentation ?? Augmentation.ForSize(32) with { Cutout = settings.Cutout ? 16 : 0 };
        Assert.Equal((padding, cutout), (used.CropPadding, used.Cutout));
        Assert.True(used.HorizontalFlip);
        var unmirrored = Planner.TrainingSettings(plan, new ImageShape(3, 32, 32), seed: 0, device: null, mirrors: false);
        Assert.Equal(used with { HorizontalFlip = false }, unmirrored.Augmentation);
    }
}
