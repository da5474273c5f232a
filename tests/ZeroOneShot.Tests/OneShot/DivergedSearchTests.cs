using Xunit;
using ZeroOneShot.Data;
using ZeroOneShot.OneShot;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Tests.Data;

namespace ZeroOneShot.Tests.OneShot;

/// <summary>A search whose numbers run away ends with an error, never with an architecture.</summary>
public sealed class DivergedSearchTests
{
    private static readonly SearchSpace s_space = new("small", new CellTopology(2),
        [CandidateOperation.MaxPool3x3, CandidateOperation.SeparableConvolution3x3]);

    private static readonly SearchOptions s_options = new()
    {
        Supernet = new() { Channels = 4, Cells = 3 }, BatchSize = 12, Epochs = 1, WarmupEpochs = 0,
    };

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void A_search_that_diverges_ends_with_an_error_even_in_its_last_step(int epochs)
    {
        // 24 images: an epoch is one step, whose loss is still a number.
        var images = RandomImages.Of(24, 3, new ImageShape(3, 16, 16));
        var error = Assert.ThrowsAny<InvalidOperationException>(() => MaskedDartsSearch.Run(
            images, OperationMask.Full(s_space),
            s_options with { Epochs = epochs, LearningRate = 1e35, WeightDecay = 1e6 },
            cancellationToken: TestContext.Current.CancellationToken));
        Assert.Contains("in epoch 1: the weights have grown beyond all bounds", error.Message);
    }

    [Fact]
    public void A_search_whose_architecture_parameters_run_away_names_their_learning_rate()
    {
        var images = RandomImages.Of(96, 3, new ImageShape(3, 16, 16));
        var error = Assert.Throws<DivergedException>(() => MaskedDartsSearch.Run(
            images, OperationMask.Full(s_space), s_options with { ArchitectureLearningRate = 3e38 },
            cancellationToken: TestContext.Current.CancellationToken));
        Assert.Equal("Alphas became infinite or no numbers in epoch 1: the architecture parameters have grown beyond all bounds. " +
            "Choose a smaller ArchitectureLearningRate than 3E+38.", error.Message);
    }
}
