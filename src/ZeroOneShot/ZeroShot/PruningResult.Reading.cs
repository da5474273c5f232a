using System.Text.Json;
using System.Text.Json.Nodes;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.ZeroShot;

/// <content>Reading what <see cref="ToJson"/> wrote.</content>
public sealed partial class PruningResult
{
    private const int LongestText = 1 << 26;

    /// <summary>Reads what <see cref="ToJson"/> wrote.</summary>
    /// <param name="json">The text; at most 67,108,864 characters.</param>
    /// <param name="space">The space that was pruned.</param>
    /// <exception cref="FormatException">
    /// The text is not the result of pruning this space, names something twice or has a name that is none of a result's; the message says
    /// where and what was expected.
    /// </exception>
    public static PruningResult FromJson(string json, SearchSpace space)
    {
        ArgumentNullException.ThrowIfNull(json);
        ArgumentNullException.ThrowIfNull(space);
        if (json.Length > LongestText)
            throw new FormatException($"The text has {json.Length} characters; expected a pruning's result of at most {LongestText}.");
        try
        {
            var root = Object(StrictJson.Parse(json), "the result", "space", "images", "start", "rounds", "last_operations", "genotype");
            // Its masks say more of the space.
            if (space.Difference(root["space"]?.GetValue<string>(), signature: null) is var (found, expected))
                throw new FormatException($"The result is of search space {found}; expected {expected}.");
            var genotype = root["genotype"] is { } read ? Genotype.FromJson(read.ToJsonString()) : null;
            genotype?.ThrowIfNotIn(space);
            return new PruningResult(ReadMask(root["start"], space),
            [
                .. Needed(root["rounds"], "rounds").AsArray().Select(at =>
                {
                    var round = Object(at, "a round", "importances", "mask");
                    return new PruningRound(Measurement(round["importances"], space), ReadMask(round["mask"], space));
                }),
            ])
            {
                Images = root["images"]?.GetValue<int>(),
                LastOperations = root["last_operations"] is { } last ? Measurement(last, space) : null,
                Genotype = genotype,
            };
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or ArgumentException)
        {
            throw new FormatException($"The result of a pruning is not as expected: {e.Message}", e);
        }
    }

    private static OperationMask ReadMask(JsonNode? node, SearchSpace space) =>
        OperationMask.FromJson(Needed(node, "a mask").ToJsonString(), space);

    private static ImportanceMeasurement Measurement(JsonNode? node, SearchSpace space)
    {
        var measured = Object(node, "importances", "sum", "ranks", "operations");
        var sum = Needed(measured["sum"], "sum").GetValue<string>() switch
        {
            RanksSummed => ImportanceSum.Ranks,
            ChangesSummed => ImportanceSum.RelativeChanges,
            var other => throw new FormatException($"Importances sum '{other}'; expected '{ChangesSummed}' or '{RanksSummed}'."),
        };
        var (functions, ranks) = Ranks(measured["ranks"]);
        var candidates = new List<CandidateImportance>();
        foreach (var at in Needed(measured["operations"], "operations").AsArray())
        {
            var operation = Object(at, "an operation", "cell", "edge", "operation", "importance", "ranks");
            var kind = operation["cell"]?.GetValue<string>() switch
            {
                "normal" => CellKind.Normal,
                "reduction" when space.Kinds.Contains(CellKind.Reduction) => CellKind.Reduction,
                var other => throw new FormatException(
                    $"An operation is of cell '{other}'; the space has {string.Join(" and ", space.Kinds)} cells."),
            };
            var edge = Needed(operation["edge"], "edge").GetValue<int>();
            var row = space.IndexOf(Needed(operation["operation"], "operation").GetValue<string>());
            if ((uint)edge >= (uint)space.Topology.EdgeCount || row < 0 || !space.Allows(kind, edge, row))
                throw new FormatException($"Operation {operation["operation"]} on edge {edge} of '{operation["cell"]}' is not in {space}.");
            if (candidates.Any(candidate => (candidate.Kind, candidate.Edge, candidate.Operation) == (kind, edge, row)))
                throw new FormatException($"Operation {operation["operation"]} on edge {edge} of '{operation["cell"]}' stands twice.");
            var (names, ofOperation) = Ranks(operation["ranks"]);
            if (!names.SequenceEqual(functions))
            {
                throw new FormatException(
                    $"An operation has ranks of {string.Join(", ", names)}; the whole network has those of " +
                    $"{string.Join(", ", functions)}.");
            }
            candidates.Add(new(kind, edge, row, ofOperation, Needed(operation["importance"], "importance").GetValue<double>()));
        }
        return new(functions, ranks, candidates, sum);
    }

    private static (string[] Functions, double[] Ranks) Ranks(JsonNode? node)
    {
        var ranks = Needed(node, "ranks").AsArray().Select(at => Object(at, "a rank", "function", "rank")).ToArray();
        return ([.. ranks.Select(rank => Needed(rank["function"], "function").GetValue<string>())],
            [.. ranks.Select(rank => Needed(rank["rank"], "rank").GetValue<double>())]);
    }

    private static JsonObject Object(JsonNode? node, string where, params IReadOnlyList<string> names)
    {
        var value = Needed(node, where).AsObject();
        StrictJson.ThrowIfOther(value, where, names);
        return value;
    }

    private static JsonNode Needed(JsonNode? node, string what) => node ?? throw new FormatException($"The result lacks '{what}'.");
}
