using Microsoft.ML;

namespace ImageSearch;

/// <summary>The images to train and to test on, with columns Image, Label and ImagePath.</summary>
internal sealed record ImageData
{
    public required IDataView Train { get; init; }

    public required IDataView Test { get; init; }

    public required int TrainImages { get; init; }

    public required int TestImages { get; init; }

    public required IReadOnlyList<string> ClassNames { get; init; }

    /// <summary>3 for colour, 1 for grey.</summary>
    public required int Channels { get; init; }

    /// <summary>What the data are, for the reader of the output.</summary>
    public required string Description { get; init; }

    /// <summary>Finds, cuts down where the preset says so, and reads the images.</summary>
    /// <exception cref="IOException">A file is missing or cannot be read.</exception>
    /// <exception cref="InvalidDataException">A file is damaged, or the folder has not the structure expected.</exception>
    public static ImageData Load(MLContext mlContext, RunSettings settings)
    {
        var source = settings.Data is { } folder ? ImageSource.Open(mlContext, folder, settings.Seed) : ImageSource.Embedded();
        var classes = source.Train.ClassNames.Count;
        var train = source.Train.Take(settings.Preset.TrainImagesOfEach(classes), settings.Seed);
        var test = source.Test.Take(settings.Preset.TestImagesOfEach(classes), settings.Seed);
        var cut = train.Images.Count < source.Train.Images.Count || test.Images.Count < source.Test.Images.Count
            ? $" (cut down from {source.Train.Images.Count:N0} and {source.Test.Images.Count:N0}: as many of every class)"
            : "";
        return new ImageData
        {
            Train = train.ToDataView(mlContext),
            Test = test.ToDataView(mlContext),
            TrainImages = train.Images.Count,
            TestImages = test.Images.Count,
            ClassNames = train.ClassNames,
            Channels = source.IsGrey || settings.Grey ? 1 : 3,
            Description =
                $"{source.Name}, {classes} classes, {train.Images.Count:N0} images to train and {test.Images.Count:N0} to test{cut}",
        };
    }
}
