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
    // Characters; those of DARTS have 500 as text, 2,000 as JSON.
    private const int LongestText = 1 << 16;

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
    /// <param name="text">For example what <see cref="ToString"/> gave; at most 65,536 characters.</param>
    /// <exception cref="FormatException">The text is no genotype; the message says what is missing or wrong.</exception>
    public static Genotype Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        ThrowIfTooLong(text);
        if (!text.TrimStart().StartsWith("Genotype", StringComparison.Ordinal))
        {
            throw new FormatException($"'{Shorten(text)}' is no genotype; expected " +
                "Genotype(normal=[('sep_conv_3x3', 1), ...], normal_concat=range(2, 6), reduce=[...], reduce_concat=range(2, 6)).");
        }
        return Make(() => new Genotype(ParseCell(text, "normal"), ParseCell(text, "reduce")));
    }

    /// <summary>The genotype as JSON, a text for people to read and to change: it has no checksum, and reading it takes nothing on trust.</summary>
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
    /// <param name="json">The text; at most 65,536 characters.</param>
    /// <exception cref="FormatException">The text is no genotype, names something twice, or has a name that is none of a genotype's; the message says what is missing or wrong.</exception>
    public static Genotype FromJson(string json)
    {
        ArgumentNullException.ThrowIfNull(json);
        ThrowIfTooLong(json);
        try
        {
            var root = StrictJson.Parse(json)?.AsObject() ?? throw new FormatException("The genotype's JSON is null; expected an object.");
            StrictJson.ThrowIfOther(root, "the genotype", "normal", "normal_concat", "reduce", "reduce_concat");
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
        foreach (var edge in edges.OfType<JsonObject>())
            StrictJson.ThrowIfOther(edge, $"an edge of '{name}'", "operation", "input");
        return new CellGenotype(
            edges.Select((edge, i) => new GenotypeEdge(
                edge?["operation"]?.GetValue<string>() ?? throw new FormatException($"Edge {i} of '{name}' has no 'operation'."),
                edge["input"]?.GetValue<int>() ?? throw new FormatException($"Edge {i} of '{name}' has no 'input'."))),
            root[name + "_concat"]?.AsArray().Select(state => state?.GetValue<int>() ?? -1));
    }

    private static CellGenotype ParseCell(string text, string name)
    {
        // Without backtracking the time grows with the text, and not with its square.
        var cell = Regex.Match(text, $@"[(,\s]{name}\s*=\s*\[(?<edges>[^\]]*)\]", RegexOptions.NonBacktracking);
        if (!cell.Success)
            throw new FormatException($"The genotype has no '{name}=[...]'.");
        var edges = cell.Groups["edges"].Value;
        var pairs = EdgePair().Matches(edges);
        if (EdgePair().Replace(edges, "").Trim(' ', ',', '\t', '\r', '\n') is { Length: > 0 } rest)
            throw new FormatException($"'{name}' of the genotype holds '{Shorten(rest)}'; expected pairs such as ('sep_conv_3x3', 1).");
        var range = Regex.Match(text, $@"{name}_concat\s*=\s*range\(\s*(?<from>\d+)\s*,\s*(?<to>\d+)\s*\)", RegexOptions.NonBacktracking);
        var list = Regex.Match(text, $@"{name}_concat\s*=\s*[\[(](?<states>[\d,\s]*)[\])]", RegexOptions.NonBacktracking);
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
            throw new FormatException($"The genotype is not consistent: {Shorten(e.Message, 400)}", e);
        }
    }

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

    [GeneratedRegex(@"\(\s*['""](?<operation>\w+)['""]\s*,\s*(?<input>\d+)\s*\)", RegexOptions.NonBacktracking)]
    private static partial Regex EdgePair();
}
