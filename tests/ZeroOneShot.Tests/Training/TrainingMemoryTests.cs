using Xunit;
using ZeroOneShot.Data;
using ZeroOneShot.Networks;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Tests.Data;
using ZeroOneShot.Training;

namespace ZeroOneShot.Tests.Training;

/// <summary>
/// What a training is told to take in memory. Predictions are held against measured ones by the benchmark <c>training-memory</c>.
/// </summary>
public sealed class TrainingMemoryTests
{
    private static readonly ImageShape s_shape = new(3, 32, 32);
    private static readonly TrainingOptions s_options = new()
    {
        Network = new CellNetOptions { Channels = 16, Cells = 8 }, BatchSize = 64,
    };

    public static TheoryData<string> Genotypes => [.. PublishedGenotypes.ByName.Keys];

    [Theory]
    [MemberData(nameof(Genotypes))]
    public void A_larger_training_takes_more_memory(string name)
    {
        var growth = Growth(s_options, s_shape);
        Assert.True(growth < Growth(s_options with { BatchSize = 80 }, s_shape), "a larger batch");
        Assert.True(growth < Growth(s_options with { Network = s_options.Network with { Channels = 32 } }, s_shape), "more channels");
        Assert.True(growth < Growth(s_options with { Network = s_options.Network with { Cells = 11 } }, s_shape), "more cells");
        Assert.True(growth < Growth(s_options, s_shape with { Height = 48 }), "higher images");
        Assert.True(Growth(s_options with { Network = s_options.Network with { AuxiliaryHead = false } }, s_shape) < growth, "no head");

        long Growth(TrainingOptions options, ImageShape shape) =>
            TrainingMemory.Predict(PublishedGenotypes.ByName[name], options, shape, classes: 10).Growth;
    }

    [Fact]
    public void The_papers_training_is_predicted_to_take_nine_gigabytes()
    {
        // Measured in one run of the defaults on two cores: a little more than 9 GB before the first step was over.
        var predicted = TrainingMemory.Predict(PublishedGenotypes.DartsV2, new TrainingOptions(), s_shape, classes: 10);
        Assert.InRange(predicted.Peak - predicted.Spare, 8.0e9, 9.5e9);
    }

    [Theory]
    [InlineData(8, 5, 32)]
    [InlineData(16, 8, 32)]
    [InlineData(16, 8, 112)]
    public void As_many_parameters_are_counted_as_the_network_has(int channels, int cells, int size)
    {
        var shape = new ImageShape(3, size, size - 8);
        var options = new CellNetOptions { Channels = channels, Cells = cells }.WithStem(SearchSpace.Darts, shape);
        using var network = new CellNet(PublishedGenotypes.DartsV2, options, inputChannels: 3, classes: 7);
        var head = network.AuxiliaryHead!.parameters().Sum(parameter => parameter.numel());
        var read = network.Plan.Items[network.Plan.AuxiliaryItem!.Value].Output.Channels;
        Assert.Equal(head, AuxiliaryHead.Parameters((int)read, classes: 7, batchNorm: size <= 64));
        Assert.Equal(network.parameters().Sum(parameter => parameter.numel()),
            head + NetworkCost.Of(PublishedGenotypes.DartsV2, options, shape, 7).Parameters);
    }

    [Fact]
    public void A_network_without_a_place_for_an_auxiliary_head_is_predicted_to_have_none()
    {
        var genotype = Genotype.Parse("|nor_conv_3x3~0|+|skip_connect~0|nor_conv_1x1~1|+|avg_pool_3x3~0|nor_conv_3x3~1|none~2|");
        var without = s_options with { Network = s_options.Network with { AuxiliaryHead = false } };
        Assert.Equal(Predict(without), Predict(s_options));

        string Predict(TrainingOptions options) =>
            TrainingMemory.Predict(genotype, options, s_shape, classes: 10, SearchSpace.NasBench201).ToString();
    }

    [Fact]
    public void The_largest_batch_fits_and_the_next_one_does_not()
    {
        var options = s_options with { BatchSize = 100 };
        for (var batch = 16; batch <= 96; batch += 16)
        {
            var limit = Peak(batch);
            Assert.Equal(batch, Largest(options with { MaxMemory = limit }));
            if (batch > 16)
                Assert.Equal(batch - 16, Largest(options with { MaxMemory = limit - 1 }));
        }
        Assert.Equal(100, Largest(options with { MaxMemory = Peak(100) }));
        Assert.Equal(100, Largest(options));

        int Largest(TrainingOptions limited) => TrainingMemory.LargestBatch(PublishedGenotypes.DartsV1, limited, s_shape, classes: 10);

        long Peak(int batch) =>
            TrainingMemory.Predict(PublishedGenotypes.DartsV1, options with { BatchSize = batch }, s_shape, classes: 10).Peak;
    }

    [Fact]
    public void A_training_that_cannot_fit_says_so_before_it_starts_with_the_numbers()
    {
        var images = RandomImages.Of(48, 3, new ImageShape(3, 16, 16));
        var options = Small with { MaxMemory = 100 << 20 };
        var smallest = TrainingMemory.Predict(PublishedGenotypes.DartsV2, options with { BatchSize = 16 }, images.Shape, images.ClassCount);
        var error = Assert.Throws<ArgumentException>(() => Train(images, options));
        Assert.Contains("100.0 MiB", error.Message, StringComparison.Ordinal);
        Assert.Contains("16 images", error.Message, StringComparison.Ordinal);
        Assert.Contains(smallest.ToString(), error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void With_little_memory_a_training_takes_smaller_batches_and_steps_in_proportion()
    {
        var images = RandomImages.Of(48, 3, new ImageShape(3, 16, 16));
        var half = Small with { BatchSize = 16, LearningRate = 0.05 };
        var limit = TrainingMemory.Predict(PublishedGenotypes.DartsV2, half, images.Shape, images.ClassCount).Peak;
        using var limited = Train(images, Small with { MaxMemory = limit });
        using var expected = Train(images, half);
        Assert.Equal(expected.Epochs, limited.Epochs);
        Assert.NotEqual(0, expected.Epochs[0].Loss);
    }

    [Fact]
    public void Memory_is_not_limited_where_it_cannot_be_predicted()
    {
        var options = s_options with { Device = "cuda" };
        Assert.Throws<ArgumentException>(() => TrainingMemory.Predict(PublishedGenotypes.DartsV2, options, s_shape, classes: 10));
        Assert.Throws<ArgumentException>(() => TrainingMemory.LargestBatch(
            PublishedGenotypes.DartsV2, options with { MaxMemory = 1L << 40 }, s_shape, classes: 10));
    }

    private static TrainingOptions Small => new()
    {
        Network = new CellNetOptions { Channels = 4, Cells = 3 }, Epochs = 1, BatchSize = 32, LearningRate = 0.1, Seed = 3,
    };

    private static TrainedCellNet Train(ImageSet images, TrainingOptions options) => CellNetTraining.Train(
        images, PublishedGenotypes.DartsV2, options, cancellationToken: TestContext.Current.CancellationToken);
}
