using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace ZeroOneShot.SearchSpaces;

/// <summary>
/// A found architecture: one cell of each kind. Reads and writes the literature's text forms,
/// <c>Genotype(normal=[('sep_conv_3x3', 1), ...], normal_concat=range(2, 6), reduce=[...], reduce_concat=range(2, 6))</c> of DARTS and
/// <c>|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_1x1~1|+...</c> of NAS-Bench-201, and JSON.
/// </summary>
/// <param name="Normal">The cell that keeps the image size.</param>
/// <param name="Reduction">The cell that halves it; null in a space that has none.</param>
public sealed partial record Genotype(CellGenotype Normal, CellGenotype? Reduction)
{
    // Characters; those of DARTS have 500 as text, 2,000 as JSON.
    private const int LongestText = 1 << 16;

    /// <summary>The cell of a kind.</summary>
    /// <param name="kind">The kind of cell.</param>
    /// <exception cref="ArgumentException">It has no such cell.</exception>
    public CellGenotype Cell(CellKind kind) => kind == CellKind.Normal
        ? Normal
        : Reduction ?? throw new ArgumentException(
            "The genotype has no reduction cell, as those of spaces with normal cells alone; give one of this space.");

    /// <summary>Checks that it is a genotype of a search space: its graph, and operations that the edges allow and may be chosen.</summary>
    /// <param name="space">The search space.</param>
    /// <exception cref="ArgumentException">It is not; the message says where it differs, with the numbers.</exception>
    public void ThrowIfNotIn(SearchSpace space)
    {
        ArgumentNullException.ThrowIfNull(space);
        if (Reduction is not null != space.Kinds.Contains(CellKind.Reduction))
        {
            throw new ArgumentException(
                $"The genotype has {(Reduction is null ? "a normal cell alone" : "a normal and a reduction cell")}; search space " +
                $"'{space.Name}' has {string.Join(" and ", space.Kinds)} cells. Give a genotype of this space.");
        }
        foreach (var kind in space.Kinds)
            ThrowIfNotIn(space, kind, Cell(kind));
    }

    private static void ThrowIfNotIn(SearchSpace space, CellKind kind, CellGenotype cell)
    {
        var topology = space.Topology;
        if (cell.Inputs != topology.Inputs || cell.Nodes != topology.Nodes)
        {
            throw new ArgumentException(
                $"The {kind} cell of the genotype has {cell.Inputs} input(s) and {cell.Nodes} node(s); those of search space " +
                $"'{space.Name}' have {topology.Inputs} and {topology.Nodes}. Give a genotype of this space.");
        }
        for (var node = 0; node < cell.Nodes; node++)
        {
            var (_, count) = cell.EdgesInto(node).GetOffsetAndLength(cell.Edges.Count);
            if (count != topology.KeptInto(node))
            {
                throw new ArgumentException(
                    $"Node {node} of the {kind} cell of the genotype has {count} edge(s); one of search space '{space.Name}' keeps " +
                    $"{topology.KeptInto(node)} there. Give a genotype of this space.");
            }
        }
        // Published cells of DARTS' kind may leave nodes out of their output.
        if (!topology.OutputIsAllNodes && !cell.Concat.SequenceEqual(topology.Output))
        {
            throw new ArgumentException(
                $"The output of the {kind} cell of the genotype is of states {string.Join(", ", cell.Concat)}; that of search space " +
                $"'{space.Name}' is of {string.Join(", ", topology.Output)}. Give a genotype of this space.");
        }
        for (var i = 0; i < cell.Edges.Count; i++)
        {
            var ((name, from), node) = (cell.Edges[i], cell.NodeOf(i));
            if (!space.Operation(name).CanBeChosen)
                throw new ArgumentException($"The genotype chooses operation '{name}', which is no connection; choose another one.");
            var edge = topology.Edges.Index().FirstOrDefault(at => at.Item == new CellEdge(from, node), (-1, default)).Index;
            if (edge < 0)
            {
                throw new ArgumentException(
                    $"The {kind} cell of the genotype has an edge from state {from} to node {node}; " +
                    $"search space '{space.Name}' has none there.");
            }
            if (!space.Allows(kind, edge, space.IndexOf(name)))
            {
                throw new ArgumentException(
                    $"The genotype chooses operation '{name}' on edge {edge} of the {kind} cell, from state {from} to node {node}, where " +
                    $"search space '{space.Name}' does not allow it; choose one of " +
                    string.Join(", ", space.Operations.Where((_, row) => space.Allows(kind, edge, row)).Select(o => o.Name)) + ".");
            }
        }
    }

    /// <summary>The literature's text form.</summary>
    public override string ToString() => Reduction is null && Normal.Inputs == 1 && Normal.Concat.SequenceEqual([Normal.Nodes])
        ? Normal.ToString()
        : $"Genotype({Text("normal", Normal)}{(Reduction is null ? "" : $", {Text("reduce", Reduction)}")})";

    /// <summary>Reads the literature's text form; white space and line breaks do not matter.</summary>
    /// <param name="text">For example what <see cref="ToString"/> gave; at most 65,536 characters.</param>
    /// <exception cref="FormatException">The text is no genotype; the message says what is missing or wrong.</exception>
    public static Genotype Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        ThrowIfTooLong(text);
        if (text.TrimStart().StartsWith('|'))
            return Make(() => new Genotype(ParseNodes(text, inputs: 1, concat: null), null));
        if (!text.TrimStart().StartsWith("Genotype", StringComparison.Ordinal))
        {
            throw new FormatException($"'{Shorten(text)}' is no genotype; expected " +
                "Genotype(normal=[('sep_conv_3x3', 1), ...], normal_concat=range(2, 6), reduce=[...], reduce_concat=range(2, 6)) " +
                "or |nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_1x1~1|+....");
        }
        // Only a cell that is written node by node may stand alone.
        var isAlone = !ReductionCell().IsMatch(text) && text.Contains('|', StringComparison.Ordinal);
        return Make(() => new Genotype(ParseCell(text, "normal"), isAlone ? null : ParseCell(text, "reduce")));
    }

    /// <summary>
    /// The genotype as JSON, a text for people to read and to change: it has no checksum, and reading it takes nothing on trust.
    /// </summary>
    public string ToJson()
    {
        var root = new JsonObject();
        foreach (var (name, cell) in new[] { ("normal", Normal), ("reduce", Reduction) })
        {
            if (cell is null)
                continue;
            root[name] = new JsonArray([.. cell.Edges.Select((edge, i) =>
            {
                var json = new JsonObject { ["operation"] = edge.Operation, ["input"] = edge.Input };
                if (!IsShort(cell))
                    json["node"] = cell.NodeOf(i);
                return json;
            })]);
            if (!IsShort(cell))
                root[name + "_inputs"] = cell.Inputs;
            root[name + "_concat"] = new JsonArray([.. cell.Concat.Select(state => JsonValue.Create(state))]);
        }
        return root.ToJsonString(s_indented);
    }

    /// <summary>Reads what <see cref="ToJson"/> wrote.</summary>
    /// <param name="json">The text; at most 65,536 characters.</param>
    /// <exception cref="FormatException">
    /// The text is no genotype, names something twice, or has a name that is none of a genotype's; the message says what is missing or
    /// wrong.
    /// </exception>
    public static Genotype FromJson(string json)
    {
        ArgumentNullException.ThrowIfNull(json);
        ThrowIfTooLong(json);
        try
        {
            var root = StrictJson.Parse(json)?.AsObject() ?? throw new FormatException("The genotype's JSON is null; expected an object.");
            StrictJson.ThrowIfOther(
                root, "the genotype", "normal", "normal_inputs", "normal_concat", "reduce", "reduce_inputs", "reduce_concat");
            // Only a cell whose edges say where they go may stand alone.
            var isAlone = root["reduce"] is null && root["normal_inputs"] is not null;
            return Make(() => new Genotype(ReadCell(root, "normal"), isAlone ? null : ReadCell(root, "reduce")));
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or ArgumentException)   // the last: half a surrogate pair
        {
            throw new FormatException(
                $"The genotype is not the expected JSON (an object with normal, normal_concat, reduce, reduce_concat): {e.Message}", e);
        }
    }

    private static CellGenotype ReadCell(JsonObject root, string name)
    {
        var edges = root[name]?.AsArray() ?? throw new FormatException($"The genotype has no '{name}'; expected an array of edges.");
        foreach (var edge in edges.OfType<JsonObject>())
            StrictJson.ThrowIfOther(edge, $"an edge of '{name}'", "operation", "input", "node");
        var read = edges.Select((edge, i) => new GenotypeEdge(
            edge?["operation"]?.GetValue<string>() ?? throw new FormatException($"Edge {i} of '{name}' has no 'operation'."),
            edge["input"]?.GetValue<int>() ?? throw new FormatException($"Edge {i} of '{name}' has no 'input'."))).ToArray();
        var concat = root[name + "_concat"]?.AsArray().Select(state => state?.GetValue<int>() ?? -1);
        if (root[name + "_inputs"] is not { } inputs)
            return new CellGenotype(read, concat);
        var nodes = edges.Select((edge, i) =>
            edge?["node"]?.GetValue<int>() ?? throw new FormatException($"Edge {i} of '{name}' has no 'node'.")).ToArray();
        var ordered = nodes.Length > 0 && nodes[0] == 0 && nodes.Zip(nodes.Skip(1)).All(pair => pair.Second - pair.First is 0 or 1);
        return ordered
            ? new CellGenotype(
                [.. nodes.Distinct().Select(node => read.Where((_, i) => nodes[i] == node).ToArray())], inputs.GetValue<int>(), concat)
            : throw new FormatException(
                $"The edges of '{name}' go to nodes {string.Join(", ", nodes)}; expected nodes 0, 1, ... in their order.");
    }

    /// <summary>Reads |a~0|b~1|+|c~0|: a node between plus signs.</summary>
    private static CellGenotype ParseNodes(string text, int inputs, IEnumerable<int>? concat)
    {
        var nodes = text.Split('+').Select(node => (Text: node.Trim(), Edges: NodeEdge().Matches(node))).ToArray();
        foreach (var (node, edges) in nodes)
        {
            if (!node.StartsWith('|') || NodeEdge().Replace(node, "").Trim('|', ' ', '\t', '\r', '\n').Length > 0 || edges.Count == 0)
                throw new FormatException(
                    $"A node of the genotype is '{Shorten(node)}'; expected edges such as |nor_conv_3x3~0|nor_conv_1x1~1|.");
        }
        return new CellGenotype(
            [.. nodes.Select(node => node.Edges
                .Select(edge => new GenotypeEdge(edge.Groups["operation"].Value, Number(edge.Groups["input"].Value))).ToArray())],
            inputs, concat ?? [inputs + nodes.Length - 1]);
    }

    private static CellGenotype ParseCell(string text, string name)
    {
        var byNodes = Regex.Match(text, $@"[(,\s]{name}\s*=\s*(?<nodes>\|[^,)]*)", RegexOptions.NonBacktracking);
        if (byNodes.Success)
        {
            var count = Regex.Match(text, $@"{name}_inputs\s*=\s*(?<inputs>\d+)", RegexOptions.NonBacktracking);
            if (!count.Success)
                throw new FormatException($"The genotype has no '{name}_inputs=2'.");
            var nodes = byNodes.Groups["nodes"].Value;
            return ParseNodes(
                nodes, Number(count.Groups["inputs"].Value), ParseConcat(text, name, mostStates: 3 + nodes.Count(c => c == '+')));
        }
        // Without backtracking the time grows with the text, and not with its square.
        var cell = Regex.Match(text, $@"[(,\s]{name}\s*=\s*\[(?<edges>[^\]]*)\]", RegexOptions.NonBacktracking);
        if (!cell.Success)
            throw new FormatException($"The genotype has no '{name}=[...]'.");
        var edges = cell.Groups["edges"].Value;
        var pairs = EdgePair().Matches(edges);
        if (EdgePair().Replace(edges, "").Trim(' ', ',', '\t', '\r', '\n') is { Length: > 0 } rest)
            throw new FormatException($"'{name}' of the genotype holds '{Shorten(rest)}'; expected pairs such as ('sep_conv_3x3', 1).");
        return new CellGenotype(
            pairs.Select(pair => new GenotypeEdge(pair.Groups["operation"].Value, Number(pair.Groups["input"].Value))),
            ParseConcat(text, name, mostStates: 3 + pairs.Count));
    }

    private static IEnumerable<int> ParseConcat(string text, string name, int mostStates)
    {
        var range = Regex.Match(text, $@"{name}_concat\s*=\s*range\(\s*(?<from>\d+)\s*,\s*(?<to>\d+)\s*\)", RegexOptions.NonBacktracking);
        var list = Regex.Match(text, $@"{name}_concat\s*=\s*[\[(](?<states>[\d,\s]*)[\])]", RegexOptions.NonBacktracking);
        if (!range.Success && !list.Success)
            throw new FormatException($"The genotype has no '{name}_concat=range(2, 6)' or '{name}_concat=[2, 3, 4, 5]'.");
        return range.Success
            ? States(Number(range.Groups["from"].Value), Number(range.Groups["to"].Value))
            : list.Groups["states"].Value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(Number);

        // One state more than the cell has is enough to be refused; a range may ask for billions.
        IEnumerable<int> States(int from, int to) => Enumerable.Range(from, Math.Clamp(to - from, 0, mostStates));
    }

    private static int Number(string digits) => int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
        ? number
        : throw new FormatException($"'{Shorten(digits)}' in the genotype is not the number of a state.");

    private static Genotype Make(Func<Genotype> read)
    {
        try
        {
            return read();
        }
        catch (ArgumentException e)
        {
            throw new FormatException($"The genotype is not consistent: {Shorten(e.Message, 400)}", e);
        }
    }

    private string Text(string name, CellGenotype cell) =>
        $"{name}={(IsShort(cell) ? $"[{cell}]" : $"{cell.ByNodes}, {name}_inputs={cell.Inputs}")}, {name}_concat={Concat(cell)}";

    /// <summary>Whether a cell is written as DARTS does, which has two kinds of cells.</summary>
    private bool IsShort(CellGenotype cell) => Reduction is not null && cell.IsOfDarts;

    private static string Concat(CellGenotype cell)
    {
        var first = cell.Concat[0];
        return cell.Concat.SequenceEqual(Enumerable.Range(first, cell.Concat.Count))
            ? $"range({first}, {first + cell.Concat.Count})"
            : $"[{string.Join(", ", cell.Concat)}]";
    }

    private static void ThrowIfTooLong(string text)
    {
        if (text.Length > LongestText)
        {
            throw new FormatException($"The text has {text.Length} characters; expected a genotype of at most {LongestText}. " +
                $"It begins with '{Shorten(text)}'.");
        }
    }

    private static string Shorten(string text, int longest = 60) => text.Length <= longest ? text : text[..(longest - 3)] + "...";

    private static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true };

    [GeneratedRegex(@"[(,\s]reduce\s*=", RegexOptions.NonBacktracking)]
    private static partial Regex ReductionCell();

    [GeneratedRegex(@"\(\s*['""](?<operation>\w+)['""]\s*,\s*(?<input>\d+)\s*\)", RegexOptions.NonBacktracking)]
    private static partial Regex EdgePair();

    [GeneratedRegex(@"\|?\s*(?<operation>\w+)\s*~\s*(?<input>\d+)\s*\|", RegexOptions.NonBacktracking)]
    private static partial Regex NodeEdge();
}
