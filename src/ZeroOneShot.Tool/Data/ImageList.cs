using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;

namespace ZeroOneShot.Tool.Data;

/// <summary>Labelled images, in order.</summary>
/// <param name="Images">The images.</param>
/// <param name="ClassNames">The name of each class, in the order of the labels.</param>
internal sealed record ImageList(IReadOnlyList<LabelledImage> Images, IReadOnlyList<string> ClassNames)
{
    /// <summary>A smaller list with at most so many images of every class, chosen at random; null for all.</summary>
    public ImageList Take(int? ofEachClass, int seed) =>
        ofEachClass is { } count ? Chosen(seed, images => Math.Min(count, images)).Chosen : this;

    /// <summary>Two lists without a common image, each class divided alike.</summary>
    /// <param name="share">The share of the second, in which every class has at least one image.</param>
    /// <param name="seed">The same seed divides the same list alike.</param>
    public (ImageList Train, ImageList Test) Split(double share, int seed)
    {
        var (test, train) = Chosen(seed, images => Math.Max(1, (int)Math.Round(share * images)));
        return (train, test);
    }

    /// <summary>The images as columns Image, Label (a key with the class names) and ImagePath.</summary>
    public IDataView ToDataView(MLContext mlContext)
    {
        var rows = mlContext.Data.LoadFromEnumerable(Rows());
        // The classes are given, since not every part of a data set need have images of all.
        var classes = mlContext.Data.LoadFromEnumerable(ClassNames.Select(name => new ClassRow { Name = name }));
        return mlContext.Transforms.Conversion.MapValueToKey("Label", keyData: classes).Fit(rows).Transform(rows);
    }

    // Decoded anew in every pass: an image lives until the next is asked for.
    private IEnumerable<ImageRow> Rows()
    {
        foreach (var image in Images)
        {
            using var decoded = image.Decode();
            yield return new ImageRow { ImagePath = image.Name, Label = ClassNames[image.Label], Image = decoded };
        }
    }

    private (ImageList Chosen, ImageList Others) Chosen(int seed, Func<int, int> countOfClass)
    {
        var random = new Random(seed);
        var chosen = new HashSet<int>();
        foreach (var label in Enumerable.Range(0, ClassNames.Count))
        {
            int[] images = [.. Enumerable.Range(0, Images.Count).Where(i => Images[i].Label == label)];
            random.Shuffle(images);
            chosen.UnionWith(images.Take(countOfClass(images.Length)));
        }
        return (Where(chosen.Contains), Where(i => !chosen.Contains(i)));
    }

    private ImageList Where(Func<int, bool> take) => this with { Images = [.. Images.Where((_, i) => take(i))] };

    private sealed class ImageRow
    {
        public string ImagePath { get; set; } = "";

        public string Label { get; set; } = "";

        // ML.NET 5.0.1 refuses the attribute without a size; images of any size are taken all the same.
        [ImageType(32, 32)]
        public MLImage? Image { get; set; }
    }

    private sealed class ClassRow
    {
        public string Name { get; set; } = "";
    }
}
