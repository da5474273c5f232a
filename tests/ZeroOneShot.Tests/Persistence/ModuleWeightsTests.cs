using TorchSharp;
using Xunit;
using ZeroOneShot.Persistence;
using ZeroOneShot.Runtime;
using static TorchSharp.torch;

namespace ZeroOneShot.Tests.Persistence;

public sealed class ModuleWeightsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    static ModuleWeightsTests() => TorchRuntime.EnsureLoaded();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_saved_network_loads_into_another_and_computes_the_same()
    {
        using var scope = NewDisposeScope();
        using var saved = Network();
        using var loaded = Network();
        var images = rand(4, 3, 6, 6);
        saved.train();
        saved.forward(images); // gives the batch norm statistics of its own
        ModuleWeights.Save(saved, _folder.File("a"), new Dictionary<string, string> { ["epoch"] = "3" });
        var file = SafetensorsFile.Read(_folder.File("a"));
        ModuleWeights.Load(loaded, file);
        saved.eval();
        loaded.eval();
        Assert.Equal("3", file.Metadata["epoch"]);
        Assert.True(saved.forward(images).equal(loaded.forward(images)).all().item<bool>());
        Assert.All(loaded.parameters(), p => Assert.True(p.requires_grad));
    }

    [Fact]
    public void Weights_of_double_precision_under_a_prefix_become_the_types_of_the_network()
    {
        using var scope = NewDisposeScope();
        using var network = Network();
        var values = State(network).Select(t => ("state/" + t.Name, t.Value.is_floating_point() ? t.Value.to(float64) + 1 : t.Value));
        SafetensorsFile.Write(_folder.File("a"), values.Append(("logits", zeros(1))));
        var before = network.parameters().First().clone();
        ModuleWeights.Load(network, SafetensorsFile.Read(_folder.File("a")), "state/");
        var after = network.parameters().First();
        Assert.Equal(float32, after.dtype);
        Assert.Equal(1, (after - before).mean().item<float>(), 1e-5);
    }

    [Fact]
    public void A_file_without_batch_counters_leaves_them_as_they_are()
    {
        using var scope = NewDisposeScope();
        using var network = Network();
        SafetensorsFile.Write(_folder.File("a"), State(network).Where(t => t.Name != "norm.num_batches_tracked"));
        network.named_buffers().Single(b => b.name == "norm.num_batches_tracked").buffer.fill_(5);
        ModuleWeights.Load(network, SafetensorsFile.Read(_folder.File("a")));
        var counter = network.named_buffers().Single(b => b.name == "norm.num_batches_tracked").buffer;
        Assert.Equal(5, counter.item<long>());
    }

    [Fact]
    public void A_missing_parameter_is_named_and_nothing_changes() =>
        Refuses("no 'norm.running_var'", state => state.Where(t => t.Name != "norm.running_var"));

    [Fact]
    public void A_parameter_of_another_shape_is_named_and_nothing_changes() =>
        Refuses(
            "'conv.weight' has shape [5, 3, 3, 3]; the network expects [4, 3, 3, 3]",
            state => state.Select(t => t.Name == "conv.weight" ? (t.Name, zeros(5, 3, 3, 3)) : t));

    [Fact]
    public void A_parameter_the_network_lacks_is_named_and_nothing_changes() =>
        Refuses("it has 'extra.weight', which the network", state => state.Append(("extra.weight", zeros(1))));

    [Fact]
    public void Whole_numbers_for_weights_are_refused_and_nothing_changes() =>
        Refuses(
            "'conv.weight' is of type Int32; the network expects Float32",
            state => state.Select(t => t.Name == "conv.weight" ? (t.Name, t.Value.to(int32)) : t));

    [Fact]
    public void Ignored_parts_are_neither_asked_for_nor_loaded()
    {
        using var scope = NewDisposeScope();
        using var network = Network();
        var state = State(network).Where(t => !t.Name.StartsWith("norm.", StringComparison.Ordinal));
        SafetensorsFile.Write(_folder.File("a"), state.Append(("auxiliary.head.weight", zeros(1))).Append(("linear", zeros(1))));
        var file = SafetensorsFile.Read(_folder.File("a"));
        ModuleWeights.Load(network, file, ignore: ["norm", "auxiliary", "linear"]);
        Assert.Contains("'linear'", Assert.Throws<InvalidDataException>(
            () => ModuleWeights.Load(network, file, ignore: ["norm", "auxiliary", "lin"])).Message);
    }

    [Fact]
    public void Saving_and_loading_leave_no_tensor_behind()
    {
        using var network = Network();
        ModuleWeights.Save(network, _folder.File("warm"));
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        ModuleWeights.Save(network, _folder.File("a"));
        ModuleWeights.Load(network, SafetensorsFile.Read(_folder.File("a")));
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    private void Refuses(string message, Func<IEnumerable<(string Name, Tensor Value)>, IEnumerable<(string Name, Tensor Value)>> change)
    {
        using var scope = NewDisposeScope();
        using var network = Network();
        var before = State(network);
        var different = before.Select(t => (t.Name, t.Value.is_floating_point() ? t.Value + 1 : t.Value));
        SafetensorsFile.Write(_folder.File("a"), change(different));
        var error = Assert.Throws<InvalidDataException>(() => ModuleWeights.Load(network, SafetensorsFile.Read(_folder.File("a"))));
        Assert.Contains(message, error.Message);
        Assert.Contains($"'{_folder.File("a")}'", error.Message);
        foreach (var (name, value) in State(network))
            Assert.True(value.equal(before.Single(b => b.Name == name).Value).all().item<bool>(), name);
    }

    private static List<(string Name, Tensor Value)> State(nn.Module network) =>
        [.. network.state_dict().Select(pair => (pair.Key, pair.Value.detach().clone()))];

    private static nn.Module<Tensor, Tensor> Network() => nn.Sequential(
        ("conv", nn.Conv2d(3, 4, 3)), ("norm", nn.BatchNorm2d(4)), ("flatten", nn.Flatten()), ("linear", nn.Linear(64, 5)));
}
