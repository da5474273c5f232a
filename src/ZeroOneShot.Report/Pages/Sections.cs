using System.Globalization;
using System.Xml.Linq;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using static ZeroOneShot.Report.Markup;

namespace ZeroOneShot.Report;

/// <summary>The parts of a page, of what is known.</summary>
internal static class Sections
{
    public static IReadOnlyList<Section> Of(RunReport report)
    {
        var sections = new List<Section>();
        Add("found", "What was found", Found(report));
        Add("asked", "What was asked, and how it went", Asked(report));
        Add("test", "How good it is", report.Test is { Predictions.Count: > 0 } test ? TestPart.Of(test) : []);
        Add("pictures", "Mistakes and right answers", report.Test is { } shown ? TestPart.PicturesOf(shown) : []);
        Add("curves", "How it learned", Curves(report));
        Add("mask", "What was searched", Mask(report));
        Add("alphas", "How the search decided", [.. Ranked(report), .. Alphas(report)]);
        Add("settings", "Settings and versions", Settings(report));
        return sections;

        void Add(string id, string heading, IReadOnlyList<XElement?> content)
        {
            XElement[] known = [.. content.OfType<XElement>()];
            if (known.Length > 0)
                sections.Add(new Section(id, heading, known));
        }
    }

    /// <summary>What a report could have, and this one has not.</summary>
    public static IReadOnlyList<string> Missing(RunReport report) => report.Running is not null ? [] :
    [
        .. new (bool Known, string What)[]
        {
            (report.Genotype is not null, "the architecture"),
            (report.Mask is not null, "the mask"),
            (report.Importances.Count > 0, "importances of a pruning"),
            (report.SearchEpochs.Count > 0 || report.RankedCandidates.Count > 0, "the course of a search"),
            (report.TrainingEpochs.Count > 0, "the course of the training"),
            (report.Test is { Predictions.Count: > 0 }, "predictions of test images"),
            (report.Test is { Mistakes.Count: > 0 } or { Correct.Count: > 0 }, "pictures of test images"),
            (report.Stages.Count > 0, "time and memory of the stages"),
            (report.Inference is not null, "what the network costs to use"),
        }.Where(part => !part.Known).Select(part => part.What),
    ];

    private static IReadOnlyList<XElement?> Found(RunReport report) =>
    [
        report.Genotype is null ? null : Html("div", Set("class", "side"), CellDrawings.Pictures(report.Genotype).Select(Figure)),
        report.Genotype is null ? null : Html("p", Set("class", "note"), "Each circle sums what its arrows bring, each box is the " +
            "operation chosen for an edge; c", Html("sub", "k\u22121"), " and c", Html("sub", "k\u22122"), " are the outputs of the ",
            "cells before."),
        report.Genotype is null ? null : Html("pre", Set("tabindex", 0), Safe(report.Genotype.ToString())),
        Facts("What it costs to use", Costs(report)),
    ];

    private static IReadOnlyList<ReportFact> Costs(RunReport report) => report.Inference is not { } costs ? [] :
    [
        .. Fact("Parameters", costs.Parameters?.ToString("N0", CultureInfo.InvariantCulture)),
        .. Fact("Multiply-adds for one image", costs.MultiplyAdds?.ToString("N0", CultureInfo.InvariantCulture)),
        .. Fact("Size of the saved model", costs.FileBytes is { } bytes ? Quantity.Bytes(bytes) : null),
        .. Fact("Time for one image, on one thread",
            costs.Milliseconds is { } time ? string.Create(CultureInfo.InvariantCulture, $"{time:0.00} ms") : null),
    ];

    private static IEnumerable<ReportFact> Fact(string name, string? value) => value is null ? [] : [new ReportFact(name, value)];

    private static IReadOnlyList<XElement?> Asked(RunReport report) =>
    [
        Facts("What was asked for", report.Asked),
        report.Stages.Count == 0 ? null : Table("Plan and course",
            ["stage", "time planned", "time taken", "memory planned", "most memory"],
            report.Stages.Select(stage => (string[])[stage.Name, Time(stage.PlannedTime), Time(stage.Time), Bytes(stage.PlannedMemory),
                Bytes(stage.Memory)])),
        report.Command is null ? null : Html("h3", "The command that repeats it"),
        report.Command is null ? null : Html("pre", Set("tabindex", 0), Safe(report.Command)),
        report.CommandNote is null ? null : Html("p", Set("class", "note"), Safe(report.CommandNote)),
    ];

    private static IReadOnlyList<XElement?> Curves(RunReport report)
    {
        var search = report.SearchEpochs.Count > 0
            ? [.. report.SearchEpochs.Select(epoch => new Epoch(epoch.Loss, epoch.Accuracy, epoch.SearchLoss, epoch.SearchAccuracy))]
            : Course(report, RunStage.Search);
        var train = report.TrainingEpochs.Count > 0
            ? [.. report.TrainingEpochs.Select(of => new Epoch(of.Loss, of.Accuracy, of.ValidationLoss, of.ValidationAccuracy))]
            : Course(report, RunStage.Train);
        XElement[] charts =
        [
            .. Charts("Search", search, "weights' half", "architecture's half"),
            .. Charts("Training", train, "training images", "validation images"),
        ];
        return
        [
            charts.Length == 0 ? null : Html("div", Set("class", "side"), charts),
            report.BestEpoch is { } best ? Html("p", $"The weights of epoch {best} were kept, whose validation was the best.") : null,
        ];
    }

    private static IReadOnlyList<Epoch> Course(RunReport report, RunStage stage) =>
    [
        // A search without training has no losses.
        .. report.Course.Where(of => of.Stage == stage && of.Loss is not null).OrderBy(of => of.Epoch)
            .Select(of => new Epoch(of.Loss, of.Accuracy, of.ValidationLoss, of.ValidationAccuracy)),
    ];

    private static IEnumerable<XElement> Charts(string stage, IReadOnlyList<Epoch> epochs, string own, string other)
    {
        if (epochs.Count == 0)
            yield break;
        yield return Figure($"{stage}: loss", LineChart.Of($"{stage}: loss by epoch", "loss",
            [new(own, [.. epochs.Select(of => of.Loss)], 6), new(other, [.. epochs.Select(of => of.OtherLoss)], 1)]));
        yield return Figure($"{stage}: accuracy", LineChart.Of($"{stage}: accuracy by epoch", "accuracy",
            [new(own, [.. epochs.Select(of => of.Accuracy)], 6), new(other, [.. epochs.Select(of => of.OtherAccuracy)], 1)], (0, 1)));
    }

    private static IReadOnlyList<XElement?> Mask(RunReport report)
    {
        if (report.Mask is not { } mask)
            return [];
        if (mask.Equals(OperationMask.Full(mask.Space)))
            return [Html("p", $"{mask}: nothing was pruned.")];
        var colours = new OperationColours(mask.Space);
        return
        [
            Html("p", $"{mask} were searched. " + (report.Importances.Count > 0
                ? "The numbers are the importances of the last round of pruning (Algorithm 1, s_j): what ranking the network loses " +
                  "without the operation; \u00d7 marks what this round removed."
                : "A tick marks what was left.")),
            Html("div", Set("class", "side"), mask.Space.Kinds.Select(kind => Figure(CellDrawings.Picture(kind, mask,
                report.Importances)))),
            Html("div", Set("class", "side"), mask.Space.Kinds.Select(kind =>
                Figure(CellDrawings.Picture(CellGraph.Of(kind, mask), colours)))),
        ];
    }

    private static IReadOnlyList<XElement?> Ranked(RunReport report)
    {
        const int Best = 5;
        var candidates = report.RankedCandidates;
        if (candidates.Count == 0)
            return [];
        return
        [
            Html("p", string.Create(CultureInfo.InvariantCulture, $"{candidates.Count:N0} genotypes were drawn and ranked by their ") +
                "networks with random weights, without training. A score is the sum of a network's ranks among all of them, by every " +
                "ranking function; the best one was trained."),
            Figure("Scores", LineChart.Of("Scores of the genotypes, the best first", "score",
                [new("score", [.. candidates.Select(of => (double?)of.Score)], 6)], across: "place")),
            Scroll("The best", Html("table", Html("caption", "The best"),
                Html("thead", Html("tr", Html("th", Set("scope", "col"), "score"), Html("th", Set("scope", "col"), "genotype"))),
                Html("tbody", candidates.Take(Best).Select(of => Html("tr",
                    Html("th", Set("scope", "row"), of.Score.ToString("0.##", CultureInfo.InvariantCulture)),
                    Html("td", Set("class", "wide"), Html("code", Safe(of.Genotype.ToString())))))))),
        ];
    }

    private static IReadOnlyList<XElement?> Alphas(RunReport report)
    {
        var epochs = report.AlphasOfEpochs;
        if (epochs.Count == 0 || report.Mask is not { } mask)
            return [];
        var space = report.Space;
        var content = new List<XElement?>
        {
            Html("p", "Softmax of alpha over the live operations of every edge, from the first epoch on the left to the last one, 0 to 1."),
            Html("ul", Set("class", "legend"), space.Operations.Select((operation, row) => Html("li",
                Draw("svg", Set("width", 26), Set("height", 8), Set("aria-hidden", "true"),
                    Draw("path", Set("class", $"series l{row % Palette.Operations}"), Set("d", "M0,4 h26"))),
                Safe(operation.Name)))),
        };
        foreach (var kind in space.Kinds)
        {
            content.Add(Html("h3", $"{kind} cell"));
            content.Add(Html("div", Set("class", "small-charts"), Enumerable.Range(0, space.Topology.EdgeCount).Select(edge =>
            {
                var (from, node) = space.Topology.Ends(edge);
                var name = $"state {from} \u2192 node {node}";
                var live = mask.Live(kind, edge).ToArray();
                double?[][] shares = [.. epochs.Select(alphas => Softmax(
                    [.. live.Select(row => (double)alphas[kind][edge * space.Operations.Count + row])]))];
                return Html("figure", LineChart.Small($"{kind} cell, {name}", [.. live.Select((row, i) => new LineChart.Series(
                    space.Operations[row].Name, [.. shares.Select(of => of[i])], row % Palette.Operations))]), Html("figcaption", name));
            })));
        }
        return content;
    }

    private readonly record struct Epoch(double? Loss, double? Accuracy, double? OtherLoss, double? OtherAccuracy);

    private static double?[] Softmax(double[] values)
    {
        var most = values.DefaultIfEmpty(0).Max();
        var powers = values.Select(value => Math.Exp(value - most)).ToArray();
        return [.. powers.Select(power => (double?)(power / powers.Sum()))];
    }

    private static IReadOnlyList<XElement?> Settings(RunReport report) =>
        [Facts("Settings", report.Settings), Facts("Versions", report.Versions)];

    private static XElement? Facts(string caption, IReadOnlyList<ReportFact> facts) => facts.Count == 0 ? null : Scroll(caption,
        Html("table", Html("caption", caption), Html("tbody", facts.Select(fact =>
            Html("tr", Html("th", Set("scope", "row"), Page.Name(fact.Name)), Html("td", Page.Name(fact.Value)))))));

    /// <summary>A table whose first column names the row and whose others are numbers.</summary>
    public static XElement Table(string caption, IReadOnlyList<string> columns, IEnumerable<IReadOnlyList<string>> rows) => Scroll(caption,
        Html("table", Html("caption", caption),
            Html("thead", Html("tr", columns.Select((column, i) =>
                Html("th", Set("scope", "col"), i > 0 ? Set("class", "number") : null, column)))),
            Html("tbody", rows.Select(row => Html("tr", row.Select((cell, i) => i == 0
                ? Html("th", Set("scope", "row"), Set("title", cell), Page.Name(cell))
                : Html("td", Set("class", "number"), Safe(cell))))))));

    /// <summary>What may be wider than the page: it scrolls, by the keyboard too.</summary>
    public static XElement Scroll(string name, XElement content) =>
        Html("div", Set("class", "scroll"), Set("tabindex", 0), Set("role", "group"), Set("aria-label", name), content);

    public static XElement Figure(CellFigure figure) => Figure(figure.Name, figure.Svg());

    public static XElement Figure(string caption, XElement svg) => Html("figure", Html("figcaption", caption), Scroll(caption, svg));

    private static string Time(TimeSpan? time) => time is { } known ? Quantity.Time(known) : "\u2013";

    private static string Bytes(long? bytes) => bytes is { } known ? Quantity.Bytes(known) : "\u2013";
}
