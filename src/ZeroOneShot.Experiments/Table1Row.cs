using System.Text.Json.Serialization;

namespace ZeroOneShot.Experiments;

/// <summary>A method on a set of images in a search space, over the seeds that are finished.</summary>
public sealed class Table1Row
{
    /// <summary>The data's name.</summary>
    public required string Data { get; init; }

    /// <summary>The search space's name.</summary>
    public required string Space { get; init; }

    /// <summary>The method's name.</summary>
    public required string Method { get; init; }

    /// <summary>Runs that the table is to have of it.</summary>
    public required int Wanted { get; init; }

    /// <summary>Runs that are finished.</summary>
    public required int Finished { get; init; }

    /// <summary>Peak memory of pruning, in MiB; null for a method that does not rank operations.</summary>
    [JsonPropertyName("prune_mib")]
    public Spread? PruneMiB { get; init; }

    /// <summary>Seconds of pruning.</summary>
    public Spread? PruneSeconds { get; init; }

    /// <summary>Peak memory of the search, in MiB; null for a method that does not search.</summary>
    [JsonPropertyName("search_mib")]
    public Spread? SearchMiB { get; init; }

    /// <summary>Seconds of the search.</summary>
    public Spread? SearchSeconds { get; init; }

    /// <summary>The larger peak of both, in MiB, as Table 1 counts.</summary>
    [JsonPropertyName("memory_mib")]
    public Spread? MemoryMiB { get; init; }

    /// <summary>Seconds of both, as Table 1 counts.</summary>
    public Spread? Seconds { get; init; }

    /// <summary>Seconds of all processors in both, which other programs on the machine hardly change.</summary>
    public Spread? ProcessorSeconds { get; init; }

    /// <summary>Accuracy of the found architectures by a surrogate or a table, in percent.</summary>
    public Spread? Estimated { get; init; }

    /// <summary>The means of the ends of the intervals of those.</summary>
    public (double Low, double High)? EstimatedInterval { get; init; }

    /// <summary>The share of the space's architectures that are less accurate by the same means, in percent: 50 is chance.</summary>
    public Spread? Percentile { get; init; }

    /// <summary>How many of those are extrapolated (<see cref="FoundAccuracy.IsExtrapolated"/>).</summary>
    public int Extrapolated { get; init; }

    /// <summary>Accuracy on the test images after training, in percent.</summary>
    public Spread? Accuracy { get; init; }

    /// <summary>Share of the found normal cell's operations that are skip connections, in percent: to what DARTS may collapse.</summary>
    public Spread? SkipConnections { get; init; }

    internal static Table1Row Of(
        string data, string space, string method, int wanted, IReadOnlyList<RunResult> results, Func<RunResult, FoundAccuracy?> estimate)
    {
        FoundAccuracy[] estimates = [.. results.Select(estimate).OfType<FoundAccuracy>()];
        return new Table1Row
        {
            Data = data, Space = space, Method = method, Wanted = wanted, Finished = results.Count,
            PruneMiB = Spread.Of(results.Select(result => result.Prune.PeakMiB)),
            PruneSeconds = Spread.Of(results.Select(result => Computed(result.Prune))),
            SearchMiB = Spread.Of(results.Select(result => result.Search.PeakMiB)),
            SearchSeconds = Spread.Of(results.Select(result => Computed(result.Search))),
            MemoryMiB = Spread.Of(results.Select(result => result.PeakMiB)),
            Seconds = Spread.Of(results.Select(result => (double?)result.SearchSeconds)),
            ProcessorSeconds = Spread.Of(results.Select(result => (double?)result.SearchProcessorSeconds)),
            Estimated = Spread.Of(estimates.Select(found => (double?)found.Accuracy)),
            EstimatedInterval = estimates.Length == 0 ? null
                : (estimates.Average(found => found.Low), estimates.Average(found => found.High)),
            Percentile = Spread.Of(estimates.Select(found => (double?)found.Percentile)),
            Extrapolated = estimates.Count(found => found.IsExtrapolated),
            Accuracy = Spread.Of(results.Select(result => (double?)(100 * result.Accuracy))),
            SkipConnections = Spread.Of(results.Select(result => (double?)SkipShare(result.Genotype))),
        };
    }

    private static double? Computed(StageRecord record) => record.Seconds > 0 ? record.Seconds : null;

    private static double SkipShare(string genotype)
    {
        var edges = SearchSpaces.Genotype.Parse(genotype).Normal.Edges;
        return 100.0 * edges.Count(edge => edge.Operation == "skip_connect") / edges.Count;
    }
}
