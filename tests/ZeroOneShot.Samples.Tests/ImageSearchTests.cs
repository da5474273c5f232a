using Xunit;

namespace ZeroOneShot.Samples.Tests;

public sealed class ImageSearchTests(TinyRun run)
{
    [Fact]
    public void The_search_in_one_page_leaves_a_model_that_knows_clothes_and_a_report()
    {
        var folder = Directory.CreateTempSubdirectory("zerooneshot-test-").FullName;
        try
        {
            var search = Sample.RunIn(folder, "ImageSearch", "0.4");
            Assert.Equal(0, search.ExitCode);
            Assert.Contains("Genotype(normal=", search.Output);
            Assert.Matches(@"Accuracy on 500 other images: 0\.[2-9]", search.Output);
            Assert.Contains("Normal cell", File.ReadAllText(Path.Combine(folder, "report.html")));
            var said = Sample.Run("Predict", Path.Combine(folder, "model.zip"), Path.Combine(run.Images, run.Predictions()[0].Image));
            Assert.Equal((0, ""), (said.ExitCode, said.Errors));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void Predict_says_of_the_test_images_what_the_training_process_said()
    {
        var predictions = run.Predictions();
        var images = predictions.Select(prediction => Path.Combine(run.Images, prediction.Image));
        var said = Sample.Run("Predict", [run.File("model.zip"), .. images]);
        Assert.Equal((0, ""), (said.ExitCode, said.Errors));
        foreach (var (expected, line) in predictions.Zip(said.Output.TrimEnd().Split('\n')))
        {
            var best = line[(line.LastIndexOf(": ", StringComparison.Ordinal) + 2)..].Split(", ");
            Assert.Equal(3, best.Length);
            Assert.Equal(expected.Predicted, best[0].Split(' ')[0]);
            Assert.Equal(expected.Score, double.Parse(best[0].Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture), 1e-4);
        }
    }

    [Fact]
    public void Predict_names_images_it_cannot_read_and_does_the_others()
    {
        var image = Path.Combine(run.Images, run.Predictions()[0].Image);
        var (text, truncated, missing) = (run.Images + "-text.png", run.Images + "-truncated.png", run.Images + "-missing.png");
        File.WriteAllText(text, "no image");
        File.WriteAllBytes(truncated, File.ReadAllBytes(image)[..300]);
        var said = Sample.Run("Predict", run.File("model.zip"), text, image, truncated, missing);
        Assert.Equal(1, said.ExitCode);
        Assert.StartsWith(image, Assert.Single(said.Output.TrimEnd().Split('\n')));
        Assert.All(said.Errors.TrimEnd().Split('\n').Zip([text, truncated, missing]), pair => Assert.Contains(pair.Second, pair.First));
    }

    [Fact]
    public void Predict_without_a_model_says_so()
    {
        Failed(Sample.Run("Predict", run.Out + "/none.zip", "image.png"), "none.zip");
        Failed(Sample.Run("Predict", run.File("mask.json"), "image.png"), "mask.json");
        Assert.Equal(2, Sample.Run("Predict").ExitCode);
    }

    private static void Failed(Sample.Result result, string part)
    {
        Assert.Equal(1, result.ExitCode);
        Assert.Contains(part, Assert.Single(result.Errors.TrimEnd().Split('\n')));
        Assert.DoesNotContain("   at ", result.Errors);
    }
}
