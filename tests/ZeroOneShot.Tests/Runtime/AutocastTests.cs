using Xunit;
using ZeroOneShot.Layers;
using ZeroOneShot.Lean;
using ZeroOneShot.Networks;
using ZeroOneShot.OneShot;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.ZeroShot;
using static TorchSharp.torch;

namespace ZeroOneShot.Tests.Runtime;

/// <summary>bfloat16 by libtorch's autocast, tried on the processor, and how a GPU is told to compute.</summary>
public sealed class AutocastTests
{
    // Other tests have this set the precision of the process once.
    static AutocastTests() => _ = TestDevice.Current;

    [Fact]
    public void Products_are_in_bfloat16_while_it_lasts_and_then_in_single_precision_again()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "libtorch shows its autocast on Linux.");
        using var scope = NewDisposeScope();
        var (a, b) = (randn(4, 4), randn(4, 4));
        using (new Autocast(TorchSharp.DeviceType.CPU))
            Assert.Equal(ScalarType.BFloat16, a.matmul(b).dtype);
        Assert.Equal(ScalarType.Float32, a.matmul(b).dtype);
    }

    [Fact]
    public void A_lean_step_in_autocast_has_nearly_the_gradient_of_single_precision_and_that_of_autograd_in_autocast()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "libtorch shows its autocast on Linux.");
        using var scope = NewDisposeScope();
        var mask = RandomPruning.Mask(SearchSpace.Darts, 0.5, seed: 3);
        using var supernet = new Supernet(mask, new SupernetOptions { Channels = 8, Cells = 3, PartialChannels = 1 }, 3, classes: 4);
        using (var random = RandomStream.Of(1, "weights"))
            Initialization.Default(supernet, random);
        supernet.train();
        using var generator = new Generator(3);
        var (images, labels) = (randn([16, 3, 16, 16], generator: generator), randint(4, 16, generator: generator));
        using var mixture = Mixture.Uniform(mask, edgeNormalization: false);

        var exact = Lean(FeatureOrder.Pixels);
        var rounded = Lean(FeatureOrder.AutocastPixels);
        supernet.zero_grad();
        Tensor loss;
        using (new Autocast(TorchSharp.DeviceType.CPU))
            loss = nn.functional.cross_entropy(supernet.forward(images, mixture), labels);
        loss.backward();
        var plain = Gradient();

        Assert.InRange(Cosine(exact, rounded), 0.9, 0.99999);
        Assert.InRange(Cosine(plain, rounded), 0.9, 1.00001);

        Tensor Lean(FeatureOrder order)
        {
            supernet.zero_grad();
            var (logits, _) = new LeanSupernet(supernet).Gradient(images, labels, mixture, mixing: false, order);
            Assert.Equal(ScalarType.Float32, logits.dtype);
            return Gradient();
        }

        Tensor Gradient() => cat([.. supernet.parameters().Select(parameter => parameter.grad!.reshape(-1))]).clone();

        static double Cosine(Tensor a, Tensor b) => ((a * b).sum() / (a.norm() * b.norm())).item<float>();
    }

    [Fact]
    public void A_GPU_computes_as_its_options_say_and_afterwards_as_before()
    {
        var meta = new Device(TorchSharp.DeviceType.META);
        var before = (backends.cudnn.allow_tf32, backends.cuda.matmul.allow_tf32);
        using (GpuArithmetic.Begin(new() { Precision = GpuPrecision.TensorFloat32, ChannelsLast = false }, meta))
        {
            Assert.True(TorchRuntime.TensorFloat32);
            Assert.True(MemoryLayout.Planar);
        }
        using (GpuArithmetic.Begin(new() { Precision = GpuPrecision.Float32 }, meta))
            Assert.Equal((false, false), (backends.cudnn.allow_tf32, backends.cuda.matmul.allow_tf32));
        using (var bfloat16 = GpuArithmetic.Begin(new() { Precision = GpuPrecision.BFloat16 }, meta))
            Assert.True(bfloat16!.Autocasts);
        Assert.Equal(before, (backends.cudnn.allow_tf32, backends.cuda.matmul.allow_tf32));
        Assert.False(MemoryLayout.Planar);
        Assert.Null(GpuArithmetic.Begin(new() { Precision = GpuPrecision.BFloat16, ChannelsLast = false }, CPU));
    }

    [Fact]
    public void A_precision_that_there_is_not_is_refused() => Assert.Contains("expected Default, Float32, TensorFloat32 or BFloat16",
        Assert.Throws<ArgumentException>(() => new SearchOptions { Gpu = new() { Precision = (GpuPrecision)7 } }.Validate()).Message);
}
