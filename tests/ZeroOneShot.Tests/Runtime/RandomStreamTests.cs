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
        Assert.Equal(821255990, stream.Random.Next());
    }

    [Fact]
    public void Numbers_are_those_of_xoshiro256()
    {
        // The first outputs of the authors' code for the state 1, 2, 3, 4.
        var state = new byte[32];
        for (var i = 0; i < 4; i++)
            state[8 * i] = (byte)(i + 1);
        var numbers = new byte[32];
        new Xoshiro256(state).NextBytes(numbers);
        Assert.Equal([11520, 0, 1509978240, 1215971899390074240],
            Enumerable.Range(0, 4).Select(i => BitConverter.ToInt64(numbers, 8 * i)));
    }

    [Fact]
    public void Every_number_of_a_range_comes_up_and_no_other()
    {
        using var stream = RandomStream.Of(1, "range");
        var counts = new int[7];
        for (var i = 0; i < 7000; i++)
            counts[stream.Random.Next(-3, 4) + 3]++;
        Assert.All(counts, count => Assert.InRange(count, 850, 1150));
        Assert.All(Enumerable.Range(0, 1000), _ => Assert.InRange(stream.Random.NextDouble(), 0, 1 - 1e-17));
        Assert.Equal(0, stream.Random.Next(1));
        Assert.InRange(Enumerable.Range(0, 1000).Average(_ => stream.Random.NextSingle()), 0.45, 0.55);
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
