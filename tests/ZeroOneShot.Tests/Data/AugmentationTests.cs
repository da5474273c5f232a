using TorchSharp;
using Xunit;
using ZeroOneShot.Data;

namespace ZeroOneShot.Tests.Data;

public sealed class AugmentationTests
{
    private static readonly ImageShape s_shape = new(3, 8, 6);

    [Theory]
    [InlineData(4, true)]
    [InlineData(4, false)]
    [InlineData(0, true)]
    [InlineData(11, true)]
    public void Crop_and_flip_move_every_pixel_where_a_pixel_by_pixel_loop_does(int padding, bool flip)
    {
        var set = RandomImages.Of(40, 1, s_shape);
        using var images = set.ImageTensor([.. Enumerable.Range(0, 40)]);
        using var result = new Augmentation { CropPadding = padding, HorizontalFlip = flip }.Apply(images, new Random(5));
        Assert.Equal(torch.ScalarType.Byte, result.dtype);

        var random = new Random(5);
        var expected = new List<byte>();
        var flipped = 0;
        for (var n = 0; n < 40; n++)
        {
            var top = padding > 0 ? random.Next(2 * padding + 1) : 0;
            var left = padding > 0 ? random.Next(2 * padding + 1) : 0;
            var mirror = flip && random.Next(2) == 1;
            flipped += mirror ? 1 : 0;
            foreach (var (c, y, x) in Positions())
            {
                var (row, column) = (y + top - padding, (mirror ? s_shape.Width - 1 - x : x) + left - padding);
                var inside = row >= 0 && row < s_shape.Height && column >= 0 && column < s_shape.Width;
                expected.Add(inside ? set.Pixels(n)[(c * s_shape.Height + row) * s_shape.Width + column] : (byte)0);
            }
        }
        Assert.Equal(expected, Values<byte>(result));
        Assert.Equal(flip, flipped is > 5 and < 35);
    }

    [Theory]
    [InlineData(4)]
    [InlineData(3)]
    [InlineData(1)]
    [InlineData(16)]
    public void Cutout_clears_the_square_that_a_pixel_by_pixel_loop_does(int side)
    {
        using var images = torch.ones(40, 3, 8, 6);
        using var result = new Augmentation { Cutout = side }.ApplyCutout(images, new Random(5));

        var random = new Random(5);
        var expected = new List<float>();
        for (var n = 0; n < 40; n++)
        {
            var top = random.Next(s_shape.Height) - side / 2;
            var left = random.Next(s_shape.Width) - side / 2;
            expected.AddRange(Positions().Select(p => p.Y >= top && p.Y < top + side && p.X >= left && p.X < left + side ? 0f : 1f));
        }
        Assert.Equal(expected, Values<float>(result));
        Assert.Equal(40 * s_shape.Size, images.sum().item<float>());
    }

    [Fact]
    public void Offsets_reach_both_ends_of_the_padding()
    {
        using var images = torch.full([400, 1, 1, 1], 9, torch.ScalarType.Byte);
        using var result = new Augmentation { CropPadding = 1, HorizontalFlip = false }.Apply(images, new Random(1));
        // Of the 3 x 3 offsets, each as likely, one keeps the pixel in view.
        Assert.InRange(Values<byte>(result).Count(value => value == 9), 25, 65);
    }

    [Fact]
    public void The_same_random_numbers_give_the_same_images()
    {
        using var scope = torch.NewDisposeScope();
        var images = RandomImages.Of(20, 1, s_shape).ImageTensor([.. Enumerable.Range(0, 20)]);
        var augmentation = new Augmentation { Cutout = 4 };
        torch.Tensor Changed(int seed)
        {
            var random = new Random(seed);
            return augmentation.ApplyCutout(augmentation.Apply(images, random).to(torch.ScalarType.Float32), random);
        }
        Assert.True(Changed(1).eq(Changed(1)).all().item<bool>());
        Assert.False(Changed(1).eq(Changed(2)).all().item<bool>());
    }

    [Fact]
    public void No_augmentation_gives_the_same_pixels_in_a_tensor_of_their_own()
    {
        using var scope = torch.NewDisposeScope();
        var images = RandomImages.Of(4, 1, s_shape).ImageTensor([0, 1, 2, 3]);
        var same = Augmentation.None.Apply(images, new Random(1));
        Assert.True(same.eq(images).all().item<bool>());
        same.zero_();
        Assert.True(images.sum().item<long>() > 0);
        var floats = torch.ones(4, 3, 8, 6);
        Assert.True(Augmentation.None.ApplyCutout(floats, new Random(1)).eq(floats).all().item<bool>());
    }

    [Theory]
    [InlineData(4, true, 4)]
    [InlineData(0, false, 0)]
    public void Augmenting_leaves_the_results_and_no_other_tensor(int padding, bool flip, int cutout)
    {
        using var images = torch.zeros([8, 3, 8, 8], torch.ScalarType.Byte);
        using var floats = torch.zeros(8, 3, 8, 8);
        var augmentation = new Augmentation { CropPadding = padding, HorizontalFlip = flip, Cutout = cutout };
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        var changed = augmentation.Apply(images, new Random(1));
        var cut = augmentation.ApplyCutout(floats, new Random(1));
        Assert.Equal(before + 2, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
        changed.Dispose();
        cut.Dispose();
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    [Theory]
    [InlineData(32, 4)]
    [InlineData(28, 4)]
    [InlineData(64, 8)]
    [InlineData(224, 28)]
    [InlineData(3, 0)]
    public void Padding_grows_with_the_image(int imageSize, int padding)
    {
        Assert.Equal(padding, Augmentation.ForSize(imageSize).CropPadding);
        Assert.True(Augmentation.ForSize(imageSize).HorizontalFlip);
        Assert.Equal(0, Augmentation.ForSize(imageSize).Cutout);
    }

    [Fact]
    public void Negative_sizes_are_refused()
    {
        Assert.Contains("-1 pixels", Assert.Throws<ArgumentOutOfRangeException>(() => new Augmentation { CropPadding = -1 }).Message);
        Assert.Contains("-2 pixels", Assert.Throws<ArgumentOutOfRangeException>(() => new Augmentation { Cutout = -2 }).Message);
        Assert.Throws<ArgumentOutOfRangeException>(() => Augmentation.ForSize(0));
    }

    [Fact]
    public void Normalised_images_are_refused_by_crop_and_flip()
    {
        using var images = torch.zeros(2, 3, 8, 8);
        var error = Assert.Throws<ArgumentException>(() => new Augmentation().Apply(images, new Random(1)));
        Assert.Contains("before normalising", error.Message);
    }

    [Fact]
    public void Bytes_are_refused_by_cutout()
    {
        using var images = torch.zeros([2, 3, 8, 8], torch.ScalarType.Byte);
        var error = Assert.Throws<ArgumentException>(() => new Augmentation { Cutout = 2 }.ApplyCutout(images, new Random(1)));
        Assert.Contains("after normalising", error.Message);
    }

    [Fact]
    public void A_single_image_without_a_batch_dimension_is_refused_with_its_shape()
    {
        using var image = torch.zeros([3, 8, 8], torch.ScalarType.Byte);
        Assert.Contains("[3, 8, 8]", Assert.Throws<ArgumentException>(() => new Augmentation().Apply(image, new Random(1))).Message);
    }

    private static IEnumerable<(int C, int Y, int X)> Positions() =>
        from c in Enumerable.Range(0, s_shape.Channels)
        from y in Enumerable.Range(0, s_shape.Height)
        from x in Enumerable.Range(0, s_shape.Width)
        select (c, y, x);

    private static T[] Values<T>(torch.Tensor tensor) where T : unmanaged
    {
        using var contiguous = tensor.contiguous();
        return contiguous.data<T>().ToArray();
    }
}
