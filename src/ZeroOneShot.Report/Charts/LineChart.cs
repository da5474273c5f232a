using System.Globalization;
using System.Xml.Linq;
using static ZeroOneShot.Report.Markup;

namespace ZeroOneShot.Report;

/// <summary>Numbers by epoch, as lines.</summary>
internal static class LineChart
{
    private const double Width = 600, Height = 230, Left = 52, Right = 14, Top = 12, Bottom = 36, LegendLine = 18;

    /// <summary>A line of a chart.</summary>
    /// <param name="Name">What it is.</param>
    /// <param name="Values">One for each epoch from 1; null where there is none.</param>
    /// <param name="Colour">0 to 7.</param>
    public sealed record Series(string Name, IReadOnlyList<double?> Values, int Colour);

    /// <summary>A chart with axes and a legend.</summary>
    /// <param name="what">What is shown, for those who hear it.</param>
    /// <param name="unit">The axis upwards.</param>
    /// <param name="series">The lines.</param>
    /// <param name="range">The axis' range; null: what the values need.</param>
    /// <param name="across">What the other axis counts.</param>
    public static XElement Of(
        string what, string unit, IReadOnlyList<Series> series, (double Least, double Most)? range = null, string across = "epoch")
    {
        series = [.. series.Where(line => line.Values.Any(value => value is { } number && double.IsFinite(number)))];
        var epochs = Math.Max(1, series.Select(line => line.Values.Count).DefaultIfEmpty(1).Max());
        double[] all = [.. series.SelectMany(line => line.Values).OfType<double>().Where(double.IsFinite)];
        var ticks = Ticks(range?.Least ?? all.DefaultIfEmpty(0).Min(), range?.Most ?? all.DefaultIfEmpty(1).Max());
        var svg = Picture(Width, Height + LegendLine * ((series.Count + 2) / 3), InWords(what, series));
        foreach (var tick in ticks)
        {
            svg.Add(Draw("path", Set("class", "grid"), Set("d", $"M{Left},{Number(Y(tick))} H{Number(Width - Right)}")));
            svg.Add(Label(Left - 6, Y(tick) + 4, "small soft", Text(tick), "end"));
        }
        var step = Math.Max(1, (int)Math.Ceiling(epochs / 10.0));
        for (var epoch = step == 1 ? 1 : step; epoch <= epochs; epoch += step)
            svg.Add(Label(X(epoch), Height - Bottom + 16, "small soft", $"{epoch}"));
        svg.Add(Label((Left + Width - Right) / 2, Height - 4, "small soft", across));
        svg.Add(Draw("text", Set("class", "small soft"), Set("text-anchor", "middle"),
            Set("transform", $"translate(12 {Number((Top + Height - Bottom) / 2)}) rotate(-90)"), Safe(unit)));
        foreach (var (i, line) in series.Index())
        {
            svg.Add(Draw("path", Set("class", $"series l{line.Colour}"), Set("d", Path(line.Values))));
            // A line of one epoch is a point.
            foreach (var (epoch, value) in line.Values.Index().Where(_ => line.Values.Count(value => value is not null) < 3))
            {
                if (value is { } number && double.IsFinite(number))
                    svg.Add(Draw("circle", Set("class", $"p{line.Colour}"), Set("cx", X(epoch + 1)), Set("cy", Y(number)), Set("r", 3)));
            }
            var (x, y) = (Left + i % 3 * 182, Height + LegendLine * (i / 3) + 8);
            svg.Add(Draw("path", Set("class", $"series l{line.Colour}"), Set("d", $"M{Number(x)},{Number(y)} h26")));
            svg.Add(Label(x + 32, y + 4, "small", Shorten(line.Name, 24), "start"));
        }
        return svg;

        double X(int epoch) => epochs == 1 ? (Left + Width - Right) / 2 : Left + (Width - Right - Left) * (epoch - 1) / (epochs - 1);

        double Y(double value) => Height - Bottom -
            (Height - Bottom - Top) * Math.Clamp((value - ticks[0]) / (ticks[^1] - ticks[0]), 0, 1);

        string Path(IReadOnlyList<double?> values)
        {
            var path = new System.Text.StringBuilder();
            var drawing = false;
            foreach (var (i, value) in values.Index())
            {
                if (value is not { } number || !double.IsFinite(number))
                {
                    drawing = false;
                    continue;
                }
                path.Append(CultureInfo.InvariantCulture, $"{(drawing ? 'L' : 'M')}{Number(X(i + 1))},{Number(Y(number))} ");
                drawing = true;
            }
            return path.ToString();
        }
    }

    /// <summary>A small chart of shares, 0 to 1, without axes.</summary>
    public static XElement Small(string what, IReadOnlyList<Series> series)
    {
        const double SmallWidth = 128, SmallHeight = 64, Edge = 3;
        var epochs = Math.Max(2, series.Max(line => line.Values.Count));
        var svg = Picture(SmallWidth, SmallHeight, InWords(what, series),
            Draw("path", Set("class", "grid"), Set("d", $"M{Edge},{Edge} V{SmallHeight - Edge} H{SmallWidth - Edge}")));
        foreach (var line in series)
        {
            var points = line.Values.Index().Where(at => at.Item is { } value && double.IsFinite(value)).Select(at =>
                $"{Number(Edge + (SmallWidth - 2 * Edge) * at.Index / (epochs - 1))}," +
                $"{Number(SmallHeight - Edge - (SmallHeight - 2 * Edge) * Math.Clamp(at.Item!.Value, 0, 1))}");
            svg.Add(Draw("polyline", Set("class", $"series l{line.Colour}"), Set("points", string.Join(' ', points))));
        }
        return svg;
    }

    /// <summary>Round numbers that reach around a range: 1, 2 or 5 times a power of ten apart.</summary>
    internal static double[] Ticks(double least, double most)
    {
        if (most - least < 1e-9 * Math.Max(1, Math.Abs(most)))
            (least, most) = (least - 0.5, most + 0.5);
        var rough = (most - least) / 4;
        var power = Math.Pow(10, Math.Floor(Math.Log10(rough)));
        var step = power * (rough / power <= 1 ? 1 : rough / power <= 2 ? 2 : rough / power <= 5 ? 5 : 10);
        var first = Math.Floor(least / step + 1e-9);
        var last = Math.Ceiling(most / step - 1e-9);
        return [.. Enumerable.Range(0, (int)(last - first) + 1).Select(i => (first + i) * step)];
    }

    private static string Text(double tick) => tick.ToString("0.######", CultureInfo.InvariantCulture);

    private static string InWords(string what, IReadOnlyList<Series> series) => $"{what}. " + string.Join(" ", series.Select(line =>
    {
        double[] values = [.. line.Values.OfType<double>()];
        return values.Length switch
        {
            0 => $"{line.Name}: none.",
            1 => string.Create(CultureInfo.InvariantCulture, $"{line.Name}: {values[0]:0.###}."),
            _ => string.Create(CultureInfo.InvariantCulture, $"{line.Name}: from {values[0]:0.###} to {values[^1]:0.###}."),
        };
    }));
}
