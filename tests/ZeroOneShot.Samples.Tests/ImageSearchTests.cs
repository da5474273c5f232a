using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Xunit;

namespace ZeroOneShot.Samples.Tests;

public sealed class ImageSearchTests(TinyRun run)
{
    [Fact]
    public void A_run_reports_every_epoch_and_leaves_all_its_files()
    {
        Assert.Equal((0, ""), (run.Search.ExitCode, run.Search.Errors));
        Assert.Contains("Search epoch 1/1", run.Search.Output);
        Assert.Contains("Train epoch 2/2", run.Search.Output);
        Assert.Contains("Genotype(normal=", run.Search.Output);
        Assert.Equal([".zerooneshot.lock", "genotype.json", "mask.json", "metrics.json", "model.onnx", "model.zip", "predictions.csv"],
            Directory.EnumerateFileSystemEntries(run.Out).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.All(run.Search.Output.Split('\n').Where(line => !line.StartsWith("Genotype") && !line.StartsWith("Written")),
            line => Assert.InRange(line.Length, 0, 140));
    }

    [Fact]
    public void The_metrics_are_those_of_the_predictions()
    {
        using var metrics = JsonDocument.Parse(File.ReadAllText(run.File("metrics.json")));
        var root = metrics.RootElement;
        var predictions = run.Predictions();
        Assert.Equal((80, 20), (root.GetProperty("train_images").GetInt32(), root.GetProperty("test_images").GetInt32()));
        Assert.Equal(20, predictions.Length);
        var right = predictions.Count(prediction => prediction.Label == prediction.Predicted);
        Assert.Equal(right / 20.0, root.GetProperty("test_accuracy").GetDouble(), 1e-9);
        Assert.InRange(root.GetProperty("linear_accuracy").GetDouble(), 0, 1);
        Assert.Equal(("Zero-One-Shot-RND", "quick", 1),
            (root.GetProperty("method").GetString(), root.GetProperty("preset").GetString(), root.GetProperty("seed").GetInt32()));
        Assert.All(["prune", "search", "train", "evaluate", "linear", "save"],
            stage => Assert.InRange(root.GetProperty("seconds").GetProperty(stage).GetDouble(), 0, 600));
        Assert.Equal("0.107.0", root.GetProperty("versions").GetProperty("torchsharp").GetString());
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
            Assert.Equal(expected.Score, double.Parse(best[0].Split(' ')[1], CultureInfo.InvariantCulture), 1e-4);
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
        Failed(Sample.Run("Predict", run.Out + "/none.zip", "image.png"), 1, "none.zip");
        Failed(Sample.Run("Predict", run.File("mask.json"), "image.png"), 1, "mask.json");
        Assert.Equal(2, Sample.Run("Predict").ExitCode);
    }

    [Fact]
    public void Cifar_files_make_a_model_of_images()
    {
        var (data, output) = (Path.Combine(run.Out, "..", "cifar"), Path.Combine(run.Out, "..", "cifar-out"));
        Directory.CreateDirectory(data);
        File.WriteAllBytes(Path.Combine(data, "data_batch_1.bin"), CifarRecords(perClass: 8));
        File.WriteAllBytes(Path.Combine(data, "test_batch.bin"), CifarRecords(perClass: 2));
        var search = Sample.Run("ImageSearch", [.. Sample.Tiny, "--data", data, "--out", output]);
        Assert.Equal((0, ""), (search.ExitCode, search.Errors));
        var said = Sample.Run("Predict", Path.Combine(output, "model.zip"), Path.Combine(run.Images, run.Predictions()[0].Image));
        Assert.Equal((0, ""), (said.ExitCode, said.Errors));

        File.WriteAllBytes(Path.Combine(data, "data_batch_1.bin"), new byte[3000]);
        Failed(Sample.Run("ImageSearch", "--data", data, "--out", output), 1, "data_batch_1.bin", "3000", "3073");
    }

    [Fact]
    public void A_folder_without_a_division_keeps_a_fifth_to_test()
    {
        var output = Path.Combine(run.Out, "..", "folder-out");
        var search = Sample.Run("ImageSearch", [.. Sample.Tiny, "--grey", "--data", Path.Combine(run.Images, "test"), "--out", output]);
        Assert.Equal((0, ""), (search.ExitCode, search.Errors));
        Assert.Contains("(cut down from 400 and 100", search.Output);
    }

    [Theory]
    [InlineData(2, "Method 'SGD' is unknown; expected one of DARTS, ", "--method", "SGD")]
    [InlineData(2, "Preset 'fast' is unknown; expected one of quick, cpu, paper.", "--preset", "fast")]
    [InlineData(1, "There is no folder ", "--data", "/no/such/folder")]
    [InlineData(1, "Cells is 2; expected at least 3", "--cells", "2")]
    [InlineData(2, "--images-per-class is 0; expected at least 1.", "--images-per-class", "0")]
    [InlineData(2, "--sed", "--sed", "1")]
    [InlineData(2, "--seed", "--seed", "one")]
    public void A_wrong_option_is_one_sentence(int exitCode, string sentence, params string[] options)
    {
        var output = Path.Combine(run.Out, "..", $"wrong-{Guid.NewGuid():N}");
        Failed(Sample.Run("ImageSearch", [.. options, "--out", output]), exitCode, sentence);
        Assert.True(HoldsNothing(output));
    }

    [Fact]
    public void Results_among_the_classes_and_too_few_images_are_refused()
    {
        var train = Path.Combine(run.Images, "train");
        Failed(Sample.Run("ImageSearch", "--data", train, "--out", Path.Combine(train, "out")), 2, "where it would be taken for a class");
        Assert.False(Directory.Exists(Path.Combine(train, "out")));
        var output = Path.Combine(run.Out, "..", "few-out");
        var few = Directory.CreateDirectory(Path.Combine(run.Out, "..", "few")).FullName;
        foreach (var folder in Directory.GetDirectories(train).Take(2))
        {
            var copy = Directory.CreateDirectory(Path.Combine(few, Path.GetFileName(folder))).FullName;
            foreach (var file in Directory.GetFiles(folder).Take(2))
                File.Copy(file, Path.Combine(copy, Path.GetFileName(file)));
        }
        Failed(Sample.Run("ImageSearch", "--data", few, "--out", output), 1, "images to train on; expected at least 4");
    }

    [Fact]
    public void A_folder_that_cannot_be_written_is_refused_before_any_work()
    {
        var blocker = run.Images + "-blocker";
        File.WriteAllText(blocker, "");
        var search = Sample.Run("ImageSearch", "--out", Path.Combine(blocker, "out"));
        Failed(search, 1, blocker, "cannot be written");
        Assert.Empty(search.Output);
    }

    [Fact(SkipUnless = nameof(HasSignals), Skip = "Needs POSIX signals.")]
    public void An_interrupted_run_writes_nothing()
    {
        var output = Path.Combine(run.Out, "..", "interrupted");
        using var process = Sample.Start("ImageSearch", "--out", output);
        while (process.StandardOutput.ReadLine() is { } line && !line.StartsWith("Prune"))
        {
        }
        Process.Start("kill", ["-INT", $"{process.Id}"]).WaitForExit();
        process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.Equal((130, "Cancelled; no results were written."), (process.ExitCode, process.StandardError.ReadToEnd().TrimEnd()));
        Assert.True(HoldsNothing(output));
    }

    // But the lock that keeps a second run out, an empty hidden file.
    private static bool HoldsNothing(string folder) =>
        !Directory.Exists(folder) || Directory.GetFileSystemEntries(folder).All(path => Path.GetFileName(path) == ".zerooneshot.lock");

    public static bool HasSignals => !OperatingSystem.IsWindows();

    private static void Failed(Sample.Result result, int exitCode, params string[] parts)
    {
        Assert.Equal(exitCode, result.ExitCode);
        Assert.All(parts, part => Assert.Contains(part, result.Errors));
        Assert.DoesNotContain("   at ", result.Errors);
        Assert.InRange(result.Errors.TrimEnd().Split('\n').Length, 1, exitCode == 1 ? 1 : 3);
    }

    private static byte[] CifarRecords(int perClass)
    {
        const int Length = 3073, Classes = 10;
        var records = new byte[perClass * Classes * Length];
        new Random(3).NextBytes(records);
        for (var i = 0; i < perClass * Classes; i++)
            records[i * Length] = (byte)(i % Classes);
        return records;
    }
}
