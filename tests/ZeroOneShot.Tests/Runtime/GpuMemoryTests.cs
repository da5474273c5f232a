using Xunit;
using ZeroOneShot.Data;
using ZeroOneShot.OneShot;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Training;
using ZeroOneShot.ZeroShot;

namespace ZeroOneShot.Tests.Runtime;

/// <summary>A GPU's memory: who tells it, and what is predicted to be taken of it.</summary>
public sealed class GpuMemoryTests
{
    private const long MiB = 1 << 20;

    private static readonly ImageShape s_shape = new(3, 32, 32);
    private static readonly SearchOptions s_search = new() { Device = "cuda" };

    [Fact]
    public void The_first_who_knows_is_believed_and_asked_for_the_device_that_was_named()
    {
        var asked = new List<int>();
        Func<int, GpuMemory?>[] ways =
        [
            number =>
            {
                asked.Add(number);
                return null;
            },
            number =>
            {
                asked.Add(number);
                return new GpuMemory(1, 2);
            },
            _ => throw new InvalidOperationException("The third was asked."),
        ];
        Assert.Equal(new GpuMemory(1, 2), GpuMemory.Of("cuda:3", ways));
        Assert.Equal(new GpuMemory(1, 2), GpuMemory.Of("cuda", ways));
        Assert.Equal([3, 3, 0, 0], asked);
        Assert.Null(GpuMemory.Of("cuda", [_ => null]));
    }

    [Fact]
    public void What_nvidia_smi_prints_is_read_and_anything_else_is_no_answer()
    {
        Assert.Equal(new GpuMemory(24000 * MiB, 24576 * MiB), GpuMemory.Parse("24000, 24576\n"));
        Assert.Null(GpuMemory.Parse("No devices were found"));
        Assert.Null(GpuMemory.Parse("[N/A], [N/A]"));
        Assert.Null(GpuMemory.Parse(""));
    }

    [Fact]
    public void Without_a_GPU_the_real_ways_give_no_answer_and_a_plan_takes_what_every_GPU_has()
    {
        Assert.SkipUnless(GpuMemory.Of("cuda") is null, "There is a GPU.");
        Assert.Equal(4L << 30, ProcessMemory.MemoryOf("cuda"));
        Assert.Equal(0, ProcessMemory.InUse("cuda"));
    }

    [Fact]
    public void A_limit_of_a_GPUs_memory_makes_the_batch_of_a_search_smaller()
    {
        var mask = OperationMask.Full(SearchSpace.Darts);
        var whole = SearchMemory.Predict(mask, s_search, s_shape, classes: 10);
        var half = SearchMemory.Predict(mask, s_search with { BatchSize = 128 }, s_shape, classes: 10);
        Assert.True(half.Peak < whole.Peak);
        Assert.Equal(256, SearchMemory.LargestBatch(mask, s_search with { MaxMemory = whole.Peak }, s_shape, classes: 10));
        Assert.Equal(128, SearchMemory.LargestBatch(mask, s_search with { MaxMemory = half.Peak }, s_shape, classes: 10));
        Assert.Contains("MaxMemory is 100.0 MiB", Assert.Throws<MemoryLimitException>(
            () => SearchMemory.LargestBatch(mask, s_search with { MaxMemory = 100 * MiB }, s_shape, classes: 10)).Message);
    }

    /// <summary>Nothing is computed in place there, and autograd keeps more; but one operation runs at a time.</summary>
    [Fact]
    public void An_operation_takes_more_memory_in_libtorch_than_in_lanes_and_threads_do_not_matter_there()
    {
        var mask = OperationMask.Full(SearchSpace.Darts);
        // (Tests run on one thread.)
        var (gpu, processor) = (Predict("cuda"), Predict(null));
        Assert.True(gpu.Cell > processor.Cell, $"{gpu}; {processor}");
        Assert.Equal(processor.Outputs, gpu.Outputs);

        SearchMemory Predict(string? device) => SearchMemory.Predict(
            mask, s_search with { Device = device, BatchSize = 64 }, s_shape, classes: 10);
    }

    [Fact]
    public void A_limit_of_a_GPUs_memory_makes_the_batch_of_a_training_smaller_then_divides_it()
    {
        var options = new TrainingOptions { Device = "cuda", BatchSize = 96, SmallestBatch = 48 };
        var whole = TrainingMemory.Predict(PublishedGenotypes.DartsV2, options, s_shape, classes: 10);
        Assert.Equal((96, 96, 0), Shape(Fitting(whole.Peak)));
        Assert.Equal((80, 80, 0), Shape(Fitting(whole.Peak - 1)));
        var least = Fitting(TrainingMemory.Predict(
            PublishedGenotypes.DartsV2, options with { BatchSize = 48 }, s_shape, classes: 10).Peak - 1);
        Assert.Equal((48, 32, 0), Shape(least));

        TrainingMemory Fitting(long limit) =>
            TrainingMemory.Fitting(PublishedGenotypes.DartsV2, options with { MaxMemory = limit }, s_shape, classes: 10);

        static (int, int, int) Shape(TrainingMemory memory) => (memory.BatchSize, memory.PartSize, memory.Recomputed);
    }

    [Fact]
    public void A_limit_of_a_GPUs_memory_has_networks_ranked_in_less()
    {
        var options = new ZeroShotPruningOptions { Device = "cuda", BatchSize = 32 };
        Assert.Equal(CandidateRuns.SideBySide, Fitting(1L << 40));
        Assert.Equal(CandidateRuns.EachByItself, Fitting(
            new PruningPlan(options with { MaxMemory = 1L << 40, FirstOrder = false }, toGenotype: false).PredictMemory(s_shape, 10) - 1));

        CandidateRuns Fitting(long limit) =>
            new PruningPlan(options with { MaxMemory = limit }, toGenotype: false).Fitting(s_shape, 10).Runs;
    }

    [Fact]
    public void A_search_without_training_counts_the_memory_of_the_device_it_runs_on()
    {
        var (small, large) = (Predict("cuda", 32), Predict("cuda", 320));
        Assert.InRange(small, ProcessMemory.OfGpuContext + 1, large - 1);
        // Ten times the images on either take so much more; the process itself is counted on the processor alone.
        var grown = Predict(null, 320) - Predict(null, 32);
        Assert.Equal((1 + ProcessMemory.IdleOnGpu) * grown, large - small, 2.0);

        static long Predict(string? device, int batch) => ZeroShotSearchMemory.Predict(
            new ZeroShotSearchOptions { Ranking = new() { BatchSize = batch, Batches = 1, Device = device } }, SearchSpace.Darts, s_shape);
    }
}
