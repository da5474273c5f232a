namespace ZeroOneShot.Tool.Output;

/// <summary>Cells of CSV (RFC 4180).</summary>
internal static class CsvText
{
    public static string Line(params IEnumerable<string> cells) => string.Join(',', cells.Select(Cell));

    private static string Cell(string text) => text.AsSpan().ContainsAny(",\"\n\r") ? $"\"{text.Replace("\"", "\"\"")}\"" : text;
}
