using ZeroOneShot.ML;
using ZeroOneShot.Networks;
using ZeroOneShot.Report;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Tool.Data;

namespace ZeroOneShot.Tool.Runs;

/// <summary>The numbers of a run, as metrics.json holds them. But for the seconds, a run that was stopped and went on has the
/// same.</summary>
internal sealed record Metrics
{
    /// <summary>Share of test images that the network classifies rightly.</summary>
    public required double TestAccuracy { get; init; }

    /// <summary>Share whose class is among the best five; null with at most five classes.</summary>
    public double? Top5Accuracy { get; init; }

    /// <summary>In nats.</summary>
    public required double LogLoss { get; init; }

    /// <summary>Expected calibration error, of ten bins.</summary>
    public required double CalibrationError { get; init; }

    /// <summary>Test accuracy of a linear classifier of the same pixels; null where none was asked for.</summary>
    public double? LinearAccuracy { get; init; }

    /// <summary>Seconds by stage.</summary>
    public required IReadOnlyDictionary<string, double> Seconds { get; init; }

    public required string Method { get; init; }

    /// <summary>The name of the search space.</summary>
    public string Space { get; init; } = SearchSpace.Darts.Name;

    public required double Minutes { get; init; }

    public required int Seed { get; init; }

    /// <summary>The architecture in the notation of the literature.</summary>
    public required string Genotype { get; init; }

    public required long Parameters { get; init; }

    public required long MultiplyAdds { get; init; }

    public required int TrainImages { get; init; }

    public required int TestImages { get; init; }

    /// <summary>Of the file of predictions that belongs to them.</summary>
    public required string PredictionsSha256 { get; init; }

    public required IReadOnlyDictionary<string, string> Versions { get; init; }

    public static Metrics Of(RunSpecification asked, ImageData data, CellNetTransformer network, Evaluation evaluation, NetworkCost cost,
        double? linear, IReadOnlyDictionary<string, double> seconds, string predictions) => new()
        {
            TestAccuracy = evaluation.Accuracy,
            Top5Accuracy = evaluation.ClassNames.Count > 5 ? evaluation.TopK(5) : null,
            LogLoss = evaluation.LogLoss,
            CalibrationError = new TestSummary(
                new TestResults { ClassNames = evaluation.ClassNames, Predictions = evaluation.Predictions }).CalibrationError,
            LinearAccuracy = linear,
            Seconds = seconds.ToDictionary(stage => stage.Key, stage => Math.Round(stage.Value, 3)),
            Method = network.Method ?? asked.Method,
            Space = asked.Space,
            Minutes = asked.Minutes,
            Seed = asked.Seed,
            Genotype = network.Genotype.ToString(),
            Parameters = cost.Parameters,
            MultiplyAdds = cost.MultiplyAdds,
            TrainImages = data.Train.Images.Count,
            TestImages = data.Test.Images.Count,
            PredictionsSha256 = predictions,
            Versions = Tool.Versions.All(),
        };
}
