using ZeroOneShot.Runtime;
using static TorchSharp.torch;

namespace ZeroOneShot.Tests;

/// <summary>
/// Where the tests against recorded tensors compute: <c>cpu</c>, or what ZEROONESHOT_TEST_DEVICE names, for example <c>cuda</c>.
/// </summary>
internal static class TestDevice
{
    // A GPU adds up in an order of its own.
    private const double BoundElsewhere = 1e-9;

    public static Device Current { get; } = Named(Environment.GetEnvironmentVariable("ZEROONESHOT_TEST_DEVICE"));

    /// <summary>The bound of deviations that holds there.</summary>
    public static double Bound(double onCpu) => Current.type == TorchSharp.DeviceType.CPU ? onCpu : Math.Max(onCpu, BoundElsewhere);

    private static Device Named(string? name)
    {
        var device = TorchRuntime.ResolveDevice(name);
        TorchRuntime.TensorFloat32 = false;
        return device;
    }
}
