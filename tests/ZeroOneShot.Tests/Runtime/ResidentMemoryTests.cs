using Xunit;
using ZeroOneShot.Runtime;
using static TorchSharp.torch;

namespace ZeroOneShot.Tests.Runtime;

/// <summary>The memory of the process between two stages.</summary>
public sealed class ResidentMemoryTests
{
    private const long MiB = 1 << 20;

    [Fact]
    public void What_a_stage_has_freed_goes_back_to_the_system()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Elsewhere the system's allocator decides.");
        TorchRuntime.EnsureLoaded();
        using (var large = ones(128 * MiB))
            Assert.Equal(1, large[0].item<float>());
        Array.Fill(new byte[256 * MiB], (byte)1);
        var before = ResidentMemory.Present;
        ResidentMemory.ReturnUnused();
        // Other tests run meanwhile.
        Assert.InRange(before - ResidentMemory.Present, 500 * MiB, long.MaxValue);
        // The system counts the two a little apart.
        Assert.InRange(ResidentMemory.Largest!.Value, before - 16 * MiB, long.MaxValue);
    }
}
