using System.IO.Compression;
using System.Text.Json;
using Xunit;

namespace ZeroOneShot.Tool.Tests;

public sealed class FitTests(TinyRun run)
{
    private static readonly string[] s_files =
    [
        ".zerooneshot.lock", "genotype.json", "mask.json", "metrics.json", "model.onnx", "model.zip", "plan.json", "predictions.csv",
        "report.html", "report.json", "run.json",
    ];

    public static bool HasSignals => Tool.HasSignals;

    public static bool HasTerminal => Tool.HasTerminal;

    [Fact]
    public void A_fit_prints_its_plan_and_its_course_and_leaves_all_its_files()
    {
        Assert.Equal((0, ""), (run.Fit.ExitCode, run.Fit.Errors));
        Assert.Contains("10 classes, 80 images to train and 20 to test", run.Fit.Output);
        Assert.Matches(@"(?m)^search +\d+ +\d+", run.Fit.Output);
        Assert.Contains("Train epoch 1/", run.Fit.Output);
        Assert.Contains("Genotype(normal=", run.Fit.Output);
        Assert.Equal(s_files, Directory.EnumerateFileSystemEntries(run.Out).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.DoesNotContain('\u001b', run.Fit.Output);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_a_fit_leaves_out_of_a_folder_or_a_zip_is_told(bool isZip)
    {
        var folder = run.New($"with-others-{isZip}");
        ZipFile.ExtractToDirectory(Path.Combine(AppContext.BaseDirectory, "fashion-mnist-small.zip"), folder);
        File.WriteAllText(Directory.GetDirectories(Path.Combine(folder, "train"))[0] + "/photograph.heic", "not read");
        var data = folder;
        if (isZip)
            ZipFile.CreateFromDirectory(folder, data = folder + ".zip");
        var said = Tool.Run(["fit", data, .. run.Tiny, "--out", folder + "-out"]);
        Assert.True(said.ExitCode == 0, said.Errors);
        Assert.Contains("left out 1 .heic", said.Output);
        Assert.DoesNotContain("left out", run.Fit.Output);
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
        Assert.InRange(root.GetProperty("top5_accuracy").GetDouble(), root.GetProperty("test_accuracy").GetDouble(), 1);
        Assert.Equal(("Zero-One-Shot-RND", 0.25, 1),
            (root.GetProperty("method").GetString(), root.GetProperty("minutes").GetDouble(), root.GetProperty("seed").GetInt32()));
        Assert.All(["search", "train", "test", "linear", "save"],
            stage => Assert.InRange(root.GetProperty("seconds").GetProperty(stage).GetDouble(), 0, 600));
        Assert.Equal("0.107.0", root.GetProperty("versions").GetProperty("torchsharp").GetString());
    }

    [Fact]
    public void A_fit_in_another_space_leaves_files_that_every_command_reads()
    {
        var plan = System.Text.Json.Nodes.JsonNode.Parse(File.ReadAllText(run.Tiny[3]))!;
        plan["plan"]!["space"] = "nas-bench-201";
        var (file, folder) = (run.New("cells-plan.json"), run.New("cells"));
        File.WriteAllText(file, plan.ToJsonString());
        string[] fit = ["fit", run.Images, .. run.Tiny[..2], "--plan", file, "--out", folder];
        var contradicts = Tool.Run([.. fit, "--space", "darts"]);
        Assert.Equal((2, true), (contradicts.ExitCode, contradicts.Errors.Contains("--space is darts, but the plan says nas-bench-201")));
        var unknown = Tool.Run("plan", run.Images, "--space", "darts-s9");
        Assert.Equal(2, unknown.ExitCode);
        Assert.Contains("There is no search space 'darts-s9'; there are darts, darts-s1,", unknown.Errors);

        var said = Tool.Run(fit);
        Assert.True(said.ExitCode == 0, said.Errors);
        Assert.Contains(" in nas-bench-201 on 72 images", said.Output);
        foreach (var name in (string[])["run.json", "metrics.json", "plan.json", "report.json", "mask.json"])
            Assert.Contains("\"nas-bench-201\"", File.ReadAllText(Path.Combine(folder, name)));
        Assert.Contains("nas-bench-201", Tool.Run("info", folder).Output);
        foreach (var command in (string[][])[["draw", folder, "-o", run.New("cells.svg")],
            ["draw", folder, "--mask", "-o", run.New("cells-mask.svg")], ["report", folder], ["predict", folder, run.AnImage],
            ["rank", run.Images, Path.Combine(folder, "genotype.json"), "--space", "nas-bench-201"]])
        {
            var read = Tool.Run(command);
            Assert.True(read.ExitCode == 0, $"{command[0]}: {read.Errors}");
        }
    }

    [Fact]
    public void A_pipe_given_as_images_is_refused_and_not_waited_for()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Named pipes lie in folders on Unix alone.");
        var pipe = run.New("pipe");
        using (var make = System.Diagnostics.Process.Start("mkfifo", [pipe]))
            make.WaitForExit();
        foreach (var place in (string[])[pipe, "/dev/zero"])
        {
            var plan = Tool.Run("plan", place, "--minutes", "1");
            Assert.Equal(3, plan.ExitCode);
            Assert.Contains($"'{place}'", plan.Errors);
        }
    }

    [Fact]
    public void A_zip_that_is_damaged_or_whose_parts_would_be_put_together_is_refused()
    {
        var folder = Directory.CreateDirectory(run.New("parts")).FullName;
        foreach (var part in (string[])["train", "val"])
        {
            foreach (var of in Directory.GetDirectories(Path.Combine(run.Images, "train")).Take(2))
            {
                var to = Directory.CreateDirectory(Path.Combine(folder, part, Path.GetFileName(of))).FullName;
                foreach (var image in Directory.GetFiles(of).Take(3))
                    File.Copy(image, Path.Combine(to, Path.GetFileName(image)));
            }
        }
        var zip = run.New("parts.zip");
        System.IO.Compression.ZipFile.CreateFromDirectory(folder, zip);
        var mixed = Tool.Run("plan", zip, "--minutes", "1");
        Assert.Equal(3, mixed.ExitCode);
        Assert.Matches("class '[^']+' is in two folders, 'train/[^']+' and 'val/", mixed.Errors.ReplaceLineEndings(" "));
        File.WriteAllBytes(zip, File.ReadAllBytes(zip)[..^200]);
        var damaged = Tool.Run("plan", zip, "--minutes", "1");
        Assert.Equal(3, damaged.ExitCode);
        Assert.Contains("the zip is damaged or its end is missing", damaged.Errors.ReplaceLineEndings(" "));
    }

    [Fact]
    public void A_zip_with_a_wrong_byte_in_a_picture_is_refused_and_what_macOS_adds_to_one_is_left_out()
    {
        var zip = run.New("pictures.zip");
        using (var made = System.IO.Compression.ZipFile.Open(zip, System.IO.Compression.ZipArchiveMode.Create))
        {
            foreach (var of in Directory.GetDirectories(Path.Combine(run.Images, "train")).Take(2))
            {
                foreach (var image in Directory.GetFiles(of).Take(3))
                {
                    var name = $"{Path.GetFileName(of)}/{Path.GetFileName(image)}";
                    using (var entry = made.CreateEntry(name, System.IO.Compression.CompressionLevel.NoCompression).Open())
                        entry.Write(File.ReadAllBytes(image));
                    using var added = made.CreateEntry($"__MACOSX/{name}").Open();
                    added.Write("Mac OS X"u8);
                }
            }
        }
        Assert.Equal(2, Tool.Run("plan", zip, "--minutes", "0.001").ExitCode);       // refused for its time, when the images had been read
        var content = File.ReadAllBytes(zip);
        content[content.AsSpan().IndexOf("IDAT"u8) + 20] ^= 1;
        File.WriteAllBytes(zip, content);
        Refused(Tool.Run("plan", zip, "--minutes", "0.001"), 3, $"of '{zip}' is damaged: its content is not what its checksum says");
    }

    [Fact]
    public void A_temporary_folder_that_cannot_be_used_is_said_before_the_fit_and_not_after_it()
    {
        var (file, output) = (run.New("no-folder"), run.New("without-temporary-folder"));
        File.WriteAllText(file, "");
        var said = Tool.RunWithTemporaryFolder(file, ["fit", run.Images, .. run.Tiny, "--out", output]);
        Refused(said, 1, "The temporary folder cannot be used");
        Assert.Contains("Set TMPDIR to another", said.Errors);
        Assert.False(File.Exists(Path.Combine(output, "run.json")));
    }

    [Fact]
    public void The_report_can_be_made_again_and_without_its_values_by_the_model_and_the_metrics_alone()
    {
        var first = File.ReadAllText(run.File("report.html"));
        Assert.Contains("test images right", first);
        Assert.Contains("taken for", first);
        Assert.DoesNotContain("<script", first);
        var copy = run.New("again.html");
        Assert.Equal((0, ""), Ends(Tool.Run("report", run.Out, "-o", copy)));
        Assert.Equal(first, File.ReadAllText(copy));

        var few = Directory.CreateDirectory(run.New("few")).FullName;
        foreach (var name in (string[])["model.zip", "metrics.json", "predictions.csv"])
            File.Copy(run.File(name), Path.Combine(few, name));
        Assert.Equal((0, ""), Ends(Tool.Run("report", few)));
        var html = File.ReadAllText(Path.Combine(few, "report.html"));
        Assert.Contains("of 20 test images right", html);
        Assert.Contains("Normal cell", html);
        Assert.Contains("Not known to this report:", html);
    }

    [Fact(SkipUnless = nameof(HasSignals), Skip = "Needs POSIX signals.")]
    public void A_fit_that_is_stopped_says_how_to_go_on_and_goes_on_to_its_files()
    {
        var output = run.New("stopped");
        using (var process = Tool.Start(["fit", "sample", .. run.Long, "--out", output]))
        {
            while (process.StandardOutput.ReadLine() is { } line && !line.StartsWith("Search", StringComparison.Ordinal))
            {
            }
            Tool.Signal(process, "TERM");
            var stopped = Tool.End(process);
            Assert.Equal(143, stopped.ExitCode);
            Assert.Equal(
                "Stopping within a step, and keeping how far it has come. Ctrl+C again ends at once.\n" +
                $"Stopped. Go on with: zeroone resume {output}\n", stopped.Errors);
        }
        Assert.False(File.Exists(Path.Combine(output, "model.zip")));
        var anew = Tool.Run(["fit", "sample", .. run.Long, "--out", output]);
        Assert.Equal(2, anew.ExitCode);
        Assert.Contains("Go on with 'zeroone resume'", anew.Errors);

        // What a kill leaves while a file is being written.
        File.WriteAllBytes(Path.Combine(output, ".model.zip.0123456789abcdef0123456789abcdef.tmp"), new byte[9]);
        Assert.Equal((0, ""), Ends(Tool.Run("resume", output, "--quiet")));
        Assert.Equal(s_files, Directory.EnumerateFileSystemEntries(output).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        var over = Tool.Run("resume", output);
        Assert.Equal((0, ""), (over.ExitCode, over.Errors));
        Assert.Contains("is over", over.Output);
    }

    [Fact(SkipUnless = nameof(HasSignals), Skip = "Needs POSIX signals.")]
    public void Programs_get_the_plan_the_course_and_the_end_as_JSON_and_an_interrupted_one_ends_with_130()
    {
        var output = run.New("json");
        using var process = Tool.Start(["fit", "sample", .. run.Endless, "--out", output, "--json"]);
        var events = new List<string>();
        while (process.StandardOutput.ReadLine() is { } line)
        {
            using var json = JsonDocument.Parse(line);
            events.Add(json.RootElement.GetProperty("event").GetString()!);
            if (events[^1] != "progress")
                continue;
            Tool.Signal(process, "INT");
            break;
        }
        Assert.Contains("plan", events);
        Assert.Equal(130, Tool.End(process).ExitCode);
    }

    [Fact(SkipUnless = nameof(HasTerminal), Skip = "Needs the program script.")]
    public void A_terminal_of_80_columns_gets_a_live_line_until_it_interrupts()
    {
        var said = Tool.AtTerminal(null, ["fit", run.Images, .. run.Endless, "--out", run.New("terminal")],
            interruptAt: "Search");
        Assert.Contains("\u001b[", said.Output);
        Assert.Contains("zeroone resume", said.Output);
    }

    [Fact]
    public void A_fit_that_was_refused_can_be_tried_again_in_the_same_folder()
    {
        var output = run.New("refused-twice");
        for (var i = 0; i < 2; i++)
            Refused(Tool.Run("fit", run.Images, "--memory", "20MB", "--out", output), 4, "the smallest plan is predicted to take");
        Refused(Tool.Run("resume", output), 4, "the smallest plan is predicted to take");
    }

    [Theory]
    [InlineData(2, "--method", "SGD", "Method 'SGD' is unknown; expected one of DARTS, ")]
    [InlineData(2, "--images-per-class", "1", "--images-per-class is 1; expected at least 2.")]
    [InlineData(2, "--minutes", "1,5", "'1,5' is no number; expected one such as 15 or 0.5, with a point.")]
    [InlineData(2, "--minutes", "0", "--minutes is 0; expected more than 0")]
    [InlineData(2, "--memory", "much", "'much' is no size; expected a number and a unit, for example 2GB or 800MiB.")]
    [InlineData(2, "--class-weights", "fair", "--class-weights is 'fair'; expected equal, balanced, square-root.")]
    [InlineData(2, "--sed", "1", "--sed")]
    [InlineData(2, "--seed", "one", "'one' for option '--seed': expected a whole number")]
    public void A_wrong_option_is_one_sentence_and_a_number(int exitCode, string option, string value, string sentence)
    {
        var output = run.New($"wrong-{Guid.NewGuid():N}");
        Refused(Tool.Run("fit", run.Images, option, value, "--out", output), exitCode, sentence);
    }

    [Fact]
    public void Data_that_cannot_be_used_end_with_3_and_are_named()
    {
        var output = run.New("no-data-out");
        Refused(Tool.Run("fit", "/no/such/folder", "--out", output), 3, "There is nothing at '/no/such/folder'");
        var csv = run.New("list.csv");
        File.WriteAllText(csv, $"path,class\n{run.AnImage},a\nmissing.png,b\n");
        Refused(Tool.Run("fit", csv, "--out", output), 3, "'missing.png', 'b'");
        var cifar = Directory.CreateDirectory(run.New("cifar")).FullName;
        File.WriteAllBytes(Path.Combine(cifar, "data_batch_1.bin"), new byte[3000]);
        Refused(Tool.Run("fit", cifar, "--out", output), 3, "data_batch_1.bin");
        var train = Path.Combine(run.Images, "train");
        Refused(Tool.Run("fit", train, "--out", Path.Combine(train, "out")), 2, "where it would be taken for a class");
        var blocker = run.New("blocker");
        File.WriteAllText(blocker, "");
        Refused(Tool.Run("fit", run.Images, "--out", Path.Combine(blocker, "out")), 1, "blocker");
    }

    [Fact]
    public void A_fit_whose_weights_grow_beyond_all_bounds_ends_with_7_and_says_which_number_to_make_smaller()
    {
        var output = run.New("diverged");
        var said = Tool.Run(["fit", run.Images, .. run.Diverging, "--out", output]);
        Refused(said, 7, "Choose a smaller LearningRate than 1E+30");
        Assert.False(File.Exists(Path.Combine(output, "model.zip")));
    }

    [Fact]
    public void Classes_with_too_few_images_are_data_that_cannot_be_used_and_named()
    {
        var few = Directory.CreateDirectory(run.New("few-images")).FullName;
        Add("lonely", 1);
        Refused(Tool.Run("plan", few), 3, "are all of one class, 'lonely'; expected at least two classes");
        Add("other", 9);
        Refused(Tool.Run("plan", few), 3, "Class 'lonely' has 0 image(s) to train with beside those to test on; expected at least two.");
        Add("lonely", 2);
        Refused(Tool.Run("plan", few), 3, "Class 'lonely' has 1 image(s) to train with beside those to test on");
        Add("lonely", 3);
        Assert.Equal((0, ""), Ends(Tool.Run("plan", few, "--minutes", "1")));

        void Add(string name, int images)
        {
            Directory.CreateDirectory(Path.Combine(few, name));
            foreach (var i in Enumerable.Range(0, images))
                File.Copy(run.AnImage, Path.Combine(few, name, $"{i}.png"), overwrite: true);
        }
    }

    [Fact]
    public void A_zip_that_a_Mac_made_has_the_images_of_its_folder_alone()
    {
        var zip = run.New("mac.zip");
        using (var archive = System.IO.Compression.ZipFile.Open(zip, System.IO.Compression.ZipArchiveMode.Create))
        {
            foreach (var file in Directory.GetFiles(Path.Combine(run.Images, "train"), "*.png", SearchOption.AllDirectories))
            {
                var (of, name) = (Path.GetFileName(Path.GetDirectoryName(file)), Path.GetFileName(file));
                Add(archive, $"clothes/{of}/{name}", File.ReadAllBytes(file));
                Add(archive, $"__MACOSX/clothes/{of}/._{name}", "Mac OS X"u8);
            }
        }
        var said = Tool.Run("plan", zip, "--minutes", "1", "--images-per-class", "8");
        Assert.Equal((0, ""), Ends(said));
        Assert.Contains("10 classes, 80 images to train and 20 to test", said.Output);

        static void Add(System.IO.Compression.ZipArchive archive, string name, ReadOnlySpan<byte> content)
        {
            using var stream = archive.CreateEntry(name).Open();
            stream.Write(content);
        }
    }

    private static (int, string) Ends(Tool.Result result) => (result.ExitCode, result.Errors);

    private static void Refused(Tool.Result result, int exitCode, string sentence)
    {
        Assert.True(exitCode == result.ExitCode, $"{result.ExitCode}: {result.Errors}");
        Assert.Contains(sentence, result.Errors);
        Assert.DoesNotContain("   at ", result.Errors);
        Assert.InRange(result.Errors.TrimEnd().Split('\n').Length, 1, 3);
    }
}
