using System.Text.Json;
using Xunit;

namespace ZeroOneShot.Tests.OneShot;

/// <summary>A search, a training and prunings hold after 800 steps what they held after 300.</summary>
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
    public void Five_hundred_steps_leave_no_tensor_and_no_memory_behind(string evaluation) => HoldsTheSame("watch", evaluation);

    [Fact]
    public void Five_hundred_training_steps_leave_no_tensor_and_no_memory_behind() => HoldsTheSame("watch-training");

    [Fact]
    public void Prunings_of_five_hundred_networks_leave_no_tensor_and_no_memory_behind() => HoldsTheSame("watch-pruning");

    private static void HoldsTheSame(params string[] arguments)
    {
        // The first steps, and the first measurements, load and compile code.
        using var run = new SearchProcess(arguments);
        var held = run.ReadToEnd().Select(line => JsonSerializer.Deserialize<Held>(line)!).ToList();
        var before = held.First(at => at.Steps >= 300);
        var after = held.First(at => at.Steps >= before.Steps + 500);
        Assert.Equal(before.LiveTensors, after.LiveTensors);
        Assert.Equal(before.MadeAndNotDisposedHere, after.MadeAndNotDisposedHere);
        Assert.True(after.ResidentBytes - before.ResidentBytes < Tolerance,
            $"Resident memory grew from {before.ResidentBytes} to {after.ResidentBytes} bytes.");
    }

    private sealed record Held(int Steps, long LiveTensors, long MadeAndNotDisposedHere, long ResidentBytes);
}
