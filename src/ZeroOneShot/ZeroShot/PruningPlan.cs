using ZeroOneShot.Data;
using ZeroOneShot.Lean;
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
    /// How networks run, the fastest way whose memory is within <see cref="ZeroShotPruningOptions.MaxMemory"/>, and the largest resident
    /// size of the process then, in bytes, by estimate, as for <see cref="OneShot.SearchMemory"/>.
    /// </summary>
    /// <param name="shape">The size of the images.</param>
    /// <param name="classes">Number of classes.</param>
    /// <exception cref="ArgumentException">No way is.</exception>
    public (CandidateRuns Runs, long Memory) Fitting(ImageShape shape, int classes)
    {
        TorchRuntime.EnsureLoaded();
        var start = PartialPruning.Start(OperationMask.Full(_options.Space), _options.Pruning);
        var supernet = new SupernetMemory(start, _options.Supernet, shape, Worker.ThreadsOfLibtorch, bfloat16: false, OnGpu);
        CandidateRuns[] ways = _options.FirstOrder ? [CandidateRuns.EachByItself] : Enum.GetValues<CandidateRuns>();
        var limit = _options.MaxMemory ?? ProcessMemory.MemoryOf(_options.Device) / 2;
        foreach (var runs in ways)
        {
            if (Memory(supernet, shape, classes, runs) is var memory && memory <= limit)
                return (runs, memory);
        }
        var least = Memory(supernet, shape, classes, ways[^1]);
        return _options.MaxMemory is null
            ? (ways[^1], least)
            : throw new ArgumentException(
                $"MaxMemory is {ProcessMemory.InMiB(limit)}, and the pruning is predicted to take {ProcessMemory.InMiB(least)} with " +
                $"batches of {_options.BatchSize} images. Allow that much, or prune with a smaller BatchSize, fewer Channels or fewer " +
                "Cells.");
    }

    /// <summary>The memory of <see cref="Fitting"/>.</summary>
    /// <inheritdoc cref="Fitting"/>
    public long PredictMemory(ImageShape shape, int classes) => Fitting(shape, classes).Memory;

    private bool OnGpu => ProcessMemory.IsGpu(_options.Device);

    private long Memory(SupernetMemory supernet, ImageShape shape, int classes, CandidateRuns runs)
    {
        var batch = _options.BatchSize;
        var lanes = OnGpu ? batch : (batch + ProcessMemory.LanesOfAGroup - 1L) / ProcessMemory.LanesOfAGroup * ProcessMemory.LanesOfAGroup;
        var features = _options.FirstOrder ? supernet.Largest(weights: false).Sum
            : runs == CandidateRuns.EachByItself ? supernet.Ranking()
            : supernet.Candidates(runs == CandidateRuns.SideBySide);
        var numbers = supernet.Parameters(classes) + (long)_options.Batches * batch * shape.Size + lanes * (shape.Size + features);
        if (OnGpu)
            return ProcessMemory.OfGpuContext + (long)((1 + ProcessMemory.IdleOnGpu) * sizeof(float) * numbers);
        return ProcessMemory.ProcessBefore + ProcessMemory.FirstSteps + supernet.Operations * ProcessMemory.OfAnOperation
            + sizeof(float) * numbers;
    }
}
