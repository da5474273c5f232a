using System.Text.Json.Nodes;
using Microsoft.ML;
using Xunit;
using ZeroOneShot.OneShot;
using ZeroOneShot.Runtime;

namespace ZeroOneShot.ML.Tests;

/// <summary>Plans that are kept, and followed without a look at the clock.</summary>
public sealed class PlanTests : IDisposable
{
    private readonly MLContext _ml = new(seed: 1);
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_plan_reads_as_it_was_written()
    {
        var plan = Plan();
        var text = plan.ToJson();
        var read = ZeroOneShotPlan.FromJson(text);
        Assert.Equal(plan.ToString(), read.ToString());
        Assert.Equal(text, read.ToJson());
        Assert.Equal(plan.Stages, read.Stages);
    }

    [Theory]
    [InlineData("Zero-One-Shot")]
    [InlineData("Zero-Shot")]
    public void A_fit_by_a_plan_that_is_stopped_in_every_stage_and_goes_on_ends_with_the_same_weights_however_long_it_took(string method)
    {
        var plan = method == "Zero-Shot" ? Ranking() : Plan();
        // Of an hour a step, so that everything by the clock would end at once.
        using var whole = Trainer(Options(plan, hours: 1)).Fit(Data());
        Assert.All(whole.Report!.Stages, of => Assert.False(of.Rescheduled));
        Assert.Equal(plan.Stages.Select(of => of.Candidates ?? of.Epochs), whole.Report.Stages.Select(of => of.Epochs));

        foreach (var stage in plan.Stages.Select(of => of.Stage))
        {
            using var source = new CancellationTokenSource();
            var stopped = Options(plan, hours: 1);
            (stopped.CheckpointFolder, stopped.CancellationToken) = (_folder.FullName, source.Token);
            stopped.Progress = new Told(progress =>
            {
                if (progress.Stage == stage && (stage == RunStage.Prune || progress.Step >= 3))
                    source.Cancel();
            });
            Assert.ThrowsAny<OperationCanceledException>(() => Trainer(stopped).Fit(Data()));
        }
        var options = Options(plan, hours: 2);
        options.CheckpointFolder = _folder.FullName;
        using var again = Trainer(options).Fit(Data());
        Assert.Equal(Onnx(whole), Onnx(again));

        // The checkpoint is of this plan alone.
        options = Options(plan with { MaxMemory = 1 << 30 }, hours: 1);
        options.CheckpointFolder = _folder.FullName;
        Assert.Contains("is of other images or settings", Assert.Throws<InvalidDataException>(() => Trainer(options).Fit(Data())).Message);

        static byte[] Onnx(CellNetTransformer model)
        {
            using var stream = new MemoryStream();
            model.ExportOnnx(stream);
            return stream.ToArray();
        }
    }

    [Fact]
    public void Images_are_not_mirrored_by_search_and_training_where_the_options_say_so()
    {
        using var source = new CancellationTokenSource();
        var options = Options(Plan(), hours: 1);
        (options.MirrorImages, options.CheckpointFolder, options.CancellationToken) = (false, _folder.FullName, source.Token);
        options.Progress = new Told(progress =>
        {
            if (progress.Stage == RunStage.Search)
                source.Cancel();
        });
        Assert.ThrowsAny<OperationCanceledException>(() => Trainer(options).Fit(Data()));
        options.MirrorImages = true;
        (options.CancellationToken, options.Progress) = (default, null);
        Assert.Contains("mirrored images False", Assert.Throws<InvalidDataException>(() => Trainer(options).Fit(Data())).Message);
        options.MirrorImages = false;
        using var model = Trainer(options).Fit(Data());
        var settings = JsonNode.Parse(model.Weights.Metadata[SearchInfo.SettingsKey])!;
        foreach (var stage in (string[])["search", "train"])
            Assert.False(settings[stage]!["augmentation"]!["horizontal_flip"]!.GetValue<bool>(), stage);
    }

    [Theory]
    [InlineData(RunStage.Prune, 6, 1, "Channels divisible by PartialChannels")]
    [InlineData(RunStage.Search, 6, 2, "Channels divisible by PartialChannels")]
    [InlineData(RunStage.Search, 4, int.MaxValue, "Epochs is 2147483647")]
    [InlineData(RunStage.Train, 4, int.MaxValue, "Epochs is 2147483647")]
    public void A_plan_whose_later_stages_would_refuse_it_is_refused_before_any_work(
        RunStage stage, int channels, int epochs, string sentence)
    {
        var plan = Plan();
        plan = plan with
        {
            Stages = [.. plan.Stages.Select(of => of.Stage == stage ? of with { Channels = channels, Epochs = epochs } : of)],
        };
        var error = Assert.Throws<ArgumentException>(() => Trainer(Options(plan, hours: 0)));
        Assert.StartsWith($"The plan's stage {stage} cannot be followed: ", error.Message);
        Assert.Contains(sentence, error.Message);
    }

    [Fact]
    public void A_cost_target_that_the_plans_network_cannot_keep_is_refused_with_what_its_user_can_change()
    {
        var options = Options(Ranking(), hours: 1);
        options.CostTarget = new CostTarget { Parameters = 10 };
        var error = Assert.Throws<ArgumentException>(() => Trainer(options).Fit(Data()));
        Assert.StartsWith("CostTarget is 10 parameters, but the cheapest network of ", error.Message);
        Assert.EndsWith("Allow as many, or take a plan whose training has fewer channels or cells, or a method that prunes nothing, such " +
            "as Zero-Shot.", error.Message);
    }

    [Fact]
    public void What_the_clock_shortened_says_so()
    {
        var options = Options(null, hours: 0);
        options.Time = new LookedAtTime();
        using var source = new CancellationTokenSource();
        (options.CheckpointFolder, options.CancellationToken) = (_folder.FullName, source.Token);
        options.Progress = new Told(progress =>
        {
            if (progress.Stage == RunStage.Train)
                source.Cancel();
        });
        Assert.ThrowsAny<OperationCanceledException>(() => Trainer(options).Fit(Data()));
        // Goes on with a clock that is many times as fast.
        options = Options(null, hours: 0);
        (options.CheckpointFolder, options.Time) = (_folder.FullName, new LookedAtTime { Step = TimeSpan.FromSeconds(5) });
        using var model = Trainer(options).Fit(Data());
        Assert.True(model.Report!.Stages[^1].Rescheduled);
    }

    [Fact]
    public void A_plan_with_a_wrong_digit_is_refused_and_one_that_people_changed_is_read_without_its_checksum()
    {
        var changed = Plan().ToJson().Replace("\"epochs\": 2", "\"epochs\": 3");
        Assert.Contains("take 'sha256' out of a text that you have changed",
            Assert.Throws<FormatException>(() => ZeroOneShotPlan.FromJson(changed)).Message);
        var json = JsonNode.Parse(changed)!.AsObject();
        Assert.True(json.Remove("sha256"));
        Assert.Equal(3, ZeroOneShotPlan.FromJson(json.ToJsonString()).Stages[^1].Epochs);
    }

    [Fact]
    public void A_plan_of_other_images_is_refused_with_the_numbers_of_both()
    {
        foreach (var (plan, found) in ((ZeroOneShotPlan, string)[])[
            (Plan() with { Classes = 4 }, "144 to train on and 16 to validate with, of 3x16x16 in 4 classes"),
            (Of200(Plan()), "200 to train on"), (Plan() with { ValidationImages = 0 }, "0 to validate with"),
            (Plan() with { Shape = new(1, 16, 16) }, "of 1x16x16")])
        {
            var error = Assert.Throws<ArgumentException>(() => Trainer(Options(plan, hours: 0)).Fit(Data()));
            Assert.StartsWith("The plan is of other images: ", error.Message);
            Assert.Contains(found, error.Message);
            Assert.Contains("expected 144 to train on and 16 to validate with, of 3x16x16 in 3 classes", error.Message);
        }

        static ZeroOneShotPlan Of200(ZeroOneShotPlan plan) => plan with
        {
            TrainImages = 200, Stages = [.. plan.Stages.SkipLast(1), plan.Stages[^1] with { Images = 200 }],
        };
    }

    [Fact]
    public void A_plan_of_another_method_is_refused_when_the_trainer_is_made()
    {
        var options = Options(Plan(), hours: 0);
        options.Method = SearchMethod.Darts;
        Assert.Contains("The plan is of method Zero-One-Shot; expected DARTS.",
            Assert.Throws<ArgumentException>(() => Trainer(options)).Message);
        options.Plan = Plan() with { Method = "DARTS" };
        Assert.Contains("The plan has stages Prune, Search, Train; method DARTS ranks nothing and searches.",
            Assert.Throws<ArgumentException>(() => Trainer(options)).Message);
        options.Plan = Ranking() with { Method = "DARTS" };
        Assert.Contains("The plan's search is of 6 genotypes; method DARTS searches by epochs.",
            Assert.Throws<ArgumentException>(() => Trainer(options)).Message);
    }

    [Fact]
    public void A_text_that_is_no_plan_or_a_plan_of_impossible_sizes_is_refused_in_a_sentence()
    {
        Refused(json => json["version"] = 2, "The plan is of version 2 of its format; expected 1");
        Refused(json => json.AsObject().Remove("version"), "it has no number 'version'");
        Refused(json => json["plan"]!["stages"]![1]!["channels"] = 0, "stage Search has 0 for channels; expected 1 to");
        Refused(json => json["plan"]!["stages"]![2]!["epochs"] = -1, "stage Train has -1 for epochs");
        Refused(json => json["plan"]!["stages"]![1]!["batch_size"] = 1000, "stage Search has 1000 for a batch");
        Refused(json => json["plan"]!["stages"]![1]!["images"] = 145, "stage Search has 145 for images; expected 4 to 144");
        Refused(json => json["plan"]!["stages"]![2]!["images"] = 100, "stage Train has 100 for images; expected 144");
        Refused(json => json["plan"]!["stages"]![2]!["batch_size"] = 1, "stage Train has 1 for a batch; expected 2 to 144");
        Refused(json => json["plan"]!["stages"]!.AsArray().RemoveAt(2), "The plan has stages Prune, Search; expected");
        Refused(json => json["plan"]!["stages"]![1]!["candidates"] = 1, "has 1 genotypes; expected 2 or more in a search");
        Refused(json => json["plan"]!["stages"]![2]!["candidates"] = 9, "stage Train has 9 genotypes");
        Refused(json => json["plan"]!["stages"]![0] = null, "A stage of the plan is null");
        Refused(json => json["plan"]!["stages"]![0]!["stage"] = "polish", "stage");
        Refused(json => json["plan"]!["time_budget"] = "-00:01:00", "expected a time and a memory above 0");
        Refused(json => json["plan"]!["epoch"] = 3, "epoch");
        Refused(json => json["plan"]!.AsObject().Remove("shape"), "shape");
        foreach (var text in (string[])["", "[]", "null", Plan().ToJson()[..200], "{\"version\":1,\"version\":1}", new('[', 1000),
            new(' ', 100_000)])
        {
            Assert.Throws<FormatException>(() => ZeroOneShotPlan.FromJson(text));
        }

        static void Refused(Action<JsonNode> change, string sentence)
        {
            var json = JsonNode.Parse(Plan().ToJson())!;
            change(json);
            Assert.Throws<FormatException>(() => ZeroOneShotPlan.FromJson(json.ToJsonString()));
            json.AsObject().Remove("sha256");
            Assert.Contains(sentence, Assert.Throws<FormatException>(() => ZeroOneShotPlan.FromJson(json.ToJsonString())).Message);
        }
    }

    // Of 144 images to train on and 16 to validate with.
    private static ZeroOneShotPlan Plan()
    {
        var stage = new StagePlan
        {
            Stage = RunStage.Search, Channels = 4, Cells = 3, BatchSize = 16, Epochs = 2, Images = 144, Time = TimeSpan.FromSeconds(2),
            Memory = 1 << 27,
        };
        return new ZeroOneShotPlan
        {
            TimeBudget = TimeSpan.FromMinutes(1), MaxMemory = 1 << 29, Method = SearchMethod.ZeroOneShot.Name, TrainImages = 144,
            ValidationImages = 16, Shape = new(3, 16, 16), Classes = 3, Around = TimeSpan.FromSeconds(2),
            Stages = [stage with { Stage = RunStage.Prune, Images = 16, Epochs = 1 }, stage, stage with { Stage = RunStage.Train }],
        };
    }

    private static ZeroOneShotPlan Ranking() => Plan() with
    {
        Method = "Zero-Shot", Stages = [Plan().Stages[1] with { Epochs = 1, Candidates = 6, Images = 16 }, Plan().Stages[2]],
    };

    private static ZeroOneShotTrainer.Options Options(ZeroOneShotPlan? plan, int hours) => new()
    {
        Plan = plan, TimeBudget = TimeSpan.FromMinutes(1.5), ShowProgress = false,
        Time = new LookedAtTime { Step = TimeSpan.FromHours(hours) }, Method = SearchMethod.Parse(plan?.Method ?? "Zero-One-Shot"),
    };

    private ZeroOneShotTrainer Trainer(ZeroOneShotTrainer.Options options) => _ml.MulticlassClassification.Trainers.ZeroOneShot(options);

    private IDataView Data() => _ml.Data.LoadImages(Toy.Images(160, seed: 7));

    private sealed class Told(Action<RunProgress> act) : IProgress<RunProgress>
    {
        public void Report(RunProgress value) => act(value);
    }
}
