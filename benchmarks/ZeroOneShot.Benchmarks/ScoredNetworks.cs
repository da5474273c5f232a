using System.Globalization;
using System.Text.RegularExpressions;
using ZeroOneShot.Layers;
using ZeroOneShot.Networks;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.Benchmarks;

/// <summary>
/// Architectures with their measured accuracy, and scores that were published for them. A file of one of three forms, told apart by the
/// name of its first column: <c>arch</c>, the compact form of NASLib's NAS-Bench-301; <c>net</c>, that of its NAS-Bench-201;
/// <c>genotype</c>, DARTS' own text. The second column is <c>val_accuracy</c>; all others are scores.
/// </summary>
internal sealed partial record ScoredNetworks(
    string Name, SearchSpace Space, CellNetOptions Network, IReadOnlyList<ScoredNetworks.Row> Rows, IReadOnlyList<string> Scores)
{
    private static readonly string[] s_benchmark301 =
        ["max_pool_3x3", "avg_pool_3x3", "skip_connect", "sep_conv_3x3", "sep_conv_5x5", "dil_conv_3x3", "dil_conv_5x5"];

    private static readonly string[] s_benchmark201 = ["skip_connect", "none", "nor_conv_3x3", "nor_conv_1x1", "avg_pool_3x3"];

    // Of the digits of a NAS-Bench-201 network those of the edges into node 1, 2 and 3, from the nearest input to the cell's.
    private static readonly int[][] s_edges201 = [[0], [1, 3], [2, 4, 5]];

    /// <summary>The space of DARTS with a batch norm behind the poolings of the evaluation network, as NASLib builds it.</summary>
    public static SearchSpace Benchmark301 { get; } = new("nas-bench-301", new CellTopology(nodes: 4), Normalized(noneCanBeChosen: false));

    /// <summary>
    /// The networks of SWAP's public scripts: one reduction cell on the images themselves, operations with <c>none</c> among them.
    /// </summary>
    public static SearchSpace OneCell { get; } = new("swap", new CellTopology(nodes: 4), Normalized(noneCanBeChosen: true),
        macro: new MacroArchitecture(
            [new Stem("images", [[]], multiplier: 1)],
            cells => [
                MacroItem.Cell(CellKind.Reduction, channelFactor: 2), .. Enumerable.Repeat(MacroItem.Cell(CellKind.Normal), cells - 1)],
            fewestCells: 1));

    /// <summary>An architecture of a table.</summary>
    /// <param name="Genotype">The architecture.</param>
    /// <param name="Accuracy">Its measured accuracy, in percent.</param>
    /// <param name="Scores">The published scores, in the order of the table's columns.</param>
    public sealed record Row(Genotype Genotype, double Accuracy, IReadOnlyList<double> Scores);

    /// <summary>Reads a table.</summary>
    /// <exception cref="InvalidDataException">It has none of the three forms, or a row that is none.</exception>
    public static ScoredNetworks Read(FileInfo file)
    {
        var lines = File.ReadAllLines(file.FullName);
        var columns = lines.Length == 0 ? [] : lines[0].Split(',');
        if (columns is not ["arch" or "net" or "genotype", "val_accuracy", ..] || lines.Length < 2)
        {
            throw new InvalidDataException(
                $"'{file.FullName}' begins with '{(lines.Length == 0 ? "" : lines[0])}'; expected a table with columns arch, net or " +
                "genotype, then val_accuracy, and at least one row.");
        }
        Func<string, Genotype> parse = columns[0] switch { "arch" => Of301, "net" => Of201, _ => Genotype.Parse };
        var rows = lines.Skip(1).Where(line => line.Length > 0).Select((line, number) =>
        {
            try
            {
                var (text, values) = (line[..line.LastIndexOf('"')].TrimStart('"'), line[(line.LastIndexOf('"') + 2)..].Split(','));
                var numbers = values.Select(value => double.Parse(value, CultureInfo.InvariantCulture)).ToArray();
                return numbers.Length == columns.Length - 1
                    ? new Row(parse(text), numbers[0], numbers[1..])
                    : throw new FormatException($"it has {numbers.Length + 1} columns, the first line {columns.Length}");
            }
            catch (Exception e) when (e is FormatException or ArgumentException)
            {
                throw new InvalidDataException(
                    $"Row {number + 1} of '{file.FullName}' is no architecture with its numbers: {e.Message}", e);
            }
        }).ToArray();
        return columns[0] switch
        {
            "arch" => new(file.Name, Benchmark301, new() { Channels = 32, Cells = 8, AffineOperations = false }, rows, columns[2..]),
            "net" => new(file.Name, SearchSpace.NasBench201, new() { Channels = 16, Cells = 15 }, rows, columns[2..]),
            _ => new(file.Name, OneCell, new() { Channels = 3, Cells = 1 }, rows, columns[2..]),
        };
    }

    private static CandidateOperation[] Normalized(bool noneCanBeChosen) => [.. SearchSpace.Darts.Operations.Select(row =>
        new CandidateOperation(row.Name, stride => row.IsNormalizedInSearch ? [.. row.Layers(stride), new BatchNorm()] : row.Layers(stride),
            canBeChosen: row.CanBeChosen || noneCanBeChosen))];

    private static Genotype Of301(string text)
    {
        var pairs = Pair().Matches(text).Select(pair => new GenotypeEdge(
            s_benchmark301[int.Parse(pair.Groups["operation"].Value)], int.Parse(pair.Groups["input"].Value))).ToArray();
        return pairs.Length == 16
            ? new Genotype(new CellGenotype(pairs[..8]), new CellGenotype(pairs[8..]))
            : throw new FormatException($"it has {pairs.Length} edges; expected 8 of the normal and 8 of the reduction cell");
    }

    private static Genotype Of201(string text)
    {
        var numbers = Number().Matches(text).Select(number => int.Parse(number.Value)).ToArray();
        return numbers.Length == 6
            ? Genotype.Parse(string.Join("+", s_edges201.Select(edges =>
                $"|{string.Join("|", edges.Select((edge, from) => $"{s_benchmark201[numbers[edge]]}~{from}"))}|")))
            : throw new FormatException($"it has {numbers.Length} edges; expected 6");
    }

    [GeneratedRegex(@"\((?<input>\d), (?<operation>[0-6])\)")]
    private static partial Regex Pair();

    [GeneratedRegex(@"[0-4]")]
    private static partial Regex Number();
}
