using TorchSharp;
using Xunit;
using ZeroOneShot.Data;

namespace ZeroOneShot.Tests.Data;

public sealed class ChannelStatisticsTests
{
    [Fact]
    public void Mean_and_deviation_are_those_of_the_population_for_pixels_from_0_to_1()
    {
        var set = new ImageSet(new byte[] { 0, 255, 10, 20 }, [0], new ImageShape(2, 1, 2), ["cat"]);
        var statistics = set.Statistics();
        Assert.Equal(0.5f, statistics.Mean[0], 6);
        Assert.Equal(0.5f, statistics.Std[0], 6);
        Assert.Equal(15 / 255f, statistics.Mean[1], 6);
        Assert.Equal(5 / 255f, statistics.Std[1], 6);
    }

    [Fact]
    public void A_blank_channel_normalises_to_zero()
    {
        var set = new ImageSet(Enumerable.Repeat((byte)200, 8).ToArray(), [0, 0], new ImageShape(1, 2, 2), ["cat"]);
        using var images = set.ImageTensor([0, 1]);
        using var normalised = set.Statistics().Normalize(images);
        Assert.All(normalised.data<float>().ToArray(), value => Assert.Equal(0, value, 4));
    }

    [Fact]
    public void A_set_without_images_has_no_statistics() =>
        Assert.Contains("no images", Assert.Throws<InvalidOperationException>(
            () => new ImageSet(ReadOnlyMemory<byte>.Empty, [], new ImageShape(1, 1, 1), ["cat"]).Statistics()).Message);

    [Fact]
    public void Normalising_a_set_by_its_own_statistics_gives_mean_0_and_deviation_1()
    {
        var set = RandomImages.Of(20, 2, new ImageShape(3, 8, 8));
        using var scope = torch.NewDisposeScope();
        var normalised = set.Statistics().Normalize(set.ImageTensor([.. Enumerable.Range(0, 20)]));
        Assert.Equal(torch.ScalarType.Float32, normalised.dtype);
        Assert.All(normalised.mean([0, 2, 3]).data<float>().ToArray(), mean => Assert.Equal(0, mean, 4));
        Assert.All(normalised.std([0, 2, 3], unbiased: false).data<float>().ToArray(), std => Assert.Equal(1, std, 4));
    }

    [Fact]
    public void Normalising_divides_by_255_then_subtracts_the_mean_then_divides_by_the_deviation()
    {
        var set = RandomImages.Of(2, 1, new ImageShape(3, 4, 4));
        using var images = set.ImageTensor([0, 1]);
        using var normalised = ChannelStatistics.Cifar10.Normalize(images);
        for (var c = 0; c < 3; c++)
        {
            var expected = (set.Pixels(1)[c * 16 + 5] / 255f - ChannelStatistics.Cifar10.Mean[c]) / ChannelStatistics.Cifar10.Std[c];
            Assert.Equal(expected, normalised[1, c, 1, 1].item<float>(), 5);
        }
    }

    [Fact]
    public void Bytes_and_the_same_values_as_floats_normalise_alike_and_stay_as_they_were()
    {
        using var scope = torch.NewDisposeScope();
        var bytes = RandomImages.Of(2, 1, new ImageShape(3, 4, 4)).ImageTensor([0, 1]);
        var floats = bytes.to(torch.ScalarType.Float32);
        var before = floats.clone();
        Assert.True(ChannelStatistics.Cifar10.Normalize(bytes).eq(ChannelStatistics.Cifar10.Normalize(floats)).all().item<bool>());
        Assert.True(floats.eq(before).all().item<bool>());
    }

    [Fact]
    public void Normalising_leaves_one_tensor()
    {
        using var images = torch.zeros([2, 3, 4, 4], torch.ScalarType.Byte);
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        using var normalised = ChannelStatistics.Cifar10.Normalize(images);
        Assert.Equal(before + 1, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    [Fact]
    public void Images_with_other_channels_are_refused_with_both_numbers()
    {
        using var images = torch.zeros([2, 1, 4, 4], torch.ScalarType.Byte);
        var error = Assert.Throws<ArgumentException>(() => ChannelStatistics.Cifar10.Normalize(images));
        Assert.Contains("[2, 1, 4, 4]", error.Message);
        Assert.Contains("[N, 3, H, W]", error.Message);
    }

    [Fact]
    public void Images_of_another_type_are_refused()
    {
        using var images = torch.zeros([2, 3, 4, 4], torch.ScalarType.Int64);
        Assert.Contains("Int64", Assert.Throws<ArgumentException>(() => ChannelStatistics.Cifar10.Normalize(images)).Message);
    }

    [Fact]
    public void A_mean_and_deviation_is_needed_for_every_channel()
    {
        Assert.Contains("2 means and 1", Assert.Throws<ArgumentException>(() => new ChannelStatistics([0, 0], [1])).Message);
        Assert.Contains("0 means", Assert.Throws<ArgumentException>(() => new ChannelStatistics([], [])).Message);
    }

    [Theory]
    [InlineData(0f, 0f)]
    [InlineData(float.NaN, 1f)]
    [InlineData(0f, float.PositiveInfinity)]
    public void Values_that_cannot_normalise_are_refused_with_the_channel(float mean, float std) =>
        Assert.Contains("Channel 1", Assert.Throws<ArgumentException>(() => new ChannelStatistics([0, mean], [1, std])).Message);

    [Fact]
    public void Statistics_with_the_same_values_are_equal()
    {
        var same = new ChannelStatistics([.. ChannelStatistics.Cifar10.Mean], [.. ChannelStatistics.Cifar10.Std]);
        Assert.Equal(ChannelStatistics.Cifar10, same);
        Assert.Equal(ChannelStatistics.Cifar10.GetHashCode(), same.GetHashCode());
        Assert.NotEqual(ChannelStatistics.Cifar10, new ChannelStatistics([0, 0, 0], [1, 1, 1]));
        Assert.Equal("mean 0.4914 0.4822 0.4465, std 0.2470 0.2435 0.2616", same.ToString());
    }
}
