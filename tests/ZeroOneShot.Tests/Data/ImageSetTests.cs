using TorchSharp;
using Xunit;
using ZeroOneShot.Data;

namespace ZeroOneShot.Tests.Data;

public sealed class ImageSetTests
{
    private static readonly ImageShape s_shape = new(2, 3, 4);

    [Fact]
    public void A_shape_reads_as_channels_height_width()
    {
        Assert.Equal("3x32x24", new ImageShape(3, 32, 24).ToString());
        Assert.Equal(3 * 32 * 24, new ImageShape(3, 32, 24).Size);
    }

    [Fact]
    public void Images_labels_and_classes_come_out_as_they_went_in()
    {
        var set = new ImageSet(Enumerable.Range(0, 48).Select(i => (byte)i).ToArray(), [1, 0], s_shape, ["cat", "dog"]);
        Assert.Equal(2, set.Count);
        Assert.Equal(2, set.ClassCount);
        Assert.Equal(["cat", "dog"], set.ClassNames);
        Assert.Equal(1, set.Label(0));
        Assert.Equal(24, set.Pixels(1)[0]);
        Assert.Equal(24, set.Pixels(1).Length);
        Assert.Equal([1, 1], set.ClassCounts());
    }

    [Fact]
    public void Changing_the_labels_handed_over_does_not_change_the_set()
    {
        int[] labels = [0, 1];
        var set = new ImageSet(new byte[48], labels, s_shape, ["cat", "dog"]);
        labels[0] = 7;
        Assert.Equal(0, set.Label(0));
    }

    [Fact]
    public void Pixels_of_another_length_are_refused_with_both_lengths()
    {
        var error = Assert.Throws<ArgumentException>(() => new ImageSet(new byte[47], [0, 0], s_shape, ["cat"]));
        Assert.Contains("47 bytes", error.Message);
        Assert.Contains("48", error.Message);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(-1)]
    public void A_label_without_a_class_is_refused_with_its_record(int label)
    {
        var error = Assert.Throws<ArgumentException>(() => new ImageSet(new byte[48], [0, label], s_shape, ["cat", "dog"]));
        Assert.Contains($"Record 1 has label {label}; expected 0 to 1", error.Message);
    }

    [Fact]
    public void A_set_without_class_names_is_refused() =>
        Assert.Contains("class names", Assert.Throws<ArgumentException>(() => new ImageSet(new byte[24], [0], s_shape, [])).Message);

    [Fact]
    public void A_shape_without_pixels_is_refused() =>
        Assert.Contains("3x0x4", Assert.Throws<ArgumentException>(
            () => new ImageSet(ReadOnlyMemory<byte>.Empty, [0], new ImageShape(3, 0, 4), ["cat"])).Message);

    [Fact]
    public void More_images_than_an_array_can_hold_are_refused_with_the_limit()
    {
        var error = Assert.Throws<ArgumentException>(
            () => new ImageSet(ReadOnlyMemory<byte>.Empty, [0, 0, 0], new ImageShape(1, 30_000, 30_000), ["cat"]));
        Assert.Contains("2700000000 bytes", error.Message);
        Assert.Contains($"{Array.MaxLength}", error.Message);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(2)]
    public void An_image_that_is_not_there_is_refused_with_the_count(int index)
    {
        var set = RandomImages.Of(2, 1, s_shape);
        Assert.Contains("2 images", Assert.Throws<ArgumentOutOfRangeException>(() => set.Pixels(index).Length).Message);
        Assert.Contains("2 images", Assert.Throws<ArgumentOutOfRangeException>(() => set.Label(index)).Message);
        Assert.Contains("2 images", Assert.Throws<ArgumentOutOfRangeException>(() => set.ImageTensor([index])).Message);
        Assert.Contains("2 images", Assert.Throws<ArgumentOutOfRangeException>(() => set.LabelTensor([index])).Message);
        Assert.Contains("2 images", Assert.Throws<ArgumentOutOfRangeException>(() => set.Subset([index])).Message);
    }

    [Fact]
    public void A_subset_holds_the_images_asked_for_in_that_order()
    {
        var set = RandomImages.Of(6, 3, s_shape);
        var subset = set.Subset([4, 0, 4]);
        Assert.Equal([1, 0, 1], Labels(subset));
        Assert.True(subset.Pixels(1).SequenceEqual(set.Pixels(0)));
        Assert.True(subset.Pixels(2).SequenceEqual(set.Pixels(4)));
        Assert.Equal(set.ClassNames, subset.ClassNames);
    }

    [Fact]
    public void Parts_of_parts_hold_the_images_of_the_whole_and_share_their_pixels()
    {
        var set = RandomImages.Of(40, 4, s_shape);
        var (first, second) = set.Split(0.5, 1);
        var (third, fourth) = second.Split(0.5, 2);
        Assert.Equal(Pixels(set).Order(), Pixels(first).Concat(Pixels(third)).Concat(Pixels(fourth)).Order());
        Assert.Equal(set.ClassCounts(), first.ClassCounts().Zip(third.ClassCounts(), fourth.ClassCounts()).Select(of => of.First
            + of.Second + of.Third));
        Assert.Contains(Enumerable.Range(0, set.Count), i => set.Pixels(i) == third.Pixels(0));         // the very same memory
        Assert.False(set.Subset([0]).Pixels(0) == set.Pixels(0));
        using var images = fourth.ImageTensor([3]);
        Assert.Equal(fourth.Pixels(3), images.data<byte>().ToArray());

        static IEnumerable<string> Pixels(ImageSet of) =>
            Enumerable.Range(0, of.Count).Select(i => $"{Convert.ToHexString(of.Pixels(i))} {of.Label(i)}");
    }

    [Fact]
    public void Images_read_one_by_one_are_found_again_over_many_blocks()
    {
        var shape = new ImageShape(1, 300, 1000);                                                       // three to a block
        var blocks = new ImageBlocks(shape);
        for (var i = 0; i < 10; i++)
        {
            Assert.Equal(i % 3 == 0, blocks.NextBytes > 0);
            blocks.Add().Fill((byte)i);
        }
        var set = new ImageSet(blocks, [.. Enumerable.Range(0, 10)], shape, [.. Enumerable.Range(0, 10).Select(i => $"{i}")]);
        Assert.Equal((10, 3_000_000), (set.Count, blocks.Bytes));
        for (var i = 0; i < 10; i++)
            Assert.Equal(-1, set.Pixels(i).IndexOfAnyExcept((byte)i));
    }

    [Fact]
    public void Tensors_hold_the_images_and_labels_asked_for()
    {
        var set = RandomImages.Of(6, 3, s_shape);
        using var images = set.ImageTensor([5, 2]);
        using var labels = set.LabelTensor([5, 2]);
        Assert.Equal([2L, 2, 3, 4], images.shape);
        Assert.Equal(torch.ScalarType.Byte, images.dtype);
        Assert.Equal([.. set.Pixels(5), .. set.Pixels(2)], images.data<byte>().ToArray());
        Assert.Equal(torch.ScalarType.Int64, labels.dtype);
        Assert.Equal([2L, 2], labels.data<long>().ToArray());
    }

    [Fact]
    public void Tensors_of_no_images_are_empty()
    {
        using var images = RandomImages.Of(6, 3, s_shape).ImageTensor([]);
        using var labels = RandomImages.Of(6, 3, s_shape).LabelTensor([]);
        Assert.Equal([0L, 2, 3, 4], images.shape);
        Assert.Equal([0L], labels.shape);
    }

    [Fact]
    public void A_refused_index_leaves_no_tensor_behind()
    {
        var set = RandomImages.Of(2, 1, s_shape);
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        Assert.Throws<ArgumentOutOfRangeException>(() => set.ImageTensor([0, 9]));
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    [Theory]
    [InlineData(0.5)]
    [InlineData(0.3)]
    public void A_split_divides_every_class_alike_and_keeps_the_order(double fraction)
    {
        var set = Numbered(55, classes: 5);
        var (first, second) = set.Split(fraction, seed: 3);
        Assert.Equal((int)Math.Round(fraction * 55, MidpointRounding.AwayFromZero), first.Count);
        Assert.Equal(Enumerable.Range(0, 55), Numbers(first).Concat(Numbers(second)).Order());
        Assert.Equal(Numbers(first).Order(), Numbers(first));
        Assert.Equal(Numbers(second).Order(), Numbers(second));
        Assert.All(first.ClassCounts(), count => Assert.InRange(count, Math.Floor(fraction * 11), Math.Ceiling(fraction * 11)));
    }

    [Fact]
    public void The_same_seed_splits_alike_and_another_seed_differently()
    {
        var set = Numbered(60, classes: 3);
        Assert.Equal(Numbers(set.Split(0.5, 1).First), Numbers(set.Split(0.5, 1).First));
        Assert.NotEqual(Numbers(set.Split(0.5, 1).First), Numbers(set.Split(0.5, 2).First));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(double.NaN)]
    public void A_fraction_that_splits_nothing_is_refused(double fraction) =>
        Assert.Contains("between 0 and 1", Assert.Throws<ArgumentOutOfRangeException>(() => Numbered(9, 3).Split(fraction, 1)).Message);

    [Fact]
    public void A_split_that_would_leave_a_part_empty_is_refused() =>
        Assert.Contains("without images", Assert.Throws<ArgumentException>(() => Numbered(3, 3).Split(0.1, 1)).Message);

    [Fact]
    public void Taking_some_of_each_class_gives_that_many_in_order_the_same_for_the_same_seed()
    {
        var set = Numbered(60, classes: 3);
        var taken = set.Take(5, seed: 8);
        Assert.Equal([5, 5, 5], taken.ClassCounts());
        Assert.Equal(Numbers(taken).Order(), Numbers(taken));
        Assert.Equal(Numbers(taken), Numbers(set.Take(5, seed: 8)));
        Assert.NotEqual(Numbers(taken), Numbers(set.Take(5, seed: 9)));
        Assert.Empty(Numbers(taken).Except(Numbers(set.Take(6, seed: 8))));
    }

    [Fact]
    public void Taking_more_than_a_class_has_is_refused_with_the_class()
    {
        var error = Assert.Throws<ArgumentException>(() => Numbered(5, classes: 3).Take(2, seed: 1));
        Assert.Contains("Class 'c' has 1 image(s); 2 of every class", error.Message);
        Assert.Contains("at most 1", error.Message);
    }

    [Fact]
    public void Taking_none_is_refused() => Assert.Throws<ArgumentOutOfRangeException>(() => Numbered(5, 3).Take(0, seed: 1));

    // Each image's only pixel is its number.
    private static ImageSet Numbered(int count, int classes) => new(
        Enumerable.Range(0, count).Select(i => (byte)i).ToArray(), [.. Enumerable.Range(0, count).Select(i => i % classes)],
        new ImageShape(1, 1, 1), [.. Enumerable.Range(0, classes).Select(i => ((char)('a' + i)).ToString())]);

    private static IEnumerable<int> Numbers(ImageSet set) => Enumerable.Range(0, set.Count).Select(i => (int)set.Pixels(i)[0]);

    private static IEnumerable<int> Labels(ImageSet set) => Enumerable.Range(0, set.Count).Select(set.Label);
}
