using System.Globalization;
using System.Xml.Linq;
using static ZeroOneShot.Report.Markup;

namespace ZeroOneShot.Report;

/// <summary>What a page says of the test images.</summary>
internal static class TestPart
{
    private const int LargestMatrix = 20, WorstPairs = 20;

    // Keeps a number before a name that is written from right to left.
    private const char LeftToRight = '\u200e';

    public static IReadOnlyList<XElement> Of(TestResults test)
    {
        var summary = new TestSummary(test);
        var content = new List<XElement>
        {
            Html("p", string.Create(CultureInfo.InvariantCulture, $"{summary.Correct:N0} of {summary.Images:N0} test images are right, ") +
                $"{Page.Percent(summary.Accuracy)}. Rows of the matrix are the true classes, columns the predicted ones."),
        };
        if (summary.Classes.Count <= LargestMatrix)
            content.Add(Matrix(summary));
        else
            content.Add(Html("figure", Html("figcaption", "Confusion matrix"), ConfusionPicture.Of(summary)));
        if (summary.Classes.Count > LargestMatrix && summary.WorstPairs(WorstPairs).ToArray() is { Length: > 0 } pairs)
            content.Add(Pairs(summary, pairs));
        content.Add(Sections.Table("Per class", ["class", "images", "precision", "recall", "F1", "taken for it"],
            summary.Classes.Select((of, label) => (string[])[NameOf(summary, label), Count(of.Images), Share(of.Precision),
                Share(of.Recall), Share(of.F1),
                Count(of.Predicted)])));
        content.Add(Html("figure", Html("figcaption", string.Create(CultureInfo.InvariantCulture,
            $"Calibration: expected calibration error {summary.CalibrationError:0.000}")),
            CalibrationChart.Of(summary.Calibration, summary.CalibrationError)));
        return content;
    }

    public static IReadOnlyList<XElement?> PicturesOf(TestResults test) =>
    [
        .. Strip(test, test.Mistakes, $"The {test.Mistakes.Count} mistakes that the network was most sure of", wrong: true),
        .. Strip(test, test.Correct, $"{test.Correct.Count} images that it got right", wrong: false),
    ];

    private static XElement Matrix(TestSummary summary)
    {
        const string Caption = "Confusion matrix";
        return Sections.Scroll(Caption, Html("table", Set("class", "matrix"), Html("caption", Caption),
            Html("thead", Html("tr", Html("td", ""), summary.Classes.Select(of =>
                Html("th", Set("scope", "col"), Set("title", of.Name), Page.Name(of.Name))))),
            Html("tbody", summary.Classes.Select((of, label) => Html("tr",
                Html("th", Set("scope", "row"), Set("title", of.Name), Page.Name(of.Name)),
                summary.Classes.Select((_, predicted) =>
                {
                    var count = summary.Count(label, predicted);
                    var heat = ConfusionPicture.HeatOf((double)count / Math.Max(1, of.Images));
                    return Html("td", Set("class", $"number cell heat{heat}{(label == predicted ? " self" : "")}"), Count(count));
                }))))));
    }

    private static XElement Pairs(TestSummary summary, IReadOnlyList<(int Label, int Predicted, int Images)> pairs) => Sections.Scroll(
        "The pairs of classes that are confused most", Html("table", Html("caption", "The pairs of classes that are confused most"),
            Html("thead", Html("tr", Html("th", Set("scope", "col"), "true class"), Html("th", Set("scope", "col"), "taken for"),
                Html("th", Set("scope", "col"), Set("class", "number"), "images"))),
            Html("tbody", pairs.Select(pair => Html("tr",
                Html("th", Set("scope", "row"), Set("title", summary.Classes[pair.Label].Name), Page.Name(NameOf(summary, pair.Label))),
                Html("td", Set("class", "name"), Set("title", summary.Classes[pair.Predicted].Name),
                    Page.Name(NameOf(summary, pair.Predicted))),
                Html("td", Set("class", "number"), $"{Count(pair.Images)} of {Count(summary.Classes[pair.Label].Images)}"))))));

    private static IEnumerable<XElement> Strip(TestResults test, IReadOnlyList<TestPicture> pictures, string heading, bool wrong)
    {
        if (pictures.Count == 0)
            yield break;
        yield return Html("h3", heading);
        yield return Html("ul", Set("class", "pictures"), pictures.Select(picture =>
        {
            var of = picture.Prediction;
            var (label, predicted) = (test.ClassNames[of.Label], test.ClassNames[of.Predicted]);
            var score = of.Score.ToString("0.00", CultureInfo.InvariantCulture);
            return Html("li",
                Html("img", Set("src", Pictures.Address(picture)), Set("width", 96), Set("height", 96), Set("alt", wrong
                    ? $"{Shorten(of.Image, 200)}: {Shorten(label, 200)}, taken for {Shorten(predicted, 200)}"
                    : $"{Shorten(of.Image, 200)}: {Shorten(label, 200)}, rightly")),
                wrong
                    ? [Line("is", label, "good"), Line("taken for", predicted, "bad")]
                    : new[] { Line("is", label, "good") },
                Html("span", Set("class", "clip note"), Set("title", of.Image), $"{score} ", Page.Name(of.Image)));
        }));
    }

    private static XElement Line(string what, string name, string kind) => Html("span", Set("class", "clip"), Set("title", name),
        $"{what} ", Html("b", Set("class", kind), Page.Name(name)));

    // With the number by which the picture of many classes has it.
    private static string NameOf(TestSummary summary, int label) =>
        summary.Classes.Count <= LargestMatrix ? summary.Classes[label].Name : $"{LeftToRight}{label + 1}: {summary.Classes[label].Name}";

    private static string Count(int count) => count.ToString("N0", CultureInfo.InvariantCulture);

    private static string Share(double? share) => share?.ToString("0.000", CultureInfo.InvariantCulture) ?? "\u2013";
}
