using System.Text.Json;
using Microsoft.ML;
using Microsoft.ML.Runtime;
using ZeroOneShot.OneShot;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.ZeroShot;

namespace ZeroOneShot.ML.Tests;

public sealed class ZeroShotPruneContract : EstimatorContract
{
    protected override IEstimator<ITransformer> Make(string features, string label)
    {
        var options = Toy.Prune(SearchMethod.ZeroOneShot);
        (options.FeatureColumnName, options.LabelColumnName) = (features, label);
        return ML.Transforms.ZeroShotPrune(options);
    }

    protected override IDataView AfterEarlierStages(IDataView data, string features) => data;

    protected override string Learned(ITransformer transformer) => ((ZeroShotPruneTransformer)transformer).Mask.ToJson();
}

public sealed class MaskedDartsSearchContract : EstimatorContract
{
    protected override IEstimator<ITransformer> Make(string features, string label)
    {
        var options = Toy.Search();
        (options.FeatureColumnName, options.LabelColumnName) = (features, label);
        return ML.Transforms.MaskedDartsSearch(options);
    }

    protected override IDataView AfterEarlierStages(IDataView data, string features) => new ZeroShotPruneTransformer(
        ((IHostEnvironment)ML).Register("test"), features, null, new PruningResult(OperationMask.Full(Toy.Space), []), "{}")
        .Transform(data);

    protected override string Learned(ITransformer transformer)
    {
        var result = ((MaskedDartsSearchTransformer)transformer).Result!;
        // The losses stand for the weights.
        return JsonSerializer.Serialize(new { result.Alphas, Losses = result.Epochs.Select(epoch => epoch.Loss) });
    }
}

public sealed class CellNetContract : EstimatorContract
{
    protected override IEstimator<ITransformer> Make(string features, string label)
    {
        var options = Toy.Train();
        (options.FeatureColumnName, options.LabelColumnName) = (features, label);
        return ML.MulticlassClassification.Trainers.CellNet(options);
    }

    protected override IDataView AfterEarlierStages(IDataView data, string features) => new MaskedDartsSearchTransformer(
        ((IHostEnvironment)ML).Register("test"), features, null, OperationMask.Full(Toy.Space), Toy.Genotype, null, "{}").Transform(data);

    protected override string Learned(ITransformer transformer)
    {
        using var folder = new TemporaryFolder();
        ((CellNetTransformer)transformer).Weights.Save(folder.File("weights"));
        return Convert.ToHexString(File.ReadAllBytes(folder.File("weights")));
    }
}
