using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using ZeroOneShot.Data;
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
/// For little time: a one-shot search of few epochs has hardly moved its alphas, and chooses little better than by chance.
/// </remarks>
public static class ZeroShotSearch
{
    // Draws in a row that are refused or known, until the mask is taken to have no more genotypes.
    private const int MostDrawsInVain = 10_000;

    // Between two files; a kill loses no more than this.
    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(20);

    /// <summary>Searches.</summary>
    /// <param name="images">The images to rank on.</param>
    /// <param name="mask">What the genotypes are drawn from: the whole space, or what a pruning has left.</param>
    /// <param name="options">Settings.</param>
    /// <param name="progress">Told after every candidate.</param>
    /// <param name="checkpoint">
    /// A file written every 20 seconds and when the run is cancelled, and the one before beside it. If it exists, the candidates in it are
    /// not ranked again, and the result is the same bit for bit. Null: nothing is written.
    /// </param>
    /// <param name="cancellationToken">Stops the run within one candidate.</param>
    /// <returns>The candidates in their order, the best one first.</returns>
    /// <exception cref="ArgumentException">
    /// An option is out of its range, the mask leaves no genotype, fewer than two genotypes are accepted, there are fewer images than a
    /// batch, or they are of one class and a function needs labels.
    /// </exception>
    /// <exception cref="InvalidOperationException">A function gave no finite number.</exception>
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
        var genotypes = Drawn(mask, options);
        var ranking = options.Ranking with { Seed = options.Seed };
        var clock = new StageClock(RunStage.Search, [1], progress, options.TimeLimit, options.Time);
        using var file = checkpoint is null ? null : CheckpointOf(checkpoint, images, genotypes, options);
        var values = file?.Load((found, known) =>
        {
            if (known.Count > genotypes.Count || known.Any(ofNetwork => ofNetwork?.Length != options.Functions.Count))
                throw new InvalidDataException($"'{found.Path}' has values of other candidates or functions. Delete it.");
        }) ?? [];
        if (file?.Warning is { } warning)
            clock.Warn(0, values.Count, genotypes.Count, warning);
        clock.Begin(0, values.Count, genotypes.Count);
        var saved = options.Time.GetTimestamp();
        try
        {
            while (values.Count < genotypes.Count && (values.Count < 2 || !clock.TimeIsUp))
            {
                cancellationToken.ThrowIfCancellationRequested();
                values.Add([.. Ranking.Scores(options.Functions, genotypes[values.Count], images, ranking, options.Network, mask.Space,
                    cancellationToken)]);
                if (options.Time.GetElapsedTime(saved) > s_interval)
                {
                    file?.Save(values, []);
                    saved = options.Time.GetTimestamp();
                }
                clock.Report(0, values.Count, genotypes.Count);
            }
        }
        finally
        {
            file?.Save(values, []);
        }
        var scores = Ranking.SumOfRanks(
            [.. options.Functions.Select((_, function) => values.Select(ofNetwork => ofNetwork[function]).ToArray())]);
        return new ZeroShotSearchResult(
            [.. values.Select((ofNetwork, i) => new RankedCandidate(genotypes[i], ofNetwork, scores[i]))
                .OrderByDescending(candidate => candidate.Score)], mask);
    }

    /// <summary>Different genotypes that are accepted, fewer than asked where the mask has no more.</summary>
    private static IReadOnlyList<Genotype> Drawn(OperationMask mask, ZeroShotSearchOptions options)
    {
        var sampler = new GenotypeSampler(mask);
        using var stream = RandomStream.Of(options.Seed, "candidates of a search without training");
        var (genotypes, known, inVain) = (new List<Genotype>(), new HashSet<string>(), 0);
        while (genotypes.Count < options.Candidates && inVain < MostDrawsInVain)
        {
            var genotype = sampler.Next(stream.Random);
            if (known.Add(genotype.ToString()) && options.Accepts?.Invoke(genotype) != false)
            {
                genotypes.Add(genotype);
                inVain = 0;
            }
            else
            {
                inVain++;
            }
        }
        return genotypes.Count >= 2 ? genotypes : throw new ArgumentException(
            $"Of the {sampler.Count:0} genotypes that the mask allows, {genotypes.Count} of {known.Count} drawn is accepted; expected at " +
            "least 2 to choose from. Take a mask that allows more, or accept more.", nameof(options));
    }

    private static Checkpoint<List<double[]>> CheckpointOf(
        string path, ImageSet images, IReadOnlyList<Genotype> genotypes, ZeroShotSearchOptions options) =>
        new(path, "search without training", new Dictionary<string, string>
        {
            ["images"] = images.Fingerprint(),
            ["candidates"] = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', genotypes)))),
            ["ranking functions"] = string.Join(", ", options.Functions.Select(function => function.Name)),
            ["options"] = JsonSerializer.Serialize(
                new { Ranking = options.Ranking with { Device = null }, options.Network, options.Seed }),
        });
}
