using Xunit;
using ZeroOneShot.Data;
using ZeroOneShot.OneShot;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Training;
using ZeroOneShot.ZeroShot;
using ZeroOneShot.ZeroShot.Functions;

namespace ZeroOneShot.Tests.Training;

/// <summary>Numbers that no training or search can do with.</summary>
public sealed class SettingsTests
{
    public static TheoryData<TrainingOptions, string> WrongTraining => new()
    {
        { Toy.Options with { LearningRate = -1 }, "LearningRate is -1; expected a number from 0 on" },
        { Toy.Options with { LearningRate = double.NaN }, "LearningRate is NaN" },
        { Toy.Options with { Momentum = 1 }, "Momentum is 1; expected at least 0 and below 1" },
        { Toy.Options with { WeightDecay = double.PositiveInfinity }, "WeightDecay is Infinity" },
        { Toy.Options with { ClipNorm = 0 }, "ClipNorm is 0; expected a number above 0" },
        { Toy.Options with { AuxiliaryWeight = -0.5 }, "AuxiliaryWeight is -0.5" },
        { Toy.Options with { DropPath = 1 }, "DropPath is 1" },
        // More than any memory holds, which the prediction of the memory would take already.
        { Toy.Options with { Network = new() { Cells = int.MaxValue } }, "Cells is 2147483647; expected 1 to 1024" },
        { Toy.Options with { Network = new() { Channels = 1 << 28 } }, "Channels is 268435456; expected 2 to 4096" },
    };

    public static TheoryData<SearchOptions, string> WrongSearch => new()
    {
        { new SearchOptions { LearningRate = -1 }, "LearningRate is -1" },
        { new SearchOptions { FinalLearningRate = double.NaN }, "FinalLearningRate is NaN" },
        { new SearchOptions { Momentum = -0.1 }, "Momentum is -0.1" },
        { new SearchOptions { WeightDecay = -1 }, "WeightDecay is -1" },
        { new SearchOptions { ClipNorm = -5 }, "ClipNorm is -5" },
        { new SearchOptions { ArchitectureLearningRate = double.NaN }, "ArchitectureLearningRate is NaN" },
        { new SearchOptions { ArchitectureWeightDecay = -1 }, "ArchitectureWeightDecay is -1" },
        { new SearchOptions { LossTerms = [new BetaDecay(-1)] }, "BetaDecay is -1" },
        { new SearchOptions { LossTerms = [new ZeroOneLoss(double.NaN)] }, "ZeroOneLoss is NaN" },
        { new SearchOptions { Relaxation = new GumbelRelaxation { LastTemperature = 0 } }, "LastTemperature is 0" },
        { new SearchOptions { LossTerms = [null!] }, "LossTerms[0] is null" },
        { new SearchOptions { Supernet = new() { Cells = int.MaxValue } }, "Cells is 2147483647; expected 1 to 1024" },
        { new SearchOptions { Supernet = new() { Channels = 1 << 28 } }, "Channels is 268435456; expected 1 to 4096" },
        { new SearchOptions { Supernet = new() { StemMultiplier = 0 } }, "StemMultiplier is 0; expected 1 to 64" },
        { new SearchOptions { CostTarget = new CostTarget() }, "CostTarget has Parameters null and MultiplyAdds null" },
    };

    [Theory]
    [MemberData(nameof(WrongTraining))]
    public void A_training_is_refused_by_the_name_of_the_number(TrainingOptions options, string message) =>
        Assert.StartsWith(message, Assert.Throws<ArgumentException>(() => Toy.Train(options)).Message);

    [Theory]
    [MemberData(nameof(WrongSearch))]
    public void A_search_is_refused_by_the_name_of_the_number(SearchOptions options, string message) =>
        Assert.StartsWith(message, Assert.Throws<ArgumentException>(options.Validate).Message);

    [Fact]
    public void Ranking_functions_that_are_null_are_refused_by_their_place()
    {
        Assert.StartsWith("RankingFunctions[1] is null", Assert.Throws<ArgumentException>(
            new ZeroShotPruningOptions { RankingFunctions = [new Swap(), null!] }.Validate).Message);
        Assert.StartsWith("Functions[0] is null",
            Assert.Throws<ArgumentException>(new ZeroShotSearchOptions { Functions = [null!] }.Validate).Message);
    }

    [Fact]
    public void Images_of_one_class_are_refused_by_its_name()
    {
        var (images, token) = (Data.RandomImages.Of(32, 1, new ImageShape(3, 16, 16)), TestContext.Current.CancellationToken);
        Assert.Contains("expected at least two", Assert.Throws<ArgumentException>(
            () => CellNetTraining.Train(images, PublishedGenotypes.DartsV2, Toy.Options, cancellationToken: token)).Message);
        Assert.Contains($"one class, '{images.ClassNames[0]}'", Assert.Throws<ArgumentException>(() => MaskedDartsSearch.Run(
            images, OperationMask.Full(SearchSpace.Darts), new SearchOptions(), cancellationToken: token)).Message);
    }

    [Fact]
    public void A_training_that_runs_away_ends_with_an_error_that_says_what_to_choose()
    {
        var wild = Toy.Options with { LearningRate = 1e30 };
        var error = Assert.ThrowsAny<InvalidOperationException>(() => Toy.Train(wild));
        Assert.Contains("Choose a smaller LearningRate than 1E+30", error.Message);
    }
}
