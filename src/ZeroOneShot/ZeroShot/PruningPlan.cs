using ZeroOneShot.Data;
using ZeroOneShot.Lean;
using ZeroOneShot.Runtime;
using ZeroOneShot.SearchSpaces;
using static TorchSharp.torch;

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

    /// <summary>The largest resident size of the process, in bytes, by estimate, as for <see cref="OneShot.SearchMemory"/>.</summary>
    /// <param name="shape">The size of the images.</param>
    /// <param name="classes">Number of classes.</param>
    public long PredictMemory(ImageShape shape, int classes)
    {
        TorchRuntime.EnsureLoaded();
        var start = PartialPruning.Start(OperationMask.Full(_options.Space), _options.Pruning);
        var supernet = new SupernetMemory(start, _options.Supernet, shape, get_num_threads(), bfloat16: false);
        var batch = _options.BatchSize;
        var lanes = (batch + ProcessMemory.LanesOfAGroup - 1L) / ProcessMemory.LanesOfAGroup * ProcessMemory.LanesOfAGroup;
        var numbers = supernet.Parameters(classes) + (long)_options.Batches * batch * shape.Size
            + lanes * (shape.Size + (_options.FirstOrder ? supernet.Largest(weights: false).Sum : supernet.Candidates()));
        return ProcessMemory.ProcessBefore + ProcessMemory.FirstSteps + supernet.Operations * ProcessMemory.OfAnOperation
            + sizeof(float) * numbers;
    }
}
