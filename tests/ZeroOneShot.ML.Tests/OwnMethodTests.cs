using System.Text.Json.Nodes;
using Microsoft.ML;
using Xunit;
using ZeroOneShot.Networks;
using ZeroOneShot.OneShot;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.ML.Tests;

/// <summary>Methods of the user's own and cost targets, through the ML.NET face.</summary>
public sealed class OwnMethodTests
{
    private readonly MLContext _ml = new(seed: 1);

    [Fact]
    public void A_method_of_ones_own_searches_and_the_saved_model_knows_its_name_and_settings()
    {
        using var folder = new TemporaryFolder();
        var search = Toy.Search();
        search.Method = OwnMethod.Method;
        using var model = _ml.Transforms.ZeroShotPrune(Toy.Prune(OwnMethod.Method)).Append(_ml.Transforms.MaskedDartsSearch(search))
            .Append(Toy.Trainer(_ml)).Fit(Toy.Data(_ml));
        Assert.Equal(OwnMethod.Name, model.LastTransformer.Method);
        _ml.Model.Save(model, Toy.Data(_ml).Schema, folder.File("model.zip"));
        var info = _ml.Model.ReadSearchInfo(folder.File("model.zip"), Toy.Space);
        Assert.Equal(OwnMethod.Name, info.Method);
        var settings = JsonNode.Parse(info.Settings)!["search"]!;
        var relaxation = settings["relaxation"]!;
        Assert.Equal(("SharpSoftmax", 3), (relaxation["type"]!.GetValue<string>(), relaxation["sharpness"]!.GetValue<double>()));
        Assert.Equal(["EntropyTerm", "BetaDecay"], settings["loss_terms"]!.AsArray().Select(term => term!["type"]!.GetValue<string>()));

        // Training on from the file keeps the name, too.
        var train = Toy.Train();
        train.ContinueFrom = Training.CellNetWeights.Read(folder.File("model.zip"), Toy.Space);
        using var continued = _ml.MulticlassClassification.Trainers.CellNet(train).Fit(Toy.Data(_ml));
        Assert.Equal(OwnMethod.Name, continued.Method);
    }

    [Fact]
    public void Relaxation_and_terms_of_ones_own_decide_on_the_search_and_both_evaluations_agree()
    {
        var options = OwnMethod.Method.Apply(Toy.Search().Settings);
        var lean = Run(options);
        var plain = Run(options with { Evaluation = SupernetEvaluation.Plain });
        foreach (var kind in SearchSpace.Darts.Kinds)
            Assert.All(lean.Alphas[kind].Zip(plain.Alphas[kind]), pair => Assert.Equal(pair.First, pair.Second, 1e-4));
        Assert.NotEqual(lean.Alphas[CellKind.Normal], Run(options with { Relaxation = new SoftmaxRelaxation() }).Alphas[CellKind.Normal]);
        Assert.NotEqual(lean.Alphas[CellKind.Normal], Run(options with { LossTerms = [] }).Alphas[CellKind.Normal]);
        Assert.Contains("Sharpness is -1", Assert.Throws<ArgumentException>(
            () => Run(options with { Relaxation = new SharpSoftmax(-1) })).Message);

        static SearchResult Run(SearchOptions options) => MaskedDartsSearch.Run(
            Toy.Images(), OperationMask.Full(Toy.Space), options, cancellationToken: TestContext.Current.CancellationToken);
    }

    [Fact]
    public void A_relaxation_of_ones_own_that_mixes_what_the_mask_has_removed_is_told_which_operation() =>
        Assert.Contains("Everything mixes operation 'none' on edge 0 of the Normal cell, which the mask has removed",
            Assert.Throws<InvalidOperationException>(() => MaskedDartsSearch.Run(
                Toy.Images(), OperationMask.Full(Toy.Space).WithoutEverywhere(0),
                Toy.Search().Settings with { Relaxation = new Everything() },
                cancellationToken: TestContext.Current.CancellationToken)).Message);

    [Fact]
    public void A_search_that_was_not_given_the_method_of_ones_own_says_so_before_anything_runs()
    {
        var pipeline = _ml.Transforms.ZeroShotPrune(Toy.Prune(OwnMethod.Method)).Append(_ml.Transforms.MaskedDartsSearch(Toy.Search()));
        var error = Assert.Throws<InvalidOperationException>(() => pipeline.GetOutputSchema(Schemas.Shape(Toy.Data(_ml).Schema)));
        Assert.Contains("Give the options of MaskedDartsSearch the same Method", error.Message);
        var pruned = _ml.Transforms.ZeroShotPrune(Toy.Prune(OwnMethod.Method)).Fit(Toy.Data(_ml)).Transform(Toy.Data(_ml));
        error = Assert.Throws<InvalidOperationException>(() => _ml.Transforms.MaskedDartsSearch(Toy.Search()).Fit(pruned));
        Assert.Contains(OwnMethod.Name, error.Message);
    }

    [Fact]
    public void A_method_of_ones_own_needs_a_name_that_is_no_presets()
    {
        var prune = Toy.Prune(SearchMethod.Darts with { Relaxation = new SharpSoftmax(2) });
        Assert.Contains("give it another name", Assert.Throws<ArgumentException>(() => _ml.Transforms.ZeroShotPrune(prune)).Message);
    }

    [Fact]
    public void A_cost_target_is_met_by_the_trained_network_and_stands_in_the_saved_settings()
    {
        using var folder = new TemporaryFolder();
        var (search, train) = (Toy.Search(), Toy.Train());
        var target = new CostTarget { MultiplyAdds = 210_000, Network = train.Settings.Network };
        search.Settings = search.Settings with { CostTarget = target };
        using var model = _ml.Transforms.ZeroShotPrune(Toy.Prune(SearchMethod.PcDarts)).Append(_ml.Transforms.MaskedDartsSearch(search))
            .Append(_ml.MulticlassClassification.Trainers.CellNet(train)).Fit(Toy.Data(_ml));
        var cost = NetworkCost.Of(
            model.LastTransformer.Genotype, target.Network, new(3, Toy.Side, Toy.Side), Toy.ClassNames.Length, Toy.Space);
        Assert.InRange(cost.MultiplyAdds, 0.95 * 210_000, 210_000);
        _ml.Model.Save(model, Toy.Data(_ml).Schema, folder.File("model.zip"));
        var settings = JsonNode.Parse(_ml.Model.ReadSearchInfo(folder.File("model.zip"), Toy.Space).Settings)!["search"]!;
        Assert.Equal(210_000, settings["cost_target"]!["multiply_adds"]!.GetValue<long>());
    }

    [Fact]
    public void The_log_says_what_the_found_network_costs_and_that_another_network_is_trained_than_the_target_is_of()
    {
        var (search, train) = (Toy.Search(), Toy.Train());
        var target = new CostTarget { MultiplyAdds = 210_000, Network = train.Settings.Network };
        search.Settings = search.Settings with { CostTarget = target };
        var texts = Fit();
        var cost = Assert.Single(texts, text => text.StartsWith("Its network of 4 channels and 3 cells has "));
        Assert.EndsWith(" multiply-adds; CostTarget is 210000 multiply-adds", cost);
        Assert.DoesNotContain(texts, text => text.Contains("the one to train"));
        train.Settings = train.Settings with { Network = train.Settings.Network with { Channels = 6, AuxiliaryHead = false } };
        Assert.Contains("CostTarget is of a network of 4 channels and 3 cells, stem cifar with 1 times the channels, and the one to " +
            "train is of 6 channels and 3 cells, stem cifar with 1 times the channels, whose cost is another; " +
            "give CostTarget.Network and the training the same shape", Fit());

        IReadOnlyList<string> Fit()
        {
            var logger = new KeepingLogger();
            search.Logger = train.Logger = logger;
            using var model = _ml.Transforms.ZeroShotPrune(Toy.Prune(SearchMethod.PcDarts))
                .Append(_ml.Transforms.MaskedDartsSearch(search))
                .Append(_ml.MulticlassClassification.Trainers.CellNet(train)).Fit(Toy.Data(_ml));
            return [.. logger.Messages.Select(message => message.Text)];
        }
    }

    [Fact]
    public void A_method_that_searches_without_training_is_refused_by_the_stages_of_a_one_shot_search()
    {
        var (prune, search) = (Toy.Prune(SearchMethod.ZeroShot), Toy.Search());
        search.Method = SearchMethod.ZeroShot;
        foreach (var refused in (Action[])[() => _ml.Transforms.ZeroShotPrune(prune), () => _ml.Transforms.MaskedDartsSearch(search)])
        {
            Assert.Contains("Give Zero-Shot to MulticlassClassification.Trainers.ZeroOneShot",
                Assert.Throws<ArgumentException>(refused).Message);
        }
    }

    [Fact]
    public void A_cost_target_that_no_network_meets_or_that_no_search_keeps_to_is_refused()
    {
        var search = Toy.Search();
        search.Settings = search.Settings with { CostTarget = new CostTarget { Parameters = 10, Network = Toy.Train().Settings.Network } };
        var pruned = _ml.Transforms.ZeroShotPrune(Toy.Prune(SearchMethod.Darts)).Fit(Toy.Data(_ml)).Transform(Toy.Data(_ml));
        var error = Assert.Throws<ArgumentException>(() => _ml.Transforms.MaskedDartsSearch(search).Fit(pruned));
        Assert.Contains("CostTarget is 10 parameters, but the cheapest network", error.Message);
        search.Method = SearchMethod.Etenas;
        Assert.Contains("without a search that could keep to it",
            Assert.Throws<ArgumentException>(() => _ml.Transforms.MaskedDartsSearch(search)).Message);
    }
}
