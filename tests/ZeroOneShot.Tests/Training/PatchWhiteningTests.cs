using Xunit;
using ZeroOneShot.Data;
using ZeroOneShot.Layers;
using ZeroOneShot.Networks;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Training;
using static TorchSharp.torch;

namespace ZeroOneShot.Tests.Training;

public sealed class PatchWhiteningTests
{
    [Theory]
    [InlineData(3, 12, null)]
    [InlineData(3, 8, "half")]
    [InlineData(1, 8, null)]
    public void The_first_filters_are_the_principal_components_of_patches_with_either_sign(int colors, int channels, string? stem)
    {
        using var scope = NewDisposeScope();
        var images = Smooth(colors);
        using var network = Network(colors, channels, stem);
        var weight = network.modules().OfType<ConvolutionModule>().First().Weight;
        var drawn = weight.detach().clone();
        Whiten(network, images, seed: 1);
        var (outputs, numbers) = ((int)weight.shape[0], 9 * colors);
        var pairs = Math.Min(outputs / 2, numbers);
        var filters = weight.detach().reshape(outputs, numbers);
        var ordered = filters.narrow(0, 0, 2 * pairs).reshape(pairs, 2, numbers);
        Assert.True(ordered.select(1, 0).equal(-ordered.select(1, 1)).all().item<bool>());
        var components = ordered.select(1, 0);
        Assert.Equal(0, (components.mm(components.t()) - eye(pairs)).abs().max().item<float>(), 1e-5);
        // What they see of all patches is uncorrelated, and varies less and less.
        var pixels = images.Statistics().Normalize(images.ImageTensor([.. Enumerable.Range(0, images.Count)]));
        var seen = nn.functional.unfold(pixels, (3, 3)).transpose(1, 2).reshape(-1, numbers).mm(components.t());
        var moments = seen.t().mm(seen) / seen.shape[0];
        var variances = moments.diagonal();
        Assert.InRange((moments - variances.diag()).abs().max().item<float>(), 0, 0.05 * variances[0].item<float>());
        var descending = variances.data<float>().ToArray();
        Assert.All(descending.Zip(descending[1..]), pair => Assert.InRange(pair.Second, 0, 1.1 * pair.First + 1e-3));
        Assert.True(descending[0] > 4 * descending[^1]);
        // Others than there are components for stay as they were drawn.
        Assert.True(weight[TensorIndex.Slice(2 * pairs)].equal(drawn[TensorIndex.Slice(2 * pairs)]).all().item<bool>());
        Assert.Equal(colors == 1 ? 6 : 0, outputs - 2 * pairs);
    }

    /// <summary>Grey pictures in color: two thirds of the components do not vary.</summary>
    [Fact]
    public void Components_that_hardly_vary_make_no_filters()
    {
        using var scope = NewDisposeScope();
        var grey = Smooth(1);
        var all = Enumerable.Range(0, grey.Count);
        byte[] pixels = [.. all.SelectMany(i => Enumerable.Repeat(grey.Pixels(i).ToArray(), 3).SelectMany(plane => plane))];
        var color = new ImageSet(pixels, [.. all.Select(grey.Label)], new ImageShape(3, 32, 32), grey.ClassNames);
        using var network = Network(3, 12, null);
        var weight = network.modules().OfType<ConvolutionModule>().First().Weight;
        var drawn = weight.detach().clone();
        Whiten(network, color, seed: 1);
        var changed = weight.detach().ne(drawn).reshape(36, 27).any(1).data<bool>().ToArray();
        Assert.InRange(changed.Count(at => at), 4, 18);
        Assert.All(changed[18..], Assert.False);
        // Images of one color have no components at all.
        var flat = new ImageSet(new byte[6 * 3072], [0, 1, 2, 0, 1, 2], new ImageShape(3, 32, 32), ["a", "b", "c"]);
        using var other = Network(3, 12, null);
        Whiten(other, flat, seed: 1);
        Assert.True(other.modules().OfType<ConvolutionModule>().First().Weight.equal(drawn).all().item<bool>());
    }

    [Fact]
    public void The_seed_decides_which_patches_are_taken()
    {
        using var scope = NewDisposeScope();
        var images = Smooth(3);
        float[] First(long seed)
        {
            using var network = Network(3, 8, null);
            Whiten(network, images, seed);
            return network.modules().OfType<ConvolutionModule>().First().Weight.detach().flatten().data<float>().ToArray();
        }
        Assert.Equal(First(1), First(1));
        Assert.NotEqual(First(1), First(2));
    }

    [Fact]
    public void A_training_that_goes_on_keeps_the_filters_that_it_was_given()
    {
        var images = Smooth(3);
        var options = new TrainingOptions
        {
            Network = new CellNetOptions { Channels = 4, Cells = 3, AuxiliaryHead = false }, BatchSize = 8, Epochs = 1, LearningRate = 0,
            WhitenedStem = true,
        };
        using var first = CellNetTraining.Train(
            images, PublishedGenotypes.DartsV2, options, cancellationToken: TestContext.Current.CancellationToken);
        using var second = CellNetTraining.Continue(
            images, first.Weights(), options with { Seed = 7 }, cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal(Stem(first), Stem(second));

        static float[] Stem(TrainedCellNet trained) =>
            trained.Network.modules().OfType<ConvolutionModule>().First().Weight.detach().flatten().data<float>().ToArray();
    }

    private static CellNet Network(int colors, int channels, string? stem)
    {
        var network = new CellNet(PublishedGenotypes.DartsV2,
            new CellNetOptions { Channels = channels, Cells = 3, AuxiliaryHead = false, Stem = stem }, colors, 3);
        using var random = RandomStream.Of(5, "weights");
        Initialization.Default(network, random);
        return network;
    }

    private static void Whiten(CellNet network, ImageSet images, long seed)
    {
        using var random = RandomStream.Of(seed, "patches");
        PatchWhitening.Apply(network, images, images.Statistics(), random);
    }

    /// <summary>Images whose pixels are like their neighbours, as those of photographs are.</summary>
    private static ImageSet Smooth(int colors)
    {
        var (random, shape) = (new Random(3), new ImageShape(colors, 32, 32));
        var pixels = new byte[24 * shape.Size];
        for (var image = 0; image < 24; image++)
        {
            var (across, down, phase, light) = (random.NextDouble(), random.NextDouble(), 6 * random.NextDouble(), random.Next(60, 190));
            for (var i = 0; i < shape.Size; i++)
            {
                var wave = 50 * Math.Sin(phase + across * (i % 32) + down * (i / 32 % 32) + i / 1024);
                pixels[image * shape.Size + i] = (byte)(light + wave + random.Next(12));
            }
        }
        return new ImageSet(pixels, [.. Enumerable.Range(0, 24).Select(i => i % 3)], shape, ["a", "b", "c"]);
    }
}
