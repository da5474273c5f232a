using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Xunit;

namespace ZeroOneShot.Tool.Tests;

/// <summary>Fits that follow a plan to the letter, and can be had again.</summary>
public sealed class ResumeTests(TinyRun run)
{
    // How often to stop it in all; a morning's check stops it ten times.
    private static readonly int s_stops = int.Parse(
        Environment.GetEnvironmentVariable("ZEROONESHOT_STOPS") ?? "2", CultureInfo.InvariantCulture);

    private static readonly (string Signal, int ExitCode)[] s_signals = [("INT", 130), ("TERM", 143), ("KILL", 137)];

    public static bool HasSignals => Tool.HasSignals;

    public static bool IsLinux => OperatingSystem.IsLinux();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact(SkipUnless = nameof(HasSignals), Skip = "Needs POSIX signals.")]
    public async Task A_fit_by_a_plan_that_is_stopped_at_random_moments_and_goes_on_leaves_the_files_of_one_that_was_not()
    {
        var plan = SmallPlan("stopped-plan.json", root =>
        {
            root["plan"]!["method"] = "Zero-One-Shot";
            var prune = root["plan"]!["stages"]![0]!.DeepClone();
            (prune["stage"], prune["batch_size"], prune["epochs"], prune["images"]) = ("prune", 16, 1, 16);
            root["plan"]!["stages"]!.AsArray().Insert(0, prune);
        });
        var undisturbed = run.New("undisturbed");
        var watch = Stopwatch.StartNew();
        var first = Tool.Run(["fit", run.Images, "--images-per-class", "8", "--plan", plan, "--out", undisturbed]);
        Assert.True((first.ExitCode, first.Errors) == (0, ""), first.Errors);
        var whole = watch.Elapsed;
        var repeats = JsonNode.Parse(File.ReadAllText(Path.Combine(undisturbed, "report.json")))!["command"]!.GetValue<string>().Split(' ');
        Assert.Equal(["zeroone", "fit", run.Images, "--plan", Path.Combine(undisturbed, "plan.json")], repeats[..5]);

        // What the pruning has measured, to be drawn and read.
        var importances = JsonNode.Parse(File.ReadAllText(Path.Combine(undisturbed, "importances.json")))!["rounds"]![0]!["importances"]!;
        Assert.Equal("swap", (string)importances["ranks"]![0]!["function"]!);
        var (drawn, plain) = (run.New("importances.svg"), run.New("plain.svg"));
        Assert.Equal(0, Tool.Run("draw", undisturbed, "--heat-map", "-o", drawn).ExitCode);
        Assert.Equal(0, Tool.Run("draw", Path.Combine(undisturbed, "mask.json"), "--heat-map", "-o", plain).ExitCode);
        Assert.NotEqual(File.ReadAllText(plain), File.ReadAllText(drawn));

        var random = new Random(1);
        var stopped = 0;
        for (var i = 0; stopped < s_stops; i++)
        {
            Assert.True(i < s_stops * 10, $"stopped {stopped} times only");
            var output = run.New($"stopped-{i}");
            string[] command = [.. repeats[1..^1], output];
            for (var isOver = false; !isOver;)
            {
                using var process = Tool.Start(command);
                var (signal, exitCode) = s_signals[stopped % s_signals.Length];
                var end = Task.Run(() => Tool.End(process), Cancellation);
                var moment = whole * random.NextDouble();
                if (stopped < s_stops && await Task.WhenAny(end, Task.Delay(moment, Cancellation)) != end)
                    Tool.Signal(process, signal);
                var said = await end;
                isOver = said.ExitCode == 0;
                if (isOver)
                    continue;
                Assert.True(said.ExitCode == exitCode, $"{signal} after {moment}: {said.ExitCode} {said.Errors}");
                stopped++;
                // Before the images are read there is no run to go on with.
                if (File.Exists(Path.Combine(output, "run.json")))
                    command = ["resume", output];
            }
            Same(undisturbed, output);
        }
    }

    [Fact]
    public void A_plan_that_cannot_be_followed_is_one_sentence_before_any_work()
    {
        Refused(SmallPlan("classes.json", root => root["plan"]!["classes"] = 9), 2,
            "The plan is of other images: 72 to train on and 8 to validate with, of 1x32x32 in 9 classes; expected 72");
        var damaged = run.New("damaged.json");
        File.WriteAllText(damaged, File.ReadAllText(run.File("plan.json"))[..200]);
        Refused(damaged, 5, "damaged.json' cannot be used: The text is no plan");
        Refused(run.New("no-plan.json"), 5, "There is no file");
        Refused(run.File("plan.json"), 2, "--minutes is 5, but the plan says 0.25. Leave --minutes out", "--minutes", "5");
        Refused(run.File("plan.json"), 2, "--method is DARTS, but the plan says Zero-One-Shot-RND", "--method", "DARTS");
    }

    [Fact(SkipUnless = nameof(IsLinux), Skip = "Needs the signals of Linux.")]
    public async Task The_minutes_of_a_fit_count_from_before_it_reads_its_images()
    {
        var output = run.New("slow");
        using var process = Tool.Start("fit", run.Images, "--images-per-class", "8", "--minutes", "30", "--out", output);
        var end = Task.Run(() => Tool.End(process), Cancellation);
        await There(".zerooneshot.lock");
        Tool.Signal(process, "STOP");
        Assert.False(File.Exists(Path.Combine(output, "run.json")), "The images were read.");
        var slow = TimeSpan.FromSeconds(4);
        await Task.Delay(slow, Cancellation);
        Tool.Signal(process, "CONT");
        var watch = Stopwatch.StartNew();
        await There("plan.json");
        var planning = watch.Elapsed;
        Tool.Signal(process, "INT");
        Assert.Equal(130, (await end).ExitCode);
        var plan = JsonNode.Parse(File.ReadAllText(Path.Combine(output, "plan.json")))!["plan"]!;
        var around = TimeSpan.Parse(plan["around"]!.GetValue<string>(), CultureInfo.InvariantCulture);
        // Two seconds of it are for the end.
        Assert.InRange(around - TimeSpan.FromSeconds(2), planning + slow / 2, TimeSpan.FromMinutes(30));

        async Task There(string name)
        {
            while (!File.Exists(Path.Combine(output, name)))
            {
                Assert.False(end.IsCompleted, name);
                await Task.Delay(5, Cancellation);
            }
        }
    }

    [Fact(SkipUnless = nameof(HasSignals), Skip = "Needs POSIX signals.")]
    public async Task Who_goes_on_may_give_more_minutes_but_not_to_a_plan()
    {
        var output = run.New("more-minutes");
        using var process = Tool.Start("fit", run.Images, "--images-per-class", "8", "--minutes", "30", "--out", output);
        var end = Task.Run(() => Tool.End(process), Cancellation);
        while (!File.Exists(Path.Combine(output, "plan.json")))
        {
            Assert.False(end.IsCompleted);
            await Task.Delay(5, Cancellation);
        }
        Tool.Signal(process, "INT");
        Assert.Equal(130, (await end).ExitCode);
        Refused(output, "expected more than 0 and at most 525600", "0");
        Refused(output, "TimeBudget", "0.0001");
        Assert.Equal(0.0001, JsonNode.Parse(File.ReadAllText(Path.Combine(output, "run.json")))!["minutes"]!.GetValue<double>());

        var planned = run.New("more-minutes-planned");
        using var other = Tool.Start(["fit", run.Images, .. run.Endless, "--out", planned]);
        end = Task.Run(() => Tool.End(other), Cancellation);
        while (!File.Exists(Path.Combine(planned, "checkpoint", "fit.json")))
        {
            Assert.False(end.IsCompleted);
            await Task.Delay(5, Cancellation);
        }
        Tool.Signal(other, "INT");
        Assert.Equal(130, (await end).ExitCode);
        Refused(planned, "follows a plan, however long it takes. Leave --minutes out", "20");

        static void Refused(string folder, string sentence, string minutes)
        {
            var said = Tool.Run("resume", folder, "--minutes", minutes);
            Assert.Equal(2, said.ExitCode);
            Assert.Contains(sentence, said.Errors);
        }
    }

    [Fact]
    public void What_is_not_to_be_mirrored_is_kept_for_those_who_go_on_or_repeat_it()
    {
        var output = run.New("unmirrored");
        var said = Tool.Run(["fit", run.Images, .. run.Tiny, "--no-mirror", "--out", output]);
        Assert.True(said.ExitCode == 0, said.Errors);
        var asked = JsonNode.Parse(File.ReadAllText(Path.Combine(output, "run.json")))!;
        Assert.False(asked["mirror"]!.GetValue<bool>());
        var report = JsonNode.Parse(File.ReadAllText(Path.Combine(output, "report.json")))!;
        Assert.Contains(" --no-mirror ", report["command"]!.GetValue<string>());
    }

    [Fact]
    public void Plan_prints_and_keeps_what_fit_follows()
    {
        var file = run.New("planned.json");
        var said = Tool.Run(
            "plan", run.Images, "--method", "Zero-One-Shot-RND", "--minutes", "5", "--images-per-class", "8", "--json", "--out", file);
        Assert.Equal((0, ""), (said.ExitCode, said.Errors));
        Assert.Equal(File.ReadAllText(file), said.Output);
        Assert.Equal(300, TimeSpan.Parse(JsonNode.Parse(said.Output)!["plan"]!["time_budget"]!.GetValue<string>(),
            CultureInfo.InvariantCulture).TotalSeconds);
    }

    private string SmallPlan(string name, Action<JsonNode> change)
    {
        var root = JsonNode.Parse(File.ReadAllText(run.File("plan.json")))!;
        Assert.True(root.AsObject().Remove("sha256"));
        change(root);
        File.WriteAllText(run.New(name), root.ToJsonString());
        return run.New(name);
    }

    private static void Same(string expected, string actual)
    {
        foreach (var name in (string[])["genotype.json", "mask.json", "model.onnx", "predictions.csv", "plan.json"])
            Assert.True(Bytes(expected, name).SequenceEqual(Bytes(actual, name)), name);
        Assert.Equal(Metrics(expected), Metrics(actual));

        static byte[] Bytes(string folder, string name) => File.ReadAllBytes(Path.Combine(folder, name));

        static string Metrics(string folder)
        {
            var metrics = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "metrics.json")))!.AsObject();
            Assert.True(metrics.Remove("seconds") && metrics.Remove("sha256"));
            return metrics.ToJsonString();
        }
    }

    private void Refused(string plan, int exitCode, string sentence, params string[] options)
    {
        var output = run.New($"refused-{Guid.NewGuid():N}");
        var said = Tool.Run(["fit", run.Images, "--images-per-class", "8", "--plan", plan, .. options, "--out", output]);
        Assert.True(exitCode == said.ExitCode, $"{said.ExitCode}: {said.Errors}");
        Assert.Contains(sentence, said.Errors);
        Assert.Single(said.Errors.TrimEnd().Split('\n'));
        Assert.False(File.Exists(Path.Combine(output, "model.zip")));
    }
}
