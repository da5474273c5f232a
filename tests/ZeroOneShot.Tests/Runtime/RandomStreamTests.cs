using TorchSharp;
using Xunit;
using ZeroOneShot.Runtime;

namespace ZeroOneShot.Tests.Runtime;

public sealed class RandomStreamTests
{
    [Fact]
    public void The_same_seed_and_name_give_the_same_numbers()
    {
        Assert.Equal(Numbers(7, "weights"), Numbers(7, "weights"));
        Assert.NotEqual(Numbers(7, "weights"), Numbers(8, "weights"));
        Assert.NotEqual(Numbers(7, "weights"), Numbers(7, "batches"));
        Assert.Equal(TorchNumbers(7, "weights"), TorchNumbers(7, "weights"));
        Assert.NotEqual(TorchNumbers(7, "weights"), TorchNumbers(7, "batches"));
    }

    [Fact]
    public void Numbers_stay_the_same_from_version_to_version()
    {
        // A changed value here changes every seeded result that users have.
        using var stream = RandomStream.Of(1, "weights");
        Assert.Equal(5100321686641987601L, stream.Seed);
        Assert.Equal(2040458633, stream.Random.Next());
    }

    [Fact]
    public void A_child_does_not_depend_on_what_was_drawn_from_its_parent()
    {
        using var fresh = RandomStream.Of(1, "run");
        using var used = RandomStream.Of(1, "run");
        _ = used.Random.Next();
        using var freshChild = fresh.Child("weights");
        using var usedChild = used.Child("weights");
        Assert.Equal(freshChild.Seed, usedChild.Seed);
        Assert.NotEqual(fresh.Seed, freshChild.Seed);
    }

    [Fact]
    public void A_disposed_stream_gives_no_generator()
    {
        var stream = RandomStream.Of(1, "weights");
        _ = stream.Generator;
        stream.Dispose();
        stream.Dispose();
        Assert.Throws<ObjectDisposedException>(() => stream.Generator);
    }

    [Fact]
    public void A_stream_needs_a_name() => Assert.Throws<ArgumentNullException>(() => RandomStream.Of(1, null!));

    private static int[] Numbers(long seed, string name)
    {
        using var stream = RandomStream.Of(seed, name);
        return [.. Enumerable.Range(0, 5).Select(_ => stream.Random.Next())];
    }

    private static float[] TorchNumbers(long seed, string name)
    {
        using var stream = RandomStream.Of(seed, name);
        using var numbers = torch.randn(5, generator: stream.Generator);
        return numbers.data<float>().ToArray();
    }
}
