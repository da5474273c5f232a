using System.Globalization;
using System.Text;
using System.Xml.Linq;

namespace ZeroOneShot.Report;

/// <summary>
/// Elements of SVG and HTML. Whatever text goes in is encoded by <see cref="XElement"/>; nothing here writes markup as text, so that names
/// of files and classes stay names.
/// </summary>
internal static class Markup
{
    public static readonly XNamespace Svg = "http://www.w3.org/2000/svg";

    // The elements that HTML closes by themselves; "<td />" would open a cell and not close it.
    private static readonly HashSet<string> s_void = ["br", "hr", "img", "link", "meta"];

    /// <summary>An element of HTML, which is closed in HTML too where it is empty.</summary>
    public static XElement Html(string name, params object?[] content) => s_void.Contains(name)
        ? new XElement(name, content)
        : new XElement(name, content, new XText(""));

    /// <summary>An element of SVG.</summary>
    public static XElement Draw(string name, params object?[] content) => new(Svg + name, content);

    /// <summary>An attribute, of a number as XML writes it, or of a text made safe.</summary>
    public static XAttribute Set(string name, object value) => new(name, value switch
    {
        string text => Safe(text),
        double number => Number(number),
        IFormattable formattable => formattable.ToString(null, CultureInfo.InvariantCulture),
        _ => value,
    });

    /// <summary>A picture: what is drawn, and the words for those who do not see it.</summary>
    public static XElement Picture(double width, double height, string alternative, params object?[] content) => Draw("svg",
        Set("viewBox", $"0 0 {Number(width)} {Number(height)}"), Set("width", width), Set("height", height), Set("role", "img"),
        Set("aria-label", alternative), content);

    /// <summary>A text in a picture.</summary>
    public static XElement Label(double x, double y, string kind, string text, string anchor = "middle") => Draw("text",
        Set("x", x), Set("y", y), Set("class", kind), Set("text-anchor", anchor), Safe(text));

    /// <summary>A number with two decimals at most, and a point.</summary>
    public static string Number(double value) => Math.Round(value, 2).ToString("0.##", CultureInfo.InvariantCulture);

    /// <summary>
    /// A text of which nothing is lost, and which XML can hold: characters that are no text are shown by their pictures. Marks that turn
    /// the direction of what follows are shown too, lest a name write over its neighbours.
    /// </summary>
    public static string Safe(string text)
    {
        if (text.All(c => c is >= ' ' and < '\x7f'))
            return text;
        var safe = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (char.IsHighSurrogate(c) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]))
                safe.Append(c).Append(text[++i]);
            else if (char.IsSurrogate(c) || c is '\ufffe' or '\uffff')
                safe.Append('\ufffd');
            else if (c < ' ' && c is not ('\n' or '\t'))
                safe.Append((char)('\u2400' + c));
            else if (c is '\x7f')
                safe.Append('\u2421');
            else if (c is >= '\x80' and < '\xa0' or >= '\u202a' and <= '\u202e' or >= '\u2066' and <= '\u2069')
                safe.Append(CultureInfo.InvariantCulture, $"[U+{(int)c:X4}]");
            else
                safe.Append(c);
        }
        return safe.ToString();
    }

    /// <summary>A text of at most so many characters, its end left out.</summary>
    public static string Shorten(string text, int most)
    {
        if (text.Length <= most)
            return text;
        var end = char.IsHighSurrogate(text[most - 2]) ? most - 2 : most - 1;
        return text[..end] + "\u2026";
    }
}
