using ZeroOneShot.OneShot;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.Experiments;

/// <summary>Which runs a table is made of.</summary>
public sealed record Table1Options
{
    /// <summary>The methods. Default: the eight of the paper's Table 1.</summary>
    public IReadOnlyList<SearchMethod> Methods { get; init; } = SearchMethod.Table1;

    /// <summary>The data, for example CIFAR-10 and CIFAR-100.</summary>
    public required IReadOnlyList<ExperimentData> Data { get; init; }

    /// <summary>The search spaces, of those that come with the library. Default: that of DARTS.</summary>
    public IReadOnlyList<SearchSpace> Spaces { get; init; } = [SearchSpace.Darts];

    /// <summary>The seeds, one run each. Default 1, 2, 3.</summary>
    public IReadOnlyList<long> Seeds { get; init; } = [1, 2, 3];

    /// <summary>How much a run computes. Default <see cref="ExperimentPreset.Smoke"/>.</summary>
    public ExperimentPreset Preset { get; init; } = ExperimentPreset.Smoke;

    /// <summary>
    /// Time for all runs together. When it is up, the run that is under way is stopped, and goes on the next time. Default null: no limit.
    /// </summary>
    public TimeSpan? Budget { get; init; }

    /// <summary>
    /// Accuracy of a found architecture by other means than training it here, given the run and the architecture; null where it is not
    /// known. Default: <see cref="FoundAccuracy.By"/> without a table.
    /// </summary>
    public Func<RunSpecification, Genotype, FoundAccuracy?> Estimate { get; init; } = FoundAccuracy.By();

    /// <summary>The runs, seed by seed, so that a table that is cut short has all methods.</summary>
    /// <exception cref="ArgumentException">There are no methods, data, spaces or seeds, or some stand twice.</exception>
    public IReadOnlyList<RunSpecification> Runs()
    {
        Check(Methods.Select(method => method.Name), "method");
        Check(Data.Select(data => data.Name), "data");
        Check(Spaces.Select(space => space.Name), "space");
        Check(Seeds.Select(seed => $"{seed}"), "seed");
        return
        [
            .. from seed in Seeds
               from data in Data
               from space in Spaces
               from method in Methods
               select RunSpecification.Of(method, space, data, seed, Preset),
        ];
    }

    private static void Check(IEnumerable<string> names, string what)
    {
        var all = names.ToArray();
        if (all.Length == 0)
            throw new ArgumentException($"There is no {what}; a table needs at least one.");
        if (all.GroupBy(name => name).FirstOrDefault(same => same.Count() > 1)?.Key is { } twice)
            throw new ArgumentException($"The {what} '{twice}' stands twice; a run is done once.");
    }
}
