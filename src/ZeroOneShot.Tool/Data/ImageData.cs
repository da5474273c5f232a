using Microsoft.ML;
using ZeroOneShot.Tool.Runs;

namespace ZeroOneShot.Tool.Data;

/// <summary>The images to train and to test on.</summary>
/// <param name="Train">To train on.</param>
/// <param name="Test">To test on, of the same classes, in no part the same.</param>
/// <param name="Channels">3 for colour, 1 for grey.</param>
/// <param name="Description">What they are, for the reader of the output.</param>
internal sealed record ImageData(ImageList Train, ImageList Test, int Channels, string Description)
{
    private const double TestShare = 0.2;

    /// <summary>Finds, divides and cuts down the images that a run asks for.</summary>
    /// <exception cref="IOException">A file is missing or cannot be read.</exception>
    /// <exception cref="InvalidDataException">A file is damaged, or the folder has not the structure expected.</exception>
    public static ImageData Load(MLContext mlContext, RunSpecification asked)
    {
        var source = ImageSource.Open(mlContext, asked.Data);
        var (train, test) = source.Test is { } own ? (source.Train, own) : source.Train.Split(TestShare, asked.Seed);
        ThrowIfTooFew(source, train);
        if (asked.ImagesPerClass is { } most)
            (train, test) = (train.Take(most, asked.Seed), test.Take(Math.Max(1, most / 4), asked.Seed));
        return new ImageData(train, test, source.IsGrey || asked.Grey ? 1 : 3,
            $"{source.Name}, {train.ClassNames.Count} classes, {train.Images.Count:N0} images to train and {test.Images.Count:N0} to test" +
            (source.Test is null ? ", a fifth of them" : "") + string.Concat(source.Oddities.Select(oddity => $". {oddity}")));
    }

    private static void ThrowIfTooFew(ImageSource source, ImageList train)
    {
        if (train.ClassNames is [var only])
        {
            throw new InvalidDataException($"{source.Name} are all of one class, '{only}'; expected at least two classes: one folder of " +
                "images for each.");
        }
        var counts = new int[train.ClassNames.Count];
        foreach (var image in train.Images)
            counts[image.Label]++;
        if (counts.AsSpan().IndexOfAnyInRange(0, 1) is >= 0 and var few)
        {
            throw new InvalidDataException($"Class '{train.ClassNames[few]}' has {counts[few]} image(s) to train with" +
                $"{(source.Test is null ? " beside those to test on" : "")}; expected at least two. Add images, or leave the class out.");
        }
    }
}
