using TorchSharp;
using ZeroOneShot.Runtime;

namespace ZeroOneShot.Data;

/// <summary>
/// The random changes that training images go through: crop and flip on bytes (<see cref="Apply"/>), then, after normalisation, cutout
/// (<see cref="ApplyCutout"/>). The defaults are those the public DARTS code searches with on CIFAR; it trains the found network with a
/// <see cref="Cutout"/> of 16 as well.
/// </summary>
/// <remarks>
/// The numbers are drawn image by image; everything else is done on the whole batch at once, on the device where the batch is.
/// </remarks>
public sealed record Augmentation
{
    /// <summary>
    /// Images are padded with this many zero pixels on each side, then cropped at random to their own size. Default 4; 0 for no crop.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is negative.</exception>
    public int CropPadding { get; init => field = NotNegative(value, nameof(CropPadding)); } = 4;

    /// <summary>Whether half of the images, at random, are mirrored left to right. Default true.</summary>
    public bool HorizontalFlip { get; init; } = true;

    /// <summary>The side, in pixels, of the square that <see cref="ApplyCutout"/> sets to 0. Default 0, for no cutout.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The value is negative.</exception>
    public int Cutout { get; init => field = NotNegative(value, nameof(Cutout)); }

    /// <summary>Images stay as they are.</summary>
    public static Augmentation None { get; } = new() { CropPadding = 0, HorizontalFlip = false, Cutout = 0 };

    /// <summary>Crop and flip for images of a size: the padding is an eighth of it, rounded, so that it is 4 at 32 pixels.</summary>
    /// <param name="imageSize">The side of the images in pixels (the shorter one, if they are not square); at least 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">The size is below 1.</exception>
    public static Augmentation ForSize(int imageSize)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(imageSize);
        return new Augmentation { CropPadding = (int)Math.Round(imageSize / 8.0, MidpointRounding.AwayFromZero) };
    }

    /// <summary>
    /// Crops and flips each image. Drawn for each image in turn: the row and the column at which its crop begins in the padded image, each
    /// uniform over 0 to 2 x <see cref="CropPadding"/>, then whether it is mirrored.
    /// </summary>
    /// <param name="images">
    /// A batch N x C x H x W of type Byte, not yet normalised: padding is black, not the mean. It is left as it is.
    /// </param>
    /// <param name="random">Where the numbers come from.</param>
    /// <returns>A new tensor of the same shape, type and device, channels-last in memory if anything was changed.</returns>
    /// <exception cref="ArgumentException">The shape or the type is another.</exception>
    public torch.Tensor Apply(torch.Tensor images, Random random)
    {
        ArgumentNullException.ThrowIfNull(images);
        ArgumentNullException.ThrowIfNull(random);
        if (images.dim() != 4 || images.dtype != torch.ScalarType.Byte)
            throw new ArgumentException(
                $"Images are {Describe(images)}; expected [N, C, H, W] of type Byte. Crop and flip before normalising.", nameof(images));
        if (CropPadding == 0 && !HorizontalFlip)
            return images.clone();

        var (count, height, width) = ((int)images.shape[0], images.shape[2], images.shape[3]);
        var top = new long[count];
        var left = new long[count];
        var step = new long[count];
        for (var i = 0; i < count; i++)
        {
            if (CropPadding > 0)
                (top[i], left[i]) = (random.Next(2 * CropPadding + 1), random.Next(2 * CropPadding + 1));
            step[i] = 1;
            if (HorizontalFlip && random.Next(2) == 1)
                (left[i], step[i]) = (left[i] + width - 1, -1);
        }

        using var scope = torch.NewDisposeScope();
        var device = images.device;
        var padded = CropPadding == 0 ? images : torch.nn.functional.pad(images, [CropPadding, CropPadding, CropPadding, CropPadding]);
        var image = Numbers(count, device).view(count, 1, 1);
        var rows = Column(top, device).Plus(Numbers(height, device).view(1, height, 1));
        var columns = Column(left, device).Plus(Column(step, device) * Numbers(width, device).view(1, 1, width));
        // Pixel (n, y, x) of the result, with all its channels, is pixel (n, rows[n, y], columns[n, x]) of the padded image.
        var pixels = padded.permute(0, 2, 3, 1).index(image, rows, columns);
        return pixels.permute(0, 3, 1, 2).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Sets a square of side <see cref="Cutout"/> to 0 in each image, in all channels. Its centre, drawn for each image in turn (row, then
    /// column), is uniform over the image, so that it may reach over the border; an even square reaches one pixel further up and left.
    /// </summary>
    /// <param name="images">A batch N x C x H x W of a floating type, normalised: 0 is the mean. It is left as it is.</param>
    /// <param name="random">Where the numbers come from.</param>
    /// <returns>A new tensor of the same shape, type and device.</returns>
    /// <exception cref="ArgumentException">The shape or the type is another.</exception>
    public torch.Tensor ApplyCutout(torch.Tensor images, Random random)
    {
        ArgumentNullException.ThrowIfNull(images);
        ArgumentNullException.ThrowIfNull(random);
        if (images.dim() != 4 || !images.is_floating_point())
            throw new ArgumentException(
                $"Images are {Describe(images)}; expected [N, C, H, W] of a floating type. Cut out after normalising.", nameof(images));
        if (Cutout == 0)
            return images.clone();

        var (count, height, width) = ((int)images.shape[0], (int)images.shape[2], (int)images.shape[3]);
        var top = new long[count];
        var left = new long[count];
        for (var i = 0; i < count; i++)
            (top[i], left[i]) = (random.Next(height) - Cutout / 2, random.Next(width) - Cutout / 2);

        using var scope = torch.NewDisposeScope();
        var square = Inside(top, height, images.device).unsqueeze(2) & Inside(left, width, images.device).unsqueeze(1);
        return images.where(square.unsqueeze(1).logical_not(), torch.zeros_like(images)).MoveToOuterDisposeScope();
    }

    /// <summary>N x size: whether position p of image n lies in the square that begins at start[n].</summary>
    private torch.Tensor Inside(long[] start, int size, torch.Device device)
    {
        var first = torch.tensor(start, device: device).view(start.Length, 1);
        var end = torch.tensor(Array.ConvertAll(start, s => s + Cutout), device: device).view(start.Length, 1);
        var position = Numbers(size, device).view(1, size);
        return (position >= first) & (position < end);
    }

    private static torch.Tensor Numbers(long count, torch.Device device) =>
        torch.tensor(Enumerable.Range(0, (int)count).Select(i => (long)i).ToArray(), device: device);

    private static torch.Tensor Column(long[] values, torch.Device device) =>
        torch.tensor(values, device: device).view(values.Length, 1, 1);

    private static string Describe(torch.Tensor images) => $"[{string.Join(", ", images.shape)}] of type {images.dtype}";

    private static int NotNegative(int value, string name) => value >= 0
        ? value
        : throw new ArgumentOutOfRangeException(name, value, $"{name} is {value} pixels; expected 0 (for none) or more.");
}
