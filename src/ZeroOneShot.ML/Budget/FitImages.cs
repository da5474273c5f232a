using Microsoft.ML;
using Microsoft.ML.Runtime;
using ZeroOneShot.Data;
using ZeroOneShot.OneShot;

namespace ZeroOneShot.ML;

/// <summary>The images of a Fit: those to train on, and those to validate with.</summary>
internal static class FitImages
{
    private const double UsualFraction = 0.1;

    private const int MostValidationImages = 1000;

    // Of fewer, two may well be the same.
    private const int SomeImages = 16;

    /// <summary>The share that is split off where nothing is said: a tenth, but no more than 1,000 images.</summary>
    public static double UsualShare(int images) => Math.Min(UsualFraction, (double)MostValidationImages / images);

    /// <summary>Reads them, and splits off those to validate with where none are given.</summary>
    /// <exception cref="ArgumentException">
    /// A class has fewer than two images, the validation set lacks one or has images of another size, there are too few images for the
    /// method, or no network of the space takes images of the size.
    /// </exception>
    /// <exception cref="ArgumentOutOfRangeException">A column is missing or of another type, or there is one class only.</exception>
    /// <exception cref="InvalidOperationException">
    /// A pixel value is out of range, there are no labelled rows, or the time was used up.
    /// </exception>
    public static (ImageSet Train, ImageSet? Validation) Read(
        IDataView input, ZeroOneShotTrainer.Options options, IHost host, StageRun run, ReadingLimits? limits)
    {
        var shape = PixelColumn.Find(input.Schema, options.FeatureColumnName, host).Shape;
        _ = options.Space.Macro.StemFor(shape.Height, shape.Width);
        LabelColumn.Find(input.Schema, options.LabelColumnName, host);
        WeightColumn.Check(input.Schema, options.ExampleWeightColumnName, host);
        if (options.ValidationSet is { } given)
            CellNetTrainer.CheckValidationSet(given, options.FeatureColumnName, options.LabelColumnName, host);
        var images = LabelledImages.Read(input, options, run, weightColumn: options.ExampleWeightColumnName, limits: limits);
        if (images.Count >= SomeImages && Enumerable.Range(1, images.Count - 1).All(i => images.Pixels(i).SequenceEqual(images.Pixels(0))))
        {
            throw new ArgumentException($"The {images.Count} images are all the same, pixel for pixel, {images.Pixels(0)[0]} the first " +
                "of them; expected images that differ. Look at a few rows of the column, and at PixelScale where its values go from 0 to 1.");
        }
        var counts = images.ClassCounts().ToList();
        if (counts.FindIndex(count => count < 2) is >= 0 and var few)
        {
            throw new ArgumentException($"Class '{images.ClassNames[few]}' has {counts[few]} image(s); expected at least two of every " +
                "class. Add images, or leave the class out.");
        }
        if (options.ValidationSet is not { } set)
        {
            var share = options.ValidationFraction ?? UsualShare(images.Count);
            if (share == 0)
                return (Enough(images, options.Method), null);
            var (train, kept) = images.Split(1 - Math.Max(share, 1.0 / images.Count), run.Seed);
            return (Enough(train, options.Method), kept);
        }
        var validation = LabelledImages.Read(set, options, run, forTraining: false, limits: limits);
        CellNetTrainer.CheckClasses(validation.ClassNames, images);
        if (validation.Shape != images.Shape)
        {
            throw new ArgumentException(
                $"The images of the ValidationSet are {validation.Shape}, the training images {images.Shape}; both need one shape.");
        }
        if (validation.ClassCounts().ToList().IndexOf(0) is >= 0 and var missing)
        {
            throw new ArgumentException($"The ValidationSet has no image of class '{images.ClassNames[missing]}'; " +
                "expected some of every class. Give others, or leave ValidationSet out and let images be split off.");
        }
        return (Enough(images, options.Method), validation);
    }

    /// <summary>Refuses too few images for the smallest batches of all stages.</summary>
    private static ImageSet Enough(ImageSet train, SearchMethod method)
    {
        // A one-shot search takes halves of them in turn, and batch norms need two images.
        var least = method.Search == SearchKind.OneShot ? 4 : 2;
        return train.Count >= least ? train : throw new ArgumentException(
            $"There are {train.Count} images to train on, without those to validate with; expected at least {least} for method " +
            $"{method.Name}. Add images.");
    }
}
