using System.Runtime.InteropServices;
using Xunit;
using ZeroOneShot.Runtime;
using static TorchSharp.torch;

namespace ZeroOneShot.Tests.Runtime;

/// <summary>The memory of features: what is let go of is used again.</summary>
public sealed class FeatureMemoryTests
{
    static FeatureMemoryTests() => TorchRuntime.EnsureLoaded();

    [Fact]
    public void Features_are_ordinary_tensors_of_their_shape_and_type()
    {
        foreach (var type in (ScalarType[])[ScalarType.Float32, ScalarType.Float64, ScalarType.BFloat16])
        {
            using var scope = NewDisposeScope();
            var features = FeatureMemory.Empty([2, 3, 4, 5, 16], type).fill_(2);
            Assert.Equal([2, 3, 4, 5, 16], features.shape);
            Assert.Equal(type, features.dtype);
            Assert.True(features.is_contiguous());
            Assert.Equal(2 * 3 * 4 * 5 * 16 * 2, features.to(ScalarType.Float64).sum().item<double>());
            Assert.Equal(0, FeatureMemory.Empty([2, 0, 3], type).numel());
        }
    }

    [Fact]
    public void A_view_keeps_the_memory_of_features_that_are_disposed()
    {
        Assert.SkipUnless(FeatureMemory.IsOn, "Features have libtorch's memory here.");
        var features = FeatureMemory.Empty([1 << 20], ScalarType.Float32).fill_(7);
        using var view = features.narrow(0, 5, 10);
        features.Dispose();
        using var others = FeatureMemory.Empty([1 << 20], ScalarType.Float32).fill_(3);
        Assert.Equal(70, view.sum().item<float>());
    }

    [Fact]
    public void Features_larger_than_the_memory_of_the_machine_are_refused_with_an_error()
    {
        var error = Assert.Throws<ExternalException>(
            () => FeatureMemory.Empty([2 * ProcessMemory.MemoryOfTheMachine], ScalarType.Float32));
        Assert.True(OutOfMemory.Is(error), error.Message);
    }

    /// <summary>Random sizes and lifetimes: no two tensors share memory, and little more is held than was in use at one time.</summary>
    [Fact]
    public void Features_that_come_and_go_do_not_overlap_and_hold_little_more_than_is_in_use()
    {
        Assert.SkipUnless(FeatureMemory.IsOn, "Features have libtorch's memory here.");
        var (random, live, held) = (new Random(3), new List<(Tensor Tensor, float Value)>(), FeatureMemory.Held);
        var (inUse, largest) = (0L, 0L);
        for (var step = 0; step < 3000; step++)
        {
            if (live.Count > 60 || live.Count > 0 && random.Next(2) == 0)
            {
                var at = random.Next(live.Count);
                Assert.Equal(live[at].Value, live[at].Tensor.min().item<float>());
                Assert.Equal(live[at].Value, live[at].Tensor.max().item<float>());
                inUse -= live[at].Tensor.numel() * sizeof(float);
                live[at].Tensor.Dispose();
                live.RemoveAt(at);
            }
            else
            {
                var channels = (16 << random.Next(3)) * (random.Next(3) + 1);
                var side = 32 >> random.Next(3);
                live.Add((FeatureMemory.Empty([1, channels, side, side, 16], ScalarType.Float32).fill_(step), step));
                inUse += live[^1].Tensor.numel() * sizeof(float);
                largest = Math.Max(largest, inUse);
            }
        }
        foreach (var (tensor, _) in live)
            tensor.Dispose();
        Assert.InRange(FeatureMemory.Held - held, 0, (long)(1.25 * largest));
    }
}
