using System.Text;

namespace ZeroOneShot.Report;

/// <summary>Cells in the language of Graphviz.</summary>
internal static class DotText
{
    public static string Of(IReadOnlyList<CellGraph> cells)
    {
        var dot = new StringBuilder("digraph cells {\n  rankdir=LR;\n  node [fontname=\"sans-serif\"];\n  edge " +
            "[fontname=\"sans-serif\"];\n");
        foreach (var (number, cell) in cells.Index())
        {
            dot.Append($"  subgraph cluster_{number} {{\n    label={Quoted(cell.Name)};\n");
            for (var state = 0; state < cell.Inputs + cell.Nodes; state++)
            {
                dot.Append($"    s{number}_{state} [label={Quoted(cell.StateName(state))}, " +
                    $"shape={(state < cell.Inputs ? "box" : "circle")}];\n");
            }
            dot.Append($"    out{number} [label=\"c_{{k}}\", shape=box];\n");
            foreach (var edge in cell.Edges)
            {
                var label = string.Join("\\n", edge.Operations.Select(Escaped));
                dot.Append($"    s{number}_{edge.From} -> s{number}_{edge.To} [label=\"{label}\"];\n");
            }
            foreach (var state in cell.Output)
                dot.Append($"    s{number}_{state} -> out{number};\n");
            dot.Append("  }\n");
        }
        return dot.Append("}\n").ToString();
    }

    private static string Quoted(string text) => $"\"{Escaped(text)}\"";

    private static string Escaped(string text) => text.Replace("\\", "\\\\").Replace("\"", "\\\"").ReplaceLineEndings(" ");
}
