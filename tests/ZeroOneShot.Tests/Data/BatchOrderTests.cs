using Xunit;
using ZeroOneShot.Data;

namespace ZeroOneShot.Tests.Data;

public sealed class BatchOrderTests
{
    [Fact]
    public void An_epoch_draws_no_image_twice_and_drops_the_incomplete_batch()
    {
        var order = new BatchOrder(10, 3, seed: 1, "train");
        var batches = order.Epoch(0).ToArray();
        Assert.Equal(3, order.BatchesPerEpoch);
        Assert.Equal([3, 3, 3], batches.Select(batch => batch.Length));
        Assert.Equal(9, batches.SelectMany(batch => batch).Distinct().Count());
        Assert.All(batches.SelectMany(batch => batch), index => Assert.InRange(index, 0, 9));
    }

    [Fact]
    public void The_incomplete_batch_is_kept_when_asked_for()
    {
        var order = new BatchOrder(10, 3, seed: 1, "test", keepLast: true);
        Assert.Equal(4, order.BatchesPerEpoch);
        Assert.Equal([3, 3, 3, 1], order.Epoch(0).Select(batch => batch.Length));
        Assert.Equal(Enumerable.Range(0, 10), order.Epoch(0).SelectMany(batch => batch).Order());
        Assert.Single(order.Batch(3));
    }

    [Fact]
    public void The_order_depends_on_seed_name_and_epoch_alone()
    {
        int[] Draw(long seed, string name, int epoch) => [.. new BatchOrder(40, 10, seed, name).Epoch(epoch).SelectMany(batch => batch)];
        Assert.Equal(Draw(1, "train", 5), Draw(1, "train", 5));
        Assert.NotEqual(Draw(1, "train", 5), Draw(2, "train", 5));
        Assert.NotEqual(Draw(1, "train", 5), Draw(1, "search", 5));
        Assert.NotEqual(Draw(1, "train", 5), Draw(1, "train", 6));
    }

    [Fact]
    public void Steps_walk_through_the_epochs_forwards_and_back()
    {
        var order = new BatchOrder(10, 3, seed: 1, "search");
        var expected = Enumerable.Range(0, 4).SelectMany(order.Epoch).ToArray();
        for (var step = 0; step < expected.Length; step++)
            Assert.Equal(expected[step], order.Batch(step));
        Assert.Equal(expected[2], order.Batch(2));
        Assert.Equal(3, order.Batch(long.MaxValue / 2).Length);
    }

    [Fact]
    public void Changing_a_batch_does_not_change_the_order()
    {
        var order = new BatchOrder(10, 3, seed: 1, "search");
        var expected = order.Batch(0).ToArray();
        Array.Clear(order.Batch(0));
        Assert.Equal(expected, order.Batch(0));
    }

    [Fact]
    public void Fewer_images_than_a_batch_are_refused_with_both_numbers_and_what_to_do()
    {
        var error = Assert.Throws<ArgumentException>(() => new BatchOrder(100, 256, seed: 1, "train"));
        Assert.Contains("100 images", error.Message);
        Assert.Contains("256", error.Message);
        Assert.Contains("Lower the batch size to 100", error.Message);
    }

    [Fact]
    public void Fewer_images_than_a_batch_make_one_batch_when_it_is_kept() =>
        Assert.Equal(100, Assert.Single(new BatchOrder(100, 256, seed: 1, "test", keepLast: true).Epoch(0)).Length);

    [Fact]
    public void Numbers_below_their_range_are_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new BatchOrder(0, 1, 1, "x"));
        Assert.Throws<ArgumentOutOfRangeException>(() => new BatchOrder(1, 0, 1, "x"));
        Assert.Throws<ArgumentOutOfRangeException>(() => new BatchOrder(1, 1, 1, "x").Epoch(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new BatchOrder(1, 1, 1, "x").Batch(-1));
    }
}
