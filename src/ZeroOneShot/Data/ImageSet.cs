using System.Runtime.InteropServices;
using System.Security.Cryptography;
using TorchSharp;
using ZeroOneShot.Runtime;

namespace ZeroOneShot.Data;

/// <summary>
/// Labelled images of one size, held in memory as bytes (0 to 255), image after image, each as C x H x W. It never changes.
/// </summary>
public sealed class ImageSet
{
    private const int Levels = 256;

    private readonly ImageBlocks _images;
    private readonly int[]? _places;                        // where the images of a part lie; null: one after the other
    private readonly int[] _labels;
    private readonly string[] _classNames;
    private readonly float[]? _weights;

    /// <summary>A set of the given images.</summary>
    /// <param name="pixels">N x C x H x W bytes. They are kept, not copied: do not write to them afterwards.</param>
    /// <param name="labels">The class of each image, N of them, 0 to the number of classes - 1. Copied.</param>
    /// <param name="shape">The size of each image; every part at least 1.</param>
    /// <param name="classNames">The name of each class, at least one; a class may be without images. Copied.</param>
    /// <param name="weights">
    /// How much each image counts in the loss of a training, N finite numbers above 0, of which only the proportions matter; null: all
    /// alike. Copied.
    /// </param>
    /// <exception cref="ArgumentException">
    /// The lengths do not fit together, a label or a weight is out of range (the message names the record), or the images take more than
    /// <see cref="Array.MaxLength"/> bytes.
    /// </exception>
    public ImageSet(
        ReadOnlyMemory<byte> pixels, int[] labels, ImageShape shape, IReadOnlyList<string> classNames, float[]? weights = null)
    {
        ArgumentNullException.ThrowIfNull(labels);
        ArgumentNullException.ThrowIfNull(classNames);
        if (classNames.Count == 0)
            throw new ArgumentException("There are no class names; expected one for each class.", nameof(classNames));
        var expected = ByteCount(labels.Length, shape);
        if (pixels.Length != expected)
            throw new ArgumentException(
                $"Found {pixels.Length} bytes of pixels; {labels.Length} labels and images of {shape} need {expected} " +
                $"({labels.Length} x {shape.Size}). Give one label for each image, and the shape the images have.", nameof(pixels));
        for (var i = 0; i < labels.Length; i++)
        {
            if (labels[i] < 0 || labels[i] >= classNames.Count)
                throw new ArgumentException(
                    $"Record {i} has label {labels[i]}; expected 0 to {classNames.Count - 1}, since there are {classNames.Count} class " +
                    "names. Number the classes from 0 and name each.", nameof(labels));
        }
        if (weights is not null && weights.Length != labels.Length)
            throw new ArgumentException($"Found {weights.Length} weights and {labels.Length} labels; give one of each for each image.",
                nameof(weights));
        if (weights?.AsSpan().IndexOfAnyExceptInRange(float.Epsilon, float.MaxValue) is >= 0 and var wrong)
            throw new ArgumentException($"Record {wrong} has weight {weights[wrong]}; expected a finite number above 0. " +
                "Leave images out that are not to count.", nameof(weights));
        _images = new ImageBlocks(pixels, shape.Size);
        _weights = weights?.ToArray();
        _labels = [.. labels];
        _classNames = [.. classNames];
        Shape = shape;
    }

    /// <summary>A set of images that were read one by one; what is given is kept, and right already.</summary>
    internal ImageSet(
        ImageBlocks images, int[] labels, ImageShape shape, string[] classNames, float[]? weights = null, int[]? places = null) =>
        (_images, _labels, Shape, _classNames, _weights, _places) = (images, labels, shape, classNames, weights, places);

    /// <summary>The number of images; may be 0.</summary>
    public int Count => _labels.Length;

    /// <summary>The size of each image.</summary>
    public ImageShape Shape { get; }

    /// <summary>The name of each class, in the order of the labels.</summary>
    public IReadOnlyList<string> ClassNames => _classNames;

    /// <summary>How much each image counts in the loss of a training; null where all count alike.</summary>
    public IReadOnlyList<float>? Weights => _weights;

    /// <summary>The number of classes, whether they have images here or not.</summary>
    public int ClassCount => _classNames.Length;

    /// <summary>The pixels of one image, C x H x W.</summary>
    /// <param name="index">The image, 0 to <see cref="Count"/> - 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such image.</exception>
    public ReadOnlySpan<byte> Pixels(int index) => _images[Place(index)];

    /// <summary>The class of one image, 0 to <see cref="ClassCount"/> - 1.</summary>
    /// <param name="index">The image, 0 to <see cref="Count"/> - 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such image.</exception>
    public int Label(int index) => _labels[Checked(index)];

    /// <summary>Refuses images that nothing can be learned from about classes.</summary>
    /// <exception cref="ArgumentException">They have one class.</exception>
    internal void ThrowIfOneClass()
    {
        if (ClassCount < 2)
        {
            throw new ArgumentException(
                $"The images have one class, '{_classNames[0]}'; expected at least two. Add images of other classes.");
        }
    }

    /// <summary>The number of images of each class, in the order of <see cref="ClassNames"/>.</summary>
    public IReadOnlyList<int> ClassCounts()
    {
        var counts = new int[ClassCount];
        foreach (var label in _labels)
            counts[label]++;
        return counts;
    }

    /// <summary>The images with these indices, in the order given, copied into a set of their own with the same classes.</summary>
    /// <param name="indices">The images to take; an index may come more than once.</param>
    /// <exception cref="ArgumentOutOfRangeException">An index is out of range.</exception>
    public ImageSet Subset(IReadOnlyList<int> indices)
    {
        ArgumentNullException.ThrowIfNull(indices);
        var copies = new ImageBlocks(Shape, indices.Count);
        foreach (var index in indices)
            Pixels(index).CopyTo(copies.Add());
        return new ImageSet(copies, Labels(indices), Shape, _classNames, WeightsOf(indices));
    }

    /// <summary>
    /// Two parts without a common image, such as the training half and the search half. Each class is divided in the same proportion, up
    /// to one image, and the first part has <c>fraction x Count</c> images, rounded. Both keep the order of this set, and share its pixels.
    /// </summary>
    /// <param name="fraction">The share of the first part, between 0 and 1, both excluded.</param>
    /// <param name="seed">The same seed divides the same set alike.</param>
    /// <exception cref="ArgumentOutOfRangeException">The fraction is not between 0 and 1.</exception>
    /// <exception cref="ArgumentException">One part would be left without images.</exception>
    public (ImageSet First, ImageSet Second) Split(double fraction, long seed)
    {
        if (!(fraction > 0 && fraction < 1))
            throw new ArgumentOutOfRangeException(nameof(fraction), fraction,
                $"The fraction of a split is {fraction}; expected a number between 0 and 1, both excluded, for example 0.5.");
        var chosen = new bool[Count];
        int seen = 0, taken = 0;
        foreach (var images in ShuffledByClass(seed, "split"))
        {
            // Rounding the running total, not each class, lets small classes share what rounding leaves over.
            seen += images.Length;
            var target = (int)Math.Round(fraction * seen, MidpointRounding.AwayFromZero);
            foreach (var image in images.AsSpan(0, target - taken))
                chosen[image] = true;
            taken = target;
        }
        if (taken == 0 || taken == Count)
            throw new ArgumentException(
                $"Splitting {Count} image(s) at {fraction} leaves one part without images. Give more images, or a fraction nearer to 0.5.",
                nameof(fraction));
        return (Part([.. Where(chosen, true)]), Part([.. Where(chosen, false)]));
    }

    /// <summary>
    /// A smaller set with the same number of images of every class, in the order of this set. A larger one contains a smaller one.
    /// </summary>
    /// <param name="perClass">Images to keep of each class; at least 1.</param>
    /// <param name="seed">The same seed chooses the same images.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="perClass"/> is below 1.</exception>
    /// <exception cref="ArgumentException">A class has fewer images.</exception>
    public ImageSet Take(int perClass, long seed)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(perClass);
        var chosen = new bool[Count];
        foreach (var (label, images) in ShuffledByClass(seed, "take").Index())
        {
            if (images.Length < perClass)
                throw new ArgumentException(
                    $"Class '{_classNames[label]}' has {images.Length} image(s); {perClass} of every class were asked for. " +
                    $"Ask for at most {ClassCounts().Min()}, or give more images of the class.", nameof(perClass));
            foreach (var image in images.AsSpan(0, perClass))
                chosen[image] = true;
        }
        return Subset([.. Where(chosen, true)]);
    }

    /// <summary>The images with these indices as one tensor.</summary>
    /// <param name="indices">The images, in the order wanted; an index may come more than once.</param>
    /// <returns>A new tensor n x C x H x W of type Byte on the CPU, which the caller owns.</returns>
    /// <exception cref="ArgumentOutOfRangeException">An index is out of range.</exception>
    public torch.Tensor ImageTensor(ReadOnlySpan<int> indices)
    {
        _ = ByteCount(indices.Length, Shape);
        CheckAll(indices);
        var tensor = torch.empty([indices.Length, Shape.Channels, Shape.Height, Shape.Width], torch.ScalarType.Byte);
        var target = tensor.bytes;
        for (var i = 0; i < indices.Length; i++)
            Pixels(indices[i]).CopyTo(target[(i * Shape.Size)..]);
        return tensor;
    }

    /// <summary>The labels of the images with these indices as one tensor.</summary>
    /// <param name="indices">The images, in the order wanted; an index may come more than once.</param>
    /// <returns>A new tensor of n values of type Int64 on the CPU, which the caller owns.</returns>
    /// <exception cref="ArgumentOutOfRangeException">An index is out of range.</exception>
    public torch.Tensor LabelTensor(ReadOnlySpan<int> indices)
    {
        CheckAll(indices);
        var tensor = torch.empty([indices.Length], torch.ScalarType.Int64);
        var target = MemoryMarshal.Cast<byte, long>(tensor.bytes);
        for (var i = 0; i < indices.Length; i++)
            target[i] = _labels[indices[i]];
        return tensor;
    }

    /// <summary>The weights of the images with these indices as one tensor; null where all images count alike.</summary>
    /// <param name="indices">The images, in the order wanted; an index may come more than once.</param>
    /// <returns>A new tensor of n values of type Float32 on the CPU, which the caller owns.</returns>
    /// <exception cref="ArgumentOutOfRangeException">An index is out of range.</exception>
    internal torch.Tensor? WeightTensor(ReadOnlySpan<int> indices)
    {
        CheckAll(indices);
        if (_weights is null)
            return null;
        var tensor = torch.empty([indices.Length], torch.ScalarType.Float32);
        var target = MemoryMarshal.Cast<byte, float>(tensor.bytes);
        for (var i = 0; i < indices.Length; i++)
            target[i] = _weights[indices[i]];
        return tensor;
    }

    /// <summary>
    /// The mean and the (population) standard deviation of each channel over all pixels, which range from 0 to 1. A deviation below one
    /// grey level, 1/255, is given as 1/255, so that a blank channel can be normalised.
    /// </summary>
    /// <exception cref="InvalidOperationException">The set has no images.</exception>
    public ChannelStatistics Statistics()
    {
        if (Count == 0)
            throw new InvalidOperationException("The set has no images, so its channels have no mean; expected at least one image.");
        var mean = new float[Shape.Channels];
        var std = new float[Shape.Channels];
        for (var channel = 0; channel < mean.Length; channel++)
        {
            var (m, s) = MeanAndDeviation(Histogram(channel));
            mean[channel] = (float)m;
            std[channel] = (float)Math.Max(s, 1.0 / 255);
        }
        return new ChannelStatistics(mean, std);
    }

    /// <summary>
    /// What tells this set from any other: number, shape and classes of the images, and a hash of their pixels, labels and weights.
    /// </summary>
    internal string Fingerprint()
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (var i = 0; i < Count; i++)
        {
            hash.AppendData(Pixels(i));
            hash.AppendData(BitConverter.GetBytes(Label(i)));
            if (_weights is not null)
                hash.AppendData(BitConverter.GetBytes(_weights[i]));
        }
        return $"{Count} {(_weights is null ? "" : "weighted ")}images of {Shape}, {ClassCount} classes, " +
            $"SHA-256 {Convert.ToHexString(hash.GetHashAndReset())}";
    }

    /// <summary>The bytes that images of this shape take together, once it is known that one array can hold them.</summary>
    /// <exception cref="ArgumentException">A part of the shape is below 1, or the images do not fit one array.</exception>
    internal static int ByteCount(long count, ImageShape shape)
    {
        if (shape.Channels < 1 || shape.Height < 1 || shape.Width < 1)
            throw new ArgumentException(
                $"Images of {shape} have no pixels; expected channels, height and width of at least 1.", nameof(shape));
        var bytes = (Int128)count * shape.Channels * shape.Height * shape.Width;
        if (bytes > Array.MaxLength)
            throw new ArgumentException(
                $"{count} images of {shape} take {bytes} bytes; one array holds at most {Array.MaxLength} (2 GB). Use fewer or smaller " +
                "images.", nameof(count));
        return (int)bytes;
    }

    // Counting grey levels is exact, and the same however many images there are.
    private long[] Histogram(int channel)
    {
        var plane = Shape.Height * Shape.Width;
        var histogram = new long[Levels];
        for (var i = 0; i < Count; i++)
        {
            foreach (var value in Pixels(i).Slice(channel * plane, plane))
                histogram[value]++;
        }
        return histogram;
    }

    private static (double Mean, double Deviation) MeanAndDeviation(long[] histogram)
    {
        double total = histogram.Sum();
        var mean = histogram.Index().Sum(level => level.Item * (double)level.Index) / total;
        var variance = histogram.Index().Sum(level => level.Item * (level.Index - mean) * (level.Index - mean)) / total;
        return (mean / 255, Math.Sqrt(variance) / 255);
    }

    private int[][] ShuffledByClass(long seed, string name)
    {
        var classes = new int[ClassCount][];
        var images = _labels.Index().ToLookup(image => image.Item, image => image.Index);
        for (var label = 0; label < classes.Length; label++)
        {
            using var stream = RandomStream.Of(seed, $"{name}, class {label}");
            classes[label] = [.. images[label]];
            stream.Random.Shuffle(classes[label]);
        }
        return classes;
    }

    private static IEnumerable<int> Where(bool[] chosen, bool value) =>
        Enumerable.Range(0, chosen.Length).Where(i => chosen[i] == value);

    // Of these very pixels, of which there may be gigabytes.
    private ImageSet Part(int[] indices) =>
        new(_images, Labels(indices), Shape, _classNames, WeightsOf(indices), [.. indices.Select(Place)]);

    private int[] Labels(IEnumerable<int> indices) => [.. indices.Select(Label)];

    private float[]? WeightsOf(IEnumerable<int> indices) => _weights is null ? null : [.. indices.Select(index => _weights[index])];

    private int Place(int index) => _places is null ? Checked(index) : _places[Checked(index)];

    private void CheckAll(ReadOnlySpan<int> indices)
    {
        foreach (var index in indices)
            _ = Checked(index);
    }

    private int Checked(int index) => (uint)index < (uint)Count
        ? index
        : throw new ArgumentOutOfRangeException(nameof(index), index,
            $"There is no image {index}; the set has {Count} images, counted from 0.");
}
