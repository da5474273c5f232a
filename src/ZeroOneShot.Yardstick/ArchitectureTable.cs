using System.Globalization;
using System.Text.RegularExpressions;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.Yardstick;

/// <summary>
/// Tables of architectures, one a line, in the forms in which the literature has them. The first line names the columns; the first column
/// is the architecture, in quotation marks where it holds commas. A column <c>val_accuracy</c> (or <c>accuracy</c>) holds measured
/// accuracies in percent.
/// </summary>
/// <remarks>
/// An architecture of the DARTS space is <c>(((0, 3), (1, 1), ...), (...))</c>, normal and reduction cell with pairs of an input state and
/// an operation (0 to 6: max_pool_3x3, avg_pool_3x3, skip_connect, sep_conv_3x3, sep_conv_5x5, dil_conv_3x3, dil_conv_5x5), as in
/// NAS-Bench-301; or any text that <see cref="Genotype.Parse"/> reads. One of NAS-Bench-201 is <c>(4, 0, 3, 1, 4, 3)</c>: operations 0 to 4
/// (skip_connect, none, nor_conv_3x3, nor_conv_1x1, avg_pool_3x3) on edges 0-1, 0-2, 0-3, 1-2, 1-3, 2-3.
/// </remarks>
public static partial class ArchitectureTable
{
    private const long LargestFile = 1L << 30;

    // Of both cells; and characters that six numbers may take.
    private const int DartsEdges = 16, LongestOf201 = 100;

    private static readonly string[] s_dartsOperations =
        ["max_pool_3x3", "avg_pool_3x3", "skip_connect", "sep_conv_3x3", "sep_conv_5x5", "dil_conv_3x3", "dil_conv_5x5"];

    private static readonly string[] s_nasBench201Operations = ["skip_connect", "none", "nor_conv_3x3", "nor_conv_1x1", "avg_pool_3x3"];

    // Edges 0-1, 0-2, 0-3, 1-2, 1-3, 2-3 in the order of a genotype, which goes node by node: 0-1, 0-2, 1-2, 0-3, 1-3, 2-3.
    private static readonly int[] s_nasBench201Edges = [0, 1, 3, 2, 4, 5];

    /// <summary>Reads a table.</summary>
    /// <param name="path">The file.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">A line is no architecture, or its accuracy no number; the message gives the line.</exception>
    public static IReadOnlyList<TableRow> Read(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        if (!File.Exists(path))
            throw new FileNotFoundException($"There is no file '{Path.GetFullPath(path)}'; expected a table of architectures.", path);
        if (new FileInfo(path).Length is 0 or > LargestFile)
        {
            throw new InvalidDataException(
                $"'{path}' is empty, no regular file or larger than a gigabyte; expected a table of architectures.");
        }
        using var lines = File.ReadLines(path).GetEnumerator();
        lines.MoveNext();
        var columns = Fields(lines.Current);
        var accuracy = columns.FindIndex(name => name is "val_accuracy" or "accuracy");
        var others = columns.Index().Skip(1).DistinctBy(column => column.Item).ToArray();
        var rows = new List<TableRow>();
        for (var line = 2; lines.MoveNext(); line++)
        {
            if (string.IsNullOrWhiteSpace(lines.Current))
                continue;
            var fields = Fields(lines.Current);
            try
            {
                if (fields.Count != columns.Count)
                    throw new FormatException($"it has {fields.Count} columns, the first line names {columns.Count}");
                double? measured = accuracy < 0 || fields[accuracy].Length == 0 ? null : Number(fields[accuracy]);
                var values = new Dictionary<string, string>(others.Length);
                foreach (var (place, column) in others)
                {
                    if (fields[place].Length > 0)
                        values.Add(column, fields[place]);
                }
                rows.Add(new TableRow(Genotype(fields[0]), measured, values));
            }
            catch (Exception e) when (e is FormatException or ArgumentException)
            {
                throw new InvalidDataException($"Line {line} of '{path}' is not of a table of architectures: {e.Message.TrimEnd('.')}.", e);
            }
        }
        return rows.Count > 0 ? rows : throw new InvalidDataException($"'{path}' has no line after the first; expected architectures.");
    }

    /// <summary>The architectures of a table that have a measured accuracy.</summary>
    /// <inheritdoc cref="Read"/>
    public static IReadOnlyList<MeasuredGenotype> ReadMeasured(string path)
    {
        var rows = Read(path);
        return rows.Any(row => row.Accuracy is null)
            ? throw new InvalidDataException(
                $"'{path}' has lines without an accuracy; expected one in column 'val_accuracy' of every line.")
            : [.. rows.Select(row => new MeasuredGenotype(row.Genotype, row.Accuracy!.Value))];
    }

    /// <summary>Reads an architecture in any of the forms.</summary>
    /// <param name="text">The text.</param>
    /// <exception cref="FormatException">It is none.</exception>
    public static Genotype Genotype(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (!text.TrimStart().StartsWith('('))
            return SearchSpaces.Genotype.Parse(text);
        if (text.Length <= LongestOf201 && Operations201().Match(text) is { Success: true } six)
        {
            var rows = six.Groups["row"].Captures.Select(row => int.Parse(row.Value, CultureInfo.InvariantCulture)).ToArray();
            var names = s_nasBench201Edges.Select(edge => Named(s_nasBench201Operations, rows[edge])).ToArray();
            GenotypeEdge[][] nodes =
                [[new(names[0], 0)], [new(names[1], 0), new(names[2], 1)], [new(names[3], 0), new(names[4], 1), new(names[5], 2)]];
            return new(new CellGenotype(nodes, inputs: 1, concat: [3]), null);
        }
        var edges = new GenotypeEdge[DartsEdges];
        var count = 0;
        for (var rest = text.AsSpan(); rest.Length > 0;)
        {
            if (PairAt(ref rest) is var (input, operation))
            {
                if (count == DartsEdges)
                    throw NoneOf(text);
                edges[count++] = new GenotypeEdge(Named(s_dartsOperations, operation), input);
            }
            else if (rest[0] is '(' or ')' or ',' or ' ')
            {
                rest = rest[1..];
            }
            else
            {
                throw NoneOf(text);
            }
        }
        return count == DartsEdges ? new(new CellGenotype(edges[..8]), new CellGenotype(edges[8..])) : throw NoneOf(text);
    }

    private static FormatException NoneOf(string text) =>
        new($"'{(text.Length <= 60 ? text : text[..57] + "...")}' is no architecture of a known form");

    /// <summary>Takes <c>(input, operation)</c> off the beginning of a text; null, and nothing taken, where it is none.</summary>
    private static (int Input, int Operation)? PairAt(ref ReadOnlySpan<char> text)
    {
        var rest = text;
        if (!Takes(ref rest, '(') || NumberAt(ref rest) is not { } input || !Takes(ref rest, ',')
            || NumberAt(ref rest) is not { } operation || !Takes(ref rest, ')'))
        {
            return null;
        }
        text = rest;
        return (input, operation);

        static bool Takes(ref ReadOnlySpan<char> rest, char mark)
        {
            rest = rest.TrimStart();
            if (rest.IsEmpty || rest[0] != mark)
                return false;
            rest = rest[1..];
            return true;
        }

        static int? NumberAt(ref ReadOnlySpan<char> rest)
        {
            rest = rest.TrimStart();
            var (digits, number) = (0, 0);
            for (; digits < Math.Min(3, rest.Length) && char.IsAsciiDigit(rest[digits]); digits++)
                number = 10 * number + rest[digits] - '0';
            rest = rest[digits..];
            return digits > 0 ? number : null;
        }
    }

    private static string Named(string[] operations, int row) => row < operations.Length
        ? operations[row]
        : throw new FormatException($"operation {row} is not one of 0 to {operations.Length - 1}");

    private static double Number(string text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number)
            ? number
            : throw new FormatException($"'{text}' is not the number of an accuracy");

    /// <summary>The fields of a line; in quotation marks they may hold commas, and quotation marks twice.</summary>
    private static List<string> Fields(string line)
    {
        var (fields, at) = (new List<string>(), 0);
        while (true)
        {
            if (at < line.Length && line[at] == '"')
            {
                var end = at + 1;
                while (end < line.Length && (line[end] != '"' || end + 1 < line.Length && line[end + 1] == '"'))
                    end += line[end] == '"' ? 2 : 1;
                fields.Add(line[(at + 1)..Math.Min(end, line.Length)].Replace("\"\"", "\"", StringComparison.Ordinal));
                at = Math.Min(end + 1, line.Length);
                var comma = line.IndexOf(',', at);
                at = comma < 0 ? line.Length : comma;
            }
            else
            {
                var comma = line.IndexOf(',', at);
                var end = comma < 0 ? line.Length : comma;
                fields.Add(line[at..end].Trim());
                at = end;
            }
            if (at >= line.Length)
                return fields;
            at++;
        }
    }

    [GeneratedRegex(@"^\s*\(\s*(?<row>\d{1,3})\s*(?:,\s*(?<row>\d{1,3})\s*){5}\)\s*$")]
    private static partial Regex Operations201();
}
