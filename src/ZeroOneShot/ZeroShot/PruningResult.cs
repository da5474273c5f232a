using System.Text.Json;
using System.Text.Json.Nodes;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.ZeroShot;

/// <summary>What a pruning did, round by round.</summary>
/// <param name="start"><see cref="Start"/>.</param>
/// <param name="rounds"><see cref="Rounds"/>.</param>
public sealed partial class PruningResult(OperationMask start, IReadOnlyList<PruningRound> rounds)
{
    private const string RanksSummed = "ranks", ChangesSummed = "relative changes";

    private static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true };

    /// <summary>
    /// The mask of the first round: the one that was given, without <c>none</c> where <see cref="PruningOptions.ExcludeNone"/> asks for
    /// that.
    /// </summary>
    public OperationMask Start { get; } = start;

    /// <summary>The rounds; none where <see cref="Start"/> already was small enough.</summary>
    public IReadOnlyList<PruningRound> Rounds { get; } = rounds;

    /// <summary>The mask after the last round.</summary>
    public OperationMask Mask => Rounds.Count == 0 ? Start : Rounds[^1].Mask;

    /// <summary>The architecture, where pruning went on until it was decided (ETENAS); otherwise null.</summary>
    public Genotype? Genotype { get; init; }

    /// <summary>
    /// The importance of every edge's last operation, by which the edges of <see cref="Genotype"/> were chosen; null where that is.
    /// </summary>
    public ImportanceMeasurement? LastOperations { get; init; }

    /// <summary>
    /// The number of images that networks were ranked on: fewer than <see cref="RankingOptions.BatchSize"/> times
    /// <see cref="RankingOptions.Batches"/> where there are not so many. Null where networks were ranked by the caller.
    /// </summary>
    public int? Images { get; init; }

    /// <summary>
    /// All of it as JSON, for reports: <c>space</c>, <c>images</c>, <c>start</c>, <c>rounds</c> (each with <c>importances</c>, which say
    /// what they <c>sum</c>, and <c>mask</c>), <c>last_operations</c> and <c>genotype</c>. Masks as <see cref="OperationMask.ToJson"/>
    /// writes them, operations by name.
    /// </summary>
    public string ToJson()
    {
        var root = new JsonObject { ["space"] = Start.Space.Name, ["images"] = Images, ["start"] = JsonNode.Parse(Start.ToJson()) };
        root["rounds"] = new JsonArray([.. Rounds.Select(round => new JsonObject
        {
            ["importances"] = Json(round.Importances), ["mask"] = JsonNode.Parse(round.Mask.ToJson()),
        })]);
        root["last_operations"] = LastOperations is null ? null : Json(LastOperations);
        root["genotype"] = Genotype is null ? null : JsonNode.Parse(Genotype.ToJson());
        return root.ToJsonString(s_indented);

        JsonObject Json(ImportanceMeasurement measured) => new()
        {
            ["sum"] = measured.Sum == ImportanceSum.Ranks ? RanksSummed : ChangesSummed,
            ["ranks"] = Named(measured.Functions, measured.Ranks),
            ["operations"] = new JsonArray([.. measured.Candidates.Select(candidate => new JsonObject
            {
                ["cell"] = candidate.Kind == CellKind.Normal ? "normal" : "reduction",
                ["edge"] = candidate.Edge,
                ["operation"] = Start.Space.Operations[candidate.Operation].Name,
                ["importance"] = candidate.Importance,
                ["ranks"] = Named(measured.Functions, candidate.Ranks),
            })]),
        };
    }

    private static JsonArray Named(IReadOnlyList<string> functions, IReadOnlyList<double> ranks) =>
        [.. ranks.Select((rank, r) => new JsonObject { ["function"] = functions[r], ["rank"] = rank })];
}
