using System.Xml.Linq;
using static ZeroOneShot.Report.Markup;

namespace ZeroOneShot.Report;

/// <summary>Tables as a page in the style of a run's report: without scripts, and loading nothing from elsewhere.</summary>
public static class TablePage
{
    /// <summary>The page as HTML.</summary>
    /// <param name="title">Its heading.</param>
    /// <param name="notes">Paragraphs before the tables.</param>
    /// <param name="warnings">What went wrong, a sentence each.</param>
    /// <param name="tables">The tables.</param>
    /// <exception cref="ArgumentException">A row has another number of cells than its table has columns.</exception>
    public static string Of(string title, IReadOnlyList<string> notes, IReadOnlyList<string> warnings, IReadOnlyList<PageTable> tables)
    {
        ArgumentNullException.ThrowIfNull(title);
        ArgumentNullException.ThrowIfNull(notes);
        ArgumentNullException.ThrowIfNull(warnings);
        ArgumentNullException.ThrowIfNull(tables);
        foreach (var table in tables)
        {
            if (table.Rows.FirstOrDefault(row => row.Count != table.Columns.Count) is { } wrong)
            {
                throw new ArgumentException($"A row of '{table.Caption}' has {wrong.Count} cells; expected {table.Columns.Count}, one " +
                    "for every column.", nameof(tables));
            }
        }
        return Page.Whole(title,
            Html("header", Html("h1", Page.Name(title)), notes.Select(note => Html("p", Safe(note))),
                warnings.Select(warning => Html("p", Set("class", "warning"), Html("b", "Note: "), Safe(warning)))),
            Html("main", Set("id", "content"), Set("tabindex", -1), tables.Select(Table)),
            Html("footer", Html("p", Page.MadeBy)));
    }

    private static XElement Table(PageTable table) => Html("section",
        Html("h2", Safe(table.Caption)),
        Html("div", Set("class", "scroll"), Html("table", Set("class", "names"),
            Html("thead", Html("tr", table.Columns.Select((column, c) =>
                Html("th", Set("scope", "col"), c > 0 ? Set("class", "number") : null, Safe(column))))),
            Html("tbody", table.Rows.Select(row => Html("tr", row.Select((cell, c) =>
                c == 0 ? Html("th", Set("scope", "row"), Page.Name(cell)) : Html("td", Set("class", "number"), Safe(cell)))))))));
}
