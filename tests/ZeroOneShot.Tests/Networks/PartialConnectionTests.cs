using CsCheck;
using Xunit;
using ZeroOneShot.Networks;
using static TorchSharp.torch;

namespace ZeroOneShot.Tests.Networks;

public sealed class PartialConnectionTests
{
    [Fact]
    public void Channels_are_shuffled_as_the_public_code_does() =>
        Gen.Select(Gen.Int[1, 6], Gen.Int[1, 6], Gen.Int[1, 3], Gen.Int[1, 4], Gen.Int[1, 4], Gen.Bool)
            .Sample((groups, perGroup, n, h, w, channelsLast) =>
            {
                using var scope = NewDisposeScope();
                var image = rand(n, groups * perGroup, h, w);
                if (channelsLast)
                    image = image.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2);
                var shuffled = PartialConnection.Shuffle(image, groups);
                Assert.Equal(image.shape, shuffled.shape);
                // view(N, groups, C / groups, H, W), transpose(1, 2): channel i of group g becomes channel g of group i.
                for (var g = 0; g < groups; g++)
                {
                    for (var i = 0; i < perGroup; i++)
                        Assert.True(shuffled[.., i * groups + g].equal(image[.., g * perGroup + i]).all().item<bool>());
                }
            }, iter: 1000, threads: 1);

    [Fact]
    public void Groups_that_do_not_divide_the_channels_are_refused() =>
        Assert.Contains("6 channels cannot be shuffled in 4 groups", Assert.Throws<ArgumentException>(() =>
        {
            using var image = rand(1, 6, 2, 2);
            PartialConnection.Shuffle(image, 4);
        }).Message);
}
