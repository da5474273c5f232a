using System.Globalization;
using Xunit;
using ZeroOneShot.Kernels;
using ZeroOneShot.Lean;
using ZeroOneShot.Runtime;
using static TorchSharp.torch;

namespace ZeroOneShot.Tests.Kernels;

/// <summary>Which vector registers the kernels compute in.</summary>
public sealed class RegistersTests
{
    /// <summary>A variable with the bits that <see cref="VectorWidthTests"/> has left to a process.</summary>
    internal const string Expected = "ZEROONESHOT_TEST_VECTOR_BITS";

    static RegistersTests() => TorchRuntime.EnsureLoaded();

    [Fact]
    public void Kernels_compute_in_the_widest_that_there_are_and_leave_the_rest_to_libtorch()
    {
        var bits = Environment.GetEnvironmentVariable(Expected) is { } expected
            ? int.Parse(expected, CultureInfo.InvariantCulture)
            : Registers.Bits;
        Assert.Equal(bits, Registers.Bits);
        Assert.Equal(bits > 0, Lanes.Handle(zeros(1, 1, 1, 1)));
        Assert.Equal(bits == 0, ReferenceEquals(FeatureOrder.For(zeros(1, 1, 1, 1)), FeatureOrder.Pixels));
    }
}
