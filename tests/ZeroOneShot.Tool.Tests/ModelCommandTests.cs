using System.Globalization;
using System.Net;
using System.Text.Json;
using Xunit;

namespace ZeroOneShot.Tool.Tests;

/// <summary>What is done with a model that is there.</summary>
public sealed class ModelCommandTests(TinyRun run)
{
    public static bool HasTerminal => Tool.HasTerminal;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public void Predict_says_of_images_what_the_run_said_of_them_in_their_order()
    {
        var predictions = run.Predictions();
        var said = Tool.Run(["predict", run.Out, .. predictions.Select(of => Path.Combine(run.Images, of.Image))]);
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
    public void Predict_names_images_it_cannot_read_does_the_others_and_says_so_by_its_exit_code()
    {
        var (text, missing) = (run.New("text.png"), run.New("missing\u001b[31m.png"));
        File.WriteAllText(text, "no image");
        var said = Tool.Run("predict", run.Out, text, run.AnImage, missing, "--top", "1");
        Assert.Equal(3, said.ExitCode);
        Assert.StartsWith(run.AnImage, Assert.Single(said.Output.TrimEnd().Split('\n')));
        Assert.Contains("text.png", said.Errors);
        Assert.Contains("missing\\u001b[31m.png", said.Errors);
        Assert.DoesNotContain('\u001b', said.Errors);

        var lines = Tool.Run("predict", run.Out, text, run.AnImage, "--json").Output.TrimEnd().Split('\n');
        Assert.Contains("is no image", JsonDocument.Parse(lines[0]).RootElement.GetProperty("error").GetString());
        Assert.Equal(3, JsonDocument.Parse(lines[1]).RootElement.GetProperty("classes").GetArrayLength());
        var cells = Tool.Run("predict", run.Out, run.AnImage, "--csv", "--top", "2").Output.TrimEnd().Split('\n');
        Assert.Equal("image,error,label_1,score_1,label_2,score_2", cells[0]);
        Assert.StartsWith(run.AnImage + ",,", cells[1]);
    }

    [Fact]
    public void Predict_answers_as_it_goes_before_the_last_image_is_named()
    {
        using var process = Tool.Start("predict", run.Out, "-");
        for (var i = 0; i < 3; i++)
        {
            process.StandardInput.WriteLine(run.AnImage);
            process.StandardInput.Flush();
            Assert.StartsWith(run.AnImage, process.StandardOutput.ReadLine());
        }
        process.StandardInput.Close();
        Assert.Equal(0, Tool.End(process).ExitCode);
    }

    [Fact]
    public void Predict_does_not_wait_for_libtorch_nor_hold_it()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Needs /proc.");
        using var process = Tool.Start("predict", run.Out, "-");
        process.StandardInput.WriteLine(run.AnImage);
        process.StandardInput.Flush();
        Assert.StartsWith(run.AnImage, process.StandardOutput.ReadLine());
        var mapped = File.ReadAllText($"/proc/{process.Id}/maps");
        process.StandardInput.Close();
        Assert.Equal(0, Tool.End(process).ExitCode);
        Assert.Contains("libonnxruntime", mapped);
        Assert.DoesNotContain("libtorch", mapped);
    }

    [Fact]
    public void Predict_holds_as_much_of_the_three_hundredth_large_image_as_of_the_thirtieth()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Needs /proc.");
        const long ImageBytes = 1000 * 1000 * 4;
        var large = run.New("large.bmp");
        Bitmap(large, 1000);
        using var process = Tool.Start("predict", run.Out, "-", "--top", "1");
        var after30 = Peak(30);
        var after300 = Peak(270);
        process.StandardInput.Close();
        Assert.Equal(0, Tool.End(process).ExitCode);
        Assert.True(after300 - after30 < 60 * ImageBytes, $"{after30:N0} bytes after 30 images, {after300:N0} after 300");

        long Peak(int images)
        {
            for (var i = 0; i < images; i++)
            {
                process.StandardInput.WriteLine(large);
                process.StandardInput.Flush();
                Assert.StartsWith(large, process.StandardOutput.ReadLine());
            }
            var line = File.ReadLines($"/proc/{process.Id}/status").First(of => of.StartsWith("VmHWM:", StringComparison.Ordinal));
            return 1024 * long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
        }

        static void Bitmap(string file, int side)
        {
            var bytes = new byte[54 + side * side * 3];
            "BM"u8.CopyTo(bytes);
            foreach (var (at, value) in ((int, int)[])[(2, bytes.Length), (10, 54), (14, 40), (18, side), (22, side), (26, 1 | 24 << 16)])
                BitConverter.TryWriteBytes(bytes.AsSpan(at), value);
            File.WriteAllBytes(file, bytes);
        }
    }

    [Fact]
    public void Predict_ends_when_nobody_reads_on()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Pipes tell their end otherwise there.");
        using var process = Tool.Start("predict", run.Out, "-", "--top", "1");
        process.StandardInput.WriteLine(run.AnImage);
        process.StandardInput.Flush();
        Assert.StartsWith(run.AnImage, process.StandardOutput.ReadLine());
        process.StandardOutput.Close();
        process.StandardInput.WriteLine(run.AnImage);
        process.StandardInput.Flush();
        process.WaitForExit();                                      // though more names may come
        Assert.Equal(0, process.ExitCode);
    }

    [Fact]
    public void Predict_takes_folders_with_all_that_people_have_in_them()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Names and links of Unix.");
        var odd = Directory.CreateDirectory(run.New("odd")).FullName;
        string[] names = ["a b.png", "<script>.png", "@x.png", "-dash.png", "\u00fc\u65e5.png",
            "q'\"uote.png", "new\nline.png", "noending"];
        foreach (var name in names.Append(".hidden.png").Append(".hidden/x.png"))
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(odd, name))!);
            File.Copy(run.AnImage, Path.Combine(odd, name));
        }
        File.WriteAllText(Path.Combine(odd, "notes.txt"), "no image");
        File.WriteAllText(Path.Combine(odd, "empty.png"), "");
        Directory.CreateSymbolicLink(Path.Combine(odd, "round"), odd);
        var said = Tool.Run("predict", run.Out, odd, "--json", "--top", "1");
        Assert.Equal((3, ""), (said.ExitCode, said.Errors));
        var answers = said.Output.TrimEnd().Split('\n').Select(line => JsonDocument.Parse(line).RootElement).ToArray();
        Assert.Equal(
            names.Append("empty.png").Select(name => Path.Combine(odd, name)).Order(StringComparer.Ordinal),
            answers.Select(answer => answer.GetProperty("image").GetString()).Order(StringComparer.Ordinal));
        Assert.Single(answers, answer => answer.TryGetProperty("error", out _));
        Assert.Equal(0, Tool.Run("predict", run.Out, "--", Path.Combine(odd, "@x.png")).ExitCode);

        var csv = Tool.Run("predict", run.Out, Path.Combine(odd, "empty.png"), run.AnImage, "--csv", "--top", "2").Output;
        Assert.All(csv.TrimEnd().Split('\n'), line => Assert.Equal(5, line.Split('"') is [var before, _, var after]
            ? (before + after).Count(c => c == ',') : line.Count(c => c == ',')));
        var none = Directory.CreateDirectory(run.New("none")).FullName;
        var nothing = Tool.Run("predict", run.Out, none);
        Assert.Equal(3, nothing.ExitCode);
        Assert.Contains($"'{none}' has no images", nothing.Errors);
    }

    [Fact]
    public void A_native_library_that_is_missing_ends_with_6_and_says_where_to_look()
    {
        var none = new Dictionary<string, string> { ["ZEROONESHOT_LIBTORCH"] = Directory.CreateDirectory(run.New("no-libtorch")).FullName };
        if (OperatingSystem.IsLinux())
        {
            foreach (var command in (string[][])[["fit", run.Images, .. run.Tiny, "--out", run.New("no-libtorch-out")],
                ["rank", run.Images, run.Out], ["export", run.Out, "--onnx", run.New("never.onnx")]])
            {
                Missing(Tool.Run(none, command), "has no libc10.so");
            }
            var doctor = Tool.Run(none, "doctor");
            Assert.Equal(6, doctor.ExitCode);
            Assert.Contains("Unset ZEROONESHOT_LIBTORCH", doctor.Output);
            Assert.Equal(0, Tool.Run(none, "predict", run.Out, run.AnImage).ExitCode);
        }
        foreach (var library in OperatingSystem.IsLinux() ? (string[])["libonnxruntime.so", "libSkiaSharp.so"] : [])
        {
            var what = library[3..^3];
            var folder = run.New($"without-{what}");
            Missing(Tool.RunWithout(library, folder, "predict", run.Out, run.AnImage), what);
            Directory.Delete(folder, recursive: true);
            var doctor = Tool.RunWithout(library, folder, "doctor");
            Assert.Equal(6, doctor.ExitCode);
            Assert.Matches($"BAD +\\w.*{what}", doctor.Output);
        }

        static void Missing(Tool.Result said, string what)
        {
            Assert.True(said.ExitCode == 6, $"{said.ExitCode}: {said.Errors}");
            var lines = said.Errors.TrimEnd().Split('\n');
            Assert.Contains(what, lines[0]);
            Assert.Equal(["zeroone doctor looks at all native libraries, and says what to do."], lines[1..]);
        }
    }

    [Fact]
    public void Damaged_files_of_a_run_are_refused_by_their_names()
    {
        var folder = Directory.CreateDirectory(run.New("damaged-run")).FullName;
        foreach (var (name, content, command) in (( string, string, string)[])[
            ("report.json", "{\"version\":1}", "report"), ("metrics.json", "{\"seconds\":{\"fit\":\"long\"}}", "report"),
            ("metrics.json", "[", "report"), ("metrics.json", "{\"seconds\":{\"fit\":1e300}}", "report"),
            ("predictions.csv", "image,label,predicted,score\nx,nobody,nobody,1\n", "report"), ("run.json", "{}", "resume"),
            ("genotype.json", "{\"normal\":[", "draw"), ("genotype.json", "[]", "surrogate")])
        {
            foreach (var file in Directory.GetFiles(folder))
                File.Delete(file);
            File.Copy(run.File("model.zip"), Path.Combine(folder, "model.zip"));
            File.WriteAllText(Path.Combine(folder, name), content);
            var said = Tool.Run(command, folder);
            Assert.True(said.ExitCode == 5, $"{name} {content}: {said.ExitCode} {said.Errors}");
            Assert.Contains(name, said.Errors);
            Assert.DoesNotContain("   at ", said.Errors);
        }
    }

    [Fact]
    public void A_full_disk_is_told_as_that()
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "Needs a device that is always full.");
        using var shell = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo(
            "/bin/sh", ["-c", $"exec '{Tool.Path}' info '{run.Out}' > /dev/full"]) { RedirectStandardError = true })!;
        var errors = shell.StandardError.ReadToEnd();
        shell.WaitForExit();
        Assert.Equal(1, shell.ExitCode);
        Assert.Equal("The disk is full: No space left on device. Make room there, or write to another folder.\n", errors);
    }

    [Fact]
    public void Nobody_knows_what_to_type_first_and_is_told()
    {
        foreach (var words in (string[][])[[], ["fly"], ["--minutes", "1"]])
        {
            var said = Tool.Run(words);
            Assert.Equal((2, ""), (said.ExitCode, said.Output));
            Assert.Contains("zeroone fit sample --minutes 2", said.Errors);
        }
        Assert.Equal("Required argument missing for command: 'predict'.\nzeroone predict --help says what it takes.\n",
            Tool.Run("predict").Errors);
        Assert.Contains("--port is 70000; expected 0 to 65535", Tool.Run("report", run.Out, "--watch", "--port", "70000").Errors);
    }

    [Fact]
    public void Predict_takes_whole_folders()
    {
        var said = Tool.Run("predict", run.Out, Path.Combine(run.Images, "test", "bag"), "--csv");
        Assert.Equal(1 + Directory.GetFiles(Path.Combine(run.Images, "test", "bag")).Length, said.Output.TrimEnd().Split('\n').Length);
    }

    [Fact]
    public void A_model_that_is_missing_or_damaged_is_refused_with_5_by_every_command()
    {
        var damaged = run.New("damaged.zip");
        var bytes = File.ReadAllBytes(run.File("model.zip"));
        bytes[bytes.Length / 2] ^= 1;
        File.WriteAllBytes(damaged, bytes);
        foreach (var model in (string[])[run.New("none.zip"), damaged])
        {
            foreach (var command in (string[][])[["predict", model, run.AnImage], ["evaluate", model, run.Images], ["info", model],
                ["export", model, "--onnx", run.New("x.onnx")], ["draw", model, "-o", run.New("x.svg")]])
            {
                var said = Tool.Run(command);
                Assert.True(said.ExitCode == 5, $"{command[0]}: {said.ExitCode} {said.Errors}");
                Assert.Contains(Path.GetFileName(model), said.Errors);
                Assert.Single(said.Errors.TrimEnd().Split('\n'));
            }
        }
        Assert.Equal(5, Tool.Run("report", run.New("no-folder")).ExitCode);
        Assert.Equal(5, Tool.Run("resume", run.Images).ExitCode);
    }

    [Fact]
    public void Evaluate_counts_what_the_run_counted()
    {
        using var metrics = JsonDocument.Parse(File.ReadAllText(run.File("metrics.json")));
        var test = Path.Combine(run.Images, "test");
        var (csv, html) = (run.New("said.csv"), run.New("said.html"));
        var said = Tool.Run("evaluate", run.Out, run.Images, "--json", "--predictions", csv, "--report", html);
        Assert.Equal((0, ""), (said.ExitCode, said.Errors));
        using var json = JsonDocument.Parse(said.Output);
        var images = Directory.GetFiles(test, "*.png", SearchOption.AllDirectories).Length;
        Assert.Equal(images, json.RootElement.GetProperty("images").GetInt32());
        Assert.Equal(images + 1, File.ReadLines(csv).Count());
        var right = File.ReadLines(csv).Skip(1).Select(line => line.Split(',')).Count(cells => cells[1] == cells[2]);
        Assert.Equal((double)right / images, json.RootElement.GetProperty("test_accuracy").GetDouble(), 1e-9);
        var confusion = json.RootElement.GetProperty("confusion").EnumerateArray().Select(row => row.EnumerateArray().ToArray()).ToArray();
        Assert.Equal(right, Enumerable.Range(0, 10).Sum(label => confusion[label][label].GetInt32()));
        Assert.Contains("data:image/png;base64,", File.ReadAllText(html));

        var other = Directory.CreateDirectory(run.New("other")).FullName;
        foreach (var name in (string[])["bag", "unknown"])
        {
            Directory.CreateDirectory(Path.Combine(other, name));
            File.Copy(run.AnImage, Path.Combine(other, name, "x.png"));
        }
        var refused = Tool.Run("evaluate", run.Out, other);
        Assert.Equal(3, refused.ExitCode);
        Assert.Contains("a class 'unknown' that the model does not know", refused.Errors);
    }

    [Fact]
    public void Export_writes_the_onnx_model_that_the_run_wrote()
    {
        var file = run.New("exported.onnx");
        Assert.Equal(0, Tool.Run("export", run.File("model.zip"), "--onnx", file).ExitCode);
        Assert.Equal(File.ReadAllBytes(run.File("model.onnx")), File.ReadAllBytes(file));

        var alone = Path.Combine(Directory.CreateDirectory(run.New("alone")).FullName, "model.zip");
        File.Copy(run.File("model.zip"), alone);
        Assert.Equal(0, Tool.Run("export", alone, "--onnx").ExitCode);
        Assert.Equal(File.ReadAllBytes(file), File.ReadAllBytes(Path.ChangeExtension(alone, ".onnx")));
    }

    [Fact]
    public void Info_tells_architecture_cost_classes_and_checksum()
    {
        using var json = JsonDocument.Parse(Tool.Run("info", run.Out, "--json").Output);
        using var metrics = JsonDocument.Parse(File.ReadAllText(run.File("metrics.json")));
        foreach (var name in (string[])["genotype", "parameters", "multiply_adds", "method"])
            Assert.Equal(metrics.RootElement.GetProperty(name).ToString(), json.RootElement.GetProperty(name).ToString());
        Assert.Equal(Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(run.File("model.zip")))),
            json.RootElement.GetProperty("sha256").GetString());
        Assert.Equal(10, json.RootElement.GetProperty("classes").GetArrayLength());
        Assert.Contains("Genotype:", Tool.Run("info", run.File("model.onnx")).Output);
    }

    [Fact]
    public void Draw_takes_models_runs_files_and_texts()
    {
        var genotype = JsonDocument.Parse(File.ReadAllText(run.File("metrics.json"))).RootElement.GetProperty("genotype").GetString()!;
        var drawings = new List<string>();
        foreach (var what in (string[])[run.Out, run.File("model.zip"), run.File("model.onnx"), run.File("genotype.json"), genotype])
        {
            var file = run.New("drawn.svg");
            Assert.Equal((0, ""), Ends(Tool.Run("draw", what, "-o", file)));
            drawings.Add(File.ReadAllText(file));
        }
        Assert.Single(drawings.Distinct());
        Assert.Equal(0, Tool.Run("draw", run.Out, "--mask", "--heat-map", "-o", run.New("mask.svg"), "--theme", "dark").ExitCode);
        Assert.Equal(0, Tool.Run("draw", run.File("mask.json"), "-o", run.New("mask.dot")).ExitCode);
        Assert.StartsWith("digraph", File.ReadAllText(run.New("mask.dot")));
        Assert.Equal(2, Tool.Run("draw", run.Out, "-o", run.New("x.png")).ExitCode);
        Assert.Equal(5, Tool.Run("draw", "Genotype(normal=[])", "-o", run.New("x.svg")).ExitCode);

        static (int, string) Ends(Tool.Result result) => (result.ExitCode, result.Errors);
    }

    [Fact]
    public void Rank_gives_every_genotype_its_scores()
    {
        var genotype = run.File("genotype.json");
        var said = Tool.Run("rank", run.Images, genotype, genotype, "--image-size", "16", "--images", "12", "--functions",
            "parameters,multiply-adds");
        Assert.Equal((0, ""), (said.ExitCode, said.Errors));
        var lines = said.Output.TrimEnd().Split('\n');
        Assert.Equal(2, lines.Length);
        Assert.Equal(lines[0], lines[1]);
        Assert.Matches(@"^\d+(\.\d+)?\t\d+(\.\d+)?\tGenotype\(", lines[0]);
        Assert.Equal(2, Tool.Run("rank", run.Images, genotype, "--functions", "guessing").ExitCode);
    }

    [Fact]
    public void Rank_refuses_to_take_more_images_than_there_are_and_warns_where_nobody_said_how_many()
    {
        var genotype = run.File("genotype.json");
        var refused = Tool.Run("rank", run.Images, genotype, "--images", "100000", "--functions", "parameters");
        Assert.Equal((3, ""), (refused.ExitCode, refused.Output));
        Assert.Matches(@"has \d+ images, and --images asks for 100000; expected at least as many", refused.Errors);
        var few = run.New("few-to-rank");
        foreach (var (i, image) in Directory.EnumerateFiles(run.Images, "*.png", SearchOption.AllDirectories).Order().Take(12).Index())
        {
            var folder = Directory.CreateDirectory(Path.Combine(few, i % 2 == 0 ? "even" : "odd")).FullName;
            File.Copy(image, Path.Combine(folder, $"{i}.png"));
        }
        var warned = Tool.Run("rank", few, genotype, "--image-size", "16", "--functions", "parameters");
        Assert.Equal(0, warned.ExitCode);
        Assert.StartsWith("Warning: ranked on 12 images, not on 384", warned.Errors);
        Assert.Contains("--images is 1; expected at least 2", Tool.Run("rank", run.Images, genotype, "--images", "1").Errors);
    }

    [Fact]
    public void Surrogate_predicts_what_a_genotype_would_reach_and_figure1_draws_the_space()
    {
        var said = Tool.Run("surrogate", run.Out, run.File("genotype.json"));
        Assert.Equal((0, ""), (said.ExitCode, said.Errors));
        var lines = said.Output.TrimEnd().Split('\n');
        Assert.Equal(lines[0], lines[1]);
        double[] numbers = [.. lines[0].Split('\t')[..4].Select(cell => double.Parse(cell, CultureInfo.InvariantCulture))];
        Assert.InRange(numbers[0], numbers[1], numbers[2]);
        Assert.InRange(numbers[3], 0, 100);
        Assert.Equal(5, Tool.Run("surrogate", "Genotype(normal=[])").ExitCode);
        var shared = SearchSpaces.PublishedGenotypes.DartsV2.ToString().Replace(
            "('sep_conv_3x3', 0), ('sep_conv_3x3', 1)", "('sep_conv_3x3', 0), ('sep_conv_3x3', 0)");
        said = Tool.Run("surrogate", shared);
        Assert.Equal(0, said.ExitCode);
        Assert.Contains("is extrapolated", said.Errors);

        var figure = run.New("figure1");
        var drawn = Tool.Run("figure1", "--architectures", "200", "--mask", run.File("mask.json"), "--out", figure);
        Assert.Equal((0, ""), (drawn.ExitCode, drawn.Errors));
        Assert.Contains(Directory.EnumerateFiles(figure), file => file.EndsWith(".svg", StringComparison.Ordinal));
    }

    [Fact]
    public void The_doctor_finds_this_machine_well_and_tells_programs_too()
    {
        var said = Tool.Run("doctor");
        Assert.Equal((0, ""), (said.ExitCode, said.Errors));
        foreach (var what in (string[])["libtorch", "ONNX Runtime", "vectors", "cores", "memory", "CUDA", "temporary folder"])
            Assert.Contains(what, said.Output);
        Assert.DoesNotContain('\u001b', said.Output);
        using var json = JsonDocument.Parse(Tool.Run("doctor", "--json").Output);
        Assert.Equal("good", json.RootElement[1].GetProperty("result").GetString());
    }

    [Fact(SkipUnless = nameof(HasTerminal), Skip = "Needs the program script.")]
    public void A_terminal_gets_colours_unless_it_wants_none_and_lines_of_80_columns()
    {
        Assert.Contains("\u001b[", Tool.AtTerminal(null, ["doctor"]).Output);
        var plain = Tool.AtTerminal(new Dictionary<string, string> { ["NO_COLOR"] = "1" }, ["evaluate", run.Out, run.Images]).Output;
        Assert.DoesNotContain("\u001b[3", plain);
        Assert.All(plain.Split('\n'), line => Assert.InRange(line.TrimEnd('\r').Length, 0, 100));
    }

    [Fact]
    public async Task A_watched_run_is_served_to_this_machine_alone()
    {
        using var process = Tool.Start("report", run.Out, "--watch");
        try
        {
            var line = (await process.StandardOutput.ReadLineAsync(Cancellation))!;
            var address = new Uri(line[line.IndexOf("http://", StringComparison.Ordinal)..].Split(' ')[0]);
            Assert.Equal("127.0.0.1", address.Host);
            using var client = new HttpClient();
            Assert.Equal(await File.ReadAllTextAsync(run.File("report.html"), Cancellation), await client.GetStringAsync(address,
                Cancellation));
            using var elsewhere = await client.GetAsync(new Uri(address, "/etc/passwd"), Cancellation);
            Assert.Equal(HttpStatusCode.NotFound, elsewhere.StatusCode);
            using var posted = await client.PostAsync(address, new StringContent(""), Cancellation);
            Assert.Equal(HttpStatusCode.Forbidden, posted.StatusCode);
            // By another name, as a page of elsewhere would have a browser ask.
            using var renamed = new HttpRequestMessage(HttpMethod.Get, address) { Headers = { Host = "attacker.example" } };
            using var refused = await client.SendAsync(renamed, Cancellation);
            Assert.False(refused.IsSuccessStatusCode);
        }
        finally
        {
            process.Kill();
        }
    }

    [Fact]
    public void A_command_that_is_made_alone_is_the_one_that_help_lists() =>
        Assert.All(CommandLine.Commands, command => Assert.Equal(command.Name, command.Make().Name));

    [Fact]
    public void Help_lists_the_commands_and_the_exit_codes()
    {
        var said = Tool.Run("--help");
        Assert.Equal(0, said.ExitCode);
        foreach (var command in (string[])["fit", "resume", "plan", "predict", "evaluate", "export", "info", "draw", "report", "rank",
            "surrogate",
            "figure1", "doctor"])
            Assert.Contains($"  {command} ", said.Output);
        var words = string.Join(' ', said.Output.Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries));
        Assert.Contains("0 done", words);
        Assert.Contains("7 losses diverged", words);
        Assert.Equal(2, Tool.Run("fly").ExitCode);
    }
}
