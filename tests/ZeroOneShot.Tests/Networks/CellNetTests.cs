using TorchSharp;
using Xunit;
using ZeroOneShot.Networks;
using ZeroOneShot.Persistence;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using static TorchSharp.torch;

namespace ZeroOneShot.Tests.Networks;

public sealed class CellNetTests : IDisposable
{
    // Every operation, in both kinds of cells and, in the reduction cell, at both strides.
    private static readonly Genotype s_everything = Genotype.Parse("""
        Genotype(
            normal=[('sep_conv_3x3', 0), ('sep_conv_5x5', 1), ('dil_conv_3x3', 0), ('dil_conv_5x5', 2),
                ('max_pool_3x3', 1), ('avg_pool_3x3', 3), ('skip_connect', 0), ('skip_connect', 4)], normal_concat=range(2, 6),
            reduce=[('sep_conv_3x3', 0), ('dil_conv_5x5', 1), ('skip_connect', 0), ('sep_conv_5x5', 2),
                ('max_pool_3x3', 1), ('avg_pool_3x3', 0), ('dil_conv_3x3', 1), ('skip_connect', 4)], reduce_concat=range(2, 6))
        """);

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Images_of_any_size_from_16_to_64_pixels_pass_both_classifiers()
    {
        using var network = Build(new CellNetOptions { Channels = 4, Cells = 3 });
        using var random = RandomStream.Of(1, "drop path");
        using var _ = no_grad();
        foreach (var (height, width) in SizesOfImages.All)
        {
            using var scope = NewDisposeScope();
            var (logits, auxiliary) = network.ForwardWithAuxiliary(randn(2, 3, height, width), 0.2, random);
            Assert.Equal([2, 5], logits.shape);
            Assert.Equal([2, 5], auxiliary!.shape);
            Assert.True(logits.isfinite().all().item<bool>() && auxiliary.isfinite().all().item<bool>(), $"{height} x {width}");
        }
    }

    [Fact]
    public void Images_of_up_to_256_pixels_pass_both_classifiers_behind_the_stem_for_ImageNet()
    {
        using var network = Build(new CellNetOptions { Channels = 4, Cells = 3, Stem = "imagenet" });
        using var random = RandomStream.Of(1, "drop path");
        using var _ = no_grad();
        foreach (var (height, width) in SizesOfImages.Larger.Append((16, 16)))
        {
            using var scope = NewDisposeScope();
            var (logits, auxiliary) = network.ForwardWithAuxiliary(randn(2, 3, height, width), 0.2, random);
            Assert.Equal([2, 5], logits.shape);
            Assert.Equal([2, 5], auxiliary!.shape);
            Assert.True(logits.isfinite().all().item<bool>() && auxiliary.isfinite().all().item<bool>(), $"{height} x {width}");
        }
    }

    [Theory]
    [InlineData(null, 32)]
    [InlineData("imagenet", 64)]
    [InlineData("half", 32)]
    public void Every_parameter_gets_a_gradient(string? stem, int size)
    {
        using var scope = NewDisposeScope();
        using var network = Build(new CellNetOptions { Channels = 4, Cells = 3, Stem = stem });
        var (logits, auxiliary) = network.ForwardWithAuxiliary(randn(4, 3, size, size, generator: new Generator(1)));
        var labels = tensor((long[])[0, 1, 2, 3]);
        (nn.functional.cross_entropy(logits, labels) + nn.functional.cross_entropy(auxiliary!, labels)).backward();
        Assert.All(network.named_parameters(), parameter => Assert.True(
            parameter.parameter.grad is { } gradient && gradient.isfinite().all().item<bool>()
                && gradient.abs().sum().item<float>() > 0, parameter.name));
    }

    [Fact]
    public void Drop_path_in_evaluation_changes_nothing_and_in_training_keeps_the_mean()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(1);
        var ones = torch.ones(20_000, 3, 1, 1);
        var dropped = new DropPath(0.3, generator).Apply(ones);
        Assert.Equal(1, dropped.mean().item<float>(), tolerance: 0.02);
        Assert.Equal([0, 1 / 0.7f], dropped.unique().output.data<float>().ToArray());
        Assert.True(dropped.std(1).eq(0).all().item<bool>());                   // an image's channels fall or stay together
    }

    [Fact]
    public void A_state_of_PyTorch_with_its_batch_counters_loads_and_so_does_one_without_auxiliary_head()
    {
        using var scope = NewDisposeScope();
        using var network = Build(new CellNetOptions { Channels = 4, Cells = 3 });
        var state = network.state_dict().Select(entry => (entry.Key, entry.Value.detach().clone() + 1)).ToList();
        var counters = state.Where(entry => entry.Key.EndsWith(".running_mean", StringComparison.Ordinal))
            .Select(entry => (entry.Key.Replace("running_mean", "num_batches_tracked"), tensor(5L))).ToList();
        Assert.NotEmpty(counters);
        SafetensorsFile.Write(_folder.File("state"), state.Concat(counters));
        ModuleWeights.Load(network, SafetensorsFile.Read(_folder.File("state")));
        foreach (var (name, value) in network.state_dict())
            Assert.True(value.equal(state.Single(entry => entry.Key == name).Item2).all().item<bool>(), name);

        using var small = Build(new CellNetOptions { Channels = 4, Cells = 3, AuxiliaryHead = false });
        var file = SafetensorsFile.Read(_folder.File("state"));
        Assert.Contains("it has 'auxiliary_head.", Assert.Throws<InvalidDataException>(() => ModuleWeights.Load(small, file)).Message);
        ModuleWeights.Load(small, file, ignore: ["auxiliary_head"]);
    }

    [Fact]
    public void A_batch_counter_of_no_batch_norm_is_refused()
    {
        using var scope = NewDisposeScope();
        using var network = Build(new CellNetOptions { Channels = 4, Cells = 3 });
        var state = network.state_dict().Select(entry => (entry.Key, entry.Value.detach()));
        SafetensorsFile.Write(_folder.File("state"), state.Append(("stem.0.num_batches_tracked", tensor(5L))));
        Assert.Contains("it has 'stem.0.num_batches_tracked'",
            Assert.Throws<InvalidDataException>(() => ModuleWeights.Load(network, SafetensorsFile.Read(_folder.File("state")))).Message);
    }

    [Fact]
    public void A_file_of_trained_parameters_alone_loads_when_said_so()
    {
        using var scope = NewDisposeScope();
        using var network = Build(new CellNetOptions { Channels = 4, Cells = 3 });
        SafetensorsFile.Write(_folder.File("parameters"),
            network.named_parameters().Select(parameter => (parameter.name, parameter.parameter.detach() + 1)));
        var file = SafetensorsFile.Read(_folder.File("parameters"));
        Assert.Contains("it has no 'stem.1.running_mean'", Assert.Throws<InvalidDataException>(
            () => ModuleWeights.Load(network, file)).Message);
        ModuleWeights.Load(network, file, parametersOnly: true);
        foreach (var (name, parameter) in network.named_parameters())
            Assert.True(parameter.equal(file.Load(name)).all().item<bool>(), name);
    }

    private static CellNet Build(CellNetOptions options)
    {
        var network = new CellNet(s_everything, options, inputChannels: 3, classes: 5);
        using var random = RandomStream.Of(1, "weights");
        Initialization.Default(network, random);
        return network;
    }
}
