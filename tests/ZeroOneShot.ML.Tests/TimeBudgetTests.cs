using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Microsoft.ML;
using Microsoft.ML.Data;
using Xunit;
using ZeroOneShot.Data;
using ZeroOneShot.OneShot;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Training;

namespace ZeroOneShot.ML.Tests;

/// <summary>The trainer that is given minutes and megabytes.</summary>
public sealed class TimeBudgetTests : IDisposable
{
    private readonly MLContext _ml = new(seed: 1);
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void One_fit_searches_without_training_then_trains_and_says_so_everywhere()
    {
        var told = new List<RunProgress>();
        var (logger, options) = (new KeepingLogger(), Options());
        (options.Progress, options.Logger) = (new Told(told.Add), logger);
        var trainer = Trainer(options);
        using var model = trainer.Fit(Data());
        var (report, ranked) = (model.Report!, model.Report!.Ranked!);
        Assert.Equal([RunStage.Search, RunStage.Train], report.Stages.Select(stage => stage.Plan.Stage));
        Assert.Equal((ranked.Genotype, "Zero-Shot", null), (model.Genotype, model.Method, report.Search));
        Assert.Equal((SearchSpace.Darts.Kinds.Count * 14 * 8, 0), (model.Mask!.TotalLive, report.Pruning.Rounds.Count));
        var search = report.Stages[0];
        Assert.Equal((ranked.Candidates.Count, $"{search.Plan.Candidates} genotypes"), (search.Epochs, search.Plan.Length));
        Assert.StartsWith($"Search: {search.Epochs} of {search.Plan.Candidates} genotypes, ", search.ToString());
        Assert.InRange(search.Time, TimeSpan.FromTicks(1), 0.15 * report.Time);
        Assert.Contains(told, progress => progress.ToString().StartsWith($"Search 1 of {search.Plan.Candidates} genotypes"));
        Assert.Contains(logger.Messages, message =>
            message.Text == $"Zero-Shot ranked {search.Epochs} genotypes without training, by swap, " +
                "az-expressivity, skip-connections, shallowness");
        _ml.Model.Save(model, Data().Schema, _folder.File("model.zip"));
        var info = SearchInfo.Read(_folder.File("model.zip"));
        Assert.Equal(("Zero-Shot", model.Genotype, model.Mask), (info.Method, info.Genotype, info.Mask));
        var settings = JsonNode.Parse(info.Settings)!["search"]!;
        Assert.Equal(search.Plan.Candidates, settings["candidates"]!.GetValue<int>());
        Assert.Equal(["Swap", "AzExpressivity", "SkipConnections", "Shallowness"],
            settings["functions"]!.AsArray().Select(name => name!.GetValue<string>()));
    }

    [Fact]
    public void A_cost_target_is_kept_to_without_training_and_one_too_small_is_refused_with_the_numbers()
    {
        var options = Options();
        var logger = new KeepingLogger();
        (options.CostTarget, options.Logger) = (new CostTarget { Parameters = 9_000 }, logger);
        using var model = Trainer(options).Fit(Data());
        var kept = model.MeasureCost().Parameters;
        Assert.InRange(kept, 0.95 * 9_000, 9_000);
        Assert.Single(logger.Messages, message => message.Text.EndsWith($" has {kept} parameters; CostTarget is 9000 parameters"));
        Assert.DoesNotContain(logger.Messages, message => message.Text.Contains("less than 95 %") || message.Text.Contains("no effect"));
        options.CostTarget = new CostTarget { Parameters = 10 };
        (options.Method, options.MetricsCallback) = (SearchMethod.ZeroOneShot, _ => Assert.Fail("Something ran."));
        Assert.Contains("CostTarget is 10 parameters, but the cheapest network",
            Assert.Throws<ArgumentException>(() => Trainer(options).Fit(Data())).Message);
    }

    [Fact]
    public void A_cost_target_that_the_network_of_the_time_comes_nowhere_near_is_worth_a_warning()
    {
        var (options, logger) = (Options(), new KeepingLogger());
        (options.CostTarget, options.Logger) = (new CostTarget { Parameters = 100_000_000 }, logger);
        using var model = Trainer(options).Fit(Data());
        Assert.Contains(logger.Messages, message => message.Level == Microsoft.Extensions.Logging.LogLevel.Warning
            && message.Text.StartsWith("CostTarget is 100000000 parameters, which no network of "));
        Assert.Contains(logger.Messages, message => message.Level == Microsoft.Extensions.Logging.LogLevel.Warning
            && message.Text.StartsWith("That is less than 95 % of CostTarget"));
    }

    [Fact]
    public void The_papers_method_prunes_searches_and_trains_and_reports_what_it_did_beside_the_plan()
    {
        var told = new List<RunProgress>();
        var (logger, options) = (new KeepingLogger(), Options());
        (options.Method, options.TimeBudget) = (SearchMethod.ZeroOneShot, TimeSpan.FromMinutes(1.5));
        (options.MetricsCallback, options.Logger) = (told.Add, logger);
        using var model = Trainer(options).Fit(Data());
        var report = model.Report!;
        Assert.Equal([RunStage.Prune, RunStage.Search, RunStage.Train], report.Stages.Select(stage => stage.Plan.Stage));
        Assert.Equal([RunStage.Prune, RunStage.Search, RunStage.Train], told.Select(progress => progress.Stage).Distinct());
        Assert.Equal(112, report.Pruning.Mask.TotalLive);
        Assert.Equal(model.Genotype, report.Search!.Genotype);
        Assert.Equal(report.Stages[2].Epochs, model.Epochs.Count);
        Assert.All(report.Stages, stage => Assert.InRange(stage.Memory, 1 << 20, long.MaxValue));
        Assert.All(report.Stages, stage => Assert.InRange(stage.Time, TimeSpan.FromTicks(1), report.Time));
        Assert.InRange(report.Time, TimeSpan.Zero, 1.05 * options.TimeBudget);
        // The plan is told before anything runs.
        var plan = logger.Messages.FindIndex(message => message.Text.StartsWith("Zero-One-Shot on 144 images"));
        Assert.InRange(plan, 0, logger.Messages.FindIndex(message => message.Text.StartsWith("Zero-One-Shot leaves")));
        var scored = _ml.MulticlassClassification.Evaluate(model.Transform(Data(seed: 8)));
        Assert.InRange(scored.MicroAccuracy, 0.8, 1);
    }

    [Fact]
    public void A_plan_can_be_had_without_running_it()
    {
        var told = new List<RunProgress>();
        var options = Options();
        options.MetricsCallback = told.Add;
        var plan = Trainer(options).Plan(Data());
        Assert.Empty(told);
        Assert.Equal((144, 16, 3, 2), (plan.TrainImages, plan.ValidationImages, plan.Classes, plan.Stages.Count));
        Assert.InRange(plan.Time, TimeSpan.FromSeconds(1), options.TimeBudget);
        Assert.InRange(plan.Memory, 1 << 20, plan.MaxMemory);
        var lines = plan.ToString().Split('\n');
        Assert.StartsWith("Zero-Shot on 144 images of 3x16x16 in 3 classes, 16 more to validate with", lines[0]);
        Assert.Equal(["stage", "search", "train", "in", "allowed"], lines[1..6].Select(line => line.Split(' ')[0]));
        // So few images are not enough to tell networks apart.
        Assert.StartsWith("warning: There are 144 images to train on.", lines[6]);
    }

    [Theory]
    [InlineData("ETENAS-PC", 2)]
    [InlineData("DARTS-RND", 2)]
    public void A_method_without_one_of_the_stages_has_a_plan_of_two(string method, int stages)
    {
        var options = Options();
        options.Method = SearchMethod.Parse(method);
        Assert.Equal(stages, Trainer(options).Plan(Data()).Stages.Count);
    }

    [Fact]
    public void A_budget_too_short_is_refused_with_the_numbers_of_the_smallest_plan()
    {
        var options = Options();
        options.TimeBudget = TimeSpan.FromMilliseconds(1);
        var error = Assert.Throws<ArgumentException>(() => Trainer(options).Fit(Data()));
        Assert.Matches(@"TimeBudget leaves .* s for the stages; the smallest plan is predicted to take \d+\.\d s on this machine " +
            @"\(Search .* s, Train .* s\)\. Allow more time", error.Message);
        options = Options();
        options.MaxMemory = 1 << 20;
        error = Assert.Throws<MemoryLimitException>(() => Trainer(options).Fit(Data()));
        Assert.Matches(@"MaxMemory is 1 MiB; the smallest plan is predicted to take \d+ MiB, \d\d+ of them what the process " +
            @"holds already, in its stage .* with 4 channels, 3 cells and batches of .*\. Allow that much", error.Message);
    }

    // As many rows as asked for, of one picture each class; how many there are is told or not.
    private IDataView Many(int count, bool isCounted)
    {
        var images = Toy.Images(2, side: 64).Subset([.. Enumerable.Range(0, count).Select(i => i % 2)]);
        var data = _ml.Data.LoadImages(images);
        return isCounted ? _ml.Data.Cache(data) : data;
    }

    [Theory]
    [InlineData(true, "2000 images of 3x64x64 take 23.4 MiB")]
    [InlineData(false, "more images than the 1")]
    public void Images_too_many_for_the_memory_are_refused_while_they_are_read(bool isCounted, string expected)
    {
        var (options, data) = (Options(), Many(2000, isCounted));
        if (isCounted)
            Assert.Equal(2000, data.GetColumn<uint>("Label").Count());
        options.MaxMemory = Environment.WorkingSet / 2;
        var error = Assert.Throws<MemoryLimitException>(() => Trainer(options).Fit(data));
        Assert.Contains(expected, error.Message);
        Assert.Matches(@"that the process holds already\. Allow more, or give fewer or smaller images", error.Message);
    }

    [Fact]
    public void A_budget_that_reading_uses_up_is_refused_while_images_are_read_and_progress_is_told()
    {
        var (options, logger) = (Options(), new KeepingLogger());
        (options.Time, options.Logger) = (new LookedAtTime { Step = TimeSpan.FromSeconds(10) }, logger);
        options.TimeBudget = TimeSpan.FromSeconds(50);
        var error = Assert.Throws<InvalidOperationException>(() => Trainer(options).Fit(Data()));
        Assert.Matches(@"TimeBudget, 00:00:50, was used up when \d\d images were read\. Allow more time", error.Message);
        Assert.Contains(logger.Messages, message => message.Text.StartsWith("Read ", StringComparison.Ordinal));
    }

    [Fact]
    public void A_budget_used_up_before_the_training_begins_is_an_error_and_no_untrained_network()
    {
        var (options, time) = (Options(), new LookedAtTime());
        options.Time = time;
        // The machine stands still in the search.
        options.Progress = new Told(progress => time.Step = progress.Stage == RunStage.Search ? options.TimeBudget : time.Step);
        var error = Assert.Throws<InvalidOperationException>(() => Trainer(options).Fit(Data()));
        Assert.Matches(
            "TimeBudget, 00:00:30, was used up before the training of what was found began: the machine is slower", error.Message);

        // With more time it goes on from there.
        (options, time) = (Options(), new LookedAtTime());
        (options.Time, options.CheckpointFolder) = (time, _folder.FullName);
        options.Progress = new Told(progress => time.Step = progress.Stage == RunStage.Search ? options.TimeBudget : time.Step);
        error = Assert.Throws<InvalidOperationException>(() => Trainer(options).Fit(Data()));
        Assert.Contains("Give more time, a larger TimeBudget (zeroone resume DIR --minutes N); what was reached is in", error.Message);
        var seconds = JsonNode.Parse(File.ReadAllText(_folder.File("fit.json")))!["Seconds"]!.GetValue<double>();
        (options.Time, options.TimeBudget) = (new LookedAtTime(), TimeSpan.FromSeconds(seconds + 30));
        options.Progress = new Told(progress => Assert.NotEqual(RunStage.Search, progress.Stage));
        using var model = Trainer(options).Fit(Data());
        Assert.InRange(model.Report!.Time, TimeSpan.FromSeconds(seconds), 1.05 * options.TimeBudget);
    }

    [Fact]
    public void Batches_are_no_larger_than_the_memory_allows_where_there_is_much_time()
    {
        var (images, seconds) = (Toy.Images(2400, side: 32), TimeSpan.FromDays(2).TotalSeconds);
        var space = new PlannedSpace(SearchSpace.Darts, images.Shape, images.ClassCount);
        var times = StepTimes.Measure(images, space, SearchMethod.ZeroOneShot, device: null, TimeSpan.FromMinutes(1), new LookedAtTime(),
            long.MaxValue, CancellationToken.None);
        Assert.Equal([64, 64], Batches(Planning(long.MaxValue)));
        var refused = Assert.Throws<MemoryLimitException>(() => Planning(1 << 20));
        var least = Regex.Match(refused.Message, @"predicted to take (\d+) MiB").Groups[1].Value;
        var memory = (long.Parse(least, CultureInfo.InvariantCulture) + 1) << 20;
        var small = Planning(memory);
        Assert.Contains(32, Batches(small));
        Assert.All(small, stage => Assert.InRange(stage.Memory, 1, memory));

        IReadOnlyList<StagePlan> Planning(long most) => new Planner(
            images, validation: null, times, space, SearchMethod.ZeroOneShot, most, held: 200 << 20, target: null).Stages(seconds);

        static IEnumerable<int> Batches(IReadOnlyList<StagePlan> stages) => stages.Skip(1).Select(stage => stage.BatchSize);
    }

    [Fact]
    public void Classes_of_one_image_and_a_validation_set_without_a_class_are_refused_by_name()
    {
        var images = Toy.Images(31).Subset([.. Enumerable.Range(0, 30).Where(i => i % 3 != 2), 29]);
        var error = Assert.Throws<ArgumentException>(() => Trainer(Options()).Fit(_ml.Data.LoadImages(images)));
        Assert.Contains("Class 'waves' has 1 image(s); expected at least two of every class", error.Message);
        var options = Options();
        options.ValidationSet = _ml.Data.LoadImages(Toy.Images(2));
        error = Assert.Throws<ArgumentException>(() => Trainer(options).Fit(Data()));
        Assert.Contains("The ValidationSet has no image of class 'waves'", error.Message);
    }

    [Fact]
    public void Very_unequal_classes_are_worth_a_word_unless_they_are_weighed()
    {
        var images = Toy.Images(360);
        var unequal = _ml.Data.LoadImages(images.Subset([.. Enumerable.Range(0, 360).Where(i => i % 3 != 1 || i < 36)]));
        var options = Options();
        Assert.Matches(@"^Class 'bars' has 10\d images to train on, 'dots' 1\d: such rare classes are seldom predicted",
            Assert.Single(Trainer(options).Plan(unequal).Warnings));
        options.ClassWeighting = ClassWeighting.Balanced;
        Assert.Empty(Trainer(options).Plan(unequal).Warnings);
        options = Options();
        options.ExampleWeightColumnName = "Weight";
        int[] labels = [.. Enumerable.Range(0, 240).Select(i => i < 20 ? 1 : 0)];
        byte[] pixels = [.. labels.SelectMany((_, i) => images.Pixels(i).ToArray())];
        var weighed = new ImageSet(pixels, labels, images.Shape, ["often", "rare"],
            [.. labels.Select(label => label == 0 ? 11f : 1)]);
        Assert.Empty(Trainer(options).Plan(_ml.Data.LoadImages(weighed)).Warnings);
        Assert.DoesNotContain(Trainer(Options()).Plan(Data()).Warnings, warning => warning.Contains("rare", StringComparison.Ordinal));
    }

    [Fact]
    public void A_share_to_validate_with_is_taken_as_given_and_too_few_images_for_a_search_are_counted()
    {
        var options = Options();
        options.ValidationFraction = 0.25;
        Assert.Equal((120, 40), (Trainer(options).Plan(Data()).TrainImages, Trainer(options).Plan(Data()).ValidationImages));
        options.Method = SearchMethod.ZeroOneShot;
        var few = _ml.Data.LoadImages(new ImageSet(new byte[4 * 3 * 16 * 16], [0, 1, 0, 1], new ImageShape(3, 16, 16), ["a", "b"]));
        Assert.Contains("There are 3 images to train on, without those to validate with; expected at least 4 for method Zero-One-Shot",
            Assert.Throws<ArgumentException>(() => Trainer(options).Fit(few)).Message);
        var blank = new ImageSet(
            new byte[40 * 3 * 16 * 16], [.. Enumerable.Range(0, 40).Select(i => i % 2)], new ImageShape(3, 16, 16), ["a", "b"]);
        Assert.Contains("The 40 images are all the same, pixel for pixel, 0 the first of them; expected images that differ",
            Assert.Throws<ArgumentException>(() => Trainer(options).Fit(_ml.Data.LoadImages(blank))).Message);
    }

    [Theory]
    [InlineData("Zero-Shot", RunStage.Search)]
    [InlineData("Zero-Shot", RunStage.Train)]
    [InlineData("Zero-One-Shot", RunStage.Prune)]
    [InlineData("Zero-One-Shot", RunStage.Search)]
    public void A_cancelled_fit_goes_on_by_its_plan_and_ends_within_what_was_left(string method, RunStage stage)
    {
        using var source = new CancellationTokenSource();
        var (options, told) = (Options(), new List<RunProgress>());
        options.Method = SearchMethod.Parse(method);
        (options.CheckpointFolder, options.CancellationToken) = (_folder.FullName, source.Token);
        options.Progress = new Told(progress =>
        {
            told.Add(progress);
            if (progress.Stage == stage && progress.Step >= 3)
                source.Cancel();
        });
        Assert.ThrowsAny<OperationCanceledException>(() => Trainer(options).Fit(Data()));
        Assert.Equal(stage, told[^1].Stage);

        options = Options();
        (options.CheckpointFolder, options.Method) = (_folder.FullName, SearchMethod.Parse(method));
        var plan = Trainer(options).Plan(Data());
        var again = new List<RunProgress>();
        options.Progress = new Told(again.Add);
        using var model = Trainer(options).Fit(Data());
        // The training alone is planned anew, once it is known what network was found.
        Assert.Equal(plan.Stages.SkipLast(1).Select(Sizes), model.Report!.Plan.Stages.SkipLast(1).Select(Sizes));
        if (stage == RunStage.Train)
            Assert.Equal(plan.ToString(), model.Report.Plan.ToString());
        Assert.DoesNotContain(again, progress => progress.Stage < stage);
        Assert.InRange(model.Report.Time, TimeSpan.Zero, 1.05 * options.TimeBudget);
        // What is over stays over: a third call has nothing left to train.
        options.Progress = new Told(_ => Assert.Fail("nothing is left to do"));
        using var same = Trainer(options).Fit(Data());
        Assert.Equal(model.Genotype, same.Genotype);

        var other = Assert.Throws<InvalidDataException>(() => Trainer(options).Fit(Data(seed: 9)));
        Assert.Contains("is of other images or settings", other.Message);
    }

    [Fact]
    public void The_training_is_planned_anew_by_the_network_that_was_found_and_uses_the_time_that_is_left()
    {
        var (logger, options) = (new KeepingLogger(), Options());
        options.Logger = logger;
        // No step of a training, but those that are timed, takes more than a few looks at the clock.
        using var model = Trainer(options).Fit(Data());
        var (report, told) = (model.Report!, model.Report!.Plan.ToString());
        Assert.Contains(logger.Messages, message => message.Text == told);
        Assert.Equal(report.Stages[0].Time, report.Plan.Stages[0].Time);
        Assert.InRange(report.Time, 0.85 * options.TimeBudget, 1.05 * options.TimeBudget);
        Assert.Equal(report.Stages[^1].Epochs, model.Epochs.Count);
    }

    private static IEnumerable<string?> StemsOf(SearchSpace space, int channels, int height, int width) =>
        new PlannedSpace(space, new ImageShape(channels, height, width), classes: 10).Networks.Select(size => size.Stem).Distinct();

    [Fact]
    public void Images_are_halved_by_the_stem_of_small_networks_if_they_are_small_and_of_all_if_they_are_larger()
    {
        Assert.Equal(["half", null], StemsOf(SearchSpace.Darts, 3, 32, 32));
        Assert.Equal(["half"], StemsOf(SearchSpace.Darts, 3, 64, 64));
        Assert.Equal(["half"], StemsOf(SearchSpace.DartsLarge, 1, 28, 64));
        Assert.Equal([null], StemsOf(SearchSpace.Darts, 3, 16, 16));
        Assert.Equal([null], StemsOf(SearchSpace.Darts, 3, 128, 128));
        Assert.Equal([null], StemsOf(SearchSpace.NasBench201, 3, 32, 32));
        var options = Options();
        options.TimeBudget = TimeSpan.FromMinutes(2);
        var data = _ml.Data.LoadImages(Toy.Images(40, seed: 7, side: 48));
        var plan = Trainer(options).Plan(data);
        Assert.Equal("half", plan.Stages[^1].Stem);
        options.Plan = plan with { Stages = [plan.Stages[0] with { Candidates = 4 }, plan.Stages[^1] with { Epochs = 1 }] };
        using var model = Trainer(options).Fit(data);
        Assert.Equal("half", model.Weights.Network.Stem);
        Assert.Throws<FormatException>(() => ZeroOneShotPlan.FromJson(plan.ToJson().Replace("half", "quarter")));
    }

    private static Planner PlannerFor(ImageSet images, PlannedSpace space, CostTarget? target = null) => new(images, validation: null,
        StepTimes.Unknown(space, images), space, SearchMethod.ZeroShot, long.MaxValue, held: 200 << 20, target);

    [Theory]
    [InlineData(70_000, 8)]
    [InlineData(120_000, 12)]
    public void A_network_is_planned_that_can_come_near_a_cost_target_also_where_a_smaller_one_costs_more(long parameters, int channels)
    {
        var images = Toy.Images(2400, side: 32);
        var space = new PlannedSpace(SearchSpace.Darts, images.Shape, images.ClassCount);
        var planner = PlannerFor(images, space, new CostTarget { Parameters = parameters });
        Assert.Equal(new NetworkSize(channels, 5, null), planner.Stages(1e8)[^1].Size);
    }

    [Fact]
    public void More_time_gives_whole_images_to_larger_networks()
    {
        var images = Toy.Images(2400, side: 32);
        var space = new PlannedSpace(SearchSpace.Darts, images.Shape, images.ClassCount);
        var planner = PlannerFor(images, space);
        var sizes = new[] { 1e4, 1e5, 1e6, 1e7, 1e8 }.Select(seconds => planner.Stages(seconds)[^1].Size).ToList();
        Assert.Equal(new NetworkSize(8, 3, "half"), sizes[0]);
        Assert.Null(sizes[^1].Stem);
        // Few images are learned by heart by the largest ones.
        Assert.Equal(space.Networks[space.Networks.Count * 2 / 3 - 1], sizes[^1]);
        int[] places = [.. sizes.Select(size => space.Networks.ToList().IndexOf(size))];
        Assert.Equal(places.Order(), places);
    }

    [Fact]
    public void A_damaged_plan_gives_way_to_the_one_before_with_a_warning_and_both_damaged_are_refused_by_name()
    {
        using var source = new CancellationTokenSource();
        var options = Options();
        (options.CheckpointFolder, options.CancellationToken) = (_folder.FullName, source.Token);
        options.Progress = new Told(_ => source.Cancel());
        Assert.ThrowsAny<OperationCanceledException>(() => Trainer(options).Fit(Data()));
        var (state, before, log) = (_folder.File("fit.json"), _folder.File("fit.previous.json"), new KeepingLogger());
        (options.CancellationToken, options.Progress, options.Logger) = (default, null, log);
        var plan = Trainer(options).Plan(Data()).ToJson();

        // A number that is another one by a wrong byte is no plan to follow.
        File.WriteAllText(state, File.ReadAllText(state).Replace("\"Epochs\": ", "\"Epochs\": 1"));
        Assert.Equal(plan, Trainer(options).Plan(Data()).ToJson());
        Assert.Contains(log.Messages, message =>
            message.Text.Contains($"'{state}' cannot be read: The checksum ('sha256') is of another content")
            && message.Text.Contains($"goes on from the one before, '{before}'"));
        File.WriteAllBytes(state, []);
        Assert.Equal(plan, Trainer(options).Plan(Data()).ToJson());
        File.WriteAllBytes(before, []);
        var error = Assert.Throws<InvalidDataException>(() => Trainer(options).Fit(Data()));
        Assert.Contains($"'{before}' cannot be read", error.Message);
        Assert.Contains("Delete the folder's files to begin anew", error.Message);
    }

    [Fact]
    public void A_second_fit_with_the_same_checkpoint_folder_is_refused_by_the_name_of_the_first()
    {
        var options = Options();
        options.CheckpointFolder = _folder.FullName;
        IOException? refusal = null;
        var first = Options();
        (first.CheckpointFolder, first.Progress) = (_folder.FullName, new Told(_ =>
            refusal ??= Assert.Throws<IOException>(() => Trainer(options).Fit(Data()))));
        using var model = Trainer(first).Fit(Data());
        Assert.Contains($"CheckpointFolder '{_folder.FullName}' is in use by process {Environment.ProcessId}", refusal!.Message);
        using var again = Trainer(options).Fit(Data());
        Assert.Equal(model.Genotype, again.Genotype);
    }

    [Fact]
    public void Scored_images_are_evaluated_as_values()
    {
        using var model = _ml.MulticlassClassification.Trainers.CellNet(Toy.TrainByHand()).Fit(Toy.Data(_ml));
        var scored = model.Transform(Data(seed: 8));
        var (metrics, stock) = (_ml.MulticlassClassification.EvaluateImages(scored), _ml.MulticlassClassification.Evaluate(scored));
        Assert.Equal(160, metrics.Images);
        Assert.Equal(stock.MicroAccuracy, metrics.Accuracy, 1e-9);
        Assert.Equal(stock.MacroAccuracy, metrics.BalancedAccuracy, 1e-9);
        Assert.Equal(stock.LogLoss, metrics.LogLoss, 1e-4);
        Assert.Equal(1, metrics.TopAccuracy(3));
        Assert.InRange(metrics.TopAccuracy(2), metrics.Accuracy, 1);
        Assert.Equal(stock.ConfusionMatrix.Counts.Select(row => row.Select(count => (int)count)), metrics.Confusion);
        Assert.Equal(stock.ConfusionMatrix.PerClassRecall, metrics.Classes.Select(of => of.Recall), (a, b) => Math.Abs(a - b) < 1e-9);
        Assert.Equal(Toy.ClassNames, metrics.Classes.Select(of => of.Label));
        Assert.InRange(metrics.CalibrationError, 0, 1);

        // Keys may be numbered otherwise, and classes be missing: the names count.
        var images = Toy.Images(160, seed: 8);
        int[] labels = [.. Enumerable.Range(0, images.Count).Select(images.Label)];
        byte[] pixels = [.. Enumerable.Range(0, images.Count).SelectMany(i => images.Pixels(i).ToArray())];
        Assert.Equal(metrics.ToString(), Evaluated(labels.Select(label => 2 - label), ["waves", "dots", "bars"]).ToString());
        var dots = Evaluated(labels.Select(_ => 1), ["waves", "dots"]);
        Assert.Equal((Toy.ClassNames.Length, 160), (dots.Classes.Count, dots.Classes[1].Images));
        Assert.Contains("class 'stars'", Assert.Throws<ArgumentOutOfRangeException>(
            () => Evaluated(labels, ["bars", "dots", "stars"])).Message);

        ImageClassifierMetrics Evaluated(IEnumerable<int> of, string[] names) => _ml.MulticlassClassification.EvaluateImages(
            model.Transform(_ml.Data.LoadImages(new ImageSet(pixels, [.. of], images.Shape, names))));
    }

    [Fact]
    public void The_cost_of_a_classifier_is_measured()
    {
        using var model = _ml.MulticlassClassification.Trainers.CellNet(Toy.TrainByHand()).Fit(Toy.Data(_ml));
        var cost = model.MeasureCost();
        Assert.Equal(model.Weights.Network.Channels, Toy.Train().Settings.Network.Channels);
        Assert.InRange(cost.Parameters, 100, 100_000);
        Assert.InRange(cost.FileSize, 4 * cost.Parameters, 8 * cost.Parameters + 200_000);
        Assert.True(cost.MultiplyAdds > cost.Parameters && cost.MillisecondsPerImage > 0);
    }

    [Fact]
    public void A_console_shows_one_line_that_lives_and_a_file_a_line_a_minute()
    {
        const string Progress = "Train epoch 2/3, step 4/5, loss 1.0000";
        var (time, live, lines) = (new LookedAtTime { Step = TimeSpan.FromSeconds(10) }, new StringWriter(), new StringWriter());
        var (console, file) = (new ConsoleProgress(live, isConsole: true, time), new ConsoleProgress(lines, isConsole: false, time));
        console.Write("the plan");
        for (var i = 0; i < 20; i++)
        {
            console.Show(() => Progress, TimeSpan.FromSeconds(i), TimeSpan.FromMinutes(1));
            file.Show(() => Progress, TimeSpan.FromSeconds(i), TimeSpan.FromMinutes(1));
        }
        console.Close();
        Assert.Equal(["the plan", ""], live.ToString().Split(Environment.NewLine).Where(line => !line.StartsWith('\r')));
        Assert.Equal(21, live.ToString().Split('\r').Length);
        Assert.InRange(lines.ToString().Split('\n').Length, 5, 12);
        Assert.StartsWith("00:00:0", lines.ToString());
        Assert.Contains($"00:01:00 left: {Progress}", lines.ToString());
    }

    [Fact]
    public void Values_out_of_range_are_refused_when_the_trainer_is_made()
    {
        Assert.Contains("TimeBudget is 00:00:00", Refusal(options => options.TimeBudget = TimeSpan.Zero));
        Assert.Contains("MaxMemory is 0", Refusal(options => options.MaxMemory = 0));
        Assert.Contains("ValidationFraction is 0.6", Refusal(options => options.ValidationFraction = 0.6));

        string Refusal(Action<ZeroOneShotTrainer.Options> change)
        {
            var options = Options();
            change(options);
            return Assert.Throws<ArgumentException>(() => Trainer(options)).Message;
        }
    }

    private static (int, int, int, int, int?) Sizes(StagePlan of) => (of.Channels, of.Cells, of.BatchSize, of.Epochs, of.Candidates);

    // Time that passes with looks at the clock: some hundred small steps.
    private static ZeroOneShotTrainer.Options Options() => new()
    {
        TimeBudget = TimeSpan.FromMinutes(0.5), Time = new LookedAtTime(), ShowProgress = false,
    };

    private ZeroOneShotTrainer Trainer(ZeroOneShotTrainer.Options options) => _ml.MulticlassClassification.Trainers.ZeroOneShot(options);

    private IDataView Data(int seed = 7) => _ml.Data.LoadImages(Toy.Images(160, seed: seed));

    private sealed class Told(Action<RunProgress> act) : IProgress<RunProgress>
    {
        public void Report(RunProgress value) => act(value);
    }
}
