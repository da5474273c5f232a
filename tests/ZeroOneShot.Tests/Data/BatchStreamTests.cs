using System.Diagnostics.Metrics;
using TorchSharp;
using Xunit;
using ZeroOneShot.Data;
using ZeroOneShot.Runtime;

namespace ZeroOneShot.Tests.Data;

/// <summary>Batches made ahead, on another thread, are those that would be made on the spot.</summary>
public sealed class BatchStreamTests
{
    private const int BatchSize = 5;
    private const long Seed = 7;

    private static readonly ImageSet s_images = RandomImages.Of(23, 3, new ImageShape(3, 12, 10));
    private static readonly Augmentation s_augmentation = new() { CropPadding = 2, Cutout = 4 };

    [Theory]
    [InlineData(new long[] { 0, 1, 2, 3, 4, 5, 6, 7, 8 })]
    [InlineData(new long[] { 6, 7, 8, 9 })]
    [InlineData(new long[] { 3, 3, 3 })]
    [InlineData(new long[] { 2, 9, 1, 0, 1, 30, 31 })]
    public void Every_batch_is_the_one_of_its_number_bit_for_bit(long[] numbers)
    {
        using var stream = Stream();
        foreach (var number in numbers)
        {
            using var scope = torch.NewDisposeScope();
            var (images, labels) = stream.Batch(number);
            var (expectedImages, expectedLabels) = OnTheSpot(number);
            Assert.Equal(expectedImages.shape, images.shape);
            Assert.Equal(expectedImages.stride(), images.stride());
            Assert.Equal(expectedImages.contiguous().bytes.ToArray(), images.contiguous().bytes.ToArray());
            Assert.Equal(expectedLabels.data<long>().ToArray(), labels.data<long>().ToArray());
        }
    }

    [Fact]
    public void The_next_batch_is_made_while_the_caller_has_other_things_to_do()
    {
        var (made, handedOver) = (0, 0);
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, it) =>
        {
            if (instrument.Meter.Name == BatchStream.MeterName)
                it.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<double>((instrument, seconds, _, _) =>
        {
            Assert.True(seconds > 0);
            Interlocked.Increment(ref instrument.Name == BatchStream.Preparation ? ref made : ref handedOver);
        });
        listener.Start();
        using var stream = Stream();
        using var scope = torch.NewDisposeScope();
        stream.Batch(0);
        Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref made) == 2, TimeSpan.FromMinutes(1)), "Batch 1 was not made ahead.");
        Assert.Equal(1, handedOver);
        stream.Batch(1);
        Assert.Equal(2, handedOver);
    }

    [Fact]
    public void A_batch_belongs_to_the_scope_it_was_asked_for_in()
    {
        using var stream = Stream();
        torch.Tensor images, labels;
        using (torch.NewDisposeScope())
            (images, labels) = stream.Batch(0);
        Assert.True(images.IsInvalid && labels.IsInvalid);
        (images, labels) = stream.Batch(1);                             // without a scope it is the caller's
        Assert.False(images.IsInvalid || labels.IsInvalid);
        images.Dispose();
        labels.Dispose();
    }

    [Fact]
    public void No_tensor_is_left_when_the_stream_is_disposed()
    {
        var before = LiveTensors.Count();
        for (var i = 0; i < 20; i++)
        {
            using var stream = Stream();
            using var scope = torch.NewDisposeScope();
            stream.Batch(i);
            stream.Batch(i + 1);
            stream.Batch(0);                                            // drops a batch made ahead
        }
        Assert.Equal(before, torch.Tensor.TotalCount);
    }

    [Fact]
    public void What_goes_wrong_on_the_other_thread_reaches_the_caller_who_asks_for_that_batch()
    {
        using var scope = torch.NewDisposeScope();
        var grey = new ChannelStatistics([0.5f], [0.2f]);
        using (var wrong = new BatchStream(s_images, BatchSize, s_augmentation, grey, Seed, "test", torch.CPU, keepLast: false))
        {
            Assert.Contains("1 channel(s)", Assert.Throws<ArgumentException>(() => wrong.Batch(0)).Message);
            Assert.Contains("1 channel(s)", Assert.Throws<ArgumentException>(() => wrong.Batch(1)).Message);
        }
        using var stream = Stream();
        stream.Batch(long.MaxValue);                                    // the number of the one after is negative
        Assert.Throws<ArgumentOutOfRangeException>(() => stream.Batch(unchecked(long.MaxValue + 1)));
        Assert.Equal(BatchSize, stream.Batch(0).Labels.shape[0]);
        stream.Batch(long.MaxValue);                                    // a failure nobody asked for is dropped with its batch
    }

    [Fact]
    public void A_disposed_stream_gives_nothing()
    {
        var stream = Stream();
        stream.Dispose();
        stream.Dispose();
        Assert.Throws<ObjectDisposedException>(() => stream.Batch(0));
    }

    [Fact]
    public void The_callers_libtorch_keeps_its_threads()
    {
        var before = torch.get_num_threads();
        torch.set_num_threads(3);
        try
        {
            using var scope = torch.NewDisposeScope();
            using var stream = Stream();
            stream.Batch(0);
            Assert.Equal(3, torch.get_num_threads());
            var later = 0;
            var thread = new Thread(() => later = torch.get_num_threads());
            thread.Start();
            thread.Join();
            Assert.Equal(3, later);
        }
        finally
        {
            torch.set_num_threads(before);
        }
    }

    [Theory]
    [InlineData(8, new[] { 4, 4 })]
    [InlineData(7, new[] { 4, 3 })]                                     // 2B - 1 images, and none is idle
    [InlineData(9, new[] { 4, 4 })]                                     // batch norms cannot do with a batch of one
    [InlineData(4, new[] { 4 })]
    public void An_epoch_ends_with_the_images_that_are_left(int count, int[] expected)
    {
        using var scope = torch.NewDisposeScope();
        var images = RandomImages.Of(count, 2, new ImageShape(3, 16, 16));
        using var stream = new BatchStream(
            images, batchSize: 4, s_augmentation, images.Statistics(), Seed, "test", torch.CPU, keepLast: true);
        Assert.Equal(expected.Length, stream.BatchesPerEpoch);
        Assert.Equal(expected, Enumerable.Range(0, expected.Length).Select(i => (int)stream.Batch(i).Labels.shape[0]));
    }

    private static BatchStream Stream() =>
        new(s_images, BatchSize, s_augmentation, s_images.Statistics(), Seed, "test", torch.CPU, keepLast: false);

    /// <summary>What a batch is, step by step, on the thread that asks.</summary>
    private static (torch.Tensor Images, torch.Tensor Labels) OnTheSpot(long number)
    {
        using var random = RandomStream.Of(Seed, $"test: augmentation {number}");
        var indices = new BatchOrder(s_images.Count, BatchSize, Seed, "test").Batch(number);
        var pixels = s_augmentation.Apply(s_images.ImageTensor(indices), random.Random);
        return (s_augmentation.ApplyCutout(s_images.Statistics().Normalize(pixels), random.Random), s_images.LabelTensor(indices));
    }
}
