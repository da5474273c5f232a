using TorchSharp;
using Xunit;
using ZeroOneShot.Layers;
using ZeroOneShot.Networks;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Tests.PublicCode;
using static TorchSharp.torch;

namespace ZeroOneShot.Tests.Networks;

/// <summary>
/// Whole operations at the few channels that partial connections leave, in both memory layouts: libtorch's kernels for some processors gave
/// wrong gradients, and the one for 1x1 convolutions with stride 2 wrote past a buffer.
/// </summary>
public sealed class LayerModulesTests
{
    [Fact]
    public void A_reduction_to_one_channel_is_refused_with_a_sentence() => Assert.Contains(
        "is to make 1 channel(s); each of its two convolutions makes half of them, so that it needs at least 2",
        Assert.Throws<ArgumentException>(() => Build("skip_connect", stride: 2, channels: 1)).Message);

    public static TheoryData<string, int> Operations => new(
        from operation in SearchSpace.Darts.Operations
        where operation.CanBeChosen
        from stride in (int[])[1, 2]
        select (operation.Name, stride));

    [Theory]
    [MemberData(nameof(Operations))]
    public void Single_precision_gives_the_gradients_of_double_precision_whatever_the_channels_and_the_memory_layout(
        string name, int stride)
    {
        var deviations = new Deviations($"{name}, stride {stride}, Float32 against Float64", 1e-4);
        foreach (var channels in (int[])[1, 2, 3, 4, 6, 8, 12, 16, 24])
        {
            // Needs a half of the channels; no network has fewer than two there.
            if (channels == 1 && (name, stride) == ("skip_connect", 2))
                continue;
            foreach (var size in (int[])[2, 4, 7, 8, 16])
            {
                using var scope = NewDisposeScope();
                using var module = Build(name, stride, channels);
                var images = randn([6, channels, size, size], generator: new Generator((ulong)size));
                var reference = Gradients(module.to(ScalarType.Float64), images.to(ScalarType.Float64), frozen: false);
                module.to(ScalarType.Float32);
                foreach (var (layout, x) in new[]
                {
                    ("contiguous", images), ("channels-last", images.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)),
                })
                {
                    foreach (var frozen in (bool[])[false, true])
                    {
                        // What a 1x1 convolution scales, the batch norm behind it scales back: at one channel its gradient is rounding
                        // alone, and at two mostly.
                        foreach (var (what, gradient) in Gradients(module, x, frozen)
                            .Where(at => channels > 2 || !IsPointwise(at.Key, module)))
                        {
                            deviations.Add(
                                $"{channels} channels, {size} pixels, {layout}, weights {(frozen ? "frozen" : "learning")}: {what}",
                                gradient, reference[what]);
                        }
                    }
                }
            }
        }
        deviations.Check();
    }

    [Theory]
    [InlineData(4, 16)]
    [InlineData(8, 16)]
    [InlineData(8, 32)]
    [InlineData(12, 17)]
    public void A_factorised_reduction_trains_on_few_channels_without_end(int channels, int size)
    {
        using var module = Build("skip_connect", stride: 2, channels);
        for (var i = 0; i < 20; i++)
        {
            using var scope = NewDisposeScope();
            var images = randn([8, channels, size, size], generator: new Generator((ulong)i));
            Gradients(module, images.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2), frozen: false);
        }
    }

    private static bool IsPointwise(string what, nn.Module module) => module.named_parameters().Any(parameter =>
        what == $"gradient of {parameter.name}" && parameter.parameter.shape is [_, _, 1, 1]);

    private static nn.Module<Tensor, Tensor> Build(string name, int stride, int channels)
    {
        var module = LayerModules.Build(SearchSpace.Darts.Operation(name).Layers(stride), channels, channels, affine: false);
        using var random = RandomStream.Of(1, "weights");
        Initialization.Default(module, random);
        return module;
    }

    private static Dictionary<string, Tensor> Gradients(nn.Module<Tensor, Tensor> module, Tensor images, bool frozen)
    {
        foreach (var parameter in module.parameters())
            parameter.requires_grad = !frozen;
        module.zero_grad();
        var input = images.detach().requires_grad_();
        var output = module.forward(input);
        var cotangent = linspace(-1, 1, output.numel(), output.dtype).reshape(output.shape).sin();
        (output * cotangent).sum().backward();
        var gradients = new Dictionary<string, Tensor> { ["output"] = output, ["input gradient"] = input.grad! };
        if (!frozen)
        {
            foreach (var (name, parameter) in module.named_parameters())
                gradients.Add($"gradient of {name}", parameter.grad!.clone());
        }
        return gradients;
    }
}
