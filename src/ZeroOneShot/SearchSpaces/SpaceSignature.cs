using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using ZeroOneShot.Layers;

namespace ZeroOneShot.SearchSpaces;

/// <summary>
/// What files keep of a search space of one's own beside its name: the names of its operations, and a hash of all that it is made of, so
/// that another space by the same name is refused.
/// </summary>
internal static class SpaceSignature
{
    private const int HexDigits = 12;

    // Numbers of cells whose sequences are compared.
    private const int CellCounts = 24;

    public static string Of(SearchSpace space)
    {
        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Text(space))))[..HexDigits];
        return $"{string.Join(", ", space.Operations)} ({hash})";
    }

    // Layers are records, which write their settings; numbers among them must be the same text in every country.
    private static string Text(SearchSpace space)
    {
        var culture = CultureInfo.CurrentCulture;
        CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        try
        {
            var (topology, macro) = (space.Topology, space.Macro);
            return string.Join('\n',
            [
                $"{topology.Nodes} nodes, {topology.Inputs} inputs, {topology.EdgesPerNode} kept, {topology.Preprocesses}",
                string.Join(' ', topology.Edges),
                string.Join(' ', topology.Output),
                .. space.Operations.Select(operation =>
                    $"{operation.Name}, {operation.CanBeChosen}, {operation.IsNormalizedInSearch}: {Text(operation.Layers(1))}; " +
                    $"{Text(operation.Layers(2))}"),
                .. space.Kinds.Select(kind => $"{kind} " + string.Concat(
                    from edge in Enumerable.Range(0, topology.EdgeCount)
                    from row in Enumerable.Range(0, space.Operations.Count)
                    select space.Allows(kind, edge, row) ? '1' : '0')),
                .. macro.Stems.Select(stem => $"{stem}, {stem.Multiplier}, {stem.AuxiliaryBatchNorm}: " +
                    string.Join("; ", stem.Parts.Select(Text))),
                .. Enumerable.Range(macro.FewestCells, CellCounts).SelectMany(cells => Sequence(macro, cells)),
                Text(macro.Head),
            ]);
        }
        finally
        {
            CultureInfo.CurrentCulture = culture;
        }
    }

    // A macro-architecture of one's own may take some numbers of cells only, and says so by an exception.
    private static IEnumerable<string> Sequence(MacroArchitecture macro, int cells)
    {
        try
        {
            return [.. macro.Items(cells).Select(item => $"{item.Kind} {item.ChannelFactor} {Text(item.Layers)}"),
                $"{cells} cells, {macro.AuxiliaryItem(cells)}"];
        }
        catch (ArgumentException)
        {
            return [$"not {cells} cells"];
        }
    }

    private static string Text(IReadOnlyList<Layer> layers) => string.Join(", ", layers);
}
