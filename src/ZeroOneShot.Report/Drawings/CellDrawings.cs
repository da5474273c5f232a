using System.Xml.Linq;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.ZeroShot;
using static ZeroOneShot.Report.Markup;

namespace ZeroOneShot.Report;

/// <summary>
/// Architectures and masks as pictures (SVG) and as text for Graphviz (DOT). SVG is one document with its own style, light or dark,
/// without scripts or references, 600 pixels wide for cells of DARTS, with a description in words for readers who do not see it.
/// </summary>
/// <example>
/// <code>
/// File.WriteAllText("cells.svg", genotype.ToSvg());
/// File.WriteAllText("mask.svg", pruned.Result.ToHeatMapSvg(DrawingTheme.Dark));
/// </code>
/// </example>
public static class CellDrawings
{
    /// <summary>Draws the cells of an architecture, layer by layer from the inputs on the left, the operations on their edges.</summary>
    /// <param name="genotype">The architecture.</param>
    /// <param name="theme">The colours. Default <see cref="DrawingTheme.Automatic"/>.</param>
    /// <returns>An SVG document.</returns>
    public static string ToSvg(this Genotype genotype, DrawingTheme theme = DrawingTheme.Automatic)
    {
        ArgumentNullException.ThrowIfNull(genotype);
        return Document(Pictures(genotype), theme);
    }

    /// <summary>Draws the cells of a mask, each edge with the operations that are left on it.</summary>
    /// <param name="mask">The mask.</param>
    /// <param name="theme">The colours. Default <see cref="DrawingTheme.Automatic"/>.</param>
    /// <returns>An SVG document.</returns>
    public static string ToSvg(this OperationMask mask, DrawingTheme theme = DrawingTheme.Automatic)
    {
        ArgumentNullException.ThrowIfNull(mask);
        var colours = new OperationColours(mask.Space);
        return Document([.. mask.Space.Kinds.Select(kind => Picture(CellGraph.Of(kind, mask), colours))], theme);
    }

    /// <summary>Draws a mask as a table of edges by operations.</summary>
    /// <param name="mask">The mask.</param>
    /// <param name="theme">The colours. Default <see cref="DrawingTheme.Automatic"/>.</param>
    /// <returns>An SVG document.</returns>
    public static string ToHeatMapSvg(this OperationMask mask, DrawingTheme theme = DrawingTheme.Automatic)
    {
        ArgumentNullException.ThrowIfNull(mask);
        return Document([.. mask.Space.Kinds.Select(kind => Picture(kind, mask, []))], theme);
    }

    /// <summary>
    /// Draws what a pruning left as a table of edges by operations, coloured by the importances of the last round (Algorithm 1, s_j); what
    /// was removed in it is marked.
    /// </summary>
    /// <param name="result">The pruning.</param>
    /// <param name="theme">The colours. Default <see cref="DrawingTheme.Automatic"/>.</param>
    /// <returns>An SVG document.</returns>
    public static string ToHeatMapSvg(this PruningResult result, DrawingTheme theme = DrawingTheme.Automatic)
    {
        ArgumentNullException.ThrowIfNull(result);
        var importances = result.Rounds.Count == 0 ? [] : result.Rounds[^1].Importances.Candidates;
        return Document([.. result.Mask.Space.Kinds.Select(kind => Picture(kind, result.Mask, importances))], theme);
    }

    /// <summary>The cells of an architecture in the language of Graphviz, for other tools.</summary>
    /// <param name="genotype">The architecture.</param>
    /// <returns>One digraph, with a cluster for each cell.</returns>
    public static string ToDot(this Genotype genotype)
    {
        ArgumentNullException.ThrowIfNull(genotype);
        return DotText.Of(Graphs(genotype));
    }

    /// <summary>The cells of a mask in the language of Graphviz, for other tools.</summary>
    /// <param name="mask">The mask.</param>
    /// <returns>One digraph, with a cluster for each cell; the label of an edge has the operations left on it, a line each.</returns>
    public static string ToDot(this OperationMask mask)
    {
        ArgumentNullException.ThrowIfNull(mask);
        return DotText.Of([.. mask.Space.Kinds.Select(kind => CellGraph.Of(kind, mask))]);
    }

    /// <summary>The pictures of an architecture, one for each cell.</summary>
    internal static IReadOnlyList<CellFigure> Pictures(Genotype genotype)
    {
        var graphs = Graphs(genotype);
        var colours = new OperationColours(graphs.SelectMany(graph => graph.Edges).SelectMany(edge => edge.Operations));
        return [.. graphs.Select(graph => Picture(graph, colours))];
    }

    internal static CellFigure Picture(CellGraph graph, OperationColours colours)
    {
        var (group, width, height) = CellPicture.Of(graph, colours);
        return new CellFigure(graph.Name, graph.InWords(), group, width, height);
    }

    internal static CellFigure Picture(CellKind kind, OperationMask mask, IReadOnlyList<CandidateImportance> importances)
    {
        var (group, width, height) = HeatMap.Of(kind, mask, importances);
        return new CellFigure($"{kind} cell", HeatMap.InWords(kind, mask, importances), group, width, height);
    }

    private static IReadOnlyList<CellGraph> Graphs(Genotype genotype) => genotype.Reduction is { } reduction
        ? [CellGraph.Of(CellKind.Normal, genotype.Normal), CellGraph.Of(CellKind.Reduction, reduction)]
        : [CellGraph.Of(CellKind.Normal, genotype.Normal)];

    private static string Document(IReadOnlyList<CellFigure> figures, DrawingTheme theme)
    {
        const double Heading = 26;
        var width = Math.Max(CellPicture.Width, figures.Max(figure => figure.Width));
        var height = figures.Sum(figure => figure.Height + Heading);
        var svg = Markup.Picture(width, height, string.Join(" ", figures.Select(figure => figure.Alternative)),
            Draw("style", Palette.Of(theme)),
            Draw("rect", Set("class", "paper"), Set("width", width), Set("height", height)));
        var y = 0.0;
        foreach (var figure in figures)
        {
            svg.Add(Label(10, y + 18, "title", figure.Name, "start"));
            figure.Group.Add(Set("transform", $"translate({Number((width - figure.Width) / 2)} {Number(y + Heading)})"));
            svg.Add(figure.Group);
            y += figure.Height + Heading;
        }
        return svg.ToString(SaveOptions.DisableFormatting) + "\n";
    }
}
