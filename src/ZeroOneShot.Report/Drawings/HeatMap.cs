using System.Globalization;
using System.Xml.Linq;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.ZeroShot;
using static ZeroOneShot.Report.Markup;

namespace ZeroOneShot.Report;

/// <summary>Edges by operations: which are live, and how important they were, where that was measured.</summary>
internal static class HeatMap
{
    private const double RowHeight = 21, EdgeWidth = 62, LeastColumn = 62, HeaderHeight = 40, LetterWidth = 6.3;

    public static (XElement Group, double Width, double Height) Of(
        CellKind kind, OperationMask mask, IReadOnlyList<CandidateImportance> importances)
    {
        var (space, topology) = (mask.Space, mask.Space.Topology);
        var measured = importances.Where(of => of.Kind == kind).ToDictionary(of => (of.Edge, of.Operation), of => of.Importance);
        var (least, most) = measured.Count == 0 ? (0, 0) : (measured.Values.Min(), measured.Values.Max());
        string[][] names = [.. space.Operations.Select(operation => Lines(operation.Name))];
        double[] widths = [.. names.Select(lines => Math.Max(LeastColumn, lines.Max(line => line.Length) * LetterWidth + 6))];
        double[] left = [.. widths.Select((_, i) => EdgeWidth + widths.Take(i).Sum())];
        var group = Draw("g");
        foreach (var (operation, lines) in names.Index())
        {
            foreach (var (i, line) in lines.Index())
                group.Add(Label(left[operation] + widths[operation] / 2, HeaderHeight - 8 - (lines.Length - 1 - i) * 14, "name", line));
        }
        for (var edge = 0; edge < topology.EdgeCount; edge++)
        {
            var y = HeaderHeight + edge * RowHeight;
            var (from, node) = topology.Ends(edge);
            var source = from >= topology.Inputs ? $"{from - topology.Inputs}"
                : topology.Inputs == 2 && from == 0 ? "k\u22122" : "k\u22121";
            group.Add(Label(EdgeWidth - 8, y + 15, "name", $"{source} \u2192 {node}", "end"));
            for (var operation = 0; operation < space.Operations.Count; operation++)
            {
                if (!space.Allows(kind, edge, operation))
                    continue;
                var (live, x) = (mask[kind, edge, operation], left[operation]);
                double? importance = measured.TryGetValue((edge, operation), out var value) ? value : null;
                // One scale for all edges of a cell; without a measurement, live is live.
                var heat = importance is { } known && most > least
                    ? (int)Math.Clamp((known - least) / (most - least) * Palette.Heats, 0, Palette.Heats - 1) : live ? 2 : 0;
                group.Add(Draw("rect", Set("class", live ? $"box h{heat}" : "gone"), Set("x", x + 1), Set("y", y + 1),
                    Set("width", widths[operation] - 2), Set("height", RowHeight - 2), Set("rx", 3)));
                var text = (live, importance) switch
                {
                    (true, null) => "\u2713",
                    (false, null) => "\u2013",
                    (_, { } number) => Text(number) + (live ? "" : " \u00d7"),
                };
                group.Add(Label(x + widths[operation] / 2, y + 15, live ? "small on-heat" : "small soft", text));
            }
        }
        return (group, left[^1] + widths[^1] + 6, HeaderHeight + topology.EdgeCount * RowHeight + 4);
    }

    public static string InWords(CellKind kind, OperationMask mask, IReadOnlyList<CandidateImportance> importances)
    {
        var space = mask.Space;
        var edges = Enumerable.Range(0, space.Topology.EdgeCount).Select(edge =>
        {
            var (from, node) = space.Topology.Ends(edge);
            return $"from state {from} to node {node}: " +
                string.Join(", ", mask.Live(kind, edge).Select(row => space.Operations[row].Name).DefaultIfEmpty("nothing"));
        });
        var measured = importances.Any(of => of.Kind == kind) ? ", with the importance of each operation" : "";
        return $"Heat map of the operations left in the {kind.ToString().ToLowerInvariant()} cell{measured}. {string.Join("; ", edges)}.";
    }

    /// <summary>An importance, in as few digits as tell it from the others.</summary>
    public static string Text(double importance) => Math.Abs(importance) >= 1000 || importance != 0 && Math.Abs(importance) < 0.001
        ? importance.ToString("0.0e+0", CultureInfo.InvariantCulture)
        : importance.ToString("0.000", CultureInfo.InvariantCulture);

    private static string[] Lines(string name)
    {
        var middle = name.Select((c, i) => (c, i)).Where(at => at.c == '_').Select(at => at.i)
            .OrderBy(i => Math.Abs(i - name.Length / 2.0)).ThenByDescending(i => i).FirstOrDefault(-1);
        return [.. (middle <= 0 ? [name] : new[] { name[..middle], name[(middle + 1)..] }).Select(line => Shorten(line, 16))];
    }
}
