using System.Globalization;
using System.Xml.Linq;
using Xunit;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.ZeroShot;

namespace ZeroOneShot.Report.Tests;

public sealed class DrawingTests
{
    private static readonly XNamespace s_svg = "http://www.w3.org/2000/svg";

    public static TheoryData<string> Spaces => new(SearchSpace.All.Select(space => space.Name));

    [Theory]
    [MemberData(nameof(Spaces))]
    public void Every_space_can_be_drawn_with_all_its_operations_and_no_two_boxes_over_one_another(string name)
    {
        var space = SearchSpace.Named(name);
        for (var seed = 0; seed < 5; seed++)
        {
            var mask = RandomPruning.Mask(space, 0.5, seed);
            Assert.Equal(mask.TotalLive, Boxes(mask.ToSvg()).Count);
            NothingOverlaps(mask.ToSvg());
            var random = new Random(seed);
            var genotype = mask.ReadGenotype((_, _, _) => random.NextDouble());
            var edges = space.Kinds.Sum(kind => genotype.Cell(kind).Edges.Count);
            Assert.Equal(edges, Boxes(genotype.ToSvg()).Count);
            NothingOverlaps(genotype.ToSvg());
        }
    }

    [Fact]
    public void Cells_of_DARTS_are_600_pixels_wide_whatever_is_chosen()
    {
        for (var seed = 0; seed < 40; seed++)
        {
            var random = new Random(seed);
            var genotype = OperationMask.Full(SearchSpace.Darts).ReadGenotype((_, _, _) => random.NextDouble());
            Assert.Equal("600", XDocument.Parse(genotype.ToSvg()).Root!.Attribute("width")!.Value);
        }
    }

    [Fact]
    public void Who_does_not_see_a_drawing_hears_every_edge_of_it()
    {
        var words = XDocument.Parse(PublishedGenotypes.DartsV2.ToSvg()).Root!.Attribute("aria-label")!.Value;
        Assert.Contains("Normal cell: node 0 is the sum of sep_conv_3x3 of input c_{k-2} and sep_conv_3x3 of input c_{k-1}", words);
        Assert.Contains("Reduction cell: node 0 is the sum of max_pool_3x3 of input c_{k-2}", words);
        Assert.Contains("the output is node 0, node 1, node 2, node 3.", words);
    }

    [Fact]
    public void Operations_named_to_break_out_of_a_drawing_do_not()
    {
        var name = "a]]></text><script>alert(1)</script>\"\u0000\ud800";
        var cell = new CellGenotype([new(name, 0), new(name, 1)]);
        var svg = XDocument.Parse(new Genotype(cell, cell).ToSvg());
        Assert.Empty(svg.Descendants(s_svg + "script"));
        Assert.Contains(svg.Descendants(s_svg + "title"), title => title.Value == "a]]></text><script>alert(1)</script>\"\u2400\ufffd");
        var dot = new Genotype(new CellGenotype([new("a\"\nb\\", 0), new("c", 1)]), null).ToDot();
        Assert.Contains("[label=\"a\\\" b\\\\\"]", dot);
    }

    [Fact]
    public void Light_and_dark_are_what_they_say_and_the_default_follows_the_reader()
    {
        var genotype = PublishedGenotypes.DartsV2;
        Assert.Contains("--paper: #ffffff", genotype.ToSvg(DrawingTheme.Light));
        Assert.DoesNotContain("prefers-color-scheme", genotype.ToSvg(DrawingTheme.Light));
        Assert.DoesNotContain("--paper: #ffffff", genotype.ToSvg(DrawingTheme.Dark));
        Assert.Contains("prefers-color-scheme: dark", genotype.ToSvg());
        Assert.Throws<ArgumentOutOfRangeException>(() => genotype.ToSvg((DrawingTheme)9));
    }

    [Fact]
    public void A_heat_map_shows_every_importance_and_marks_what_the_round_removed()
    {
        var full = OperationMask.Full(SearchSpace.Darts);
        var importances = full.AllLive.Select((at, i) => new CandidateImportance(at.Kind, at.Edge, at.Operation, [i], i * 0.001)).ToArray();
        var after = full.WithoutWeakestOperationPerEdge((kind, edge, row) => ((int)kind * 14 + edge) * 8 + row);
        var result = new PruningResult(full, [new PruningRound(new ImportanceMeasurement(["r"], [1], importances), after)]);
        var texts = XDocument.Parse(result.ToHeatMapSvg()).Descendants(s_svg + "text").Select(text => text.Value).ToArray();
        Assert.Equal(28, texts.Count(text => text.EndsWith(" \u00d7", StringComparison.Ordinal)));
        Assert.Contains("0.000 \u00d7", texts);
        Assert.Contains("0.223", texts);
        Assert.Equal(28, XDocument.Parse(after.ToHeatMapSvg()).Descendants(s_svg + "text").Count(text => text.Value == "\u2013"));
    }

    [Fact]
    public void Graphviz_gets_every_edge_once()
    {
        var dot = PublishedGenotypes.DartsV2.ToDot();
        Assert.Equal(2 * (8 + 4), dot.Split(" -> ").Length - 1);
        Assert.Equal(dot.Count(c => c == '{') - 4 - 2, dot.Count(c => c == '}') - 4 - 2);
        Assert.Contains("s0_0 -> s0_2 [label=\"sep_conv_3x3\"]", dot);
        Assert.Equal(14 * 2 + 4 * 2, OperationMask.Full(SearchSpace.Darts).ToDot().Split(" -> ").Length - 1);
    }

    private static void NothingOverlaps(string svg)
    {
        foreach (var cell in XDocument.Parse(svg).Root!.Elements(s_svg + "g"))
        {
            var rects = cell.Elements(s_svg + "rect").Select(Bounds).ToArray();
            for (var i = 0; i < rects.Length; i++)
            {
                for (var j = 0; j < i; j++)
                {
                    var (a, b) = (rects[i], rects[j]);
                    Assert.False(a.Left < b.Right - 0.1 && b.Left < a.Right - 0.1 && a.Top < b.Bottom - 0.1 && b.Top < a.Bottom - 0.1,
                        $"{a} and {b} overlap");
                }
            }
        }
    }

    private static List<XElement> Boxes(string svg) => [.. XDocument.Parse(svg).Descendants(s_svg + "rect")
        .Where(rect => rect.Attribute("class")!.Value.StartsWith("box ", StringComparison.Ordinal))];

    private static (double Left, double Top, double Right, double Bottom) Bounds(XElement rect)
    {
        var (x, y) = (Number("x"), Number("y"));
        return (x, y, x + Number("width"), y + Number("height"));

        double Number(string name) => double.Parse(rect.Attribute(name)!.Value, CultureInfo.InvariantCulture);
    }
}
