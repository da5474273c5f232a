using System.Xml.Linq;
using static ZeroOneShot.Report.Markup;

namespace ZeroOneShot.Report;

/// <summary>The confusion matrix of many classes: a square for every pair that occurs.</summary>
internal static class ConfusionPicture
{
    private const double Most = 600, Edge = 20;

    public static XElement Of(TestSummary summary)
    {
        var classes = summary.Classes.Count;
        var side = Math.Max(2, (Most - Edge) / classes);
        var size = Edge + side * classes;
        var svg = Picture(size, size,
            $"Confusion matrix of {classes} classes, true ones downwards, predicted ones to the right; the diagonal is right. " +
            "The table beside it lists the pairs that are confused most.",
            Draw("rect", Set("class", "gone"), Set("x", Edge), Set("y", Edge), Set("width", side * classes), Set("height", side * classes)),
            Label(Edge + side * classes / 2, 13, "small soft", "predicted class, from 1"),
            Draw("text", Set("class", "small soft"), Set("text-anchor", "middle"),
                Set("transform", $"translate(13 {Number(Edge + side * classes / 2)}) rotate(-90)"), "true class, from 1"));
        for (var label = 0; label < classes; label++)
        {
            for (var predicted = 0; predicted < classes; predicted++)
            {
                if (summary.Count(label, predicted) is > 0 and var count)
                {
                    var share = (double)count / summary.Classes[label].Images;
                    svg.Add(Draw("rect", Set("class", $"h{HeatOf(share)}"), Set("x", Edge + side * predicted), Set("y",
                        Edge + side * label),
                        Set("width", side), Set("height", side)));
                }
            }
        }
        return svg;
    }

    /// <summary>The step of the heat map for a share, 0 to 1; what occurs at all is seen.</summary>
    public static int HeatOf(double share) => share <= 0 ? 0 : Math.Clamp(1 + (int)(share * (Palette.Heats - 1)), 1, Palette.Heats - 1);
}
