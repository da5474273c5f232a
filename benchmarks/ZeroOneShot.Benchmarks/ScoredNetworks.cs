using System.Globalization;
using ZeroOneShot.Layers;
using ZeroOneShot.Networks;
using ZeroOneShot.SearchSpaces;
using ZeroOneShot.Yardstick;

namespace ZeroOneShot.Benchmarks;

/// <summary>
/// Architectures with their measured accuracy, and scores that were published for them. A file of one of three forms, told apart by the
/// name of its first column: <c>arch</c>, the compact form of NASLib's NAS-Bench-301; <c>net</c>, that of its NAS-Bench-201;
/// <c>genotype</c>, DARTS' own text, whose networks are those of SWAP's public scripts. The second column is <c>val_accuracy</c>; all
/// others are scores.
/// </summary>
internal sealed record ScoredNetworks(
    string Name, SearchSpace Space, CellNetOptions Network, IReadOnlyList<ScoredNetworks.Row> Rows, IReadOnlyList<string> Scores)
{
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
    /// <exception cref="InvalidDataException">
    /// It has none of the three forms, or a row that is none, of another space or lacks a number; the message names it.
    /// </exception>
    public static ScoredNetworks Read(FileInfo file)
    {
        var first = File.ReadLines(file.FullName).FirstOrDefault() ?? "";
        var columns = first.Split(',');
        if (columns is not ["arch" or "net" or "genotype", "val_accuracy", ..])
        {
            throw new InvalidDataException($"'{file.FullName}' begins with '{first}'; expected a table with columns arch, net or " +
                "genotype, then val_accuracy, and at least one row.");
        }
        var rows = ArchitectureTable.Read(file.FullName).Select((row, number) => new Row(
            row.Genotype, Number(row, columns[1], number), [.. columns[2..].Select(column => Number(row, column, number))])).ToArray();
        var table = columns[0] switch
        {
            "arch" => new(file.Name, Benchmark301, new() { Channels = 32, Cells = 8, AffineOperations = false }, rows, columns[2..]),
            "net" => new(file.Name, SearchSpace.NasBench201, new() { Channels = 16, Cells = 15 }, rows, columns[2..]),
            _ => new ScoredNetworks(file.Name, OneCell, new() { Channels = 3, Cells = 1 }, rows, columns[2..]),
        };
        foreach (var (number, row) in rows.Index())
        {
            try
            {
                row.Genotype.ThrowIfNotIn(table.Space);
            }
            catch (ArgumentException e)
            {
                throw new InvalidDataException($"Row {number + 1} of '{file.FullName}': {e.Message}", e);
            }
        }
        return table;
    }

    private static CandidateOperation[] Normalized(bool noneCanBeChosen) => [.. SearchSpace.Darts.Operations.Select(row =>
        new CandidateOperation(row.Name, stride => row.IsNormalizedInSearch ? [.. row.Layers(stride), new BatchNorm()] : row.Layers(stride),
            canBeChosen: row.CanBeChosen || noneCanBeChosen))];

    private static double Number(TableRow row, string column, int number) =>
        double.TryParse(row.Values.GetValueOrDefault(column), NumberStyles.Float, CultureInfo.InvariantCulture, out var value)
            && double.IsFinite(value)
            ? value
            : throw new InvalidDataException($"Row {number + 1} has no finite number in column '{column}'; expected one in every column.");
}
