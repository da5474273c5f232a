using System.Xml.Linq;

namespace ZeroOneShot.Report;

/// <summary>A drawing that stands in a document of its own or in a page.</summary>
/// <param name="Name">Its heading.</param>
/// <param name="Alternative">It in words.</param>
/// <param name="Group">What is drawn, from (0, 0).</param>
/// <param name="Width">In pixels.</param>
/// <param name="Height">In pixels.</param>
internal sealed record CellFigure(string Name, string Alternative, XElement Group, double Width, double Height)
{
    public XElement Svg() => Markup.Picture(Width, Height, Alternative, Group);
}
