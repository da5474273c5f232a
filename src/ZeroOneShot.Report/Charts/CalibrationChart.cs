using System.Globalization;
using System.Xml.Linq;
using static ZeroOneShot.Report.Markup;

namespace ZeroOneShot.Report;

/// <summary>How often the network is right, by how sure it is: on the diagonal it is as sure as it should be.</summary>
internal static class CalibrationChart
{
    private const double Width = 360, Height = 300, Left = 46, Right = 10, Top = 10, Bottom = 40;

    public static XElement Of(IReadOnlyList<CalibrationBin> bins, double error)
    {
        var filled = bins.Where(bin => bin.Images > 0).ToArray();
        var words = string.Join(" ", filled.Select(bin => string.Create(CultureInfo.InvariantCulture,
            $"At {bin.Confidence:0.00} it is right {bin.Accuracy:0.00} of {bin.Images} times.")));
        var svg = Picture(Width, Height, string.Create(CultureInfo.InvariantCulture,
            $"Calibration curve, expected calibration error {error:0.000}. {words}"));
        foreach (var tick in (double[])[0, 0.2, 0.4, 0.6, 0.8, 1])
        {
            svg.Add(Draw("path", Set("class", "grid"), Set("d", $"M{Left},{Number(Y(tick))} H{Number(Width - Right)}")));
            svg.Add(Label(Left - 6, Y(tick) + 4, "small soft", Number(tick), "end"));
            svg.Add(Label(X(tick), Height - Bottom + 16, "small soft", Number(tick)));
        }
        var most = filled.Select(bin => bin.Images).DefaultIfEmpty(1).Max();
        foreach (var (i, bin) in bins.Index().Where(at => at.Item.Images > 0))
        {
            var (x, height) = ((double)i / bins.Count, 0.3 * bin.Images / most);
            svg.Add(Draw("rect", Set("class", "h1"), Set("x", X(x) + 1), Set("y", Y(height)), Set("width", X(1.0 / bins.Count) - X(0) - 2),
                Set("height", Y(0) - Y(height))));
        }
        svg.Add(Draw("path", Set("class", "grid"), Set("d", $"M{Number(X(0))},{Number(Y(0))} L{Number(X(1))},{Number(Y(1))}")));
        svg.Add(Draw("polyline", Set("class", "series l6"),
            Set("points", string.Join(' ', filled.Select(bin => $"{Number(X(bin.Confidence))},{Number(Y(bin.Accuracy))}")))));
        foreach (var bin in filled)
            svg.Add(Draw("circle", Set("class", "p6"), Set("cx", X(bin.Confidence)), Set("cy", Y(bin.Accuracy)), Set("r", 3)));
        svg.Add(Label((Left + Width - Right) / 2, Height - 6, "small soft", "score of the predicted class (bars: how many images)"));
        svg.Add(Draw("text", Set("class", "small soft"), Set("text-anchor", "middle"),
            Set("transform", $"translate(12 {Number((Top + Height - Bottom) / 2)}) rotate(-90)"), "share that is right"));
        return svg;
    }

    private static double X(double value) => Left + (Width - Left - Right) * value;

    private static double Y(double value) => Height - Bottom - (Height - Bottom - Top) * value;
}
