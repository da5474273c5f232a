using System.Text.Json;
using Xunit;

namespace ZeroOneShot.Tests.OneShot;

/// <summary>A search, a training and a pruning hold after 800 steps what they held after 300.</summary>
/// <remarks>In a process of its own: memory that other tests have freed would hide what this one loses.</remarks>
public sealed class SearchMemoryTests
{
    /// <summary>
    /// What resident memory may grow by in 500 steps: 1 MiB, which is 2 KiB a step. The smallest feature map of this network (12 images,
    /// 4 channels, 4x4 pixels) takes 3 KiB and, lost once a step on purpose, made it grow by 2.2 MiB; without a loss it was between -0.1
    /// and 0.2 MiB, the garbage collector's own. Whatever is smaller, the exact counts of tensors find.
    /// </summary>
    private const long Tolerance = 1 << 20;

    [Theory]
    [InlineData("lean")]
    [InlineData("plain")]
    public void Five_hundred_steps_leave_no_tensor_and_no_memory_behind(string evaluation)
    {
        // The first steps, and the first measurements, load and compile code.
        using var search = new SearchProcess("watch", evaluation);
        AssertFlat(search, 300, 800);
    }

    [Fact]
    public void Five_hundred_training_steps_leave_no_tensor_and_no_memory_behind()
    {
        using var training = new SearchProcess("watch-training");
        AssertFlat(training, 300, 800);
    }

    /// <summary>A network and those that lack one of its operations are 31; after all of them, as much is kept for the next.</summary>
    [Fact]
    public void Five_hundred_ranked_networks_leave_no_tensor_and_no_memory_behind()
    {
        using var pruning = new SearchProcess("watch-pruning");
        AssertFlat(pruning, 31 * 10, 31 * 27);
    }

    private static void AssertFlat(SearchProcess process, int from, int to)
    {
        var held = process.ReadToEnd().Select(line => JsonSerializer.Deserialize<Held>(line)!).ToDictionary(at => at.Steps);
        var (before, after) = (held[from], held[to]);
        Assert.Equal(before.LiveTensors, after.LiveTensors);
        Assert.Equal(before.MadeAndNotDisposedHere, after.MadeAndNotDisposedHere);
        Assert.True(after.ResidentBytes - before.ResidentBytes < Tolerance,
            $"Resident memory grew from {before.ResidentBytes} to {after.ResidentBytes} bytes.");
    }

    private sealed record Held(int Steps, long LiveTensors, long MadeAndNotDisposedHere, long ResidentBytes);
}
