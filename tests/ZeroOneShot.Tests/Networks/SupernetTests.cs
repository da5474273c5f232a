using CsCheck;
using Xunit;
using ZeroOneShot.Networks;
using ZeroOneShot.Persistence;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Tests.SearchSpaces;
using ZeroOneShot.ZeroShot;
using static TorchSharp.torch;

namespace ZeroOneShot.Tests.Networks;

public sealed class SupernetTests : IDisposable
{
    private static readonly OperationMask s_full = OperationMask.Full(SearchSpace.Darts);
    private static readonly OperationMask s_half = RandomPruning.Mask(SearchSpace.Darts, 0.5, seed: 1);
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_masked_operation_is_not_constructed() =>
        Gen.Select(Generated.UsableMask, Gen.OneOf(1, 2, 4), Gen.Int[1, 2], Gen.Int[3, 4]).Sample((mask, partial, width, cells) =>
        {
            var options = new SupernetOptions { Channels = 4 * width, Cells = cells, PartialChannels = partial };
            using var supernet = new Supernet(mask, options, inputChannels: 3, classes: 5);
            Assert.Equal(LayerCount.OfSupernet(mask, options, 3, 5), supernet.parameters().Sum(parameter => parameter.numel()));
            var masked = supernet.MaskedOperationNames.ToHashSet();
            Assert.DoesNotContain(supernet.named_modules(), module => masked.Contains(module.name));
        }, iter: 20, threads: 1);

    [Fact]
    public void Every_live_operation_gets_a_gradient_and_masked_ones_do_not_run()
    {
        using var scope = NewDisposeScope();
        foreach (var partial in (int[])[1, 4])
        {
            using var supernet = Build(s_half, partial);
            using var architecture = new ArchitectureParameters(s_half, edgeNormalization: partial > 1);
            using var mixture = architecture.Mixture();
            var logits = supernet.forward(randn(4, 3, 16, 16, generator: new Generator(1)), mixture);
            nn.functional.cross_entropy(logits, tensor((long[])[0, 1, 2, 3])).backward();
            Assert.All(supernet.named_parameters(), parameter => Assert.True(
                parameter.parameter.grad is { } gradient && gradient.isfinite().all().item<bool>()
                    && gradient.abs().sum().item<float>() > 0, parameter.name));
            foreach (var kind in SearchSpace.Darts.Kinds)
            {
                var gradient = architecture.Alphas(kind).grad!.data<float>().ToArray();
                Assert.All(gradient.Index(), at => Assert.True(s_half[kind, at.Index / 8, at.Index % 8] || at.Item == 0));
            }
        }
    }

    [Fact]
    public void An_operation_that_is_not_live_in_the_mixture_is_as_if_it_were_not_there()
    {
        using var scope = NewDisposeScope();
        using var whole = Build(s_full, partial: 1);
        using var part = Build(s_half, partial: 1);
        ModuleWeights.Save(whole, _folder.File("whole"));
        ModuleWeights.Load(part, SafetensorsFile.Read(_folder.File("whole")), ignore: part.MaskedOperationNames);
        using var mixture = Mixture.Uniform(s_half, edgeNormalization: false);
        var images = randn(4, 3, 16, 16, generator: new Generator(1));
        Assert.True(whole.forward(images, mixture).equal(part.forward(images, mixture)).all().item<bool>());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void Images_of_any_size_from_16_to_64_pixels_pass(int partial)
    {
        using var supernet = Build(s_full, partial);
        using var mixture = Mixture.Uniform(s_full, edgeNormalization: partial > 1);
        using var _ = no_grad();
        foreach (var (height, width) in SizesOfImages.All)
        {
            using var scope = NewDisposeScope();
            var logits = supernet.forward(randn(2, 3, height, width), mixture);
            Assert.Equal([2, 5], logits.shape);
            Assert.True(logits.isfinite().all().item<bool>(), $"{height} x {width}");
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void Images_of_up_to_256_pixels_pass_behind_the_stem_for_ImageNet(int partial)
    {
        var options = new SupernetOptions { Channels = 4, Cells = 3, PartialChannels = partial, Stem = "imagenet" };
        using var supernet = new Supernet(s_half, options, inputChannels: 3, classes: 5);
        using (var random = RandomStream.Of(1, "weights"))
            Initialization.Default(supernet, random);
        using var mixture = Mixture.Uniform(s_half, edgeNormalization: partial > 1);
        using var _ = no_grad();
        foreach (var (height, width) in SizesOfImages.Larger)
        {
            using var scope = NewDisposeScope();
            var logits = supernet.forward(randn(2, 3, height, width), mixture);
            Assert.Equal([2, 5], logits.shape);
            Assert.True(logits.isfinite().all().item<bool>(), $"{height} x {width}");
        }
    }

    [Fact]
    public void Grey_images_pass()
    {
        using var scope = NewDisposeScope();
        var options = new SupernetOptions { Channels = 2, Cells = 3, PartialChannels = 1 };
        using var supernet = new Supernet(s_full, options, inputChannels: 1, classes: 2);
        using (var random = RandomStream.Of(1, "weights"))
            Initialization.Default(supernet, random);
        using var mixture = Mixture.Uniform(s_full, edgeNormalization: false);
        Assert.Equal([3, 2], supernet.forward(randn(3, 1, 16, 16), mixture).shape);
    }

    [Fact]
    public void Weights_of_the_whole_network_are_refused_by_a_masked_one_unless_told_to_ignore_the_rest()
    {
        using var whole = Build(s_full, partial: 1);
        using var part = Build(s_half, partial: 1);
        ModuleWeights.Save(whole, _folder.File("whole"));
        var file = SafetensorsFile.Read(_folder.File("whole"));
        var message = Assert.Throws<InvalidDataException>(() => ModuleWeights.Load(part, file)).Message;
        Assert.Contains($"'{file.Path}'", message);
        var named = file.Tensors.Keys.First(
            name => part.MaskedOperationNames.Any(masked => name.StartsWith(masked + ".", StringComparison.Ordinal)));
        Assert.Contains($"it has '{named}'", message);

        ModuleWeights.Load(part, file, ignore: part.MaskedOperationNames);
        var weights = whole.named_parameters().ToDictionary(parameter => parameter.name, parameter => parameter.parameter);
        Assert.All(part.named_parameters(), parameter =>
            Assert.True(parameter.parameter.equal(weights[parameter.name]).all().item<bool>(), parameter.name));
    }

    [Fact]
    public void A_linear_layer_without_a_bias_is_drawn_as_one_with_it()
    {
        TorchRuntime.EnsureLoaded();
        using var with = nn.Linear(5, 3);
        using var without = nn.Linear(5, 3, hasBias: false);
        foreach (var linear in new[] { with, without })
        {
            using var random = RandomStream.Of(1, "weights");
            Initialization.Default(linear, random);
        }
        Assert.True(with.weight!.allclose(without.weight!, rtol: 0, atol: 0));
    }

    [Fact]
    public void Weights_of_a_masked_network_are_refused_by_the_whole_one()
    {
        using var whole = Build(s_full, partial: 1);
        using var part = Build(s_half, partial: 1);
        ModuleWeights.Save(part, _folder.File("part"));
        var file = SafetensorsFile.Read(_folder.File("part"));
        var message = Assert.Throws<InvalidDataException>(() => ModuleWeights.Load(whole, file)).Message;
        var missing = whole.named_parameters().First(parameter => !file.Contains(parameter.name)).name;
        Assert.Contains($"'{file.Path}'", message);
        Assert.Contains($"it has no '{missing}'", message);
    }

    private static Supernet Build(OperationMask mask, int partial)
    {
        var supernet = new Supernet(
            mask, new SupernetOptions { Channels = 4, Cells = 3, PartialChannels = partial, EdgeNormalization = partial > 1 }, 3, 5);
        using var random = RandomStream.Of(1, "weights");
        Initialization.Default(supernet, random);
        return supernet;
    }
}
