using ZeroOneShot.Data;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.ZeroShot;

/// <summary>
/// The work of a pruning, known before it begins: how many networks every round ranks. That depends on how many operations are live, not on
/// which of them go.
/// </summary>
internal sealed class PruningPlan
{
    private readonly ZeroShotPruningOptions _options;
    private readonly List<int> _live = [];

    /// <param name="options">The settings.</param>
    /// <param name="toGenotype">Whether an architecture is read off at the end, which ranks once more.</param>
    public PruningPlan(ZeroShotPruningOptions options, bool toGenotype)
    {
        _options = options;
        PartialPruning.Prune(OperationMask.Full(options.Space), Count, options.Pruning);
        if (toGenotype)
            _live.Add(options.Space.Kinds.Count * options.Space.Topology.EdgeCount);

        // A round ranks the whole network, then those without one of its live operations; which of them go does not matter here.
        IReadOnlyList<IReadOnlyList<double>> Count(IReadOnlyList<OperationMask> networks, int round)
        {
            _live.Add(networks[0].TotalLive);
            return [.. networks.Select((_, rank) => (double[])[rank + 1])];
        }
    }

    /// <summary>The number of rounds.</summary>
    public int Rounds => _live.Count;

    /// <summary>The number of networks that are ranked in all rounds.</summary>
    public int Networks => _options.Initializations * _live.Sum(live => live + 1);

    /// <summary>What the rounds cost, in time, in proportion to one another: a network's live operations all run.</summary>
    public IEnumerable<double> Costs => _live.Select(live => (live + 1.0) * live);

    /// <summary>
    /// How networks run, the fastest way whose memory is within <see cref="RankingOptions.MaxMemory"/>, and the largest resident
    /// size of the process then, in bytes, by estimate, as for <see cref="OneShot.SearchMemory"/>.
    /// </summary>
    /// <param name="shape">The size of the images.</param>
    /// <param name="classes">Number of classes.</param>
    /// <param name="refuses">What becomes of one that fits in no way: it is refused, or the way of the least memory is taken.</param>
    /// <exception cref="ArgumentException">No way is.</exception>
    public (CandidateRuns Runs, long Memory) Fitting(ImageShape shape, int classes, bool refuses = true)
    {
        TorchRuntime.EnsureLoaded();
        var start = PartialPruning.Start(OperationMask.Full(_options.Space), _options.Pruning);
        var memory = new RankedMemory(_options, _options.RankingFunctions, start, _options.Supernet, shape, classes);
        CandidateRuns[] ways = _options.FirstOrder ? [CandidateRuns.EachByItself] : Enum.GetValues<CandidateRuns>();
        var limit = _options.MaxMemory ?? ProcessMemory.MemoryOf(_options.Device) / 2;
        foreach (var runs in ways)
        {
            if (memory.Of(runs, _options.FirstOrder) is var needed && needed <= limit)
                return (runs, needed);
        }
        var least = memory.Of(ways[^1], _options.FirstOrder);
        if (refuses)
            memory.ThrowIfLarger(least, "the pruning");
        return (ways[^1], least);
    }

    /// <summary>The memory of <see cref="Fitting"/>.</summary>
    /// <inheritdoc cref="Fitting"/>
    public long PredictMemory(ImageShape shape, int classes) => Fitting(shape, classes).Memory;
}
