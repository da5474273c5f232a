using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.Report;

/// <summary>A cell as a graph to be drawn: what a genotype chose, or what a mask leaves.</summary>
/// <param name="Name">What it is, such as <c>Normal cell</c>.</param>
/// <param name="Inputs">How many of the states are inputs; they come first.</param>
/// <param name="Nodes">How many are intermediate nodes.</param>
/// <param name="Edges">The edges into nodes, with the operations on them.</param>
/// <param name="Output">The states that the output is made of.</param>
internal sealed record CellGraph(
    string Name, int Inputs, int Nodes, IReadOnlyList<CellGraph.Edge> Edges, IReadOnlyList<int> Output)
{
    public static CellGraph Of(CellKind kind, CellGenotype cell) => new(
        $"{kind} cell", cell.Inputs, cell.Nodes,
        [.. cell.Edges.Select((edge, i) => new Edge(edge.Input, cell.Inputs + cell.NodeOf(i), [edge.Operation]))], cell.Concat);

    public static CellGraph Of(CellKind kind, OperationMask mask)
    {
        var (space, topology) = (mask.Space, mask.Space.Topology);
        return new(
            $"{kind} cell", topology.Inputs, topology.Nodes,
            [.. topology.Edges.Select((edge, i) => new Edge(edge.From, topology.Inputs + edge.Node,
                [.. mask.Live(kind, i).Select(row => space.Operations[row].Name)]))],
            topology.Output);
    }

    /// <summary>What the literature calls a state: c_{k-2} and c_{k-1} are the outputs of the cells before.</summary>
    public string StateName(int state) => state >= Inputs ? $"{state - Inputs}" : Inputs == 2 && state == 0 ? "c_{k-2}" : "c_{k-1}";

    /// <summary>The graph in words.</summary>
    public string InWords()
    {
        var nodes = Edges.GroupBy(edge => edge.To).OrderBy(into => into.Key).Select(into =>
            $"node {StateName(into.Key)} is the sum of " +
            string.Join(" and ", into.Select(edge => $"{string.Join(" or ", edge.Operations.DefaultIfEmpty("nothing"))} of " +
                $"{Of(edge.From)}")));
        return $"{Name}: {string.Join("; ", nodes)}; the output is {string.Join(", ", Output.Select(Of))}.";

        string Of(int state) => state < Inputs ? $"input {StateName(state)}" : $"node {StateName(state)}";
    }

    /// <param name="From">The state that it comes from.</param>
    /// <param name="To">The state that it goes to.</param>
    /// <param name="Operations">The names of the operations on it.</param>
    internal sealed record Edge(int From, int To, IReadOnlyList<string> Operations);
}
