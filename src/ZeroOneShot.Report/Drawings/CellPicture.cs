using System.Xml.Linq;
using static ZeroOneShot.Report.Markup;

namespace ZeroOneShot.Report;

/// <summary>A cell, drawn.</summary>
internal static class CellPicture
{
    private const double StateSize = 24, LineHeight = 14, BoxPadding = 4, EndWidth = 40, TipLength = 6, TipWidth = 3.2;

    // Of a letter in 12 pixels, and of one in a list, in 11; on average, in a wide font.
    private const double LetterWidth = 7, ListLetterWidth = 6.5;
    private const int LongestLine = 14;

    /// <summary>The width that the drawings of DARTS' cells need; wider ones take more.</summary>
    public const double Width = 600;

    public static (XElement Group, double Width, double Height) Of(CellGraph graph, OperationColours colours)
    {
        var layout = new CellLayout(graph, SizeOf, StateSize, EndWidth);
        var group = Draw("g");
        foreach (var (from, to) in layout.Connections)
        {
            var (x1, x2) = (from.X + from.Width / 2, to.X - to.Width / 2);
            var bend = (x2 - x1) / 2;
            var end = to.IsLane ? x2 : x2 - TipLength + 1;
            group.Add(Draw("path", Set("class", "line"), Set("d",
                $"M{Number(x1)},{Number(from.Y)} C{Number(x1 + bend)},{Number(from.Y)} {Number(x2 - bend)},{Number(to.Y)} " +
                $"{Number(end)},{Number(to.Y)}")));
            if (!to.IsLane)
            {
                group.Add(Draw("path", Set("class", "tip"), Set("d",
                    $"M{Number(x2 - TipLength)},{Number(to.Y - TipWidth)} L{Number(x2)},{Number(to.Y)} " +
                    $"L{Number(x2 - TipLength)},{Number(to.Y + TipWidth)} Z")));
            }
        }
        foreach (var lane in layout.Connections.Select(line => line.To).Where(item => item is { IsLane: true, Width: > 0 }).Distinct())
        {
            group.Add(Draw("path", Set("class", "line"),
                Set("d", $"M{Number(lane.X - lane.Width / 2)},{Number(lane.Y)} h{Number(lane.Width)}")));
        }
        foreach (var (i, box) in layout.Boxes.Index())
            Add(group, box, graph.Edges[i], colours);
        foreach (var (state, item) in layout.States.Index())
            Add(group, item, state < graph.Inputs ? "end" : "state", graph.StateName(state));
        Add(group, layout.Output, "end", "c_{k}");
        return (group, layout.Width, layout.Height);
    }

    private static void Add(XElement group, CellLayout.Item item, string kind, string name)
    {
        group.Add(Draw("rect", Set("class", kind), Set("x", item.X - item.Width / 2), Set("y", item.Y - item.Height / 2),
            Set("width", item.Width), Set("height", item.Height), Set("rx", item.Height / 2)));
        // c_{k-2} as it is printed, with a subscript.
        var (letter, index) = name.StartsWith("c_{", StringComparison.Ordinal) ? ("c", name[3..^1].Replace('-', '\u2212')) : (name, "");
        var text = Label(item.X, item.Y + 4, "name", letter);
        if (index.Length > 0)
            text.Add(Draw("tspan", Set("class", "index"), Set("dy", 3), index));
        group.Add(text);
    }

    private static void Add(XElement group, CellLayout.Item box, CellGraph.Edge edge, OperationColours colours)
    {
        var top = box.Y - box.Height / 2;
        if (edge.Operations.Count == 0)
        {
            group.Add(Draw("rect", Set("class", "gone"), Set("x", box.X - box.Width / 2), Set("y", top), Set("width", box.Width),
                Set("height", box.Height), Set("rx", 4)));
        }
        foreach (var operation in edge.Operations)
        {
            var lines = LinesOf(edge, operation);
            var height = lines.Count * LineHeight + BoxPadding;
            group.Add(Draw("rect", Set("class", $"box {colours.Of(operation)}"), Set("x", box.X - box.Width / 2), Set("y", top),
                Set("width", box.Width), Set("height", height), Set("rx", 4), Draw("title", Safe(operation))));
            foreach (var (i, line) in lines.Index())
                group.Add(Label(box.X, top + BoxPadding / 2 + (i + 0.78) * LineHeight, edge.Operations.Count > 1 ? "small" : "name", line));
            top += height;
        }
    }

    private static (double Width, double Height) SizeOf(CellGraph.Edge edge)
    {
        string[] lines = [.. edge.Operations.SelectMany(operation => LinesOf(edge, operation))];
        return (lines.Select(line => line.Length).DefaultIfEmpty(2).Max() * (edge.Operations.Count > 1 ? ListLetterWidth : LetterWidth) + 6,
            lines.Length == 0 ? LineHeight : lines.Length * LineHeight + edge.Operations.Count * BoxPadding);
    }

    // One operation has room for two lines; many are a list.
    private static IReadOnlyList<string> LinesOf(CellGraph.Edge edge, string operation)
    {
        var middle = edge.Operations.Count > 1 ? -1 : operation.Select((c, i) => (c, i)).Where(at => at.c == '_')
            .Select(at => at.i).OrderBy(i => Math.Abs(i - operation.Length / 2.0)).ThenByDescending(i => i).FirstOrDefault(-1);
        IEnumerable<string> lines = middle <= 0 ? [operation] : [operation[..middle], operation[(middle + 1)..]];
        return [.. lines.Select(line => Shorten(line, LongestLine))];
    }
}
