using System.Diagnostics;
using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;
using Xunit;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.ML.Tests;

/// <summary>One saved model serves images from anywhere, whichever kind of column it was trained on.</summary>
public sealed class ServingTests : IDisposable
{
    private readonly PictureFolder _folder = new();
    private readonly MLContext _ml = new(seed: 1);

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("Image")]
    [InlineData("ImagePath")]
    [InlineData("File")]
    public void Predict_classifies_image_files_with_the_zip_of_any_column(string column)
    {
        using var trained = new TrainedOnImages(_ml, column);
        var (exitCode, output, errors) = Predict([trained.Zip, .. trained.Files]);
        Assert.Equal((0, ""), (exitCode, errors));
        var lines = output.TrimEnd().Split('\n');
        foreach (var (file, scores, line) in trained.Files.Zip(trained.Scores, lines))
        {
            Assert.StartsWith($"{file}: ", line);
            Assert.EndsWith(string.Create(CultureInfo.InvariantCulture, $" {scores.Min():0.00000}"), line);
            Assert.Contains(string.Create(CultureInfo.InvariantCulture, $" {scores.Max():0.00000}, "), line);
        }
    }

    [Fact]
    public void Predict_is_told_the_name_of_another_image_column_and_says_so()
    {
        _folder.WriteImages(20, 24);
        var data = _ml.Data.LoadImageFolder(_folder.File("images"));
        var train = Toy.Train(PublishedGenotypes.DartsV1);
        train.Settings = train.Settings with { Epochs = 1, BatchSize = 4 };
        var photographs = _ml.Transforms.CopyColumns("Photo", "Image").Fit(data).Transform(data);
        using var model = _ml.Transforms.ImagePixels("Features", "Photo", Toy.Side, Toy.Side)
            .Append(_ml.MulticlassClassification.Trainers.CellNet(train)).Fit(photographs);
        _ml.Model.Save(model, photographs.Schema, _folder.File("model.zip"));
        var file = data.GetColumn<string>("ImagePath").First();
        var refused = Predict(_folder.File("model.zip"), file);
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("name that with --column", refused.Errors);
        Assert.Contains("Photo", refused.Errors);
        Assert.Equal(0, Predict("--column", "Photo", _folder.File("model.zip"), file).ExitCode);
    }

    [Theory]
    [InlineData("Image")]
    [InlineData("ImagePath")]
    [InlineData("File")]
    public void A_pool_needs_no_schema_where_the_images_are_all_that_counts(string column)
    {
        using var trained = new TrainedOnImages(_ml, column);
        using (var pool = new ImageClassifierPool(trained.Model))
            Assert.Equal(trained.Scores, trained.Files.Select(file => InOrder(pool, file)));
        var loaded = _ml.Model.Load(trained.Zip, out var schema);
        if (column == "File")
        {
            // The zip does not tell in which column it takes images.
            var error = Assert.Throws<ArgumentException>(() => new ImageClassifierPool(loaded));
            Assert.Contains("Could not find input column 'File'", error.Message);
            Assert.Contains("Give the one of the training data, or that of ml.Model.Load(path, out var inputSchema)", error.Message);
            using var named = new ImageClassifierPool(loaded, null, new ImageClassifierPoolOptions { ImageColumnName = "File" });
            Assert.Equal(trained.Scores, trained.Files.Select(file => InOrder(named, file)));
        }
        using var another = new ImageClassifierPool(loaded, column == "File" ? schema : null);
        Assert.Equal(trained.Scores, trained.Files.Select(file => InOrder(another, file)));
        (loaded as IDisposable)?.Dispose();
    }

    [Fact]
    public void A_pool_without_a_schema_leaves_out_what_makes_the_label()
    {
        _folder.WriteImages(20, 24);
        string[] files = [.. _ml.Data.LoadImageFolder(_folder.File("images")).GetColumn<string>("ImagePath")];
        var data = _ml.Data.LoadFromEnumerable(files.Select((file, i) => new NamedRow { Path = file, Kind = i % 2 == 0 ? "a" : "b" }));
        var train = Toy.Train(PublishedGenotypes.DartsV1);
        train.Settings = train.Settings with { Epochs = 1, BatchSize = 4 };
        using var model = _ml.Transforms.Conversion.MapValueToKey("Label", "Kind")
            .Append(_ml.Transforms.ImagePixels("Features", "Path", Toy.Side, Toy.Side))
            .Append(_ml.MulticlassClassification.Trainers.CellNet(train)).Fit(data);
        _ml.Model.Save(model, data.Schema, _folder.File("model.zip"));
        using var pool = new ImageClassifierPool(model);
        Assert.Equal(["a", "b"], pool.ClassNames.Order());
        Assert.Equal(model.Transform(data).GetColumn<float[]>("Score").First().Max(), pool.Classify(files[0])[0].Score);
        // Predict fills such columns with nothing.
        Assert.Equal(0, Predict(_folder.File("model.zip"), files[0]).ExitCode);
    }

    [Fact]
    public void Data_without_the_column_that_a_model_was_fitted_on_are_told_what_that_had()
    {
        using var trained = new TrainedOnImages(_ml, "ImagePath");
        var images = _ml.Data.LoadFromEnumerable(new[] { new AnyImageRow { Image = ImageFile.Read(trained.Files[0]) } });
        var error = Assert.ThrowsAny<ArgumentException>(() => trained.Model.Transform(images));
        Assert.Contains("Could not find image column 'ImagePath', which had paths when the model was fitted", error.Message);
        Assert.Contains("use an ImageClassifierPool, which takes images from anywhere", error.Message);
    }

    private static float[] InOrder(ImageClassifierPool pool, string file)
    {
        var scores = pool.Classify(file);
        return [.. pool.ClassNames.Select(name => scores.Single(score => score.Label == name).Score)];
    }

    /// <summary>The sample, run as a process of its own, which knows only ML.NET.</summary>
    internal static (int ExitCode, string Output, string Errors) Predict(params string[] arguments)
    {
        var program = Path.Combine(AppContext.BaseDirectory.Replace(
            Path.Combine("tests", "ZeroOneShot.ML.Tests"), Path.Combine("samples", "Predict")), "Predict");
        using var process = Process.Start(
            new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, errors.Result);
    }

    private sealed class NamedRow
    {
        public string Path { get; set; } = "";

        public string Kind { get; set; } = "";
    }
}
