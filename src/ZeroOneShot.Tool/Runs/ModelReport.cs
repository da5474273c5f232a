using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.ML;
using Microsoft.ML.Data;
using ZeroOneShot.ML;
using ZeroOneShot.Networks;
using ZeroOneShot.Report;
using ZeroOneShot.Tool.Commands;

namespace ZeroOneShot.Tool.Runs;

/// <summary>What a report can say by files alone: a saved model, and what lies beside it.</summary>
internal static class ModelReport
{
    /// <summary>The report of a saved model.</summary>
    /// <param name="zip">The model.</param>
    /// <param name="test">What it says of test images; null where that is unknown.</param>
    public static RunReport Of(string zip, TestResults? test) => ToolException.Within(ExitCode.RefusedFile, () =>
    {
        var space = SavedModels.SpaceOf(zip);
        var info = SearchInfo.Read(zip, space);
        var weights = SavedModels.Weights(zip);
        var cost = weights.Shape is { } shape
            ? NetworkCost.Of(weights.Genotype, weights.Network, shape, weights.ClassNames.Count, space) : (NetworkCost?)null;
        return new RunReport
        {
            Title = Path.GetFileName(zip),
            Space = space,
            Genotype = info.Genotype,
            Mask = info.Mask,
            Test = test,
            Asked =
            [
                new ReportFact("Method", info.Method ?? "a genotype given by hand"),
                new ReportFact("Search space", info.SearchSpace),
                new ReportFact("Images", weights.Shape?.ToString() ?? "unknown"),
                new ReportFact("Classes", $"{info.ClassNames.Count}"),
                new ReportFact("Network", $"{weights.Network.Channels} channels, {weights.Network.Cells} cells"),
            ],
            Inference = new InferenceFigures
            {
                Parameters = cost?.Parameters, MultiplyAdds = cost?.MultiplyAdds, FileBytes = new FileInfo(zip).Length,
            },
            Settings = SettingsOf(info.Settings),
            Versions = [new ReportFact("zero_one_shot", info.LibraryVersion)],
        };
    });

    /// <summary>The report of a folder with a model, and with metrics and predictions where they are there.</summary>
    public static RunReport OfFolder(RunFolder folder)
    {
        if (!File.Exists(folder.Model))
        {
            throw new ToolException(ExitCode.RefusedFile, $"'{folder.Path}' has neither report.json nor model.zip; expected the folder " +
                "of a run of zeroone fit.");
        }
        var report = Of(folder.Model, null) with { Title = Path.GetFileName(folder.Path) };
        return ToolException.Within(ExitCode.RefusedFile, () =>
        {
            if (!File.Exists(folder.Metrics))
                return File.Exists(folder.Predictions) ? report with { Test = ReadPredictions(folder) } : report;
            var metrics = folder.ReadMetrics();
            // Whose numbers would be of others.
            if (File.Exists(folder.Predictions) && InfoCommand.Checksum(folder.Predictions) != metrics.PredictionsSha256)
            {
                throw new InvalidDataException($"'{folder.Predictions}' is damaged, or not the one that '{folder.Metrics}' is of. Copy " +
                    "both of one run, or remove the former.");
            }
            return report with
            {
                Test = File.Exists(folder.Predictions) ? ReadPredictions(folder) : null,
                LinearAccuracy = metrics.LinearAccuracy,
                Stages = [.. metrics.Seconds.Select(stage => new StageFigures(stage.Key) { Time = TimeSpan.FromSeconds(stage.Value) })],
                Versions = [.. metrics.Versions.Select(of => new ReportFact(of.Key, of.Value))],
            };
        });
    }

    /// <summary>Settings as JSON, a line each.</summary>
    public static IReadOnlyList<ReportFact> SettingsOf(string json)
    {
        var facts = new List<ReportFact>();
        Add("", JsonNode.Parse(json));
        return facts;

        void Add(string name, JsonNode? node)
        {
            switch (node)
            {
                case JsonObject of:
                    foreach (var (key, value) in of)
                        Add(name.Length == 0 ? key : $"{name}.{key}", value);
                    break;
                case JsonArray of when of.All(item => item is JsonObject) && of.Count > 0:
                    foreach (var (at, item) in of.Index())
                        Add($"{name}.{at + 1}", item);
                    break;
                default:
                    facts.Add(new ReportFact(name, node?.ToJsonString() ?? "none"));
                    break;
            }
        }
    }

    private static TestResults ReadPredictions(RunFolder folder)
    {
        var view = new MLContext().Data.LoadFromTextFile(folder.Predictions, new TextLoader.Options
        {
            Columns = [.. new[] { "Image", "Label", "Predicted", "Score" }.Select((name, i) => new TextLoader.Column(name, DataKind.String,
                i))],
            Separators = [','], HasHeader = true, AllowQuoting = true, ReadMultilines = true, EscapeChar = '"',
        });
        var columns = view.Schema.Select(column => view.GetColumn<string>(column).ToArray()).ToArray();
        var names = SearchInfo.Read(folder.Model, SavedModels.SpaceOf(folder.Model)).ClassNames;
        var labels = names.Index().ToDictionary(at => at.Item, at => at.Index);
        return new TestResults
        {
            ClassNames = names,
            Predictions = [.. Enumerable.Range(0, columns[0].Length).Select(row => new TestPrediction(
                columns[0][row], LabelOf(columns[1][row], row), LabelOf(columns[2][row], row),
                double.TryParse(columns[3][row], CultureInfo.InvariantCulture, out var score) ? score : 0))],
        };

        int LabelOf(string name, int row) => labels.TryGetValue(name, out var label) ? label : throw new InvalidDataException(
            $"Row {row + 1} of '{folder.Predictions}' names a class '{name}' that the model does not know; they are of different runs.");
    }
}
