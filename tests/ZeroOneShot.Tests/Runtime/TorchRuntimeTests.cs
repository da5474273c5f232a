using TorchSharp;
using Xunit;
using ZeroOneShot.Runtime;

namespace ZeroOneShot.Tests.Runtime;

public sealed class TorchRuntimeTests
{
    [Fact]
    public void Libtorch_loads_and_computes_without_any_set_up_step()
    {
        TorchRuntime.EnsureLoaded();
        using var x = torch.ones(2, 3);
        Assert.Equal(6, x.sum().item<float>());
    }

    [Fact]
    public void Asking_for_CUDA_without_it_says_what_to_do()
    {
        Assert.SkipWhen(torch.cuda.is_available(), "CUDA is available here.");
        var error = Assert.Throws<InvalidOperationException>(() => TorchRuntime.ResolveDevice("cuda"));
        Assert.Contains("TorchBackend=cuda", error.Message);
    }

    [Fact]
    public void An_unknown_device_is_refused_with_the_known_ones() =>
        Assert.Contains("'cuda:N'", Assert.Throws<ArgumentException>(() => TorchRuntime.ResolveDevice("tpu")).Message);
}
