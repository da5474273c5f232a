using System.Collections;
using System.Reflection;
using Microsoft.ML;
using Xunit;
using ZeroOneShot.OneShot;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Training;

namespace ZeroOneShot.ML.Tests;

public sealed class OptionsTests
{
    private readonly MLContext _ml = new(seed: 1);

    public static TheoryData<Type> Catalogs => [typeof(SearchCatalog), typeof(CellNetCatalog)];

    [Theory]
    [MemberData(nameof(Catalogs))]
    public void Every_stage_is_made_from_columns_and_common_arguments_or_from_options(Type catalog)
    {
        var methods = catalog.GetMethods(BindingFlags.Static | BindingFlags.Public | BindingFlags.DeclaredOnly);
        var stages = methods.GroupBy(method => method.Name).ToArray();
        Assert.NotEmpty(stages);
        Assert.All(stages, overloads =>
        {
            var arguments = overloads.Select(method => method.GetParameters().Skip(1).ToArray()).OrderBy(found => found.Length).ToArray();
            Assert.Equal(2, arguments.Length);
            Assert.True(typeof(StageOptions).IsAssignableFrom(arguments[0].Single().ParameterType));
            Assert.All(arguments[1], argument => Assert.True(argument.HasDefaultValue));
            Assert.Equal(["featureColumnName", "labelColumnName"], arguments[1].Take(2).Select(argument => argument.Name).Order());
        });
    }

    [Fact]
    public void Options_are_read_when_a_stage_is_made_and_never_written()
    {
        var (prune, search, train) = (Toy.Prune(), Toy.Search(), Toy.Train());
        var before = new StageOptions[] { prune, search, train }.Select(Values).ToArray();
        var pipeline = _ml.Transforms.ZeroShotPrune(prune).Append(_ml.Transforms.MaskedDartsSearch(search))
            .Append(_ml.MulticlassClassification.Trainers.CellNet(train));
        using var first = pipeline.Fit(Toy.Data(_ml));
        Assert.Equal(before, new StageOptions[] { prune, search, train }.Select(Values));

        // What is changed afterwards reaches no stage.
        foreach (var options in new StageOptions[] { prune, search, train })
            (options.FeatureColumnName, options.LabelColumnName, options.Seed) = ("Other", "Others", 99);
        (prune.Method, search.Method, train.Genotype) = (SearchMethod.Darts, SearchMethod.Darts, PublishedGenotypes.DartsV1);
        using var second = pipeline.Fit(Toy.Data(_ml));
        Assert.Equal(first.LastTransformer.Genotype, second.LastTransformer.Genotype);
        Assert.Equal(first.LastTransformer.Epochs, second.LastTransformer.Epochs);
    }

    [Fact]
    public void The_seed_of_the_options_goes_before_that_of_the_context()
    {
        var train = Toy.TrainByHand();
        var byContext = Losses(new MLContext(seed: 5), train);
        train.Seed = 5;
        Assert.Equal(byContext, Losses(new MLContext(seed: 6), train));
        train.Seed = 7;
        Assert.NotEqual(byContext, Losses(new MLContext(seed: 5), train));
        train.Seed = 0;
        var byZero = Losses(new MLContext(seed: 5), train);
        train.Seed = null;
        Assert.Equal(byZero, Losses(new MLContext(), train));
    }

    [Fact]
    public void Settings_that_contradict_each_other_are_refused_when_the_stage_is_made()
    {
        var train = Toy.TrainByHand();
        train.Settings = train.Settings with { EarlyStopping = new EarlyStopping() };
        var trainers = _ml.MulticlassClassification.Trainers;
        Assert.Contains("needs a ValidationSet", Assert.Throws<ArgumentException>(() => trainers.CellNet(train)).Message);
        var network = Toy.TrainByHand();
        using (var model = trainers.CellNet(network).Fit(Toy.Data(_ml)))
            network.ContinueFrom = model.Weights;
        Assert.Contains("Genotype and ContinueFrom are both set",
            Assert.Throws<ArgumentException>(() => trainers.CellNet(network)).Message);
        var limited = Toy.Search();
        limited.Settings = limited.Settings with { TimeLimit = TimeSpan.FromSeconds(-1) };
        var error = Assert.Throws<ArgumentException>(() => _ml.Transforms.MaskedDartsSearch(limited));
        Assert.Contains("TimeLimit is -00:00:01", error.Message);
    }

    private static IEnumerable<TrainingEpoch> Losses(MLContext ml, CellNetTrainer.Options options)
    {
        using var model = ml.MulticlassClassification.Trainers.CellNet(options).Fit(Toy.Data(ml));
        return model.Epochs;
    }

    private static ArrayList Values(StageOptions options) => [.. options.GetType().GetFields().Select(field => field.GetValue(options))];
}
