using TorchSharp;
using Xunit;
using ZeroOneShot.Lean;
using static TorchSharp.torch;

namespace ZeroOneShot.Tests.Networks;

public sealed class KeptFeaturesTests
{
    [Fact]
    public void Features_kept_in_bfloat16_stay_on_their_device()
    {
        using var scope = NewDisposeScope();
        // The meta device stands for a GPU: its tensors are shapes.
        var kept = new KeptFeatures(bfloat16: true);
        for (var i = 0; i < 4; i++)
            kept.Add(zeros([2, 3, 4, 4], device: new Device(DeviceType.META)));
        for (var i = 3; i >= 0; i--)
        {
            Assert.Equal((DeviceType.META, ScalarType.Float32), (kept[i].device_type, kept[i].dtype));
            kept.Drop(i);
        }
    }
}
