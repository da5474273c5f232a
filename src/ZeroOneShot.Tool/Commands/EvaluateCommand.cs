using System.CommandLine;
using System.Globalization;
using Microsoft.ML;
using Spectre.Console;
using ZeroOneShot.Report;
using ZeroOneShot.Tool.Data;
using ZeroOneShot.Tool.Output;
using ZeroOneShot.Tool.Runs;

namespace ZeroOneShot.Tool.Commands;

/// <summary>Says how good a saved model is on images of known classes.</summary>
internal static class EvaluateCommand
{
    private static readonly Argument<string> s_model = new("MODEL") { Description = "A saved model, model.zip, or the folder of a run." };

    private static readonly Argument<string> s_data = new("DATA")
    {
        Description = $"Images of known classes; their test part, where they have one, else all. {ImageSource.Kinds}",
    };

    private static readonly Option<bool> s_json = new("--json") { Description = "As JSON." };

    private static readonly Option<string?> s_predictions = new("--predictions")
    {
        Description = "A CSV file to write what the model says of every image.", HelpName = "FILE",
    };

    private static readonly Option<string?> s_report = new("--report") { Description = "An HTML file to write for " +
        "people.", HelpName = "FILE" };

    public static Command Make()
    {
        var command = new Command("evaluate", "Says how good a saved model is: accuracy, log-loss, calibration, classes and mistakes.")
        {
            s_model, s_data, s_json, s_predictions, s_report,
        };
        command.Does((parsed, stop) =>
        {
            var zip = SavedModels.Zip(parsed.GetRequiredValue(s_model));
            var place = parsed.GetRequiredValue(s_data);
            var images = ToolException.Within(ExitCode.Data, () =>
            {
                var source = ImageSource.Open(new MLContext(), place);
                return source.Test ?? source.Train;
            });
            using var pool = SavedModels.Load(zip);
            var evaluation = ToolException.Within(ExitCode.Data, () => Evaluation.Of(pool, images, stop.Token));
            var summary = new TestSummary(new TestResults { ClassNames = evaluation.ClassNames, Predictions = evaluation.Predictions });
            if (parsed.GetValue(s_predictions) is { } csv)
                ToolException.Within(ExitCode.Failed, () => new RunFolder(".").Write(Path.GetFullPath(csv), evaluation.ToCsv()));
            if (parsed.GetValue(s_report) is { } html)
            {
                var report = ModelReport.Of(zip, Thumbnails.Of(evaluation, images)) with
                {
                    Title = $"{Path.GetFileName(zip)} on {Path.GetFileName(Path.TrimEndingDirectorySeparator(place))}",
                };
                ToolException.Within(ExitCode.Failed, () => new RunFolder(".").Write(Path.GetFullPath(html), report.ToHtml()));
            }
            if (parsed.GetValue(s_json))
                Console.Out.WriteLine(JsonText.Indented(Measures.Of(evaluation, summary)));
            else
                Write(evaluation, summary);
            return ExitCode.Done;
        });
        return command;
    }

    private static void Write(Evaluation evaluation, TestSummary summary)
    {
        Confusion.Write(summary);
        var table = new Table().Border(TableBorder.None).AddColumn("class");
        foreach (var name in (string[])["images", "precision", "recall", "F1"])
            table.AddColumn(new TableColumn(name).RightAligned().NoWrap());
        foreach (var of in summary.Classes)
            table.AddRow(Terminal.Escaped(of.Name), $"{of.Images}", Share(of.Precision), Share(of.Recall), Share(of.F1));
        Console.Out.WriteLine();
        AnsiConsole.Write(table);
        Console.Out.WriteLine();
        Console.Out.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"Test accuracy: {evaluation.Accuracy:0.0000} ({summary.Images} images), log-loss {evaluation.LogLoss:0.0000}, " +
            $"expected calibration error {summary.CalibrationError:0.000}."));
    }

    private static string Share(double? share) => share?.ToString("0.000", CultureInfo.InvariantCulture) ?? "-";

    internal sealed record Measures
    {
        public required int Images { get; init; }

        public required double TestAccuracy { get; init; }

        public required double? Top5Accuracy { get; init; }

        public required double LogLoss { get; init; }

        public required double CalibrationError { get; init; }

        public required IReadOnlyList<ClassMeasures> Classes { get; init; }

        /// <summary>Rows are the true classes.</summary>
        public required IReadOnlyList<IReadOnlyList<int>> Confusion { get; init; }

        public static Measures Of(Evaluation evaluation, TestSummary summary) => new()
        {
            Images = summary.Images,
            TestAccuracy = evaluation.Accuracy,
            Top5Accuracy = summary.Classes.Count > 5 ? evaluation.TopK(5) : null,
            LogLoss = evaluation.LogLoss,
            CalibrationError = summary.CalibrationError,
            Classes = [.. summary.Classes.Select(of => new ClassMeasures(of.Name, of.Images, of.Precision, of.Recall, of.F1))],
            Confusion = [.. Enumerable.Range(0, summary.Classes.Count).Select(label =>
                Enumerable.Range(0, summary.Classes.Count).Select(predicted => summary.Count(label, predicted)).ToArray())],
        };
    }

    internal sealed record ClassMeasures(string Name, int Images, double? Precision, double? Recall, double? F1);
}
