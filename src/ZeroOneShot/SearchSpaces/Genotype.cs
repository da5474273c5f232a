using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace ZeroOneShot.SearchSpaces;

/// <summary>
/// A found architecture: one cell of each kind. Reads and writes the literature's text form,
/// <c>Genotype(normal=[('sep_conv_3x3', 1), ...], normal_concat=range(2, 6), reduce=[...], reduce_concat=range(2, 6))</c>, and JSON.
/// </summary>
/// <param name="Normal">The cell that keeps the image size.</param>
/// <param name="Reduction">The cell that halves it.</param>
public sealed partial record Genotype(CellGenotype Normal, CellGenotype Reduction)
{
    /// <summary>The cell of a kind.</summary>
    /// <param name="kind">The kind of cell.</param>
    public CellGenotype Cell(CellKind kind) => kind == CellKind.Normal ? Normal : Reduction;

    /// <summary>Checks that a search space has all the operations, and that a genotype may choose them.</summary>
    /// <param name="space">The search space.</param>
    /// <exception cref="ArgumentException">An operation is unknown or is <c>none</c>.</exception>
    public void ThrowIfNotIn(SearchSpace space)
    {
        ArgumentNullException.ThrowIfNull(space);
        foreach (var edge in Normal.Edges.Concat(Reduction.Edges))
        {
            if (!space.Operation(edge.Operation).CanBeChosen)
            {
                throw new ArgumentException(
                    $"The genotype chooses operation '{edge.Operation}', which is no connection; choose another one.");
            }
        }
    }

    /// <summary>The literature's text form.</summary>
    public override string ToString() =>
        $"Genotype(normal=[{Normal}], normal_concat={Concat(Normal)}, reduce=[{Reduction}], reduce_concat={Concat(Reduction)})";

    /// <summary>Reads the literature's text form; white space and line breaks do not matter.</summary>
    /// <param name="text">For example what <see cref="ToString"/> gave.</param>
    /// <exception cref="FormatException">The text is no genotype; the message says what is missing or wrong.</exception>
    public static Genotype Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (!text.TrimStart().StartsWith("Genotype", StringComparison.Ordinal))
        {
            throw new FormatException($"'{Shorten(text)}' is no genotype; expected " +
                "Genotype(normal=[('sep_conv_3x3', 1), ...], normal_concat=range(2, 6), reduce=[...], reduce_concat=range(2, 6)).");
        }
        return Make(() => new Genotype(ParseCell(text, "normal"), ParseCell(text, "reduce")));
    }

    /// <summary>The genotype as JSON.</summary>
    public string ToJson()
    {
        var root = new JsonObject();
        foreach (var (name, cell) in new[] { ("normal", Normal), ("reduce", Reduction) })
        {
            root[name] = new JsonArray([.. cell.Edges.Select(edge =>
                new JsonObject { ["operation"] = edge.Operation, ["input"] = edge.Input })]);
            root[name + "_concat"] = new JsonArray([.. cell.Concat.Select(state => JsonValue.Create(state))]);
        }
        return root.ToJsonString(s_indented);
    }

    /// <summary>Reads what <see cref="ToJson"/> wrote.</summary>
    /// <param name="json">The text.</param>
    /// <exception cref="FormatException">The text is no genotype; the message says what is missing or wrong.</exception>
    public static Genotype FromJson(string json)
    {
        ArgumentNullException.ThrowIfNull(json);
        try
        {
            var root = JsonNode.Parse(json)?.AsObject() ?? throw new FormatException("The genotype's JSON is null; expected an object.");
            return Make(() => new Genotype(ReadCell(root, "normal"), ReadCell(root, "reduce")));
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
        return new CellGenotype(
            edges.Select((edge, i) => new GenotypeEdge(
                edge?["operation"]?.GetValue<string>() ?? throw new FormatException($"Edge {i} of '{name}' has no 'operation'."),
                edge["input"]?.GetValue<int>() ?? throw new FormatException($"Edge {i} of '{name}' has no 'input'."))),
            root[name + "_concat"]?.AsArray().Select(state => state?.GetValue<int>() ?? -1));
    }

    private static CellGenotype ParseCell(string text, string name)
    {
        var cell = Regex.Match(text, $@"[(,\s]{name}\s*=\s*\[(?<edges>[^\]]*)\]");
        if (!cell.Success)
            throw new FormatException($"The genotype has no '{name}=[...]'.");
        var edges = cell.Groups["edges"].Value;
        var pairs = EdgePair().Matches(edges);
        if (EdgePair().Replace(edges, "").Trim(' ', ',', '\t', '\r', '\n') is { Length: > 0 } rest)
            throw new FormatException($"'{name}' of the genotype holds '{Shorten(rest)}'; expected pairs such as ('sep_conv_3x3', 1).");
        var range = Regex.Match(text, $@"{name}_concat\s*=\s*range\(\s*(?<from>\d+)\s*,\s*(?<to>\d+)\s*\)");
        var list = Regex.Match(text, $@"{name}_concat\s*=\s*[\[(](?<states>[\d,\s]*)[\])]");
        if (!range.Success && !list.Success)
            throw new FormatException($"The genotype has no '{name}_concat=range(2, 6)' or '{name}_concat=[2, 3, 4, 5]'.");
        var concat = range.Success
            ? States(Number(range.Groups["from"].Value), Number(range.Groups["to"].Value))
            : list.Groups["states"].Value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(Number);
        return new CellGenotype(
            pairs.Select(pair => new GenotypeEdge(pair.Groups["operation"].Value, Number(pair.Groups["input"].Value))), concat);

        // One state more than the cell has is enough to be refused; a range may ask for billions.
        IEnumerable<int> States(int from, int to) =>
            Enumerable.Range(from, Math.Clamp(to - from, 0, CellTopology.Inputs + pairs.Count + 1));

        static int Number(string digits) => int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw new FormatException($"'{Shorten(digits)}' in the genotype is not the number of a state.");
    }

    private static Genotype Make(Func<Genotype> read)
    {
        try
        {
            return read();
        }
        catch (ArgumentException e)
        {
            throw new FormatException($"The genotype is not consistent: {e.Message}", e);
        }
    }

    private static string Concat(CellGenotype cell)
    {
        var first = cell.Concat[0];
        return cell.Concat.SequenceEqual(Enumerable.Range(first, cell.Concat.Count))
            ? $"range({first}, {first + cell.Concat.Count})"
            : $"[{string.Join(", ", cell.Concat)}]";
    }

    private static string Shorten(string text) => text.Length <= 60 ? text : text[..57] + "...";

    private static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true };

    [GeneratedRegex(@"\(\s*['""](?<operation>\w+)['""]\s*,\s*(?<input>\d+)\s*\)")]
    private static partial Regex EdgePair();
}
