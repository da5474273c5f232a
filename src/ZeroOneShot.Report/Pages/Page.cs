using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Xml.Linq;
using static ZeroOneShot.Report.Markup;

namespace ZeroOneShot.Report;

/// <summary>A run as a page.</summary>
internal static class Page
{
    public const string MadeBy = "Made by ZeroOneShot. This page has no scripts and loads nothing from elsewhere.";

    public static string Of(RunReport report)
    {
        var sections = Sections.Of(report);
        return Whole(report.Title,
            Header(report, sections),
            Html("main", Set("id", "content"), Set("tabindex", -1), sections.Select(section => Html("section", Set("aria-labelledby",
                section.Id),
                Html("h2", Set("id", section.Id), section.Heading), section.Content))),
            Footer(report, sections));
    }

    /// <summary>A page with the style sheet of all of them.</summary>
    public static string Whole(string title, params IReadOnlyList<XElement> content)
    {
        var style = PageStyle.Text;
        // The page has a right to its own style sheet, known by its digest, and to pictures inside it; to nothing else.
        var digest = Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(style)));
        var policy = $"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'";
        var html = Html("html", Set("lang", "en"),
            Html("head",
                Html("meta", Set("charset", "utf-8")),
                Html("meta", Set("http-equiv", "Content-Security-Policy"), Set("content", policy)),
                Html("meta", Set("name", "viewport"), Set("content", "width=device-width, initial-scale=1")),
                Html("meta", Set("name", "referrer"), Set("content", "no-referrer")),
                Html("title", Safe(title)),
                Html("style", style)),
            Html("body",
                Html("a", Set("class", "skip"), Set("href", "#content"), "To the content"),
                content));
        return "<!DOCTYPE html>\n" + html.ToString(SaveOptions.DisableFormatting) + "\n";
    }

    private static XElement Header(RunReport report, IReadOnlyList<Section> sections) => Html("header",
        Html("h1", Name(report.Title)),
        report.Running is { } running ? Html("p", Set("class", "running"), Set("role", "status"), Safe(running)) : null,
        Tiles(report),
        report.Warnings.Select(warning => Html("p", Set("class", "warning"), Html("b", "Note: "), Safe(warning))),
        Html("nav", Set("aria-label", "Sections"), Html("ul", sections.Select(section =>
            Html("li", Html("a", Set("href", "#" + section.Id), section.Heading))))));

    private static XElement? Tiles(RunReport report)
    {
        var tiles = new List<XElement>();
        if (report.Test is { Predictions.Count: > 0 } test)
        {
            var right = test.Predictions.Count(prediction => prediction.Label == prediction.Predicted);
            Add(Percent((double)right / test.Predictions.Count), $"of {test.Predictions.Count:N0} test images right");
        }
        if (report.LinearAccuracy is { } linear)
            Add(Percent(linear), "by a linear classifier");
        if (report.Test is { } results)
            Add($"{results.ClassNames.Count:N0}", results.ClassNames.Count == 1 ? "class" : "classes");
        if (report.Inference?.Parameters is { } parameters)
            Add(parameters.ToString("N0", CultureInfo.InvariantCulture), "parameters");
        if (report.Stages.Any(stage => stage.Time is not null))
            Add(Quantity.Time(report.Stages.Aggregate(TimeSpan.Zero, (sum, stage) => sum + (stage.Time ?? TimeSpan.Zero))), "in all");
        return tiles.Count == 0 ? null : Html("ul", Set("class", "tiles"), tiles);

        void Add(string value, string what) => tiles.Add(Html("li", Html("b", value), Html("span", what)));
    }

    private static XElement Footer(RunReport report, IReadOnlyList<Section> sections)
    {
        var missing = Sections.Missing(report);
        return Html("footer",
            missing.Count == 0 ? null : Html("p", $"Not known to this report: {string.Join(", ", missing)}."),
            Html("p", MadeBy),
            sections.Count == 0 ? Html("p", "There is nothing to show yet.") : null);
    }

    /// <summary>A name of somebody else's, which may be written in any direction, and says nothing about its neighbours.</summary>
    public static XElement Name(string name) => Html("bdi", Safe(name));

    public static string Percent(double share) => (100 * share).ToString("0.0", CultureInfo.InvariantCulture) + " %";
}
