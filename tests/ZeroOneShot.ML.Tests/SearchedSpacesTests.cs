using Microsoft.ML;
using Microsoft.ML.Data;
using Xunit;
using ZeroOneShot.OneShot;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Training;

namespace ZeroOneShot.ML.Tests;

/// <summary>The trainer that is given minutes searches any space, of the library or of one's own.</summary>
public sealed class SearchedSpacesTests : IDisposable
{
    private const int Count = 60, Kept = 6;

    private readonly MLContext _ml = new(seed: 1);
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    public static TheoryData<string, string> SpacesAndMethods => new(
        from space in SearchSpace.All.Skip(1)
        from method in (string[])["Zero-One-Shot", "Zero-Shot", "ETENAS"]
        where method != "ETENAS" || space.Name is "nas-bench-201" or "darts-s3"
        select (space.Name, method));

    [Theory]
    [MemberData(nameof(SpacesAndMethods))]
    public void A_space_is_pruned_searched_and_trained_in_one_fit_and_the_saved_model_says_which(string name, string method)
    {
        var space = SearchSpace.Named(name);
        using var model = Trainer(Options(space, method)).Fit(Data());
        model.Genotype.ThrowIfNotIn(space);
        Assert.Equal((name, method), (model.Mask!.Space.Name, model.Method));
        if (method == "Zero-One-Shot")
            Assert.InRange(model.Mask.RemainingFraction(RemainingCriterion.Operations), 0.2, 0.5);
        var zip = _folder.File("model.zip");
        _ml.Model.Save(model, Data().Schema, zip);
        // The library's own spaces need not be given to be known.
        Assert.Equal((name, model.Genotype), (_ml.Model.ReadSearchInfo(zip).SearchSpace, CellNetWeights.Read(zip).Genotype));
        Assert.Equal(Count, new MLContext().Model.Load(zip, out _).Transform(Data()).GetColumn<float[]>("Score").Count());
    }

    [Fact]
    public void A_space_of_ones_own_is_searched_and_a_fit_that_was_stopped_goes_on_in_that_space_alone()
    {
        using var whole = Trainer(Options(Toy.Space, "Zero-One-Shot")).Fit(Data());
        using var source = new CancellationTokenSource();
        var options = Options(Toy.Space, "Zero-One-Shot");
        (options.CheckpointFolder, options.CancellationToken) = (_folder.FullName, source.Token);
        options.Progress = new Told(progress =>
        {
            if (progress.Stage == RunStage.Train)
                source.Cancel();
        });
        Assert.ThrowsAny<OperationCanceledException>(() => Trainer(options).Fit(Data()));
        (options.CancellationToken, options.Progress) = (default, null);

        // By the same name, made of something else.
        options.Space = new SearchSpace(Toy.Space.Name, Toy.Space.Topology,
            [.. Toy.Space.Operations.Take(3), CandidateOperation.DilatedConvolution3x3]);
        var error = Assert.Throws<InvalidDataException>(() => Trainer(options).Fit(Data())).Message;
        Assert.Contains("space toy none, max_pool_3x3, skip_connect, sep_conv_3x3 (", error);
        Assert.Contains("space toy none, max_pool_3x3, skip_connect, dil_conv_3x3 (", error);

        options.Space = Toy.Space;
        using var again = Trainer(options).Fit(Data());
        Assert.Equal(whole.Genotype, again.Genotype);
        Assert.Equal(Onnx(whole), Onnx(again));
    }

    [Theory]
    [InlineData("nas-bench-201", "Zero-Shot")]
    [InlineData("darts-large", "Zero-One-Shot")]
    [InlineData("darts-s2", "DARTS")]
    public void A_plan_by_time_is_of_the_space_and_another_space_refuses_it(string name, string method)
    {
        var options = Options(SearchSpace.Named(name), method);
        (options.Plan, options.TimeBudget) = (null, TimeSpan.FromMinutes(10));
        var plan = Trainer(options).Plan(Data());
        Assert.Equal((name, method), (plan.Space, plan.Method));
        Assert.Contains($"{method} in {name} on {Count - Kept} images", plan.ToString());
        Assert.All(plan.Stages, stage => Assert.InRange(stage.Memory, 1L << 27, 1L << 32));
        Assert.Equal(plan.Space, ZeroOneShotPlan.FromJson(plan.ToJson()).Space);
        (options.Plan, options.Space) = (plan, SearchSpace.Darts);
        Assert.Contains($"The plan is of search space '{name}'; expected 'darts'.",
            Assert.Throws<ArgumentException>(() => Trainer(options)).Message);
    }

    [Fact]
    public void What_the_spaces_networks_cannot_be_is_refused_before_anything_is_read()
    {
        var large = new SearchSpace("eight-cells", Toy.Space.Topology, Toy.Space.Operations, macro: new MacroArchitecture(
            [new Stem("small", Stem.Cifar.Parts, multiplier: 3, smallestImage: 24, largestImage: 64)], MacroArchitecture.Darts.Items,
            fewestCells: 8));
        Assert.Contains("Cells is 3; expected at least 8",
            Assert.Throws<ArgumentException>(() => Trainer(Options(large, "Zero-One-Shot"))).Message);
        var options = Options(large, "Zero-One-Shot");
        options.Plan = null;
        Assert.Contains("images are 16 pixels high and 16 wide; the network's stem takes others: small (24 to 64 pixels a side)",
            Assert.Throws<ArgumentException>(() => Trainer(options).Plan(Data())).Message);
    }

    private static ZeroOneShotTrainer.Options Options(SearchSpace space, string name)
    {
        var method = SearchMethod.Parse(name);
        var stage = new StagePlan
        {
            Stage = RunStage.Train, Channels = 4, Cells = 3, BatchSize = 16, Epochs = 1, Images = Count - Kept,
            Time = TimeSpan.FromSeconds(2), Memory = 1 << 27,
        };
        var stages = new List<StagePlan>();
        if (method.Pruning is PruningKind.ZeroShot or PruningKind.ZeroShotToGenotype)
            stages.Add(stage with { Stage = RunStage.Prune, Images = 16 });
        if (method.Search == SearchKind.ZeroShot)
            stages.Add(stage with { Stage = RunStage.Search, Images = 16, Candidates = 4 });
        else if (method.Pruning != PruningKind.ZeroShotToGenotype)
            stages.Add(stage with { Stage = RunStage.Search });
        return new()
        {
            Space = space, Method = method, ShowProgress = false, Seed = 3,
            Plan = new ZeroOneShotPlan
            {
                TimeBudget = TimeSpan.FromMinutes(1), MaxMemory = 1L << 31, Method = name, Space = space.Name,
                TrainImages = Count - Kept, ValidationImages = Kept, Shape = new(3, Toy.Side, Toy.Side), Classes = Toy.ClassNames.Length,
                Around = TimeSpan.FromSeconds(2), Stages = [.. stages, stage],
            },
        };
    }

    private ZeroOneShotTrainer Trainer(ZeroOneShotTrainer.Options options) => _ml.MulticlassClassification.Trainers.ZeroOneShot(options);

    private IDataView Data() => _ml.Data.LoadImages(Toy.Images(Count));

    private static byte[] Onnx(CellNetTransformer model)
    {
        using var stream = new MemoryStream();
        model.ExportOnnx(stream);
        return stream.ToArray();
    }

    private sealed class Told(Action<RunProgress> act) : IProgress<RunProgress>
    {
        public void Report(RunProgress value) => act(value);
    }
}
