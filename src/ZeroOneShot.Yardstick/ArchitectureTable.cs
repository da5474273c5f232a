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
                var values = columns.Index().Where(column => column.Index > 0 && fields[column.Index].Length > 0)
                    .DistinctBy(column => column.Item).ToDictionary(column => column.Item, column => fields[column.Index]);
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
        if (Operations201().Match(text) is { Success: true } six)
        {
            var rows = six.Groups["row"].Captures.Select(row => int.Parse(row.Value, CultureInfo.InvariantCulture)).ToArray();
            var names = s_nasBench201Edges.Select(edge => Named(s_nasBench201Operations, rows[edge])).ToArray();
            GenotypeEdge[][] nodes =
                [[new(names[0], 0)], [new(names[1], 0), new(names[2], 1)], [new(names[3], 0), new(names[4], 1), new(names[5], 2)]];
            return new(new CellGenotype(nodes, inputs: 1, concat: [3]), null);
        }
        var pairs = Pair().Matches(text);
        if (pairs.Count != 16 || Pair().Replace(text, "").Trim('(', ')', ',', ' ').Length > 0)
            throw new FormatException($"'{(text.Length <= 60 ? text : text[..57] + "...")}' is no architecture of a known form");
        var edges = pairs.Select(pair => new GenotypeEdge(
            Named(s_dartsOperations, int.Parse(pair.Groups["operation"].Value, CultureInfo.InvariantCulture)),
            int.Parse(pair.Groups["input"].Value, CultureInfo.InvariantCulture))).ToArray();
        return new(new CellGenotype(edges[..8]), new CellGenotype(edges[8..]));
    }

    private static string Named(string[] operations, int row) => row < operations.Length
        ? operations[row]
        : throw new FormatException($"operation {row} is not one of 0 to {operations.Length - 1}");

    private static double Number(string text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number)
            ? number
            : throw new FormatException($"'{text}' is not the number of an accuracy");

    private static List<string> Fields(string line) => [.. Field().Matches(line).Select(field =>
        field.Groups["quoted"].Success
            ? field.Groups["quoted"].Value.Replace("\"\"", "\"", StringComparison.Ordinal)
            : field.Groups["plain"].Value.Trim())];

    [GeneratedRegex(@"(?:^|,)(?:""(?<quoted>(?:[^""]|"""")*)""|(?<plain>[^,""]*))")]
    private static partial Regex Field();

    [GeneratedRegex(@"^\s*\(\s*(?<row>\d{1,3})\s*(?:,\s*(?<row>\d{1,3})\s*){5}\)\s*$")]
    private static partial Regex Operations201();

    [GeneratedRegex(@"\(\s*(?<input>\d{1,3})\s*,\s*(?<operation>\d{1,3})\s*\)")]
    private static partial Regex Pair();
}
