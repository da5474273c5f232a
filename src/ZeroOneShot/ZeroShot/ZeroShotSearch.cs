using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using ZeroOneShot.Data;
using ZeroOneShot.Kernels;
using ZeroOneShot.Persistence;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.ZeroShot;

/// <summary>
/// A search without training: genotypes are drawn from what a mask allows, their networks, with random weights, are ranked by several
/// functions, and the one whose ranks are highest together is chosen (Mellor et al. 2021, "Neural Architecture Search without Training",
/// Algorithm 1, with the ranks of several functions added up as in AZ-NAS).
/// </summary>
/// <remarks>
/// For little time: a one-shot search of few epochs has hardly moved its alphas, and chooses little better than by chance. Genotypes
/// through whose cells no path leads, as some of NAS-Bench-201, are not ranked: their networks give the same for every image.
/// </remarks>
public static class ZeroShotSearch
{
    // Of fewer candidates a function that counts may give the same for all by chance.
    private const int FewestToTell = 5;

    // In a row: refused, until none is taken to be accepted; known, until the mask is taken to have no more genotypes.
    private const int MostRefused = 10_000, MostKnown = 100;

    /// <summary>Searches.</summary>
    /// <param name="images">The images to rank on.</param>
    /// <param name="mask">What the genotypes are drawn from: the whole space, or what a pruning has left.</param>
    /// <param name="options">Settings.</param>
    /// <param name="progress">Told after every candidate.</param>
    /// <param name="checkpoint">
    /// A file written every 20 seconds and when the run is cancelled, and the one before beside it. If it exists, the candidates in it are
    /// not ranked again, and on the same device, with as many threads, the result is the same bit for bit; else there is a warning. Null:
    /// nothing is written.
    /// </param>
    /// <param name="cancellationToken">Stops the run within one candidate.</param>
    /// <returns>The candidates in their order, the best one first.</returns>
    /// <exception cref="ArgumentException">
    /// An option is out of its range, the mask leaves no genotype or none that is accepted, there are fewer images than asked for, or they
    /// are of one class and a function needs labels.
    /// </exception>
    /// <exception cref="InvalidOperationException">
    /// A function gave no finite number, or all functions gave the same for all candidates.
    /// </exception>
    /// <exception cref="InvalidDataException">
    /// The checkpoint and the one before are damaged, or are of other images or other settings.
    /// </exception>
    /// <exception cref="IOException">Another run has the checkpoint, or it cannot be written.</exception>
    /// <exception cref="OperationCanceledException">The run was cancelled.</exception>
    public static ZeroShotSearchResult Run(
        ImageSet images, OperationMask mask, ZeroShotSearchOptions options, IProgress<RunProgress>? progress = null,
        string? checkpoint = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(images);
        ArgumentNullException.ThrowIfNull(mask);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        cancellationToken.ThrowIfCancellationRequested();
        options = options.For(mask.Space);
        var (ranking, functions) = (options.Ranking with { Seed = options.Seed }, options.Functions!);
        Ranking.ThrowIfUnfit(images, ranking, functions);
        var genotypes = Drawn(mask, options);
        using var batches = Ranking.Batches(functions, images, ranking, cancellationToken);
        // The dearest may come last.
        foreach (var genotype in genotypes)
            Ranking.ThrowIfLarger(images, genotype, functions, ranking, options.Network, mask.Space);
        var clock = new StageClock(RunStage.Search, [1], progress, options.TimeLimit, options.Time, counted: "genotypes");
        using var file = checkpoint is null ? null : CheckpointOf(checkpoint, images, mask.Space, genotypes, options);
        var state = file?.Load((found, known) =>
        {
            if (known.Values.Count > genotypes.Count || known.Values.Any(ofNetwork => ofNetwork?.Length != functions.Count))
                throw new InvalidDataException($"'{found.Path}' has values of other candidates or functions. Delete it.");
        }) ?? new();
        var values = state.Values;
        foreach (var warning in new[] { batches.Warning, file?.Warning }.OfType<string>())
            clock.Warn(0, values.Count, genotypes.Count, warning);
        clock.Begin(0, values.Count, genotypes.Count);
        var saved = options.Time.GetTimestamp();
        try
        {
            while (values.Count < genotypes.Count && !state.TimeWasUp)
            {
                cancellationToken.ThrowIfCancellationRequested();
                values.Add(Ranking.Scores(images, genotypes[values.Count], functions, batches, ranking, options.Network, mask.Space,
                    cancellationToken));
                if (options.Time.GetElapsedTime(saved) > StageClock.BetweenCheckpoints)
                {
                    file?.Save(state, []);
                    saved = options.Time.GetTimestamp();
                }
                clock.Report(0, values.Count, genotypes.Count);
                // Else a process that goes on would rank some more, and might choose another.
                state.TimeWasUp = values.Count >= 2 && clock.TimeIsUp;
            }
        }
        finally
        {
            file?.Save(state, []);
        }
        var byFunction = functions.Select((_, function) => values.Select(ofNetwork => ofNetwork[function]).ToArray()).ToArray();
        if (ThrowIfBlind(functions, byFunction) is { } blind)
            clock.Warn(0, values.Count, genotypes.Count, blind);
        var scores = Ranking.SumOfRanks(byFunction);
        return new ZeroShotSearchResult(
            [.. values.Select((ofNetwork, i) => new RankedCandidate(genotypes[i], ofNetwork, scores[i]))
                .OrderByDescending(candidate => candidate.Score)], mask)
        {
            Shortened = values.Count < genotypes.Count,
        };
    }

    /// <summary>
    /// Refuses functions that all tell no candidate from another, those left out that look at no image, and says which of several do not.
    /// </summary>
    private static string? ThrowIfBlind(IReadOnlyList<IRankingFunction> functions, double[][] values)
    {
        var blind = functions.Where((_, function) => Alike(values[function])).Select(function => $"'{function.Name}'").ToArray();
        if (values[0].Length < 2 || blind.Length == 0)
            return null;
        var told = $"Ranking function {string.Join(" and ", blind)} gave the same for all {values[0].Length} candidates, up to rounding";
        var looking = functions.Where(function => function is not ILooksAtTheGraph).Select(function => $"'{function.Name}'").ToArray();
        return (looking.Length > 0 ? looking.All(blind.Contains) : blind.Length == functions.Count)
            ? throw new InvalidOperationException(
                $"{told}: nothing tells which is best. " + (functions.Any(function => function is ICountsPatterns)
                    ? ICountsPatterns.Advice : "Rank on other images or more of them (BatchSize), or with another function."))
            : values[0].Length >= FewestToTell ? $"{told}: the others alone decide." : null;

        static bool Alike(double[] all) => all.Max() - all.Min() <= PartialPruning.Rounding * Math.Abs(all[0]);
    }

    /// <summary>Different genotypes that are accepted, fewer than asked where the mask has no more.</summary>
    private static IReadOnlyList<Genotype> Drawn(OperationMask mask, ZeroShotSearchOptions options)
    {
        var sampler = new GenotypeSampler(mask);
        using var stream = RandomStream.Of(options.Seed, "candidates of a search without training");
        var (genotypes, drawn, refused, known) = (new List<Genotype>(), new HashSet<string>(), 0, 0);
        while (genotypes.Count < options.Candidates && refused < MostRefused && known < MostKnown)
        {
            var genotype = options.Draw?.Invoke(stream.Random) ?? sampler.Next(stream.Random);
            if (!drawn.Add(genotype.ToString()))
            {
                known++;
                continue;
            }
            known = 0;
            if (!mask.Space.Connects(genotype) || options.Accepts?.Invoke(genotype) == false)
            {
                refused++;
                continue;
            }
            refused = 0;
            genotypes.Add(genotype);
        }
        return genotypes.Count > 0 ? genotypes : throw new ArgumentException(
            $"Of the {sampler.Count:0} genotypes that the mask allows, {drawn.Count} were drawn and none of them is accepted; " +
            "expected at least one to choose. Take a mask that allows more, or accept more.", nameof(options));
    }

    private static Checkpoint<State> CheckpointOf(
        string path, ImageSet images, SearchSpace space, IReadOnlyList<Genotype> genotypes, ZeroShotSearchOptions options) =>
        new(path, "search without training", new Dictionary<string, string>
        {
            ["images"] = images.Fingerprint(),
            ["space"] = space.Name,
            ["what the space is made of"] = space.Signature ?? "",
            ["candidates"] = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', genotypes)))),
            ["ranking functions"] = string.Join(", ", options.Functions!.Select(function => function.Name)),
            ["settings of the ranking functions"] = FunctionSettings.Of(options.Functions!),
            ["options"] = JsonSerializer.Serialize(
                new { Ranking = options.Ranking with { Device = null, MaxMemory = null }, options.Network, options.Seed }),
        }, $"{Arithmetic.Here(options.Ranking.Device)}");

    /// <summary>How far a search has come.</summary>
    private sealed class State
    {
        /// <summary>The values of the first candidates.</summary>
        public List<double[]> Values { get; init; } = [];

        /// <summary>Whether the others will not be ranked.</summary>
        public bool TimeWasUp { get; set; }
    }
}
